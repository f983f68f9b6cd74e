package kubelet

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/clusterflow/clusterflow/plugins/internal/cri"
	"github.com/clusterflow/clusterflow/plugins/internal/cri/critest"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk"
)

func TestStopped(t *testing.T) {
	for state, plan := range map[string]string{
		"active": "run: it is active", "activating": "run: it is activating", "inactive": "", "failed": "",
	} {
		t.Run(state, func(t *testing.T) {
			s := fakeState{}
			s.Name, s.Load, s.Active = filepath.Join(t.TempDir(), "unit"), "loaded", state
			if err := s.write(); err != nil {
				t.Fatal(err)
			}
			phase := phasetest.New(t, specOn(fakeHost()), "stopped", map[string]cty.Value{"unit": cty.StringVal(s.Name)})
			if plan == "" {
				phase.Want(t)
				return
			}
			phase.Want(t, plan)
			phase.Apply(t)
			phase.Want(t)
		})
	}
}

func sandbox(id, namespace, uid string) *runtimeapi.PodSandbox {
	s := &runtimeapi.PodSandbox{Id: id, Metadata: &runtimeapi.PodSandboxMetadata{Name: id, Namespace: namespace, Uid: uid}}
	if uid != "" {
		s.Labels = map[string]string{cri.LabelUID: uid}
	}
	return s
}

// TestNoPods removes the pods of kubelets, all of those that can be removed.
func TestNoPods(t *testing.T) {
	runtime := critest.New(t)
	stuck := true
	runtime.Set(func(s *critest.State) {
		onHost := sandbox("b", "kube-system", "2")
		onHost.Annotations = map[string]string{critest.OnHost: ""}
		s.Sandboxes = []*runtimeapi.PodSandbox{onHost, sandbox("a", "default", "1"), sandbox("mine", "default", "")}
		s.Stop = func(id string) error {
			if id == "a" && stuck {
				return errors.New("network plugin is stuck")
			}
			return nil
		}
	})
	phase := phasetest.New(t, specOn(fakeHost()), "no_pods", map[string]cty.Value{"cri_socket": cty.StringVal(runtime.Socket)})
	phase.Want(t, "delete: sandbox a", "delete: sandbox b")
	result := phase.Try(t)
	if result.Status != sdk.StatusFailed || !strings.Contains(result.Diagnostics.Error(), "remove pod default/a") {
		t.Errorf("got %s, %v, want a failure of pod a", result.Status, result.Diagnostics)
	}
	phase.Want(t, "delete: sandbox a")
	runtime.Set(func(*critest.State) { stuck = false })
	phase.Apply(t)
	phase.Want(t)
	runtime.Set(func(s *critest.State) {
		if len(s.Sandboxes) != 1 || s.Sandboxes[0].GetId() != "mine" {
			t.Errorf("left are %v, want the one that no kubelet made", s.Sandboxes)
		}
	})
}

// TestNoRuntime warns that nobody could be asked.
func TestNoRuntime(t *testing.T) {
	phase := phasetest.New(t, specOn(fakeHost()), "no_pods", map[string]cty.Value{"cri_socket": cty.StringVal("unix://" + t.TempDir() + "/absent.sock")})
	plan := phase.Want(t)
	if len(plan.Diagnostics) != 1 || !strings.Contains(plan.Diagnostics[0].Summary, "there is no container runtime") {
		t.Errorf("got %v, want a warning", plan.Diagnostics)
	}
}

func TestNoState(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{
		"pods/uid/volumes/file", "pki/kubelet.crt", "cpu_manager_state", ".398", "config.yaml", ".config.yaml.clusterflow-1", "seccomp/profile.json", "config.json",
	} {
		writeFile(t, filepath.Join(dir, name), "x")
	}
	extra := filepath.Join(t.TempDir(), "bootstrap-kubelet.conf")
	writeFile(t, extra, "x")
	phase := phasetest.New(t, specOn(fakeHost()), "no_state", map[string]cty.Value{
		"dir": cty.StringVal(dir), "files": cty.ListVal([]cty.Value{cty.StringVal(extra), cty.StringVal(extra + "2")}),
	})
	plan, err := phase.Plan(t)
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Diagnostics) != 1 || !strings.Contains(plan.Diagnostics[0].Summary, "config.json, seccomp, which no kubelet made") {
		t.Errorf("got %v, want a warning of what stays", plan.Diagnostics)
	}
	phase.Apply(t)
	phase.Want(t)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if want := []string{".config.yaml.clusterflow-1", "config.json", "config.yaml", "seccomp"}; !slices.Equal(left, want) || exists(extra) {
		t.Errorf("left are %q, want %q", left, want)
	}
}

