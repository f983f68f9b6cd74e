package kubelet

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/sdk"
)

const requestsPath = "/apis/certificates.k8s.io/v1/certificatesigningrequests"

// TestBootstrapRequest tells what the kubelet's request waits for.
func TestBootstrapRequest(t *testing.T) {
	t.Parallel()
	condition := func(typ, message string) map[string]any {
		return map[string]any{"conditions": []any{map[string]any{"type": typ, "status": "True", "message": message}}}
	}
	ours, old := newRequest(t, "csr-ours", "abcdef", "n2"), newRequest(t, "csr-old", "abcdef", "n2")
	old["metadata"].(map[string]any)["creationTimestamp"] = time.Now().Add(-time.Hour).Format(time.RFC3339)
	old["status"] = condition("Denied", "old")
	with := func(status map[string]any) []any {
		r := newRequest(t, "csr-ours", "abcdef", "n2")
		r["status"] = status
		return []any{r, old}
	}
	signed := condition("Approved", "")
	signed["certificate"] = base64.StdEncoding.EncodeToString([]byte("x"))
	tests := map[string]struct {
		requests   []any
		want, hint string
		permanent  bool
	}{
		"none":     {nil, "the kubelet has not asked for a certificate yet", "", false},
		"others'":  {[]any{newRequest(t, "csr-a", "abcdef", "n3"), newRequest(t, "csr-b", "zzzzzz", "n2")}, "the kubelet has not asked for a certificate yet", "", false},
		"pending":  {[]any{old, ours}, "certificate signing request csr-ours waits for approval", "kubectl certificate approve csr-ours", false},
		"denied":   {with(condition("Denied", "not you")), "csr-ours was denied: not you", "kubectl delete csr csr-ours", true},
		"failed":   {with(condition("Failed", "bad usage")), "csr-ours could not be signed: bad usage", "log of kube-controller-manager", false},
		"unsigned": {with(condition("Approved", "")), "csr-ours is approved, but not signed", "--cluster-signing-key-file", false},
		"signed":   {with(signed), "csr-ours is signed; the kubelet has not stored the certificate yet", "", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := newJoined(t)
			j.kubelet(t, fakeState{})
			j.fake.Put(t, requestsPath, "kubelet", map[string]any{
				"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequestList", "items": append([]any{}, tt.requests...),
			})
			wantFailure(t, j.Try(t), tt.want, tt.hint, tt.permanent)
		})
	}
}

func newRequest(t *testing.T, name, token, node string) map[string]any {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: "system:node:" + node, Organization: []string{"system:nodes"}},
	}, key)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{
		"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
		"metadata": map[string]any{"name": name, "creationTimestamp": time.Now().Format(time.RFC3339)},
		"spec": map[string]any{
			"username": "system:bootstrap:" + token, "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
			"request": base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})),
		},
	}
}

func TestProgressWithoutToken(t *testing.T) {
	j := newJoined(t)
	e := &enrolment{Kubeconfig: j.conf, Bootstrap: j.boot, pool: fakeHost().pool, token: testToken}
	if err := e.check(t.Context()); err == nil || sdk.Diagnose(err).Permanent() {
		t.Errorf("got %v", err)
	}
}

func TestLately(t *testing.T) {
	var l lately
	asked := 0
	question := func(err error) func() error {
		return func() error {
			asked++
			return err
		}
	}
	refused := errors.New("refused")
	for i := range 3 {
		if err := l.ask(time.Hour, question(refused)); !errors.Is(err, refused) || asked != 1 {
			t.Fatalf("try %d: got %v after %d questions, want the first answer", i, err, asked)
		}
	}
	if err := l.ask(0, question(nil)); err != nil || asked != 2 {
		t.Fatalf("got %v after %d questions, want a new answer", err, asked)
	}
	if err := l.ask(time.Hour, question(refused)); !errors.Is(err, refused) || asked != 3 {
		t.Fatalf("got %v after %d questions: what was fine is asked for again", err, asked)
	}
}
