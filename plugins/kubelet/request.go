package kubelet

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/sdk"
)

// errOtherCA reports a CA file of another cluster.
var errOtherCA = errors.New("it holds the CA of another cluster")

// maxRequests is how many signing requests are looked at: 500. Of those that are
// decided, clusters forget most within an hour.
const maxRequests = 500

// knownWithin is how long an API server may take to learn of a token: 10 s.
const knownWithin = 10 * time.Second

// admit asks the API server whether the token is good and the name is free. A
// server that does not answer yet may do so later: the kubelet of a control-plane
// node bootstraps with the server that it is about to run.
func (e *enrolment) admit(ctx context.Context) error { return kubeapi.Retry(ctx, e.within, e.askName) }

func (e *enrolment) askName(ctx context.Context) error {
	client, err := e.pool.Client(e.Bootstrap)
	if err != nil {
		return err
	}
	status, body, err := client.Get(ctx, "/api/v1/nodes/"+e.node)
	switch {
	case kubeapi.Hopeless(err):
		return sdk.Permanent(err)
	case err != nil:
		return nil
	case status == http.StatusUnauthorized:
		return e.rejected(client, time.Now())
	case status != http.StatusOK:
		return nil
	}
	var node corev1.Node
	if err := json.Unmarshal(body, &node); err != nil {
		return fmt.Errorf("read node %s: %w", e.node, err)
	}
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue {
			return sdk.Permanent(sdk.Hint(fmt.Errorf("there is a node %s in the cluster, and it works", e.node),
				"Give this host another name (node_name here and in kubelet.config), or remove the other one first: kubectl delete node "+e.node))
		}
	}
	return nil
}

// lately remembers an error for a while, so that who polls often asks others seldom.
type lately struct {
	at  time.Time
	err error
}

func (l *lately) ask(every time.Duration, question func() error) error {
	if l.err != nil && time.Since(l.at) < every {
		return l.err
	}
	l.err = question()
	l.at = time.Now()
	return l.err
}

// ask tells how far the kubelet's request for a certificate has got.
func (e *enrolment) ask(ctx context.Context) error {
	if _, err := os.Stat(e.Bootstrap); err != nil {
		return err
	}
	client, err := e.pool.Client(e.Bootstrap)
	if err != nil {
		return err
	}
	requests := client.Objects(certificatesv1.SchemeGroupVersion.WithResource("certificatesigningrequests"), "")
	list, err := requests.List(ctx, metav1.ListOptions{
		Limit: maxRequests, FieldSelector: "spec.signerName=" + certificatesv1.KubeAPIServerClientKubeletSignerName,
	})
	switch {
	case apierrors.IsUnauthorized(err):
		return e.rejected(client, time.Now())
	case apierrors.IsForbidden(err):
		return sdk.Hint(fmt.Errorf("the token has no right to ask for a certificate: %w", err),
			"The ClusterRoleBinding kubeadm:kubelet-bootstrap gives it to the token's group: apply controlplane.node_rbac in the cluster, and see that the token has its group.")
	case err != nil:
		if err = client.Explain(err); kubeapi.Hopeless(err) {
			return sdk.Permanent(err)
		}
		return err
	}
	var newest *certificatesv1.CertificateSigningRequest
	for _, item := range list.Items {
		var r certificatesv1.CertificateSigningRequest
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(item.Object, &r); err != nil || !e.isOurs(r) {
			continue
		}
		if newest == nil || newest.CreationTimestamp.Before(&r.CreationTimestamp) {
			newest = &r
		}
	}
	return judgeRequest(newest)
}

// rejected gives the token up when it has been refused for a while: an API server
// that has just started does not know any yet.
func (e *enrolment) rejected(client *kubeapi.Client, now time.Time) error {
	if e.refused.IsZero() {
		e.refused = now
	}
	if now.Sub(e.refused) < min(knownWithin, e.within/2) {
		return fmt.Errorf("%s does not accept the token yet", client.Server)
	}
	return sdk.Permanent(sdk.Hint(fmt.Errorf("%s does not accept the token", client.Server),
		"It has expired (most live 24 hours), was deleted, or is of another cluster. Make a new one in the cluster: controlplane.token, or kubeadm token create."))
}

// isOurs reports whether a request was made with the token for the node.
func (e *enrolment) isOurs(r certificatesv1.CertificateSigningRequest) bool {
	id, _, _ := strings.Cut(e.token, ".")
	block, _ := pem.Decode(bytes.TrimSpace(r.Spec.Request))
	if block == nil || r.Spec.Username != "system:bootstrap:"+id {
		return false
	}
	request, err := x509.ParseCertificateRequest(block.Bytes)
	return err == nil && request.Subject.CommonName == "system:node:"+e.node
}

// judgeRequest says what a request waits for; nil means that there is none.
func judgeRequest(r *certificatesv1.CertificateSigningRequest) error {
	if r == nil {
		return errors.New("the kubelet has not asked for a certificate yet")
	}
	conditions := map[certificatesv1.RequestConditionType]string{}
	for _, c := range r.Status.Conditions {
		conditions[c.Type] = c.Message
	}
	what := "certificate signing request " + r.Name
	denied, isDenied := conditions[certificatesv1.CertificateDenied]
	failed, hasFailed := conditions[certificatesv1.CertificateFailed]
	_, approved := conditions[certificatesv1.CertificateApproved]
	switch {
	case isDenied:
		return sdk.Permanent(sdk.Hint(fmt.Errorf("%s was denied: %s", what, denied), "Ask who denied it. Then: kubectl delete csr "+r.Name))
	case hasFailed:
		return sdk.Hint(fmt.Errorf("%s could not be signed: %s", what, failed), "Look at the log of kube-controller-manager.")
	case len(r.Status.Certificate) > 0:
		return fmt.Errorf("%s is signed; the kubelet has not stored the certificate yet", what)
	case approved:
		return sdk.Hint(fmt.Errorf("%s is approved, but not signed", what),
			"kube-controller-manager signs: does it run, with the CA's key (--cluster-signing-key-file)? Where the CA is external, sign it there.")
	}
	return sdk.Hint(fmt.Errorf("%s waits for approval", what),
		"Approve it: kubectl certificate approve "+r.Name+". It happens by itself where kube-controller-manager runs and the ClusterRoleBinding "+
			"kubeadm:node-autoapprove-bootstrap has the token's group: apply controlplane.node_rbac in the cluster.")
}

// fileHas reports whether a file has the same certificates as a PEM text.
func fileHas(path string, certificates []byte) (bool, error) {
	text, err := os.ReadFile(path)
	return err == nil && sameCertificates(text, certificates), err
}
