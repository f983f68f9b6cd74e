package controlplane

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/plugins/internal/staticpod"
	"github.com/clusterflow/clusterflow/sdk"
)

func staticPodSpec() sdk.Spec {
	return sdk.Spec{Name: "controlplane", Version: "dev", Types: []sdk.Type{staticPodType()}}
}

// onNode is the config of a component with everything else as it is by default.
func onNode(name, address string) staticPodConfig {
	c := staticPodConfig{
		Component: name, KubernetesVersion: "v1.36.3", ImageRepository: "registry.k8s.io", ImagePullPolicy: "IfNotPresent",
		ManifestsDir: staticpod.DefaultDir, BindAddress: "127.0.0.1", CertDir: kubernetesDir + "/pki",
		ServiceSubnet: "10.96.0.0/12", PodSubnet: "10.244.0.0/16", DNSDomain: "cluster.local", ClusterName: "kubernetes",
		StartupTimeout: 4 * time.Minute,
	}
	switch name {
	case apiServerName:
		etcd := apiServerOnNode().Etcd
		c.Etcd, c.AdvertiseAddress = &etcd, address
	default:
		c.Kubeconfig = kubernetesDir + "/" + strings.TrimPrefix(name, "kube-") + ".conf"
	}
	return c
}

// onDebian has the directories of authorities that a Debian host has.
func onDebian(path string) bool {
	return slices.Contains([]string{"/etc/ca-certificates", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates"}, path)
}

// asKubeadm is a manifest without the annotation that kubeadm does not write.
func asKubeadm(t *testing.T, pod *corev1.Pod) string {
	t.Helper()
	pod = pod.DeepCopy()
	if len(pod.Annotations[staticpod.AnnotationDigest]) != 64 {
		t.Errorf("digest %q: want 64 hexadecimal digits", pod.Annotations[staticpod.AnnotationDigest])
	}
	delete(pod.Annotations, staticpod.AnnotationDigest)
	text, err := yaml.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestStaticPodAsKubeadm compares with what kubeadm 1.36.3 wrote on two real hosts
// (init and join), and with its rules where those do not show.
func TestStaticPodAsKubeadm(t *testing.T) {
	full := onNode(apiServerName, "fd00::11")
	full.SecurePort, full.StartupTimeout, full.ImagePullPolicy = 8443, 125*time.Second, "Always"
	full.Image, full.ProxyEnv = "registry.example.org/apiserver@sha256:1234", true
	full.Etcd = &etcdClient{
		Endpoints: []string{"https://[fd00::21]:2379"}, CAFile: "/etc/etcd/ca.crt",
		CertFile: "/etc/etcd/client/api.crt", KeyFile: "/srv/keys/api.key",
	}
	full.ExtraEnv = []staticpod.Env{{Name: "GOGC", Value: "50"}, {Name: "no_proxy", Value: "10.0.0.0/8"}}
	full.ExtraVolumes = []staticpod.Volume{
		{Name: "audit", HostPath: "/etc/kubernetes/audit", MountPath: "/etc/audit", ReadOnly: true, PathType: "Directory"},
		{Name: "ca-certs", HostPath: "/opt/ca", MountPath: "/etc/ssl/certs"},
	}
	bound := onNode(managerName, "")
	bound.ExtraArgs = []component.Flag{{Name: "bind-address", Value: "0.0.0.0"}, {Name: "secure-port", Value: "20257"}}
	tests := map[string]staticPodConfig{
		"init/kube-apiserver":           onNode(apiServerName, "10.99.0.11"),
		"init/kube-controller-manager":  onNode(managerName, ""),
		"init/kube-scheduler":           onNode(schedulerName, ""),
		"join/kube-apiserver":           onNode(apiServerName, "10.99.0.12"),
		"options/kube-apiserver":        full,
		"bound/kube-controller-manager": bound,
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			environ := []string{"HTTPS_PROXY=http://proxy.example.org", "no_proxy=localhost", "PATH=/bin"}
			m, err := c.manifest("/", onDebian, environ)
			if err != nil {
				t.Fatal(err)
			}
			phasetest.Golden(t, "manifests/"+name+".yaml", asKubeadm(t, m.Pod))
		})
	}
}

// staticPodValues is a phase that writes into dir and reads certificates there.
func staticPodValues(dir, name string) map[string]cty.Value {
	path := func(name string) cty.Value { return cty.StringVal(filepath.Join(dir, name)) }
	values := map[string]cty.Value{
		"component": cty.StringVal(name), "kubernetes_version": cty.StringVal("v1.36.3"),
		"manifests_dir": path("manifests"), "cert_dir": path("pki"), "kubeconfig": path("kube.conf"),
	}
	if name == apiServerName {
		delete(values, "kubeconfig")
		values["advertise_address"] = cty.StringVal("192.0.2.10")
		values["etcd"] = cty.ObjectVal(map[string]cty.Value{"endpoints": cty.TupleVal([]cty.Value{cty.StringVal("https://127.0.0.1:2379")})})
	}
	return values
}

func TestStaticPod(t *testing.T) {
	tests := map[string]struct{ url, healthz string }{
		apiServerName: {"https://192.0.2.10:6443", "/readyz"},
		managerName:   {"https://127.0.0.1:10257", "/healthz"},
		schedulerName: {"https://127.0.0.1:10259", "/livez"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeProcessFiles(t, dir)
			phase := phasetest.New(t, staticPodSpec(), "static_pod", staticPodValues(dir, name))
			plan := phase.Want(t, "create: absent")
			if pod := plan.Outputs.GetAttr("pod"); pod.IsKnown() {
				t.Errorf("pod: got %#v before apply, want it unknown: files may yet change", pod)
			}
			outputs := phase.Apply(t)
			path := filepath.Join(dir, "manifests", name+".yaml")
			for output, want := range map[string]string{
				"url": tt.url, "healthz": tt.url + tt.healthz, "manifest": path, "image": "registry.k8s.io/" + name + ":v1.36.3",
			} {
				if got := outputs[output].AsString(); got != want {
					t.Errorf("%s: got %q, want %q", output, got, want)
				}
			}
			info, err := os.Stat(path)
			if err != nil || info.Mode() != 0o600 {
				t.Errorf("manifest: got %v, %v, want mode 0600", info.Mode(), err)
			}
			if info, err = os.Stat(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("its directory: got %v, %v, want mode 0700", info.Mode(), err)
			}
			phase.Undo(t)
			if _, err := os.Stat(filepath.Dir(path)); err == nil {
				t.Error("undo left the directory that it made")
			}
		})
	}
}

