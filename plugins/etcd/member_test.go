package etcd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"
	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/plugins/internal/staticpod"
)

// memberOnNode is the config of a member with everything else as it is by default.
func memberOnNode(name, address string) memberConfig {
	m := onNode(address)
	return memberConfig{
		Name: name, Address: address, ClientPort: m.ClientPort, PeerPort: m.PeerPort, MetricsPort: m.MetricsPort,
		DataDir: m.DataDir, Certs: m.Certs, InitialClusterState: stateExisting, ManifestsDir: staticpod.DefaultDir,
		ImageRepository: "registry.k8s.io", ImageTag: "3.6.8-0", ImagePullPolicy: "IfNotPresent", StartupTimeout: 4 * time.Minute,
	}
}

// TestMemberAsKubeadm compares with what kubeadm 1.36.3 wrote on two real hosts
// (init and join), and with its rules where those do not show.
func TestMemberAsKubeadm(t *testing.T) {
	joining := memberOnNode("n2", "10.99.0.12")
	joining.InitialCluster = []peer{{"n1", "https://10.99.0.11:2380"}, {"n2", "https://10.99.0.12:2380"}}
	options := memberOnNode("n1", "fd00::11")
	options.ExtraArgs = []component.Flag{{Name: "listen-metrics-urls", Value: "https://[fd00::11]:12381,http://[::1]:2381"}}
	options.ExtraEnv = []staticpod.Env{{Name: "GOMAXPROCS", Value: "2"}}
	options.InitialCluster, options.InitialClusterState = []peer{{"n1", "https://[fd00::11]:2380"}, {"n2", "https://[fd00::12]:2380"}}, "new"
	options.Certs.PeerKey = "/srv/keys/peer.key"
	for name, c := range map[string]memberConfig{
		"init": memberOnNode("n1", "10.99.0.11"), "join": joining, "options": options,
	} {
		t.Run(name, func(t *testing.T) {
			m, err := c.manifest(c.member())
			if err != nil {
				t.Fatal(err)
			}
			delete(m.Pod.Annotations, staticpod.AnnotationDigest)
			text, err := yaml.Marshal(m.Pod)
			if err != nil {
				t.Fatal(err)
			}
			phasetest.Golden(t, "manifests/"+name+".yaml", string(text))
		})
	}
}

// memberValues is a member whose files are in dir.
func memberValues(dir string) map[string]cty.Value {
	path := func(name string) cty.Value { return cty.StringVal(filepath.Join(dir, name)) }
	return map[string]cty.Value{
		"name": cty.StringVal("n1"), "address": cty.StringVal("10.99.0.11"),
		"data_dir": path("lib/data"), "manifests_dir": path("manifests"),
		"certs": cty.ObjectVal(map[string]cty.Value{
			"ca": path("pki/ca.crt"), "server_cert": path("pki/server.crt"), "server_key": path("pki/server.key"),
			"peer_cert": path("pki/peer.crt"), "peer_key": path("pki/peer.key"),
		}),
		"client":      cty.ObjectVal(map[string]cty.Value{"cert": path("pki/apiserver.crt"), "key": path("pki/apiserver.key")}),
		"healthcheck": cty.ObjectVal(map[string]cty.Value{"cert": path("pki/health.crt"), "key": path("pki/health.key")}),
	}
}

func TestMember(t *testing.T) {
	dir := t.TempDir()
	writeCerts(t, dir)
	phase := phasetest.New(t, Spec(), "member", memberValues(dir))
	phase.Want(t, "create: absent", "create: absent")
	outputs := phase.Apply(t)
	for name, want := range map[string]string{
		"version": "3.6.8", "healthz": "http://127.0.0.1:2381/readyz",
		"manifest": filepath.Join(dir, "manifests/etcd.yaml"), "image": "registry.k8s.io/etcd:3.6.8-0",
	} {
		if got := outputs[name].AsString(); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	for path, want := range map[string]os.FileMode{"lib/data": 0o700, "manifests": 0o700, "manifests/etcd.yaml": 0o600} {
		if info, err := os.Stat(filepath.Join(dir, path)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: got %v, %v, want mode %04o", path, info, err, want)
		}
	}
	phasetest.NewAuthority(t, filepath.Join(dir, "other/ca")).Write(t, filepath.Join(dir, "pki/server"))
	phase.Want(t) // a renewed certificate is taken up by itself
	phasetest.NewAuthority(t, filepath.Join(dir, "pki/ca"))
	phase.Want(t, "update: content differs")
	if after := phase.Apply(t)["pod"]; after.RawEquals(outputs["pod"]) {
		t.Errorf("pod: got %#v twice, want another digest", after)
	}
	phase.Undo(t)
	for _, path := range []string{"lib", "manifests"} {
		if _, err := os.Stat(filepath.Join(dir, path)); err == nil {
			t.Errorf("%s is left", path)
		}
	}
}

// TestMemberKeepsItsBeginning has data by the time others have joined: the flags
// that say how the cluster began do not change any more.
func TestMemberKeepsItsBeginning(t *testing.T) {
	dir := t.TempDir()
	writeCerts(t, dir)
	values := memberValues(dir)
	cluster := func(members ...string) cty.Value {
		var list []cty.Value
		for _, name := range members {
			list = append(list, cty.ObjectVal(map[string]cty.Value{
				"name": cty.StringVal(name), "peer_url": cty.StringVal("https://" + name + ":2380"),
			}))
		}
		return cty.TupleVal(list)
	}
	values["initial_cluster"] = cluster("n0", "n1")
	phase := phasetest.New(t, Spec(), "member", values)
	phase.Apply(t)
	values["initial_cluster"] = cluster("n0", "n1", "n2")
	phase.Set(t, values)
	phase.Want(t, "update: content differs")
	storeMembers(t, dir, "n1")
	phase.Want(t)
	text, err := os.ReadFile(filepath.Join(dir, "manifests/etcd.yaml"))
	if err != nil || !strings.Contains(string(text), "--initial-cluster=n0=https://n0:2380,n1=https://n1:2380\n") || !strings.Contains(string(text), "--initial-cluster-state=existing\n") {
		t.Errorf("got %v\n%s", err, text)
	}
}

func TestVersionOf(t *testing.T) {
	for image, want := range map[string]string{
		"registry.k8s.io/etcd:3.6.8-0": "3.6.8", "localhost:5000/etcd": "", "localhost:5000/etcd:v3.6.9": "3.6.9",
		"quay.io/coreos/etcd:v3.6.8@sha256:00": "3.6.8", "etcd@sha256:00": "",
	} {
		if got := versionOf(image); got != want {
			t.Errorf("%s: got %q, want %q", image, got, want)
		}
	}
}
