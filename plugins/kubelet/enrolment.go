package kubelet

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeconfig"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const (
	enrolmentKind = "node-identity"
	bootstrapUser = "tls-bootstrap-token-user" // as kubeadm names it
	// askEvery is how often the API server is asked how far a request has got.
	askEvery = time.Second
)

// enrolment is the identity of a node: a kubeconfig with a client certificate of
// the cluster, which the kubelet gets for itself.
type enrolment struct {
	Kubeconfig string `json:"kubeconfig"`
	Bootstrap  string `json:"bootstrap_kubeconfig"`

	certificate string
	server      string
	via         string // the server that gives the certificate
	ca          []byte
	token       string
	cluster     string
	node        string
	needs       []string // files without which the kubelet does not start
	within      time.Duration
	pool        *kubeapi.Pool
	watch       *watch
	progress    lately    // of the request
	accepted    lately    // the certificate
	refused     time.Time // since when the token is
}

var _ resource.Resource = (*enrolment)(nil)

func (e *enrolment) ID() resource.ID { return resource.ID{Kind: enrolmentKind, Target: e.Kubeconfig} }

// Diff looks at the files alone, so a plan needs no API server.
func (e *enrolment) Diff(context.Context) (sdk.Change, error) {
	if e.server == "" { // from a record: is anything there?
		for _, path := range []string{e.Kubeconfig, e.Bootstrap} {
			if _, err := os.Lstat(path); err == nil {
				return sdk.Change{}, nil
			}
		}
		return sdk.Change{Op: sdk.OpCreate, Reason: "absent"}, nil
	}
	text, err := os.ReadFile(e.Kubeconfig)
	if os.IsNotExist(err) {
		return sdk.Change{Op: sdk.OpCreate, Reason: "absent"}, nil
	}
	if err != nil {
		return sdk.Change{}, err
	}
	have, err := kubeconfig.Parse(text)
	if err != nil {
		return sdk.Change{Op: sdk.OpUpdate, Reason: err.Error()}, nil
	}
	switch err := checkCertificate(e.certificate, e.ca, time.Now()); {
	case os.IsNotExist(err):
		return sdk.Change{Op: sdk.OpCreate, Reason: "there is no client certificate yet"}, nil
	case errors.Is(err, errExpired):
		return sdk.Change{Op: sdk.OpUpdate, Reason: err.Error()}, nil
	case err != nil:
		return sdk.Change{}, err
	}
	if have.Server != e.server {
		return sdk.Change{Op: sdk.OpUpdate, Reason: fmt.Sprintf("server %q, want %q", have.Server, e.server)}, nil
	}
	if _, err := os.Lstat(e.Bootstrap); err == nil {
		return sdk.Change{Op: sdk.OpUpdate, Reason: "the bootstrap token is still on the host"}, nil
	}
	return sdk.Change{}, nil
}

// Render starts the kubelet with the token, unless it has a certificate already,
// and waits until the API server accepts it. The token stays on the host if that
// fails, for the kubelet goes on trying.
func (e *enrolment) Render(ctx context.Context) error {
	if err := admitCertificate(e.certificate, e.ca); err != nil {
		return err
	}
	for _, path := range e.needs {
		if _, err := os.Stat(path); err != nil {
			return sdk.Hint(err, "The kubelet reads this file when it starts. Is the path right, and does the phase that makes it come first?")
		}
	}
	if err := e.begin(ctx); err != nil {
		return err
	}
	err := e.watch.wait(ctx, resource.Probe{
		Name: "the kubelet has its client certificate", Every: pollEvery, Timeout: e.within, Check: e.check,
	})
	if err != nil {
		return err
	}
	if err := e.settle(ctx); err != nil {
		return err
	}
	return resource.RemoveFile(e.Bootstrap)
}

