package kubelet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeconfig"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const (
	rotationKind = "client-certificate"
	restartKind  = "restart"
)

// rotation is a kubeconfig whose client certificate is the one that the kubelet
// renews. It changes a file of another phase, so it leaves nothing to remove.
type rotation struct {
	kubeconfig  string
	certificate string
	within      time.Duration
	watch       *watch
}

var _ resource.Resource = (*rotation)(nil)

func (r *rotation) ID() resource.ID { return resource.ID{Kind: rotationKind, Target: r.kubeconfig} }

func (r *rotation) Diff(context.Context) (sdk.Change, error) {
	text, err := os.ReadFile(r.kubeconfig)
	if os.IsNotExist(err) {
		return sdk.Change{Op: sdk.OpUpdate, Reason: "the file is yet to be made"}, nil
	}
	if err != nil {
		return sdk.Change{}, err
	}
	have, err := kubeconfig.Parse(text)
	switch {
	case err != nil:
		return sdk.Change{}, err
	case have.ClientCertFile == r.certificate && have.ClientKeyFile == r.certificate:
		return sdk.Change{}, nil
	}
	return sdk.Change{Op: sdk.OpUpdate, Reason: "its client certificate is not the one that the kubelet renews"}, nil
}

// Render waits for the kubelet to store its certificate, which it does soon after
// its start, and puts the path into the file.
func (r *rotation) Render(ctx context.Context) error {
	ca, err := authorityOf(r.kubeconfig)
	if err != nil {
		return err
	}
	err = r.watch.wait(ctx, resource.Probe{
		Name: "the kubelet has stored its client certificate", Every: pollEvery, Timeout: r.within,
		Check: func(context.Context) error { return checkCertificate(r.certificate, ca, time.Now()) },
		Hint: "The kubelet stores it when it starts with rotateCertificates = true and a kubeconfig that has a client certificate. " +
			"If it has another --cert-dir, set client_certificate. Its log tells more: journalctl -u " + r.watch.unit,
	})
	if err != nil {
		return err
	}
	return editKubeconfig(r.kubeconfig, func(_ *clientcmdapi.Cluster, user *clientcmdapi.AuthInfo) {
		user.ClientCertificateData, user.ClientKeyData = nil, nil
		user.ClientCertificate, user.ClientKey = r.certificate, r.certificate
	})
}

// Remove does nothing.
func (r *rotation) Remove(context.Context) error { return nil }

// editKubeconfig changes the cluster and the user of the current context and keeps
// everything else of the file.
func editKubeconfig(path string, edit func(*clientcmdapi.Cluster, *clientcmdapi.AuthInfo)) error {
	file, err := clientcmd.LoadFromFile(path)
	if err != nil {
		return fmt.Errorf("read kubeconfig %s: %w", path, err)
	}
	current := file.Contexts[file.CurrentContext]
	if current == nil || file.Clusters[current.Cluster] == nil || file.AuthInfos[current.AuthInfo] == nil {
		return fmt.Errorf("read kubeconfig %s: %w", path, errors.New("its current context, its cluster or its user is missing"))
	}
	edit(file.Clusters[current.Cluster], file.AuthInfos[current.AuthInfo])
	text, err := clientcmd.Write(*file)
	if err != nil {
		return fmt.Errorf("write kubeconfig %s: %w", path, err)
	}
	return resource.WriteFile(path, text, 0o600)
}

// restart is a service that another phase has started and stops.
type restart struct {
	*service
	after *rotation
}

func (r *restart) ID() resource.ID { return resource.ID{Kind: restartKind, Target: r.Unit} }

// Diff foresees the restart when the file is about to change.
func (r *restart) Diff(ctx context.Context) (sdk.Change, error) {
	if c, err := r.after.Diff(ctx); err == nil && c.Op != sdk.OpNone {
		return sdk.Change{Op: sdk.OpUpdate, Reason: "will change: " + r.after.kubeconfig}, nil
	}
	return r.service.Diff(ctx)
}

// Remove does nothing.
func (r *restart) Remove(context.Context) error { return nil }
