package kubeapi_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/sdk"
)

func TestPool(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	pool := newPool(t)
	clients := make([]*kubeapi.Client, 8)
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() { clients[i], _ = pool.Client(fake.Admin) })
	}
	group.Wait()
	for _, c := range clients {
		if c == nil || c != clients[0] {
			t.Fatalf("got clients %p and %p for one file, want one", c, clients[0])
		}
	}
	text, err := os.ReadFile(fake.SuperAdmin)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(fake.Admin, text, 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := pool.Client(fake.Admin)
	if err != nil || again == clients[0] {
		t.Errorf("after the file changed: got %p, %v, want another client", again, err)
	}
}

func TestClientFollowsPathsOfItsKubeconfig(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	dir := t.TempDir()
	client, err := newPool(t).Client(fake.Admin)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "ca.crt"), client.CA)
	path := filepath.Join(dir, "admin.conf")
	write(t, path, []byte(`{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: k, cluster: {server: "`+fake.Server+
		`", certificate-authority: ca.crt}}], contexts: [{name: c, context: {cluster: k, user: u}}], users: [{name: u, user: {token: t}}]}`))
	client, err = newPool(t).Client(path)
	if err != nil {
		t.Fatal(err)
	}
	if status, body, err := client.Get(t.Context(), "/livez"); err != nil || status != http.StatusOK || string(body) != "ok" {
		t.Errorf("livez: got %d %q, %v", status, body, err)
	}
}

func TestClientRefusesWhatIsNoKubeconfig(t *testing.T) {
	for name, text := range map[string]string{"no YAML": "{", "nothing": "", "no context": "apiVersion: v1\nkind: Config\n"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "admin.conf")
			write(t, path, []byte(text))
			if c, err := newPool(t).Client(path); err == nil || !strings.Contains(err.Error(), "read kubeconfig "+path) {
				t.Errorf("got %v, %v, want an error that names the file", c, err)
			}
		})
	}
	if _, err := newPool(t).Client("/nonexistent/admin.conf"); !errors.Is(err, kubeapi.ErrNoKubeconfig) {
		t.Errorf("no file: got %v, want ErrNoKubeconfig", err)
	}
}

