package etcd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/clusterflow/clusterflow/plugins/etcd/internal/etcdapi"
	"github.com/clusterflow/clusterflow/sdk"
)

// askTimeout bounds one question to one endpoint. kubeadm's etcd client takes 2 s
// as well.
const askTimeout = 2 * time.Second

// asker asks etcd as one client.
type asker struct {
	CAFile, CertFile, KeyFile string
}

// health reports why an endpoint does not serve consistent reads, nil if it does.
func (a asker) health(ctx context.Context, endpoint string) error {
	return unlessDenied(a.ask(ctx, endpoint, consistentRead()))
}

// version returns the version of the server at an endpoint, such as "3.6.8".
func (a asker) version(ctx context.Context, endpoint string) (string, error) {
	var status etcdapi.StatusResponse
	err := a.ask(ctx, endpoint, serverStatus(&status))
	return status.Version, err
}

// ask puts one question, at once or not at all. It first makes a connection of its
// own, because the errors of gRPC are text: this one says why TLS failed.
func (a asker) ask(ctx context.Context, endpoint string, q question) error {
	ctx, cancel := context.WithTimeoutCause(ctx, askTimeout, fmt.Errorf("no answer within %s", askTimeout))
	defer cancel()
	u, err := url.Parse(endpoint)
	if err != nil {
		return err
	}
	config, err := a.tls()
	if err != nil {
		return err
	}
	if err := connect(ctx, u, config); err != nil {
		return err
	}
	secured := insecure.NewCredentials()
	if u.Scheme == "https" {
		secured = credentials.NewTLS(config)
	}
	// passthrough: a name is looked up when it is dialed, as connect does.
	conn, err := grpc.NewClient("passthrough:///"+url.PathEscape(u.Host), grpc.WithTransportCredentials(secured))
	if err != nil {
		return err
	}
	err = conn.Invoke(ctx, q.method, q.request, q.answer)
	switch {
	case err != nil && ctx.Err() != nil:
		err = context.Cause(ctx)
	case err != nil:
		err = refused(err)
	}
	return errors.Join(err, conn.Close())
}

func connect(ctx context.Context, u *url.URL, config *tls.Config) (err error) {
	var conn net.Conn
	if u.Scheme == "https" {
		conn, err = (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", u.Host)
	} else {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", u.Host)
	}
	if err != nil {
		return err
	}
	return conn.Close()
}

// tls reads the files. Without any it is nil, for plain HTTP.
func (a asker) tls() (*tls.Config, error) {
	if a == (asker{}) {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if a.CAFile != "" {
		data, err := readFile(a.CAFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(data) {
			return nil, sdk.Permanent(fmt.Errorf("read %s: no certificate in PEM form", a.CAFile))
		}
	}
	if a.CertFile == "" {
		return config, nil
	}
	for _, path := range []string{a.CertFile, a.KeyFile} {
		if _, err := readFile(path); err != nil {
			return nil, err
		}
	}
	pair, err := tls.LoadX509KeyPair(a.CertFile, a.KeyFile)
	if err != nil {
		return nil, sdk.Permanent(sdk.Hint(fmt.Errorf("read client certificate %s: %w", a.CertFile, err),
			"The certificate and the key must be PEM and belong together."))
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}

func readFile(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, sdk.Permanent(sdk.Hint(err, "Copy the file from the etcd host, or correct its path."))
	}
	return data, err
}

// permanently marks the errors that waiting does not mend, and says what to do.
func permanently(err error) error {
	var unknown x509.UnknownAuthorityError
	var hostname x509.HostnameError
	hint := ""
	switch {
	case errors.As(err, &unknown):
		hint = "Its certificate is signed by another authority: set ca_file to the one of this etcd."
	case errors.As(err, &hostname):
		hint = "Its certificate does not hold this address: use one that it holds, or have it made anew."
	case err != nil && strings.Contains(err.Error(), "remote error: tls"): // an alert of the server has no type
		hint = "It refuses the client certificate: cert_file must be signed by the authority that etcd trusts, for use as a client."
	default:
		return err
	}
	return sdk.Permanent(sdk.Hint(err, hint))
}
