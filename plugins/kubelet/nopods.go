package kubelet

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/clusterflow/clusterflow/plugins/internal/cri"
	"github.com/clusterflow/clusterflow/plugins/internal/sweep"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// systemNamespace is where the pods of the cluster itself are.
const systemNamespace = "kube-system"

// atOnce is how many sandboxes are removed at a time.
const atOnce = 16

type noPodsConfig struct {
	CRISocket string        `cf:"cri_socket,required" doc:"Socket of the container runtime."`
	Grace     time.Duration `cf:"grace" default:"\"10s\"" doc:"How long containers outside of kube-system may take to end by themselves."`
}

func noPodsType() sdk.Type {
	return resource.Phase[noPodsConfig, struct{}]{
		Name: "no_pods",
		Doc: "The container runtime has no pods that a kubelet made. Those that others made stay. The kubelet must be stopped: it would make them anew. " +
			"Pods with a network of their own go first, as network plugins may need the others to give back what they took. Nothing can be undone.",
		Example:     "phase \"kubelet.no_pods\" \"pods\" {\n  cri_socket = \"unix:///run/containerd/containerd.sock\"\n}",
		CancelGrace: 15 * time.Second,
		Access:      []sdk.Access{{Kind: sdk.AccessPath, What: "config.cri_socket", Write: true}},
		Validate: func(c noPodsConfig) error {
			if c.Grace < 0 {
				return attrError("grace", "must not be negative")
			}
			_, err := cri.Address(c.CRISocket)
			return err
		},
		Build: func(ctx context.Context, in resource.Input[noPodsConfig]) (resource.Work[struct{}], error) {
			things, err := podsOf(ctx, in.Config)
			return resource.Work[struct{}]{Resources: sweep.Resources(things)}, err
		},
	}.Type()
}

// podsOf lists the kubelet's sandboxes. Each thing has a client of its own while
// it is removed, so that a plan leaves no connection open.
func podsOf(ctx context.Context, c noPodsConfig) ([]sweep.Thing, error) {
	address, err := cri.Address(c.CRISocket)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(strings.TrimPrefix(address, "unix://")); os.IsNotExist(err) {
		resource.Warn(ctx, fmt.Sprintf("there is no container runtime at %s, so its pods were not looked for", address),
			"Set cri_socket if the runtime has another socket. If it was uninstalled, all is well.")
		return nil, nil
	}
	client, err := cri.Dial(address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = client.Close() }()
	sandboxes, err := client.Sandboxes(ctx, nil)
	if err != nil {
		return nil, err
	}
	own, shared := &batch{config: c}, &batch{config: c} // by their network
	for _, s := range sandboxes {
		if s.Labels[cri.LabelUID] == "" {
			continue
		}
		onHost, err := client.HostNetwork(ctx, s.ID)
		if err != nil {
			return nil, err
		}
		if onHost {
			shared.sandboxes = append(shared.sandboxes, s)
			continue
		}
		own.sandboxes = append(own.sandboxes, s)
	}
	return append(own.things(), shared.things()...), nil
}

// batch is sandboxes that go at the same time, when the first of them has its turn.
type batch struct {
	config    noPodsConfig
	sandboxes []cri.Sandbox

	once sync.Once
	errs []error // one for each sandbox
}

func (b *batch) things() []sweep.Thing {
	out := make([]sweep.Thing, 0, len(b.sandboxes))
	for i, s := range b.sandboxes {
		out = append(out, sweep.Thing{
			Kind: "pod", Target: s.Namespace + "/" + s.Pod, Reason: "sandbox " + s.ID[:min(len(s.ID), 13)], Disruptive: s.Ready,
			Remove: func(ctx context.Context) error {
				b.once.Do(func() { b.remove(ctx) })
				return b.errs[i]
			},
		})
	}
	return out
}

func (b *batch) remove(ctx context.Context) {
	b.errs = make([]error, len(b.sandboxes))
	client, err := cri.Dial(b.config.CRISocket)
	if err != nil {
		for i := range b.errs {
			b.errs[i] = err
		}
		return
	}
	defer func() { _ = client.Close() }()
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, s := range b.sandboxes {
		group.Go(func() error {
			b.errs[i] = b.removeOne(ctx, client, s)
			return nil
		})
	}
	_ = group.Wait() // each has its own error
}

func (b *batch) removeOne(ctx context.Context, client *cri.Client, s cri.Sandbox) error {
	if s.Ready && s.Namespace != systemNamespace && b.config.Grace > 0 {
		if err := stopContainers(ctx, client, s, b.config.Grace); err != nil {
			return err
		}
	}
	err := client.RemoveSandbox(ctx, s.ID)
	if err != nil && ctx.Err() == nil {
		return sdk.Hint(err, "If its network plugin cannot give back the network, for instance because it needs the API server: "+
			"remove its files from /etc/cni/net.d, then repeat.")
	}
	return err
}

// stopContainers lets the containers of a sandbox end by themselves, all at once.
func stopContainers(ctx context.Context, client *cri.Client, s cri.Sandbox, grace time.Duration) error {
	containers, err := client.Containers(ctx, map[string]string{cri.LabelUID: s.UID})
	if err != nil {
		return err
	}
	var group errgroup.Group
	for _, c := range containers {
		if c.SandboxID == s.ID && c.State == "running" {
			group.Go(func() error { return client.StopContainer(ctx, c.ID, grace) })
		}
	}
	return group.Wait()
}
