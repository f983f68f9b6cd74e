package kubelet

import (
	"strings"
	"testing"
)

// TestRecognize reads what kubelets really say.
func TestRecognize(t *testing.T) {
	const failed = `E1123 07:11:12.123456    4242 run.go:72] "command failed" err="`
	tests := map[string]struct{ line, want string }{
		"config absent":    {failed + `failed to load kubelet config file, path: /var/lib/kubelet/config.yaml, error: failed to load Kubelet config file /var/lib/kubelet/config.yaml, error failed to read kubelet config file \"/var/lib/kubelet/config.yaml\", error: open /var/lib/kubelet/config.yaml: no such file or directory"`, "its configuration is not where its unit looks for it"},
		"config broken":    {failed + `failed to load kubelet config file, path: /var/lib/kubelet/config.yaml, error: failed to decode, error: no kind \"X\" is registered"`, "it cannot read its configuration"},
		"config invalid":   {failed + `failed to validate kubelet configuration, error: [invalid configuration: healthzPort (--healthz-port) 99999 must be between 0 and 65535, inclusive], path: &TypeMeta{Kind:,APIVersion:,}"`, "it refuses its configuration"},
		"cgroup v1":        {failed + `failed to validate kubelet configuration, error: kubelet is configured to not run on a host using cgroup v1. cgroup v1 support is unsupported and will be removed in a future release, path: &TypeMeta{Kind:,APIVersion:,}"`, "this host uses cgroup v1"},
		"swap":             {failed + `failed to run Kubelet: running with swap on is not supported, please disable swap or set --fail-swap-on flag to false"`, "swap is on"},
		"runtime absent":   {failed + `failed to run Kubelet: validate service connection: validate CRI v1 runtime API for endpoint \"unix:///run/containerd/containerd.sock\": rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial unix /run/containerd/containerd.sock: connect: no such file or directory\""`, "the container runtime does not answer"},
		"runtime disabled": {failed + `failed to run Kubelet: validate service connection: validate CRI v1 runtime API for endpoint \"unix:///run/containerd/containerd.sock\": rpc error: code = Unimplemented desc = unknown service runtime.v1.RuntimeService"`, "the container runtime does not serve CRI v1"},
		"flag":             {failed + `failed to parse kubelet flag: unknown flag: --pod-infra-container-image"`, "it does not know one of its flags"},
		"no client CA":     {failed + `failed to run Kubelet: unable to load client CA file /etc/kubernetes/pki/ca.crt: open /etc/kubernetes/pki/ca.crt: no such file or directory"`, "it cannot read the cluster's CA"},
		"no kubeconfig":    {failed + `failed to run Kubelet: unable to load bootstrap kubeconfig: stat /etc/kubernetes/bootstrap-kubelet.conf: no such file or directory"`, "it has neither a kubeconfig with a valid client certificate nor one to bootstrap with"},
		"port":             {`E1123 07:11:12.123456    4242 server.go:215] "Failed to listen and serve" err="listen tcp 0.0.0.0:10250: bind: address already in use"`, "another program has a port of the kubelet"},
		"cgroup driver":    {`E1123 07:11:12.123456    4242 log.go:32] "RunPodSandbox from runtime service failed" err="rpc error: code = Unknown desc = failed to create containerd task: runc create failed: expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, got \"/kubepods/x\" instead"`, "kubelet and container runtime use different cgroup drivers"},
		"only told":        {`I1123 07:11:12.123456    4242 server.go:1] "running with swap on is not supported"`, ""},
		"unknown":          {failed + `failed to run Kubelet: odd"`, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, known := recognize([]string{"I1123 07:11:11.000000 4242 server.go:1] \"Kubelet version\"", tt.line})
			if known != (tt.want != "") || !strings.HasPrefix(got.what, tt.want) {
				t.Errorf("got %q, want %q", got.what, tt.want)
			}
			if known && (got.advice == "" || !strings.HasSuffix(got.advice, ".")) {
				t.Errorf("advice %q", got.advice)
			}
		})
	}
}

func TestLastError(t *testing.T) {
	tests := map[string]struct {
		lines []string
		want  string
	}{
		"none":         {[]string{"I0101 fine", "E0101 without a value"}, ""},
		"quotes":       {[]string{`E0101 x] "failed" err="open \"a\": no" path="/b"`}, `open "a": no`},
		"the last one": {[]string{`E0101 x] "a" err="1"`, `W0101 x] "b" err="2"`, `F0101 x] "c" err="3"`}, "3"},
		"command line": {[]string{"Error: unknown command"}, "unknown command"},
		"not closed":   {[]string{`E0101 err="cut`}, "cut"},
	}
	for name, tt := range tests {
		if got := lastError(tt.lines); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}
