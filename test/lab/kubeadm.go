package lab

import (
	"context"
	"fmt"
	"strings"
)

// KubeadmIgnore are the checks of kubeadm that a host of a lab cannot pass:
// cgroup version 1 fails SystemVerification.
const KubeadmIgnore = "SystemVerification"

// KubeadmConfig is the configuration that `kubeadm init` needs on h. What is not
// kubeadm's default is what a namespaced host needs: a kubelet that accepts
// cgroup version 1, a kube-proxy that leaves nf_conntrack_max alone, which only
// the initial network namespace may set.
func (h *Host) KubeadmConfig() string {
	return fmt.Sprintf(`apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint:
  advertiseAddress: %[1]s
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
controlPlaneEndpoint: %[1]s:6443
networking:
  podSubnet: %[2]s
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
conntrack:
  maxPerCore: 0
`, h.IP, PodCIDR)
}

// KubeadmInit makes h the first host of a cluster with kubeadm, the oracle for
// what clusterflow does. The lab needs Options.Kubeadm.
func (h *Host) KubeadmInit(ctx context.Context) error {
	const config = "/root/kubeadm.yaml"
	if err := h.Put(ctx, config, 0o600, strings.NewReader(h.KubeadmConfig())); err != nil {
		return err
	}
	_, err := h.Run(ctx, "kubeadm", "init", "--config", config, "--ignore-preflight-errors", KubeadmIgnore)
	return err
}

// KubeadmJoin makes h a worker of the cluster whose first host is first.
func (h *Host) KubeadmJoin(ctx context.Context, first *Host) error {
	return h.kubeadmJoin(ctx, first)
}

// KubeadmJoinControlPlane makes h one more control plane host of that cluster.
func (h *Host) KubeadmJoinControlPlane(ctx context.Context, first *Host) error {
	out, err := first.Run(ctx, "kubeadm", "init", "phase", "upload-certs", "--upload-certs")
	if err != nil {
		return err
	}
	words := strings.Fields(out) // the last one is the key
	if len(words) == 0 {
		return fmt.Errorf("%s: kubeadm names no certificate key", first.Name)
	}
	return h.kubeadmJoin(ctx, first, "--control-plane", "--certificate-key", words[len(words)-1], "--apiserver-advertise-address", h.IP)
}

func (h *Host) kubeadmJoin(ctx context.Context, first *Host, args ...string) error {
	command, err := first.Run(ctx, "kubeadm", "token", "create", "--print-join-command")
	if err != nil {
		return err
	}
	join := append(strings.Fields(command), "--ignore-preflight-errors", KubeadmIgnore)
	_, err = h.Run(ctx, append(join, args...)...)
	return err
}

// WaitForCluster returns when the nodes of the cluster that h has admin.conf of
// are Ready, CoreDNS and kube-proxy are rolled out and every pod of kube-system
// is Ready. Its limit is that of ctx.
func (h *Host) WaitForCluster(ctx context.Context) error {
	for _, args := range []string{
		"wait --for=condition=Ready nodes --all --timeout=10m",
		"--namespace=kube-system rollout status deployment/coredns --timeout=10m",
		"--namespace=kube-system rollout status daemonset/kube-proxy --timeout=10m",
		"--namespace=kube-system wait --for=condition=Ready pods --all --timeout=10m",
	} {
		if _, err := h.Run(ctx, append([]string{"kubectl"}, strings.Fields(args)...)...); err != nil {
			return fmt.Errorf("wait for the cluster: %w", err)
		}
	}
	return nil
}
