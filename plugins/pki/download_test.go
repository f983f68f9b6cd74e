package pki

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/zclconf/go-cty/cty"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
)

// What kubeadm has encrypted can be fetched, and fits together.
func TestDownloadKubeadms(t *testing.T) {
	fake, dir := kubeapitest.NewFake(t), t.TempDir()
	fake.Put(t, secretPath, "kubeadm", kubeadmUpload(t))
	phase := newDownloadPhase(t, fake, dir, nil)
	phase.Want(t, repeat("create: absent", 8)...)
	phase.Apply(t)
	for _, base := range []string{"ca", "front-proxy-ca", "etcd/ca"} {
		loadPair(t, filepath.Join(dir, base+".crt"), filepath.Join(dir, base+".key"))
	}
	for name, want := range map[string]os.FileMode{"ca.crt": 0o644, "ca.key": 0o600, "sa.pub": 0o644, "sa.key": 0o600, "etcd/ca.key": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: got %v, %v, want mode %o", name, info, err, want)
		}
	}
	if strings.Contains(string(phase.Private), "PRIVATE") {
		t.Error("the record holds a key")
	}
	fake.Delete(secretPath) // it expires
	phase.Want(t)
	phase.Undo(t)
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("undo left %v, %v", left, err)
	}
}

// What pki.upload has shared can be fetched; what is there already is kept.
func TestDownloadOurs(t *testing.T) {
	fake, from, dir := kubeapitest.NewFake(t), sharedDir(t), t.TempDir()
	if err := os.Remove(filepath.Join(from, "etcd", "ca.key")); err != nil { // kept elsewhere
		t.Fatal(err)
	}
	key := newUploadPhase(t, fake, from, nil).Apply(t)["key"]
	put(t, filepath.Join(dir, "ca.crt"), []byte(get(t, filepath.Join(from, "ca.crt"))), 0o644)
	put(t, filepath.Join(dir, "ca.key"), []byte(get(t, filepath.Join(from, "ca.key"))), 0o644)
	phase := newDownloadPhase(t, fake, dir, map[string]cty.Value{"key": key})
	phase.Want(t, append([]string{"update: ca.key is open to every user: mode 0644, want 0600"}, repeat("create: absent", 5)...)...)
	phase.Apply(t)
	for _, name := range []string{"ca.key", "sa.key", "sa.pub", "front-proxy-ca.key", "etcd/ca.crt"} {
		if get(t, filepath.Join(dir, name)) != get(t, filepath.Join(from, name)) {
			t.Errorf("%s differs", name)
		}
	}
	fake.Delete(secretPath)
	phase.Want(t) // the key that was not shared is not missed
	phase.Undo(t)
	get(t, filepath.Join(dir, "ca.key")) // was there before
}

func TestDownloadFailures(t *testing.T) {
	without := func(entry string) func(t *testing.T, fake *kubeapitest.Fake, dir string) {
		return func(t *testing.T, fake *kubeapitest.Fake, _ string) {
			t.Helper()
			object := kubeadmUpload(t)
			delete(object["data"].(map[string]any), entry)
			fake.Put(t, secretPath, "kubeadm", object)
		}
	}
	tests := map[string]struct {
		set   map[string]cty.Value
		setup func(t *testing.T, fake *kubeapitest.Fake, dir string)
		want  string
		hint  string
	}{
		"none": {
			setup: func(_ *testing.T, fake *kubeapitest.Fake, _ string) { fake.Delete(secretPath) },
			want:  "there is no Secret kube-system/kubeadm-certs: it was never uploaded, or has expired",
			hint:  "clusterflow apply token --var upload_certs=true, or kubeadm init phase upload-certs --upload-certs",
		},
		"other key": {
			set:  map[string]cty.Value{"key": cty.StringVal(strings.Repeat("0f", 32))},
			want: "decrypt ca.crt: it was encrypted with another certificate key, or is damaged", hint: "Use the key of the last upload. If it is lost, a control-plane node tells a right one",
		},
		"other file": {
			setup: func(t *testing.T, _ *kubeapitest.Fake, dir string) {
				t.Helper()
				put(t, filepath.Join(dir, "sa.key"), mustEncode(t, newTestKey(t)), 0o600)
			},
			want: "it is not the one that the cluster shares as sa.key", hint: "Move it away",
		},
		"other etcd": {setup: without("etcd-ca.crt"), want: "the Secret kubeadm-certs has no entry etcd-ca.crt", hint: "set external_etcd"},
		"own etcd": {
			set:  map[string]cty.Value{"external_etcd": cty.ObjectVal(map[string]cty.Value{"ca_file": cty.StringVal("etcd.crt")})},
			want: "the Secret kubeadm-certs has no entry external-etcd-ca.crt", hint: "leave external_etcd out",
		},
		"foreign": {setup: without("ca.crt"), want: "the Secret kubeadm-certs has no entry ca.crt", hint: "upload the certificates again"},
		"not uploaded": {
			setup: func(t *testing.T, fake *kubeapitest.Fake, _ string) {
				t.Helper()
				setField(t, fake, secretPath, "sa.pub", "")
			},
			want: "the entry sa.pub of Secret kubeadm-certs is empty", hint: "Whoever uploaded it",
		},
		"not a key": {
			setup: func(t *testing.T, fake *kubeapitest.Fake, _ string) {
				t.Helper()
				data := liveSecret(t, fake, secretPath).Data
				setField(t, fake, secretPath, "ca.key", string(data["ca.crt"]))
			},
			want: "read entry ca.key of Secret kubeadm-certs: no private key in PEM form",
		},
		"forbidden": {
			setup: func(_ *testing.T, fake *kubeapitest.Fake, _ string) {
				fake.Answer(func(string, *http.Request) *apierrors.StatusError {
					return apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "kubeadm-certs", nil)
				})
			},
			want: "the API server refused: Forbidden", hint: "A bootstrap token may read it",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			fake, dir := kubeapitest.NewFake(t), t.TempDir()
			fake.Put(t, secretPath, "kubeadm", kubeadmUpload(t))
			if tt.setup != nil {
				tt.setup(t, fake, dir)
			}
			phase := newDownloadPhase(t, fake, dir, tt.set)
			result := phase.Try(t)
			if got := failure(t, result); !strings.Contains(got, tt.want) || !strings.Contains(result.Diagnostics[0].Detail, tt.hint) {
				t.Errorf("got %q\n%q, want %q\n%q", got, result.Diagnostics[0].Detail, tt.want, tt.hint)
			}
		})
	}
}

