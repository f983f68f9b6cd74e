package pki

import (
	"bytes"
	"crypto/x509"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeconfig"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk"
)

// TestExternalAuthorities is a control plane all of whose authorities keep their
// keys elsewhere: what they have signed is verified, and what is missing is named.
func TestExternalAuthorities(t *testing.T) {
	dir := sharedDir(t)
	phases := map[string]*phasetest.Phase{} // by the file that the phase makes
	for _, base := range []string{"ca", "front-proxy-ca", "etcd/ca"} {
		config := caValues(dir).with("base", base).with("common_name", "kubernetes")
		phases[base+".crt"] = phasetest.New(t, Spec(), "ca", config.cty())
	}
	for base, ca := range map[string]string{
		"apiserver": "ca", "apiserver-kubelet-client": "ca", "front-proxy-client": "front-proxy-ca",
		"etcd/server": "etcd/ca", "etcd/peer": "etcd/ca", "etcd/healthcheck-client": "etcd/ca", "apiserver-etcd-client": "etcd/ca",
	} {
		config := certValues(dir, signerIn(dir, ca)).with("base", base)
		phases[base+".crt"] = phasetest.New(t, Spec(), "cert", config.cty())
	}
	for _, name := range []string{"admin.conf", "super-admin.conf", "kubelet.conf", "controller-manager.conf", "scheduler.conf"} {
		config := kubeconfigValues(dir, signerIn(dir, "ca")).with("path", filepath.Join(dir, name))
		phases[name] = phasetest.New(t, Spec(), "kubeconfig", config.cty())
	}
	files := slices.Sorted(maps.Keys(phases))
	for _, file := range files {
		phases[file].Apply(t)
	}
	for _, base := range []string{"ca", "front-proxy-ca", "etcd/ca"} {
		remove(t, filepath.Join(dir, base+".key"))
	}
	for _, file := range files {
		phases[file].Want(t)
		if strings.HasSuffix(file, "ca.crt") {
			continue
		}
		path := filepath.Join(dir, file)
		remove(t, path)
		_, err := phases[file].Plan(t)
		if err == nil || !strings.Contains(err.Error(), path+": absent, but the authority's key ") {
			t.Errorf("without %s: got %v", file, err)
		}
		if !strings.HasSuffix(file, ".crt") {
			continue
		}
		key := strings.TrimSuffix(path, ".crt") + ".key"
		remove(t, key)
		if _, err = phases[file].Plan(t); err == nil || !strings.Contains(err.Error(), path+": absent, as is its private key "+key+", but") {
			t.Errorf("without %s and its key: got %v", file, err)
		}
	}
}