// settle turns the kubelet to its own server, once that knows the node.
func (e *enrolment) settle(ctx context.Context) error {
	have, err := e.have()
	if err != nil || have.Server == e.server {
		return err
	}
	have.Server = e.server
	path := fmt.Sprintf("%s for %s", e.Kubeconfig, e.server)
	if err := e.pool.Keep(path, have); err != nil {
		return err
	}
	err = e.watch.wait(ctx, resource.Probe{
		Name: "the API server of this host is ready", Every: serverEvery, Timeout: e.within,
		Check: func(ctx context.Context) error { return e.answers(ctx, path) },
		Hint:  "Read its log: crictl ps -a --name kube-apiserver, then crictl logs ID. It needs etcd: see also whether that runs.",
	})
	if err != nil {
		return err
	}
	return e.turn(ctx)
}

// answers asks a server that may have just started whether it is ready, and knows
// the node.
func (e *enrolment) answers(ctx context.Context, path string) error {
	client, err := e.pool.Client(path)
	if err != nil {
		return err
	}
	for _, what := range []string{"/readyz", "/api/v1/nodes/" + e.node} {
		status, _, err := client.Get(ctx, what)
		if err != nil {
			return err
		}
		if status != http.StatusOK {
			return fmt.Errorf("%s answers with status %d to %s", client.Server, status, what)
		}
	}
	return nil
}

// turn makes the kubelet use its own server.
func (e *enrolment) turn(ctx context.Context) error {
	err := editKubeconfig(e.Kubeconfig, func(c *clientcmdapi.Cluster, _ *clientcmdapi.AuthInfo) { c.Server = e.server })
	if err != nil {
		return err
	}
	return e.watch.restart(ctx)
}

// begin makes the kubelet do what is left to do.
func (e *enrolment) begin(ctx context.Context) error {
	have, err := e.have()
	switch {
	case err == nil && (have.Server == e.server || have.Server == e.via):
		return nil
	case err == nil:
		return e.turn(ctx)
	case e.token == "":
		return sdk.Permanent(sdk.Hint(errors.New("there is no token, and the kubelet has no certificate"),
			"Set token: a new one is made in the cluster by controlplane.token, or kubeadm token create."))
	}
	text, err := kubeconfig.Config{Cluster: e.cluster, Server: e.via, CA: e.ca, User: bootstrapUser, Token: e.token}.Encode()
	if err != nil {
		return err
	}
	file := resource.File{Path: e.Bootstrap, Mode: 0o600, Content: text, Secret: true}
	if err := file.Render(ctx); err != nil {
		return err
	}
	if err := e.admit(ctx); err != nil {
		return errors.Join(err, resource.RemoveFile(e.Bootstrap))
	}
	return e.watch.restart(ctx)
}

// have returns the kubeconfig, or an error if it is not one with a certificate
// that can be used.
func (e *enrolment) have() (kubeconfig.Config, error) {
	text, err := os.ReadFile(e.Kubeconfig)
	if err != nil {
		return kubeconfig.Config{}, err
	}
	have, err := kubeconfig.Parse(text)
	if err != nil {
		return kubeconfig.Config{}, err
	}
	return have, checkCertificate(e.certificate, e.ca, time.Now())
}

// check returns nil once the API server knows the kubelet by its certificate.
func (e *enrolment) check(ctx context.Context) error {
	if _, err := e.have(); err != nil {
		return e.progress.ask(askEvery, func() error { return e.ask(ctx) })
	}
	return e.accepted.ask(serverEvery, func() error { return e.isAccepted(ctx) })
}

// isAccepted asks the API server with the certificate.
func (e *enrolment) isAccepted(ctx context.Context) error {
	client, err := e.pool.Client(e.Kubeconfig)
	if err != nil {
		return err
	}
	status, _, err := client.Get(ctx, "/api/v1/nodes/"+e.node)
	switch {
	case err != nil:
		return err
	case status == http.StatusOK || status == http.StatusNotFound: // not registered yet
		return nil
	case status == http.StatusForbidden:
		return sdk.Hint(fmt.Errorf("the client certificate is not that of node %s", e.node),
			"The kubelet has another name for its node: set node_name here and in kubelet.config to the same.")
	}
	return fmt.Errorf("%s answers with status %d to the new client certificate", client.Server, status)
}

// Remove deletes the kubeconfigs. The certificate goes with the service.
func (e *enrolment) Remove(context.Context) error {
	return errors.Join(resource.RemoveFile(e.Kubeconfig), resource.RemoveFile(e.Bootstrap))
}