// A token that has expired costs one request, and changes nothing.
func TestDownloadWithoutAccess(t *testing.T) {
	fake, dir := kubeapitest.NewFake(t), t.TempDir()
	fake.Put(t, secretPath, "kubeadm", kubeadmUpload(t))
	phase := newDownloadPhase(t, fake, dir, nil)
	phase.Apply(t)
	var asked atomic.Int32
	fake.Answer(func(string, *http.Request) *apierrors.StatusError {
		asked.Add(1)
		return apierrors.NewUnauthorized("token expired")
	})
	phase.Want(t)
	if n := asked.Load(); n != 1 {
		t.Errorf("a plan sent %d requests, want 1", n)
	}
}

func TestValidateSharing(t *testing.T) {
	object := func(name, value string) cty.Value {
		return cty.ObjectVal(map[string]cty.Value{name: cty.StringVal(value)})
	}
	const badKey = "a certificate key is 64 hex digits"
	tests := map[string]struct {
		typ  string
		set  map[string]cty.Value
		want string
	}{
		"upload":            {"upload", nil, ""},
		"upload key":        {"upload", map[string]cty.Value{"key": cty.StringVal("abc")}, badKey},
		"upload ttl":        {"upload", map[string]cty.Value{"ttl": cty.StringVal("0s")}, "must be longer than zero"},
		"upload dir":        {"upload", map[string]cty.Value{"cert_dir": cty.StringVal("")}, "must not be empty"},
		"half a pair":       {"upload", map[string]cty.Value{"external_etcd": object("cert_file", "a")}, "cert_file and key_file belong together"},
		"download":          {"download", map[string]cty.Value{"key": cty.StringVal(kubeadmKey)}, ""},
		"download key":      {"download", map[string]cty.Value{"key": cty.StringVal("0f0f")}, badKey},
		"download dir":      {"download", map[string]cty.Value{"key": cty.StringVal(kubeadmKey), "cert_dir": cty.StringVal("")}, "must not be empty"},
		"download other ca": {"download", map[string]cty.Value{"key": cty.StringVal(kubeadmKey), "external_etcd": object("key_file", "a")}, "cert_file and key_file belong together"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			config := map[string]cty.Value{"cluster": kubeapitest.ClusterValue("/admin.conf")}
			for k, v := range tt.set {
				config[k] = v
			}
			got := phasetest.New(t, Spec(), tt.typ, config).Validate(t)
			if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func newDownloadPhase(t *testing.T, fake *kubeapitest.Fake, dir string, set map[string]cty.Value) *phasetest.Phase {
	t.Helper()
	config := map[string]cty.Value{
		"cluster": kubeapitest.ClusterValue(fake.Admin), "cert_dir": cty.StringVal(dir), "key": cty.StringVal(kubeadmKey),
	}
	for name, v := range set {
		config[name] = v
	}
	return phasetest.New(t, Spec(), "download", config)
}

// kubeadmUpload is a Secret that kubeadm 1.36.3 made, with [kubeadmKey].
func kubeadmUpload(t *testing.T) map[string]any {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(get(t, "testdata/kubeadm-certs.json")), &object); err != nil {
		t.Fatal(err)
	}
	return object
}

func repeat(text string, n int) []string {
	return strings.Split(strings.TrimSuffix(strings.Repeat(text+"\n", n), "\n"), "\n")
}