// TestCertWithoutCAKey finds a certificate that cannot be made anew.
func TestCertWithoutCAKey(t *testing.T) {
	same := func(_ *testing.T, c values, _ signer) values { return c }
	signed := func(change func(x *x509.Certificate)) func(*testing.T, values, signer) values {
		return func(t *testing.T, c values, s signer) values {
			t.Helper()
			resign(t, s, c, change)
			return c
		}
	}
	client := func(change func(x *x509.Certificate)) func(*testing.T, values, signer) values {
		return func(t *testing.T, c values, s signer) values {
			t.Helper()
			resign(t, s, c, func(x *x509.Certificate) { x.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}; change(x) })
			return c.with("usages", []string{"client"}).with("organizations", []string{"masters"})
		}
	}
	tests := map[string]struct {
		change func(t *testing.T, config values, s signer) values
		want   string // of the error; empty: the certificate is accepted
	}{
		"as wanted":  {same, ""},
		"less names": {func(_ *testing.T, c values, _ signer) values { return c.with("sans", []string{"n1"}) }, ""},
		"more names": {func(_ *testing.T, c values, _ signer) values { return c.with("sans", []string{"n1", "n2"}) }, "not valid for n2, but the authority's key"},
		"ends soon": {func(t *testing.T, c values, s signer) values {
			t.Helper()
			resign(t, s, c, func(x *x509.Certificate) { x.NotBefore = x.NotAfter.Add(-100000 * time.Hour) })
			return c.with("renew_before", 20000*time.Hour)
		}, ""},
		"expired":         {signed(func(x *x509.Certificate) { x.NotAfter = time.Now().Add(-time.Hour) }), "expired on "},
		"server's name":   {signed(func(x *x509.Certificate) { x.Subject.CommonName = "api.example.com" }), ""},
		"server's groups": {signed(func(x *x509.Certificate) { x.Subject.Organization = []string{"Example"} }), ""},
		"client's name": {
			client(func(x *x509.Certificate) { x.Subject.CommonName, x.Subject.Organization = "other", []string{"masters"} }),
			`common name "other", want "kube-apiserver", but`,
		},
		"client's group": {client(func(x *x509.Certificate) { x.Subject.Organization = []string{"Example"} }), `organizations ["Example"], want ["masters"], but`},
		"more groups":    {client(func(x *x509.Certificate) { x.Subject.Organization = []string{"Example", "masters"} }), ""},
		"no key": {func(t *testing.T, c values, _ signer) values {
			t.Helper()
			remove(t, filepath.Join(c["dir"].(string), "apiserver.key"))
			return c
		}, "apiserver.key is absent, but the authority's key"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ca := newAuthority(t, filepath.Join(dir, "ca"))
			config := certValues(dir, ca)
			phase := phasetest.New(t, Spec(), "cert", config.cty())
			phase.Apply(t)
			config = tt.change(t, config, ca)
			remove(t, ca.Key)
			phase.Set(t, config.cty())
			if tt.want == "" {
				phase.Want(t)
				return
			}
			_, err := phase.Plan(t)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(sdk.Diagnose(err)[0].Detail, "CN=kube-apiserver") {
				t.Errorf("got %v, want %q and what to sign", sdk.Diagnose(err), tt.want)
			}
		})
	}
}

// TestKubeconfigWithoutCAKey finds a file that cannot be made anew. Another server
// leads to a warning, as with kubeadm: a load balancer may have several names.
func TestKubeconfigWithoutCAKey(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, filepath.Join(dir, "ca"))
	config := kubeconfigValues(dir, ca)
	phase := phasetest.New(t, Spec(), "kubeconfig", config.cty())
	phase.Apply(t)
	remove(t, ca.Key)
	phase.Want(t)
	for name, value := range map[string]string{"server": "https://lb:6443", "cluster_name": "prod"} {
		phase.Set(t, config.with(name, value).cty())
		plan := phase.Want(t)
		if len(plan.Diagnostics) != 1 || !strings.Contains(plan.Diagnostics[0].Summary, value+`"; it is kept`) {
			t.Errorf("other %s: got %+v, want a warning", name, plan.Diagnostics)
		}
	}
	phase.Set(t, config.with("server", "https://lb:6443").with("user", "other").cty())
	if _, err := phase.Plan(t); err == nil || !strings.Contains(err.Error(), `common name "kubernetes-admin", want "other", but`) {
		t.Errorf("other user: got %v", err)
	}
}

// A chain of authorities is trusted by each of them.
func TestKubeconfigOfChain(t *testing.T) {
	dir := t.TempDir()
	ca, root := newAuthority(t, filepath.Join(dir, "ca")), newAuthority(t, filepath.Join(dir, "root"))
	chain := bytes.Join([][]byte{[]byte(get(t, ca.Cert)), []byte(get(t, root.Cert))}, nil)
	put(t, ca.Cert, chain, 0o644)
	config := kubeconfigValues(dir, ca)
	phase := phasetest.New(t, Spec(), "kubeconfig", config.cty())
	phase.Apply(t)
	path := config["path"].(string)
	made, err := kubeconfig.Parse([]byte(get(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	made.CA = []byte(get(t, root.Cert))
	writeConfig(t, path, made)
	phase.Want(t)
	made.CA = []byte(get(t, newAuthority(t, filepath.Join(dir, "other")).Cert))
	writeConfig(t, path, made)
	phase.Want(t, "update: its authority is not that of "+ca.Cert)
}

func signerIn(dir, base string) signer {
	return signer{Cert: filepath.Join(dir, base+".crt"), Key: filepath.Join(dir, base+".key")}
}
