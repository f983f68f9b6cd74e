package kubelet

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeconfig"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
)

// newStoring is a kubelet that starts for the first time, with store_certificate.
func newStoring(t *testing.T) started {
	t.Helper()
	s := newStarted(t, fakeState{})
	s.authority.Write(t, s.dir+"/given")
	writeKubeconfig(t, s.conf, kubeconfig.Config{
		CA: []byte(readFile(t, s.dir+"/ca.crt")), Server: "https://10.99.0.11:6443",
		ClientCert: []byte(readFile(t, s.dir+"/given.crt")), ClientKey: []byte(readFile(t, s.dir+"/given.key")),
	})
	values := s.Config.AsValueMap()
	values["store_certificate"] = cty.True
	s.Phase = phasetest.New(t, specOn(fakeHost()), "start", values)
	return s
}

func TestStoreCertificate(t *testing.T) {
	s := newStoring(t)
	s.Want(t, "create: not running")
	s.Apply(t)
	s.Want(t)
	if got := s.state(t).Restarted; got != 1 {
		t.Errorf("restarted %d times, want 1", got)
	}
	want := readFile(t, s.dir+"/given.crt") + readFile(t, s.dir+"/given.key")
	if diff := cmp.Diff(want, readFile(t, s.pem)); diff != "" {
		t.Errorf("stored certificate: -want +got\n%s", diff)
	}
	target, err := os.Readlink(s.pem)
	if fits, _ := filepath.Match(filepath.Dir(s.pem)+"/kubelet-client-2*.pem", target); err != nil || !fits {
		t.Errorf("it leads to %q, %v, want a file as a kubelet names them", target, err)
	}
	info, err := os.Stat(s.pem)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode: got %v, %v, want 0600", info.Mode(), err)
	}
	have, err := kubeconfig.Parse([]byte(readFile(t, s.conf)))
	if err != nil || have.ClientCertFile != s.pem || have.ClientKeyFile != s.pem || have.ClientCert != nil || have.ClientKey != nil {
		t.Errorf("kubeconfig: got %+v, %v, want the stored certificate", have, err)
	}
	s.Undo(t)
	if _, err := os.Stat(filepath.Dir(s.pem)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after undo: got %v, want no certificates", err)
	}
}

// TestStoreCertificateAfterAKill goes on with what a killed run has stored, and takes
// away what it was about to store.
func TestStoreCertificateAfterAKill(t *testing.T) {
	s := newStoring(t)
	stored := filepath.Join(filepath.Dir(s.pem), "kubelet-client-2020-01-02-03-04-05.pem")
	writeFile(t, stored, readFile(t, s.dir+"/given.crt")+readFile(t, s.dir+"/given.key"))
	writeFile(t, filepath.Join(filepath.Dir(s.pem), ".kubelet-client-2020-01-02-03-04-00.pem.clusterflow-7"), "half a certif")
	s.Apply(t)
	entries, err := os.ReadDir(filepath.Dir(s.pem))
	if err != nil || len(entries) != 2 {
		t.Errorf("there are %v, %v, want a certificate and the link to it", entries, err)
	}
	if target, err := os.Readlink(s.pem); err != nil || target != stored {
		t.Errorf("it leads to %q, %v, want %s", target, err, stored)
	}
}

// TestStoreCertificateOnce leaves a certificate that is there, and a kubeconfig without one.
func TestStoreCertificateOnce(t *testing.T) {
	s := newStoring(t)
	s.rotate(t, s.authority)
	there, conf := readFile(t, s.pem), readFile(t, s.conf)
	s.Apply(t)
	if readFile(t, s.pem) != there || readFile(t, s.conf) != conf {
		t.Error("a certificate that was there was replaced")
	}
	s = newStoring(t)
	writeKubeconfig(t, s.conf, kubeconfig.Config{CA: []byte(readFile(t, s.dir+"/ca.crt")), Token: "t"})
	s.Apply(t)
	if _, err := os.Lstat(s.pem); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a kubeconfig without a certificate: got %v, want none", err)
	}
}

// A kubelet that systemd starts in between has stored a certificate of its own.
func TestLinkStored(t *testing.T) {
	dir := t.TempDir()
	ours, theirs, link := dir+"/ours.pem", dir+"/theirs.pem", dir+"/current.pem"
	for _, file := range []string{ours, theirs} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(theirs, link); err != nil {
		t.Fatal(err)
	}
	if linked, err := linkStored(ours, link); linked || err != nil {
		t.Errorf("with another link there: got %t, %v, want false, nil", linked, err)
	}
	if got, _ := os.Readlink(link); got != theirs {
		t.Errorf("the link leads to %s, want %s", got, theirs)
	}
	if _, err := os.Lstat(ours); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the certificate that nothing uses: got %v, want it gone", err)
	}
}