func TestMapping(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	client, err := newPool(t).Client(fake.Admin)
	if err != nil {
		t.Fatal(err)
	}
	widget := schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Widget"}
	if _, err := client.Mapping(t.Context(), widget); !errors.Is(err, kubeapi.ErrNoKind) {
		t.Errorf("no such group: got %v, want ErrNoKind", err)
	}
	fake.AddKind(schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Gadget"}, "gadgets", false)
	if _, err := client.Mapping(t.Context(), widget); !errors.Is(err, kubeapi.ErrNoKind) {
		t.Errorf("no such kind: got %v, want ErrNoKind", err)
	}
	fake.AddKind(widget, "widgets", true)
	for range 2 {
		got, err := client.Mapping(t.Context(), widget)
		if want := (kubeapi.Mapping{Resource: widget.GroupVersion().WithResource("widgets"), Namespaced: true}); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
		fake.Answer(func(string, *http.Request) *apierrors.StatusError { return apierrors.NewUnauthorized("asked again") })
	}
}

func TestExplain(t *testing.T) {
	fake, other := kubeapitest.NewFake(t), kubeapitest.NewFake(t)
	text, err := os.ReadFile(fake.Admin)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "admin.conf")
	write(t, path, bytes.ReplaceAll(text, []byte(fake.Server), []byte(other.Server)))
	client, err := newPool(t).Client(path)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = client.Get(t.Context(), "/livez")
	if !errors.Is(err, kubeapi.ErrUnreachable) || !kubeapi.Hopeless(err) || !strings.Contains(advice(err), "make the kubeconfig anew") {
		t.Errorf("another CA: got %v (%s), want a hopeless error", err, advice(err))
	}
	if strings.Contains(err.Error(), "Get \"") {
		t.Errorf("got %q, want it without the request", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := client.Get(ctx, "/livez"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
}

func TestRetry(t *testing.T) {
	invalid := apierrors.NewInvalid(schema.GroupKind{}, "x", nil)
	odd := &apierrors.StatusError{ErrStatus: metav1.Status{Code: http.StatusInternalServerError, Message: "odd"}}
	final := errors.New("final")
	tests := map[string]struct {
		errs []error // of the attempts, then success
		want error
	}{
		"at once":         {nil, nil},
		"the third time":  {[]error{errors.New("a"), odd}, nil},
		"hopeless":        {[]error{errors.New("a"), invalid}, invalid},
		"stopped":         {[]error{errors.New("a"), kubeapi.Stop(final)}, final},
		"permanent":       {[]error{sdk.Permanent(final)}, final},
		"no error at all": {[]error{kubeapi.Stop(nil)}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			calls := 0
			err := kubeapi.Retry(t.Context(), time.Minute, func(context.Context) error {
				calls++
				if calls <= len(tt.errs) {
					return tt.errs[calls-1]
				}
				return nil
			})
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestRetryEnds(t *testing.T) {
	last := errors.New("etcd is down")
	cut := func(ctx context.Context) error { // as a request is, by the end of its context
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return last
	}
	err := kubeapi.Retry(t.Context(), 120*time.Millisecond, cut)
	if want := "gave up after 120ms; last answer: etcd is down"; err == nil || err.Error() != want {
		t.Errorf("time is up: got %v, want %q", err, want)
	}
	cause := errors.New("ctrl-c")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if err := kubeapi.Retry(ctx, time.Minute, cut); !errors.Is(err, cause) {
		t.Errorf("cancelled: got %v, want %v", err, cause)
	}
}

func TestPins(t *testing.T) {
	// openssl x509 -pubkey | openssl pkey -pubin -outform der | sha256sum
	const certificate = `-----BEGIN CERTIFICATE-----
MIIBgjCCASegAwIBAgIUTC5ji7nMxhIO9Rxi4Ppj4N7qmWcwCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKa3ViZXJuZXRlczAgFw0yNjExMjAwNjQ4NDZaGA8yMTI2MTAy
NzA2NDg0NlowFTETMBEGA1UEAwwKa3ViZXJuZXRlczBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABJ8K3uLf2eJ2crUtsk//0e1i2qrimP0yJ6xBCr967WICmz2CGnwS
xWB5D3YCM808rrAqRfXGc1SCkWib0wrS/6ijUzBRMB0GA1UdDgQWBBTvojEx/+9l
nQcPjtssiqMrj47XlDAfBgNVHSMEGDAWgBTvojEx/+9lnQcPjtssiqMrj47XlDAP
BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQCespLhbLy3jYJMQZL/
1cWqQg7NCA+0UhZCoNlnjoBZXgIhAIlftTkgqixmH2JVhcfA6iuFt+iigLiXB5GO
qzZHSSaY
-----END CERTIFICATE-----
`
	const want = "sha256:cbc1a3b256d9af7ee01a8e6338efe5c2c601e6add41f7b89a98ceb597757ffdf"
	got, err := kubeapi.Pins([]byte("text before\n" + certificate + certificate))
	if err != nil || len(got) != 2 || got[0] != want || got[1] != want {
		t.Errorf("got %v, %v, want %s twice", got, err, want)
	}
	for name, text := range map[string]string{"nothing": "", "no certificate": "-----BEGIN KEY-----\nYQ==\n-----END KEY-----\n", "broken": "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n"} {
		if got, err := kubeapi.Pins([]byte(text)); err == nil {
			t.Errorf("%s: got %v, want an error", name, got)
		}
	}
}

func newPool(t *testing.T) *kubeapi.Pool {
	t.Helper()
	pool := kubeapi.NewPool()
	t.Cleanup(pool.Close)
	return pool
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func advice(err error) string {
	var hint *sdk.HintError
	if errors.As(err, &hint) {
		return hint.Hint
	}
	return ""
}
