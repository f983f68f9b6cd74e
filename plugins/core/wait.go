package core

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type waitConfig struct {
	TCP  string    `cf:"tcp" doc:"host:port that must accept a connection."`
	HTTP *httpWait `cf:"http" doc:"Request that must be answered: url, status (list of good codes, default 200), ca_file (PEM file with the authorities to trust; default: those of the system), insecure (trust anybody)."`
	File string    `cf:"file" doc:"Path that must exist."`

	Every  time.Duration `cf:"every" default:"\"500ms\"" doc:"Time between two tries."`
	Within time.Duration `cf:"within" default:"\"4m\"" doc:"How long to wait before the phase fails."`
}

type httpWait struct {
	URL      string `cf:"url,required"`
	Status   []int  `cf:"status"`
	CAFile   string `cf:"ca_file"`
	Insecure bool   `cf:"insecure"`
}

const tryTimeout = 5 * time.Second

func wait() sdk.Type {
	return resource.Phase[waitConfig, struct{}]{
		Name: "wait",
		Doc:  "Waits for exactly one thing: an open TCP port, an HTTP answer, or a file. When it is there already, nothing is planned.",
		Example: `phase "core.wait" "registry" {
  http   = { url = "https://registry.internal:5000/v2/", status = [200, 401], ca_file = "/etc/ssl/registry.pem" }
  within = "2m"
}`,
		Access:   []sdk.Access{{Kind: sdk.AccessNet, What: "config.tcp, config.http.url"}, {Kind: sdk.AccessPath, What: "config.file"}},
		Validate: validateWait,
		Build: func(_ context.Context, in resource.Input[waitConfig]) (resource.Work[struct{}], error) {
			return resource.Work[struct{}]{Resources: []resource.Resource{newProbe(in.WorkDir, in.Config)}}, nil
		},
	}.Type()
}

func validateWait(c waitConfig) error {
	set := map[string]bool{"tcp": c.TCP != "", "http": c.HTTP != nil, "file": c.File != ""}
	if err := exactlyOne(set, "tcp", "http", "file"); err != nil {
		return err
	}
	if c.Every <= 0 {
		return attrError("every", "must be longer than zero")
	}
	if c.Within <= 0 {
		return attrError("within", "must be longer than zero")
	}
	if c.TCP != "" {
		if _, port, err := net.SplitHostPort(c.TCP); err != nil || port == "" {
			return attrError("tcp", `%q is not an address such as "10.0.0.1:6443"`, c.TCP)
		}
	}
	if c.HTTP != nil {
		return checkURL(c.HTTP.URL)
	}
	return nil
}

func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return attrError("http", `%q is not a URL such as "https://10.0.0.1:6443/healthz"`, text)
	case u.User != nil:
		return attrError("http", "the URL holds a password, which would be shown")
	}
	return nil
}

func newProbe(workDir string, c waitConfig) *resource.Probe {
	p := &resource.Probe{Every: c.Every, Timeout: c.Within}
	switch {
	case c.TCP != "":
		p.Name = "tcp " + c.TCP
		p.Check = func(ctx context.Context) error { return dial(ctx, c.TCP) }
		host, port, _ := net.SplitHostPort(c.TCP) // validated
		p.Hint = fmt.Sprintf("Does anything listen there? On that host: ss -ltn. Is a firewall in between? From here: nc -vz %s %s", host, port)
	case c.HTTP != nil:
		h := *c.HTTP
		h.CAFile = hostpath.Abs(workDir, h.CAFile)
		p.Name = h.URL
		p.Check = h.get
		p.Hint = "Ask yourself: curl -v " + h.URL
	default:
		path := hostpath.Abs(workDir, c.File)
		p.Name = path
		p.Check = func(context.Context) error { _, err := os.Stat(path); return err }
		p.Hint = "Is the path right, and does something make that file?"
	}
	return p
}

func dial(ctx context.Context, address string) error {
	conn, err := (&net.Dialer{Timeout: tryTimeout}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// get asks once. It uses no proxy: what is waited for is near.
func (h httpWait) get(ctx context.Context) error {
	config := &tls.Config{InsecureSkipVerify: h.Insecure} // the user's explicit wish
	if h.CAFile != "" {
		pem, err := os.ReadFile(h.CAFile)
		if err != nil {
			return fmt.Errorf("read ca_file: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("read ca_file %s: it holds no certificate", h.CAFile)
		}
	}
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
	client := &http.Client{
		Transport: transport, Timeout: tryTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	if err := resp.Body.Close(); err != nil {
		return err
	}
	wanted := h.Status
	if len(wanted) == 0 {
		wanted = []int{http.StatusOK}
	}
	if !slices.Contains(wanted, resp.StatusCode) {
		return fmt.Errorf("answered %s", resp.Status)
	}
	return nil
}
