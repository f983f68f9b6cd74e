package controlplane

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	tokenapi "k8s.io/cluster-bootstrap/token/api"
	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/sdk"
)

const (
	// findEvery is the time between two tries to find the cluster.
	findEvery = 500 * time.Millisecond
	// signedWithin is how long the signature of a token may be missing before the
	// token counts as expired: the controller manager signs with a new one within
	// seconds.
	signedWithin = 30 * time.Second
)

// unsignedError reports that cluster-info is not signed with the token.
type unsignedError struct{ id, server string }

func (e unsignedError) Error() string {
	return fmt.Sprintf("%s does not know the token %s", e.server, e.id)
}

func isUnsigned(err error) bool {
	var unsigned unsignedError
	return errors.As(err, &unsigned)
}

func isPermanent(err error) bool {
	var permanent *sdk.PermanentError
	return errors.As(err, &permanent)
}

// byToken asks without believing the server, proves the answer by token and pins,
// and asks once more with the CA that is now known.
func (c discoveryConfig) byToken(ctx context.Context) (found, error) {
	if err := c.complete(); err != nil {
		return found{}, sdk.Permanent(err)
	}
	seen, err := askClusterInfo(ctx, c.Endpoint, nil)
	if err != nil {
		return found{}, err
	}
	if err := c.prove(seen); err != nil {
		return found{}, err
	}
	cluster, err := clusterIn(seen.kubeconfig)
	if err != nil {
		return found{}, err
	}
	if err := c.checkPins(cluster.CertificateAuthorityData); err != nil {
		return found{}, err
	}
	if err := checkClock(time.Now(), seen.clock); err != nil {
		return found{}, err
	}
	again, err := askClusterInfo(ctx, c.Endpoint, cluster.CertificateAuthorityData)
	if err != nil {
		return found{}, err
	}
	if again.kubeconfig != seen.kubeconfig {
		return found{}, sdk.Hint(fmt.Errorf("%s gave two answers about the cluster", c.Endpoint),
			"Somebody may be between this host and the API server, or the cluster has just changed: try again.")
	}
	return found{server: cluster.Server, ca: cluster.CertificateAuthorityData, token: c.Token}, nil
}

// complete reports what a host that is no node yet lacks.
func (c discoveryConfig) complete() error {
	switch {
	case c.Endpoint == "":
		return sdk.Hint(errors.New("this host is in no cluster yet, and nothing says where the cluster is"),
			"Set endpoint to host:port of an API server, or file to a kubeconfig of the cluster. The join command has it.")
	case c.Token == "":
		return sdk.Hint(errors.New("this host is in no cluster yet, and there is no token"),
			"Give that of the join command, as CLUSTERFLOW_VAR_token or in a file of variables. "+newToken)
	case len(c.CAPins) == 0 && !c.SkipVerification:
		return sdk.Hint(errors.New("there are no pins, so the cluster could be another one"),
			"The join command has them (ca_pins). To trust whoever knows the token instead, set skip_ca_verification.")
	}
	return nil
}

// prove wants the text signed with the token.
func (c discoveryConfig) prove(seen clusterInfoText) error {
	id, secret, _ := strings.Cut(c.Token, ".")
	signature := seen.signatures[tokenapi.JWSSignatureKeyPrefix+id]
	switch {
	case signature == "" && len(seen.signatures) == 0:
		return sdk.Hint(unsignedError{id, c.Endpoint},
			"The cluster has signed with no token at all. All may have expired or be without usage signing, or kube-controller-manager does not run: it signs (controllers bootstrapsigner and tokencleaner). "+newToken)
	case signature == "":
		return sdk.Hint(unsignedError{id, c.Endpoint},
			"It has expired (most live 24 hours), was deleted, cannot sign (usage signing), or is of another cluster. "+newToken)
	case !verifyDetached(signature, seen.kubeconfig, secret):
		return sdk.Permanent(sdk.Hint(fmt.Errorf("the part of token %s behind the dot is not that of the cluster at %s", id, c.Endpoint),
			"Copy the whole token again. If it is right, another host poses as the cluster: check the endpoint."))
	}
	return nil
}

const newToken = "Make a new one on a control-plane node: clusterflow apply token, or kubeadm token create --print-join-command."

// checkPins wants one of the CAs to have one of the pins.
func (c discoveryConfig) checkPins(ca []byte) error {
	if len(c.CAPins) == 0 {
		return nil
	}
	have, err := kubeapi.Pins(ca)
	if err != nil {
		return sdk.Permanent(fmt.Errorf("read CA in cluster-info: %w", err))
	}
	for _, pin := range c.CAPins {
		if slices.Contains(have, strings.ToLower(pin)) {
			return nil
		}
	}
	return sdk.Permanent(sdk.Hint(fmt.Errorf("the CA of the cluster at %s has the pin %s, which is none of those given", c.Endpoint, strings.Join(have, ", ")),
		"The endpoint may be that of another cluster, the CA may have been replaced since the join command was printed, or another host poses as the cluster. Print the join command anew on a control-plane node."))
}

// clusterIn is the one cluster that cluster-info tells of.
func clusterIn(text string) (clientcmdv1.Cluster, error) {
	var file clientcmdv1.Config
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		return clientcmdv1.Cluster{}, sdk.Permanent(fmt.Errorf("read cluster-info: %w", err))
	}
	if len(file.Clusters) != 1 || file.Clusters[0].Cluster.Server == "" {
		return clientcmdv1.Cluster{}, sdk.Permanent(sdk.Hint(fmt.Errorf("cluster-info has %d clusters, want one with a server", len(file.Clusters)),
			"Publish it again: apply controlplane.cluster_info on a control-plane node, or kubeadm init phase bootstrap-token."))
	}
	return file.Clusters[0].Cluster, nil
}
