package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// kubernetesLdflags gives Kubernetes its version, without which it refuses to
// work. The date is that of the release, so that builds can be repeated.
const kubernetesLdflags = "-X k8s.io/component-base/version.gitVersion={version}" +
	" -X k8s.io/component-base/version.gitMajor={major}" +
	" -X k8s.io/component-base/version.gitMinor={minor}" +
	" -X k8s.io/component-base/version.gitTreeState=clean" +
	" -X k8s.io/component-base/version.buildDate=2026-07-22T18:07:38Z" +
	" -X k8s.io/client-go/pkg/version.gitVersion={version}" +
	" -X k8s.io/client-go/pkg/version.gitMajor={major}" +
	" -X k8s.io/client-go/pkg/version.gitMinor={minor}" +
	" -X k8s.io/client-go/pkg/version.gitTreeState=clean"

// program is one executable built from one main package.
type program struct {
	name    string // file name of the executable
	module  string // directory, below the top, of the go.mod that pins pkg
	pkg     string // import path of the main package
	ldflags string // linker flags; {version}, {major} and {minor} are those of pkg
}

// programsOf answers what belongs to a set, in the order to build it: what
// others share code with first, what is soonest of use before what is not.
func programsOf(set string) ([]program, error) {
	const kube, etcd, containerd, cni = "test/kubernetes", "test/etcd", "test/containerd", "test/cni"
	switch set {
	case "kube":
		return []program{
			{"etcd", etcd, "go.etcd.io/etcd/server/v3", ""},
			{"kube-apiserver", kube, "k8s.io/kubernetes/cmd/kube-apiserver", kubernetesLdflags},
			{"kube-controller-manager", kube, "k8s.io/kubernetes/cmd/kube-controller-manager", kubernetesLdflags},
			{"kube-scheduler", kube, "k8s.io/kubernetes/cmd/kube-scheduler", kubernetesLdflags},
			{"kubectl", kube, "k8s.io/kubernetes/cmd/kubectl", kubernetesLdflags},
			{"etcdctl", etcd, "go.etcd.io/etcd/etcdctl/v3", ""},
		}, nil
	case "lab":
		return []program{
			{"kubeadm", kube, "k8s.io/kubernetes/cmd/kubeadm", kubernetesLdflags},
			{"kubelet", kube, "k8s.io/kubernetes/cmd/kubelet", kubernetesLdflags},
			{"kube-proxy", kube, "k8s.io/kubernetes/cmd/kube-proxy", kubernetesLdflags},
			{"containerd", containerd, "github.com/containerd/containerd/v2/cmd/containerd", ""},
			{"containerd-shim-runc-v2", containerd, "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2", ""},
			{"ctr", containerd, "github.com/containerd/containerd/v2/cmd/ctr", ""},
			{"bridge", cni, "github.com/containernetworking/plugins/plugins/main/bridge", ""},
			{"loopback", cni, "github.com/containernetworking/plugins/plugins/main/loopback", ""},
			{"ptp", cni, "github.com/containernetworking/plugins/plugins/main/ptp", ""},
			{"host-local", cni, "github.com/containernetworking/plugins/plugins/ipam/host-local", ""},
			{"portmap", cni, "github.com/containernetworking/plugins/plugins/meta/portmap", ""},
			{"crictl", "test/crictl", "sigs.k8s.io/cri-tools/cmd/crictl", "-X sigs.k8s.io/cri-tools/pkg/version.Version={version}"},
			{"pause", "test/pause", "github.com/clusterflow/clusterflow/test/pause", ""},
			{"coredns", "test/coredns", "github.com/coredns/coredns", ""},
		}, nil
	case "tools":
		return []program{
			{"golangci-lint", "tools", "github.com/golangci/golangci-lint/v2/cmd/golangci-lint", ""},
			{"buf", "tools", "github.com/bufbuild/buf/cmd/buf", ""},
			{"protoc-gen-go", "tools", "google.golang.org/protobuf/cmd/protoc-gen-go", ""},
			{"protoc-gen-go-grpc", "tools", "google.golang.org/grpc/cmd/protoc-gen-go-grpc", ""},
		}, nil
	}
	return nil, fmt.Errorf("unknown set %q; %w", set, errUsage)
}

// version answers which version of p its go.mod requires, or "of this clone" if
// p is part of that module.
func (p program) version(top string) (string, error) {
	file := filepath.Join(top, p.module, "go.mod")
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	var best, version string
	for line := range strings.Lines(string(text)) {
		if line == "module "+p.pkg+"\n" {
			return "of this clone", nil
		}
		f := strings.Fields(strings.TrimPrefix(line, "require "))
		if len(f) < 2 || !strings.HasPrefix(f[1], "v") || len(f[0]) <= len(best) {
			continue
		}
		if p.pkg == f[0] || strings.HasPrefix(p.pkg, f[0]+"/") {
			best, version = f[0], f[1]
		}
	}
	if best == "" {
		return "", fmt.Errorf("%s requires no module that has %s", file, p.pkg)
	}
	return version, nil
}

// linkerFlags answers p's linker flags at version, which looks like v1.36.3.
func (p program) linkerFlags(version string) string {
	major, rest, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	minor, _, _ := strings.Cut(rest, ".")
	fill := strings.NewReplacer("{version}", version, "{major}", major, "{minor}", minor)
	return strings.TrimSpace("-s -w " + fill.Replace(p.ldflags))
}
