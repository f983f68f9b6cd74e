package preflight

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type nodeConfig struct {
	Name             string `cf:"name" doc:"Name of the node. Default: the host name in lower case."`
	AdvertiseAddress string `cf:"advertise_address" doc:"IP address on which other hosts reach this one; \"0.0.0.0\" and \"::\" choose one of that family. Default: that of the interface of the default route, IPv4 first."`
	CRISocket        string `cf:"cri_socket" doc:"Socket of the container runtime. Default: the only one that is found of containerd's, CRI-O's and cri-dockerd's; containerd's when there is none yet."`
}

type nodeOutputs struct {
	Name             string `cf:"name" doc:"Name of the node."`
	Hostname         string `cf:"hostname" doc:"Name of the host, as the kernel has it."`
	AdvertiseAddress string `cf:"advertise_address" doc:"IP address of the host."`
	CRISocket        string `cf:"cri_socket" doc:"Socket of the container runtime, such as \"unix:///var/run/containerd/containerd.sock\"."`
	KubeletVersion   string `cf:"kubelet_version" doc:"Version of the kubelet that is installed, such as \"v1.36.3\"; empty if there is none."`
	OS               string `cf:"os" doc:"Operating system: \"linux\"."`
	Arch             string `cf:"arch" doc:"CPU: \"amd64\", \"arm64\"."`
	InitSystem       string `cf:"init_system" doc:"\"systemd\", \"openrc\", or empty."`
	SystemdResolved  bool   `cf:"systemd_resolved" doc:"Whether systemd-resolved runs, so that /etc/resolv.conf names a server that pods cannot reach."`
}

func nodeType(said *memory) sdk.Type {
	return resource.Phase[nodeConfig, nodeOutputs]{
		Name: "node",
		Doc: "What is to be known of this host: its name, address and container runtime, as given or as found. " +
			"It is read anew for each plan and changes nothing.",
		Example: `phase "preflight.node" "node" {
  advertise_address = "10.0.0.10"
}`,
		Access: []sdk.Access{
			{Kind: sdk.AccessPath, What: "/proc/net"},
			{Kind: sdk.AccessPath, What: "config.cri_socket"},
			{Kind: sdk.AccessExec, What: "kubelet --version, systemctl show"},
		},
		Validate: validateNode,
		Build: func(ctx context.Context, in resource.Input[nodeConfig]) (resource.Work[nodeOutputs], error) {
			facts, err := newMachine(in.WorkDir, said).facts(ctx, in.Config)
			return resource.Work[nodeOutputs]{Known: func() nodeOutputs { return facts }}, err
		},
	}.Type()
}

func validateNode(c nodeConfig) error {
	if c.Name != "" && !validNodeName(c.Name) {
		return attrError("name", fmt.Errorf("%q is no name of a node: %s", c.Name, nodeNameForm))
	}
	if c.AdvertiseAddress != "" {
		if _, err := netip.ParseAddr(c.AdvertiseAddress); err != nil {
			return attrError("advertise_address", fmt.Errorf("%q is not an IP address", c.AdvertiseAddress))
		}
	}
	return checkSocket(c.CRISocket)
}

func (m machine) facts(ctx context.Context, c nodeConfig) (nodeOutputs, error) {
	host, err := m.hostname()
	if err != nil {
		return nodeOutputs{}, fmt.Errorf("read host name: %w", err)
	}
	out := nodeOutputs{
		Name: c.Name, Hostname: strings.TrimSpace(host), OS: runtime.GOOS, Arch: runtime.GOARCH, InitSystem: m.initSystem(),
	}
	if out.Name == "" {
		out.Name = strings.ToLower(out.Hostname)
	}
	if !validNodeName(out.Name) {
		return nodeOutputs{}, sdk.Permanent(sdk.Hint(fmt.Errorf("choose name of node: the host name %q is none", out.Hostname),
			"Set name, or rename the host: hostnamectl set-hostname NAME. It may hold "+nodeNameForm+"."))
	}
	address, err := m.advertiseAddress(c.AdvertiseAddress)
	if err != nil {
		return nodeOutputs{}, err
	}
	out.AdvertiseAddress = address.String()
	if out.CRISocket, err = m.socket(ctx, c.CRISocket); err != nil {
		return nodeOutputs{}, err
	}
	m.askPrograms(ctx, &out)
	return out, nil
}

// askPrograms asks those that know of the host, at once. One that does not answer
// leaves its output as it is.
func (m machine) askPrograms(ctx context.Context, out *nodeOutputs) {
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() {
		if v, err := m.kubeletVersion(ctx); err == nil {
			out.KubeletVersion = v.text
		}
	})
	group.Go(func() {
		if s, err := m.service(ctx, "systemd-resolved"); err == nil {
			out.SystemdResolved = s.active
		}
	})
}
