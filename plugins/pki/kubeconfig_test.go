package pki

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeconfig"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
)

func kubeconfigValues(dir string, ca signer) values {
	return values{
		"path": filepath.Join(dir, "admin.conf"), "ca": ca, "server": "https://10.99.0.11:6443", "algorithm": "ECDSA-P256",
		"user": "kubernetes-admin", "organizations": []string{"kubeadm:cluster-admins"},
	}
}

func TestKubeconfigIsLikeKubeadms(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, t.TempDir())
	authority, _ := loadPair(t, ca.Cert, ca.Key)
	config := kubeconfigValues(filepath.Join(dir, "kubernetes"), ca).with("algorithm", "RSA-2048")
	phase := phasetest.New(t, Spec(), "kubeconfig", config.cty())
	phase.Want(t, "create: absent")
	start := time.Now()
	out := phase.Apply(t)
	path := out["path"].AsString()
	have, err := kubeconfig.Parse([]byte(get(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	if have.Cluster != "kubernetes" || have.Server != "https://10.99.0.11:6443" || have.User != "kubernetes-admin" || string(have.CA) != get(t, ca.Cert) {
		t.Errorf("got cluster %q at %q, user %q", have.Cluster, have.Server, have.User)
	}
	if !strings.Contains(get(t, path), "current-context: kubernetes-admin@kubernetes\n") {
		t.Errorf("context: got %s", get(t, path))
	}
	certs, err := parseCertificates(have.ClientCert)
	if err != nil {
		t.Fatal(err)
	}
	key, err := parseKey(have.ClientKey)
	if err != nil || !belongs(key, certs[0]) {
		t.Fatalf("key: %v", err)
	}
	if got := certs[0].Subject.String(); got != "CN=kubernetes-admin,O=kubeadm:cluster-admins" || len(certs[0].DNSNames) > 0 {
		t.Errorf("subject: got %s, names %v", got, certs[0].DNSNames)
	}
	wantLeafExtensions(t, certs[0], x509.ExtKeyUsageClientAuth)
	wantValidity(t, certs[0], authority.NotBefore, start.Add(8760*time.Hour))
	wantModes(t, map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o755})
	if strings.Contains(string(phase.Private), "data") {
		t.Errorf("record: got %s", phase.Private)
	}
	phase.Undo(t)
	wantNone(t, dir)
}

func TestKubeconfigDrift(t *testing.T) {
	replace := func(content func(s signer) kubeconfig.Config) edit {
		return func(t *testing.T, c values, s signer) values {
			t.Helper()
			writeConfig(t, c["path"].(string), content(s))
			return c
		}
	}
	tests := map[string]struct {
		edit edit
		want string // empty: no change
	}{
		"server":               {set("server", "https://lb:6443"), `server "https://10.99.0.11:6443", want "https://lb:6443"`},
		"cluster":              {set("cluster_name", "prod"), `cluster name "kubernetes", want "prod"`},
		"group":                {set("organizations", []string{"system:masters"}), `organizations ["kubeadm:cluster-admins"], want ["system:masters"]`},
		"renewal of a new one": {set("renew_before", 8761*time.Hour), ""},
		"empty":                {onPath(func(t *testing.T, path string) { t.Helper(); put(t, path, []byte("\n"), 0o600) }), "empty"},
		"damaged":              {onPath(func(t *testing.T, path string) { t.Helper(); put(t, path, []byte("{"), 0o600) }), "read kubeconfig: "},
		"mode": {onPath(func(t *testing.T, path string) {
			t.Helper()
			if err := os.Chmod(path, 0o644); err != nil {
				t.Fatal(err)
			}
		}), "admin.conf is open to every user: mode 0644, want 0600"},
		"other authority": {func(t *testing.T, c values, s signer) values {
			t.Helper()
			newAuthority(t, filepath.Dir(s.Cert))
			return c
		}, "its authority is not that of"},
		"user in files, as the kubelet's": {replace(func(s signer) kubeconfig.Config {
			return kubeconfig.Config{
				Cluster: "kubernetes", Server: "https://10.99.0.11:6443", CAFile: s.Cert,
				User: "system:node:n1", ClientCertFile: "/nowhere.pem", ClientKeyFile: "/nowhere.pem",
			}
		}), ""},
		"no certificate": {replace(func(s signer) kubeconfig.Config {
			return kubeconfig.Config{Cluster: "kubernetes", Server: "https://10.99.0.11:6443", CAFile: s.Cert, User: "u", Token: "t"}
		}), "client certificate: no certificate in PEM form"},
		"no authority": {replace(func(signer) kubeconfig.Config {
			return kubeconfig.Config{Cluster: "kubernetes", Server: "https://10.99.0.11:6443", User: "u"}
		}), "authority: no certificate in PEM form"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ca := newAuthority(t, filepath.Join(dir, "ca"))
			config := kubeconfigValues(dir, ca)
			phase := phasetest.New(t, Spec(), "kubeconfig", config.cty())
			phase.Apply(t)
			phase.Set(t, tt.edit(t, config, ca).cty())
			wantReason(t, phase, tt.want)
			phase.Apply(t)
		})
	}
}

func onPath(change func(t *testing.T, path string)) edit {
	return func(t *testing.T, c values, _ signer) values {
		t.Helper()
		change(t, c["path"].(string))
		return c
	}
}

func writeConfig(t *testing.T, path string, c kubeconfig.Config) {
	t.Helper()
	data, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	put(t, path, data, 0o600)
}

// TestKubeconfigOfAnother finds a file that the phase did not make.
func TestKubeconfigOfAnother(t *testing.T) {
	tests := map[string]struct {
		write func(t *testing.T, path string)
		want  string
	}{
		"damaged": {func(t *testing.T, path string) { t.Helper(); put(t, path, []byte("not: a kubeconfig"), 0o600) }, "no current-context"},
		"other cluster": {func(t *testing.T, path string) {
			t.Helper()
			other := newAuthority(t, t.TempDir())
			writeConfig(t, path, kubeconfig.Config{Cluster: "kubernetes", CAFile: other.Cert, User: "u"})
		}, "it is of another cluster"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			config := kubeconfigValues(dir, newAuthority(t, filepath.Join(dir, "ca")))
			tt.write(t, config["path"].(string))
			_, err := phasetest.New(t, Spec(), "kubeconfig", config.cty()).Plan(t)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestKubeconfigBeforeItsCA(t *testing.T) {
	dir := t.TempDir()
	later := filepath.Join(dir, "ca")
	config := kubeconfigValues(dir, signer{Cert: filepath.Join(later, "ca.crt"), Key: filepath.Join(later, "ca.key")})
	phase := phasetest.New(t, Spec(), "kubeconfig", config.cty())
	phase.Want(t, "create: absent")
	newAuthority(t, later)
	phase.Apply(t)
}

func TestKubeconfigValidate(t *testing.T) {
	good := kubeconfigValues("/etc", signer{"/pki/ca.crt", "/pki/ca.key"})
	tests := map[string]struct {
		config values
		want   string
	}{
		"good":    {good, ""},
		"no user": {good.with("user", ""), "must not be empty"},
		"no URL":  {good.with("server", "10.0.0.1:6443"), `server "10.0.0.1:6443"`},
		"http":    {good.with("server", "http://10.0.0.1"), `server "http://10.0.0.1"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := phasetest.New(t, Spec(), "kubeconfig", tt.config.cty()).Validate(t)
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
