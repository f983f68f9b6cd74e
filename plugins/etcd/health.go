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

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"github.com/clusterflow/clusterflow/sdk"
)

// askTimeout bounds one question to one endpoint. kubeadm's etcd client takes 2 s
// as well.
const askTimeout = 2 * time.Second

// healthKey is read to prove that a quorum answers. It need not exist.
const healthKey = "health"

// asker asks etcd as one client.
type asker struct {
	CAFile, CertFile, KeyFile string
}

// health reports why an endpoint does not serve consistent reads, nil if it does.
func (a asker) health(ctx context.Context, endpoint string) error {
	return a.ask(ctx, endpoint, func(ctx context.Context, c *clientv3.Client) error {
		_, err := c.Get(ctx, healthKey)
		if errors.Is(err, rpctypes.ErrPermissionDenied) { // which takes a quorum to say
			return nil
		}
		return err
	})
}

// version returns the version of the server at an endpoint, such as "3.6.8".
func (a asker) version(ctx context.Context, endpoint string) (string, error) {
	var version string
	err := a.ask(ctx, endpoint, func(ctx context.Context, c *clientv3.Client) error {
		status, err := c.Status(ctx, endpoint)
		if err == nil {
			version = status.Version
		}
		return err
	})
	return version, err
}

// ask puts one question. It first makes a connection of its own, because the
// errors of the etcd client are text: this one says why TLS failed.
func (a asker) ask(ctx context.Context, endpoint string, question func(context.Context, *clientv3.Client) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, askTimeout, fmt.Errorf("no answer within %s", askTimeout))
	defer cancel()
	config, err := a.tls()
	if err != nil {
		return err
	}
	if err := connect(ctx, endpoint, config); err != nil {
		return err
	}
	c, err := clientv3.New(clientv3.Config{
		Endpoints: []string{endpoint}, TLS: config, Context: ctx, Logger: zap.NewNop(),
		MaxUnaryRetries: 1, // whoever asks tries again
		DialOptions:     []grpc.DialOption{grpc.WithChainUnaryInterceptor(failFast)},
	})
	if err != nil {
		return err
	}
	err = question(ctx, c)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return errors.Join(err, ignoreCancelled(c.Close()))
}

// failFast makes a call end with the error of the connection. The etcd client
// would wait for a better one.
func failFast(
	ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	return invoke(ctx, method, req, reply, conn, append(opts, grpc.WaitForReady(false))...)
}

// ignoreCancelled drops the error of closing a client whose context has ended.
func ignoreCancelled(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

func connect(ctx context.Context, endpoint string, config *tls.Config) error {
	u, err := url.Parse(endpoint)
	if err != nil {
		return err
	}
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
