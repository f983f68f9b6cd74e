package staticpod

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/clusterflow/clusterflow/plugins/internal/patches"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

func TestDirectories(t *testing.T) {
	held := []Mount{Dir("k8s-certs", "/etc/kubernetes/pki")}
	tests := map[string]struct{ files, want []string }{
		"held":      {[]string{"/etc/kubernetes/pki/etcd/ca.crt", "/etc/pki/ca-trust/a.crt", ""}, nil},
		"nested":    {[]string{"/srv/etcd/client/a.crt", "/srv/etcd/ca.crt"}, []string{"/srv/etcd"}},
		"two":       {[]string{"/srv/b/a.crt", "/srv/a/ca.crt", "/srv/b/a.key"}, []string{"/srv/a", "/srv/b"}},
		"same name": {[]string{"/srv/a/x", "/srv/ab/x"}, []string{"/srv/a", "/srv/ab"}}, // kubeadm takes the one for a part of the other
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, m := range Directories("etcd-certs", held, tt.files...) {
				got = append(got, m.HostPath)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	got := Environment([]string{"HTTPS_PROXY=http://p", "no_proxy=", "PATH=/bin", "http_proxy=http://q"}, []Env{{"http_proxy", "http://r"}, {"A", ""}})
	want := []corev1.EnvVar{{Name: "A"}, {Name: "HTTPS_PROXY", Value: "http://p"}, {Name: "http_proxy", Value: "http://r"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// scheduler reads a file through a mount that is elsewhere on the host.
func scheduler(dir string) Component {
	return Component{
		Name: "kube-scheduler", Command: []string{"kube-scheduler", "--kubeconfig=/conf/a.conf", "--tls-cert-file=/conf/b.crt", "--config=/in/image"},
		Mounts: []Mount{Dir("conf", "/elsewhere"), {Name: "real", HostPath: dir, MountPath: "/conf"}}, Reloads: []string{"tls-cert-file"},
	}
}

// TestDigest follows what the manifest says and what is read at the start, by its
// place on the host.
func TestDigest(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	last := ""
	step := func(what string, c Component, changes bool) {
		t.Helper()
		m, err := c.Manifest("/m", patches.Set{})
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Ref().Digest; (got != last) != changes {
			t.Errorf("%s: digest %q after %q, want a change: %v", what, got, last, changes)
		}
		last = m.Ref().Digest
	}
	step("at first", scheduler(dir), true)
	write("a.conf", "")
	step("an empty file", scheduler(dir), true)
	write("a.conf", "x")
	step("other content", scheduler(dir), true)
	write("b.crt", "x")
	step("a file that is reloaded", scheduler(dir), false)
	other := scheduler(dir)
	other.Image = "x"
	step("another image", other, true)
	step("the same as before", other, false)
}

// TestNoPasswordInPlans hides the diff of a manifest with a proxy's password.
func TestNoPasswordInPlans(t *testing.T) {
	for value, shown := range map[string]bool{"http://proxy": true, "http://me:secret@proxy": false, "http://me:sec%ret@proxy": false} {
		c := scheduler(t.TempDir())
		dir := t.TempDir()
		diff := func() string {
			t.Helper()
			m, err := c.Manifest(dir, patches.Set{})
			if err != nil {
				t.Fatal(err)
			}
			file, err := m.File(resource.Record{})
			if err != nil {
				t.Fatal(err)
			}
			change, err := file.Diff(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if change.Op == sdk.OpCreate {
				if err := file.Render(t.Context()); err != nil {
					t.Fatal(err)
				}
				return ""
			}
			if !change.Disruptive {
				t.Errorf("got %+v, want it to interrupt what runs", change)
			}
			return change.Diff
		}
		diff()
		c.Env = []corev1.EnvVar{{Name: "HTTPS_PROXY", Value: value}}
		if got := strings.Contains(diff(), value); got != shown {
			t.Errorf("%s: in the diff: %v, want %v", value, got, shown)
		}
	}
}