// TestLeases keeps what belongs to the network of another program.
func TestLeases(t *testing.T) {
	config, state := t.TempDir(), filepath.Join(t.TempDir(), "cni")
	writeFile(t, config+"/10-pods.conflist", `{"name": "pods"}`)
	write := func() {
		for _, name := range []string{"networks/pods/10.244.0.2", "networks/pods/lock", "results/pods-1-eth0", "networks/podman/10.88.0.2", "results/podman-2-eth0"} {
			writeFile(t, filepath.Join(state, name), "x")
		}
	}
	remove := func() {
		t.Helper()
		kept, err := otherNetworks(config)
		if err != nil {
			t.Fatal(err)
		}
		things, err := leases(state, kept)
		if err != nil {
			t.Fatal(err)
		}
		for _, thing := range things {
			if err := thing.Remove(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	write()
	writeFile(t, config+"/87-podman.conflist", `{"name": "podman"}`)
	remove()
	for name, want := range map[string]bool{"networks/pods": false, "results/pods-1-eth0": false, "networks/podman/10.88.0.2": true, "results/podman-2-eth0": true} {
		if got := exists(filepath.Join(state, name)); got != want {
			t.Errorf("%s is there: %t, want %t", name, got, want)
		}
	}
	if err := os.Remove(config + "/87-podman.conflist"); err != nil {
		t.Fatal(err)
	}
	write()
	remove()
	if exists(state) {
		t.Error("the directory is still there, though there is no other network")
	}
}

func TestVirtualServices(t *testing.T) {
	const table = "IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port\nTCP  0A600001:01BB rr\n  -> 0A63000B:192B Masq 1\nUDP  0A60000A:0035 rr\n"
	if got := virtualServices([]byte(table)); got != 2 {
		t.Errorf("got %d, want 2", got)
	}
}

func TestUnmountFlags(t *testing.T) {
	if flags, err := unmountFlags([]string{"MNT_FORCE", "MNT_DETACH"}); err != nil || flags != 3 {
		t.Errorf("got %d, %v, want 3", flags, err)
	}
	if _, err := unmountFlags([]string{"MNT_NOW"}); err == nil {
		t.Error("an unknown flag was accepted")
	}
}

func TestValidateNoNetwork(t *testing.T) {
	good := noNetworkConfig{Interfaces: []string{"cni0", "cilium_*"}, Chains: []string{"KUBE-"}, StateDirs: []string{"/var/lib/cni"}, ConfigDir: "/etc/cni/net.d"}
	if err := validateNoNetwork(good); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*noNetworkConfig){
		"all interfaces": func(c *noNetworkConfig) { c.Interfaces = []string{"*"} },
		"all chains":     func(c *noNetworkConfig) { c.Chains = []string{""} },
		"all files":      func(c *noNetworkConfig) { c.StateDirs = []string{"/"} },
		"relative":       func(c *noNetworkConfig) { c.ConfigDir = "net.d" },
	} {
		bad := good
		change(&bad)
		if validateNoNetwork(bad) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestFound reads what kubeadm or a kubelet left.
func TestFound(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir+"/conf/manifests/kube-apiserver.yaml", manifestOf("kube-apiserver", "--advertise-address=192.0.2.7", "--client-ca-file=/pki/ca.crt"))
	writeFile(t, dir+"/conf/manifests/etcd.yaml", manifestOf("etcd", "--name=n7", "--data-dir=/disk/etcd"))
	writeFile(t, dir+"/lib/instance-config.yaml", "containerRuntimeEndpoint: unix:///run/other.sock\n")
	found := func(c foundConfig) foundOutputs {
		t.Helper()
		out, err := find(t.Context(), fakeHost(), c)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	c := foundConfig{Dir: dir + "/lib", ConfDir: dir + "/conf", CertDir: "/given/pki", EtcdData: "/given/etcd"}
	want := foundOutputs{
		NodeName: "n7", Address: "192.0.2.7", CRISocket: "unix:///run/other.sock", CertDir: "/pki", EtcdDataDir: "/disk/etcd",
		EtcdLocal: true, EtcdMember: true, ControlPlane: true,
	}
	if got := found(c); got != want {
		t.Errorf("control plane:\ngot  %+v\nwant %+v", got, want)
	}
	writeFile(t, dir+"/conf/self-hosted/kube-apiserver.yaml", readFile(t, dir+"/conf/manifests/kube-apiserver.yaml"))
	remove(t, dir+"/conf/manifests/kube-apiserver.yaml")
	if got := found(c); got != want {
		t.Errorf("self-hosted control plane:\ngot  %+v\nwant %+v", got, want)
	}
	writeFile(t, dir+"/conf/manifests/kube-apiserver.yaml", manifestOf("kube-apiserver", "--etcd-servers=https://192.0.2.9:2379"))
	if err := os.Remove(dir + "/conf/manifests/etcd.yaml"); err != nil {
		t.Fatal(err)
	}
	if got := found(c); !got.EtcdExternal || got.EtcdMember {
		t.Errorf("with an external etcd: got %+v", got)
	}
	writeFile(t, dir+"/empty/file", "")
	bare := foundConfig{Dir: dir + "/empty", ConfDir: dir + "/empty", CertDir: "/given/pki", EtcdData: "/given/etcd", CRISocket: "/run/given.sock"}
	want = foundOutputs{NodeName: "n1", Address: "127.0.0.1", CRISocket: "unix:///run/given.sock", CertDir: "/given/pki", EtcdDataDir: "/given/etcd"}
	if got := found(bare); got != want {
		t.Errorf("bare host:\ngot  %+v\nwant %+v", got, want)
	}
}

func manifestOf(args ...string) string {
	return "kind: Pod\nspec:\n  containers:\n  - command: [\"" + strings.Join(args, `", "`) + "\"]\n"
}