// TestStaticPodRolls changes files: those that are read at the start alone change
// the manifest, the others are for the component to notice.
func TestStaticPodRolls(t *testing.T) {
	tests := map[string]struct {
		component, file string
		rolls           bool
	}{
		"service account":  {apiServerName, "pki/sa.pub", true},
		"serving cert":     {apiServerName, "pki/apiserver.crt", false},
		"kubelet client":   {apiServerName, "pki/apiserver-kubelet-client.crt", false},
		"root ca":          {managerName, "pki/ca.crt", true},
		"signing key":      {managerName, "pki/ca.key", false},
		"kubeconfig":       {managerName, "kube.conf", true},
		"scheduler config": {schedulerName, "kube.conf", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeProcessFiles(t, dir)
			phase := phasetest.New(t, staticPodSpec(), "static_pod", staticPodValues(dir, tt.component))
			before := phase.Apply(t)["pod"]
			copyFile(t, filepath.Join(dir, "pki/front-proxy-client.crt"), filepath.Join(dir, tt.file))
			if !tt.rolls {
				phase.Want(t)
				return
			}
			phase.Want(t, "update: content differs")
			if after := phase.Apply(t)["pod"]; after.RawEquals(before) {
				t.Errorf("pod: got %#v twice, want another digest", after)
			}
		})
	}
}

// TestStaticPodPatched takes addresses from the manifest as it is in the end.
func TestStaticPodPatched(t *testing.T) {
	dir := t.TempDir()
	writeProcessFiles(t, dir)
	patch := `[{"op": "add", "path": "/spec/containers/0/command/-", "value": "--secure-port=16443"},
		{"op": "replace", "path": "/spec/containers/0/image", "value": "example.org/api:1"}]`
	if err := os.Mkdir(filepath.Join(dir, "patches"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "patches/kube-apiserver+json.json"), []byte(patch), 0o600); err != nil {
		t.Fatal(err)
	}
	values := staticPodValues(dir, apiServerName)
	values["patches_dir"] = cty.StringVal(filepath.Join(dir, "patches"))
	outputs := phasetest.New(t, staticPodSpec(), "static_pod", values).Apply(t)
	if got, want := outputs["healthz"].AsString(), "https://192.0.2.10:16443/readyz"; got != want {
		t.Errorf("healthz: got %q, want %q", got, want)
	}
	if got, want := outputs["image"].AsString(), "example.org/api:1"; got != want {
		t.Errorf("image: got %q, want %q", got, want)
	}
}

func TestStaticPodValidate(t *testing.T) {
	volume := func(name, host, typ string) cty.Value {
		return cty.TupleVal([]cty.Value{cty.ObjectVal(map[string]cty.Value{
			"name": cty.StringVal(name), "host_path": cty.StringVal(host), "mount_path": cty.StringVal("/m"), "path_type": cty.StringVal(typ),
		})})
	}
	null := cty.NullVal(cty.DynamicPseudoType)
	tests := map[string]struct {
		component, name string
		value           cty.Value
		want            string
	}{
		"fine":       {apiServerName, "extra_volumes", volume("a", "/a", "File"), ""},
		"no address": {apiServerName, "advertise_address", null, "kube-apiserver needs it"},
		"no etcd":    {apiServerName, "etcd", null, "kube-apiserver needs it"},
		"no config":  {schedulerName, "kubeconfig", null, "kube-scheduler needs it"},
		"version":    {schedulerName, "kubernetes_version", null, `"" is not a version such as v1.36.3`},
		"startup":    {schedulerName, "startup_timeout", cty.StringVal("0s"), "must be longer than zero"},
		"name":       {schedulerName, "extra_volumes", volume("A", "/a", ""), `name "A": a lowercase RFC 1123 label`},
		"path":       {schedulerName, "extra_volumes", volume("a", "a", ""), `volume a: "a" is not an absolute path`},
		"type":       {schedulerName, "extra_volumes", volume("a", "/a", "Dir"), `volume a: path_type "Dir" is not one of DirectoryOrCreate,`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			values := staticPodValues("/tmp", tt.component)
			values[tt.name] = tt.value
			got := phasetest.New(t, staticPodSpec(), "static_pod", values).Validate(t)
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
