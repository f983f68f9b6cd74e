package controlplane

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/staticpod"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const (
	pivotKindName = "self-hosting"
	// backWithin is how long undo waits for the static pod: 5 min, kubeadm's timeout
	// for static pods that change.
	backWithin = 5 * time.Minute
)

// pivot is the resource "the manifest of the static pod is aside, and the pod is
// gone".
type pivot struct {
	Manifest string     `json:"manifest"`
	Pods     hostedPods `json:"pods"`

	within time.Duration
}

var _ resource.Resource = (*pivot)(nil)

func pivotKind(pool *kubeapi.Pool) resource.Kind {
	return resource.Kind{Name: pivotKindName, Restore: func(state json.RawMessage) (resource.Resource, error) {
		var p pivot
		if err := json.Unmarshal(state, &p); err != nil {
			return nil, fmt.Errorf("read record of a self-hosted component: %w", err)
		}
		p.Pods.pool = pool
		return &p, nil
	}}
}

func (p *pivot) ID() resource.ID { return resource.ID{Kind: pivotKindName, Target: p.Pods.Component} }

// Diff looks where the manifest is.
func (p *pivot) Diff(context.Context) (sdk.Change, error) {
	if staticpod.IsAside(p.Manifest) {
		return sdk.Change{}, nil
	}
	return sdk.Change{Op: sdk.OpCreate, Reason: "a static pod runs it", Disruptive: true}, nil
}

// Render waits for the new pod, then stops the old one. It starts the old one
// again if the API server is not well without it.
func (p *pivot) Render(ctx context.Context) error {
	err := resource.WaitFor(ctx, resource.Probe{
		Name: "the pod of " + hostedName(p.Pods.Component), Every: podsEvery, Timeout: p.within, Check: p.Pods.proven,
		Hint: "See what keeps it: " + describePods(p.Pods.Component),
	})
	if err != nil {
		return err
	}
	if err := move(p.Manifest, staticpod.Aside(p.Manifest)); err != nil {
		return err
	}
	err = resource.WaitFor(ctx, resource.Probe{
		Name: "the end of the static pod of " + p.Pods.Component, Every: podsEvery, Timeout: p.within, Check: p.alone,
		Hint: "The static pod was brought back. Read the log of the pod of the DaemonSet, and that of the kubelet.",
	})
	if err != nil {
		return errors.Join(err, p.bringBack())
	}
	return nil
}

// alone returns nil once the static pod is gone and all is well.
func (p *pivot) alone(ctx context.Context) error {
	pod, err := p.Pods.static(ctx, p.Pods.Node)
	if err != nil {
		return err
	}
	if pod != nil {
		return fmt.Errorf("pod %s is still there", pod.Name)
	}
	return p.Pods.proven(ctx)
}

// Remove brings the static pod back and waits until it runs. Without a kubeconfig
// there is no cluster left to wait for.
func (p *pivot) Remove(ctx context.Context) error {
	if staticpod.IsAside(p.Manifest) {
		if err := p.bringBack(); err != nil {
			return err
		}
	}
	if !staticpod.Exists(p.Manifest) || !staticpod.Exists(p.Pods.Kubeconfig) {
		return nil
	}
	return resource.WaitFor(ctx, resource.Probe{
		Name: "the static pod of " + p.Pods.Component, Every: podsEvery, Timeout: backWithin,
		Check: func(ctx context.Context) error {
			pod, err := p.Pods.static(ctx, p.Pods.Node)
			switch {
			case err != nil:
				return err
			case pod == nil:
				return errors.New("the kubelet has not started it yet")
			}
			return proven(*pod)
		},
		Hint: "The manifest is where the kubelet looks for it. Read the log of the kubelet, and of the pod: crictl ps -a, crictl logs ID.",
	})
}

// bringBack puts the manifest where the kubelet looks.
func (p *pivot) bringBack() error {
	aside := staticpod.Aside(p.Manifest)
	if err := move(aside, p.Manifest); err != nil {
		return err
	}
	_ = os.Remove(filepath.Dir(aside)) // unless other manifests are in it
	return nil
}

// move renames a manifest, so that it is in one place at any time.
func move(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	return os.Rename(from, to)
}
