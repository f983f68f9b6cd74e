// Package kubeapi talks to the API server that a kubeconfig file names.
//
// A [Pool] hands out one [Client] for each kubeconfig, so that the phases of a
// plugin process share connections. Nothing is limited on this side: a bootstrap
// writes some thirty objects at once, and the server has its own fairness.
//
// Errors say which server was asked and what to do; secrets of the kubeconfig
// are never part of them. Comparing and writing objects is the business of
// package kubeobj. The package never writes a kubeconfig, and it runs no
// goroutine of its own.
package kubeapi

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeconfig"
	"github.com/clusterflow/clusterflow/sdk"
)

const (
	// requestTimeout bounds one request: 10 s, as kubeadm's clients have it.
	requestTimeout = 10 * time.Second
	// maxAnswer bounds what [Client.Get] reads: 256 KiB, several times the
	// largest list of kinds in one group.
	maxAnswer = 256 << 10
	userAgent = "clusterflow"
)

// Pool keeps the clients of a process. It is safe for concurrent use.
type Pool struct {
	mu      sync.Mutex
	clients map[string]*Client // by path of the kubeconfig
	kept    map[string][]byte  // kubeconfigs that are in no file, by what stands for their path
}

// NewPool returns an empty pool, to be shared by all phases of a plugin.
func NewPool() *Pool {
	return &Pool{clients: map[string]*Client{}, kept: map[string][]byte{}}
}

// WithToken keeps a kubeconfig with a bootstrap token and returns what [Pool.Client]
// takes in place of its path: so the token is in no file. Of several tokens with
// one public part, the last one counts.
func (p *Pool) WithToken(server string, ca []byte, token string) (path string, err error) {
	id, _, _ := strings.Cut(token, ".")
	path = fmt.Sprintf("bootstrap token %s for %s", id, server)
	return path, p.Keep(path, kubeconfig.Config{Cluster: "kubernetes", Server: server, CA: ca, User: "bootstrap", Token: token})
}

// Keep lets [Pool.Client] take path for the path of that kubeconfig, which is in
// no file.
func (p *Pool) Keep(path string, config kubeconfig.Config) error {
	text, err := config.Encode()
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept[path] = text
	return nil
}

// read returns the kubeconfig of that path, from memory or from the file.
func (p *Pool) read(path string) ([]byte, error) {
	p.mu.Lock()
	text, ok := p.kept[path]
	p.mu.Unlock()
	if ok {
		return text, nil
	}
	return os.ReadFile(path)
}

// Client returns the client for a kubeconfig file. It is made anew when the
// file's content changed. The error is [ErrNoKubeconfig] when there is no file.
func (p *Pool) Client(path string) (*Client, error) {
	text, err := p.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, sdk.Hint(fmt.Errorf("%w: %s", ErrNoKubeconfig, path),
			"Let this phase depend on the one that writes the file, or correct the path.")
	}
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	sum := sha256.Sum256(text)
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.clients[path]
	if old != nil && old.sum == sum {
		return old, nil
	}
	c, err := newClient(path, text)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig %s: %w", path, err)
	}
	if old != nil {
		old.http.CloseIdleConnections()
	}
	c.sum = sum
	p.clients[path] = c
	return c, nil
}

// Close drops all clients and their idle connections.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.clients {
		c.http.CloseIdleConnections()
	}
	clear(p.clients)
	clear(p.kept)
}

// Client is a connection to one API server. It is safe for concurrent use.
type Client struct {
	// Path of the kubeconfig.
	Path string
	// Server as the kubeconfig has it: "https://10.0.0.1:6443".
	Server string
	// CA holds the PEM certificates that the kubeconfig trusts; empty means those
	// of the host.
	CA []byte

	sum  [sha256.Size]byte // of the kubeconfig
	http *http.Client
	base string // URL without a slash at its end
	api  dynamic.Interface

	mu    sync.Mutex
	kinds map[schema.GroupVersionKind]Mapping // what the server said of kinds
}

func newClient(path string, text []byte) (*Client, error) {
	file, err := clientcmd.Load(text)
	if err != nil {
		return nil, err
	}
	for _, c := range file.Clusters {
		c.LocationOfOrigin = path
	}
	for _, u := range file.AuthInfos {
		u.LocationOfOrigin = path
	}
	if err := clientcmd.ResolveLocalPaths(file); err != nil {
		return nil, err
	}
	config, err := clientcmd.NewDefaultClientConfig(*file, nil).ClientConfig()
	if err != nil {
		return nil, err
	}
	config.Timeout, config.UserAgent = requestTimeout, userAgent
	config.QPS = -1 // no limit
	config.DisableCompression = true
	config.WarningHandlerWithContext = warnings{}
	ca := config.CAData
	if len(ca) == 0 && config.CAFile != "" {
		if ca, err = os.ReadFile(config.CAFile); err != nil {
			return nil, err
		}
	}
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, err
	}
	transport, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	api, err := dynamic.NewForConfigAndClient(config, transport)
	if err != nil {
		return nil, err
	}
	return &Client{
		Path: path, Server: config.Host, CA: ca, http: transport, api: api,
		base: strings.TrimSuffix(base.String(), "/"), kinds: map[schema.GroupVersionKind]Mapping{},
	}, nil
}

// Objects gives access to the objects of one resource; namespace is empty for
// those of the whole cluster. Its errors are raw, see [Client.Explain].
func (c *Client) Objects(r schema.GroupVersionResource, namespace string) dynamic.ResourceInterface {
	if namespace == "" {
		return c.api.Resource(r)
	}
	return c.api.Resource(r).Namespace(namespace)
}

// Get asks for a path such as "/readyz?verbose" and returns status and body,
// whatever the status is. Its errors are those of [Client.Explain].
func (c *Client) Get(ctx context.Context, path string) (status int, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, http.NoBody)
	if err != nil {
		return 0, nil, fmt.Errorf("ask %s%s: %w", c.base, path, err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, c.Explain(err)
	}
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if closeErr := resp.Body.Close(); err == nil {
		err = closeErr
	}
	return resp.StatusCode, body, c.Explain(err)
}

// warnings passes on what the server warns of, such as a deprecated API.
type warnings struct{}

func (warnings) HandleWarningHeaderWithContext(ctx context.Context, code int, _, text string) {
	if code == 299 && text != "" { // the only code that Kubernetes uses
		zerolog.Ctx(ctx).Warn().Msg(text)
	}
}
