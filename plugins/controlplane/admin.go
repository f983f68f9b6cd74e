package controlplane

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const (
	adminGroup = "kubeadm:cluster-admins" // also the name of its binding
	// bindingGrace is how much longer than for a healthy API server is waited for
	// the binding: 10 s. So a server that does not start is reported as that.
	bindingGrace = 10 * time.Second
)

// adminBinding gives the administrators' group its rights. In a new cluster only
// the super administrator can do so; with rights once given, the administrator
// can.
type adminBinding struct {
	Admin      string `json:"kubeconfig"`
	SuperAdmin string `json:"super_admin_kubeconfig,omitempty"` // may be empty

	pool   *kubeapi.Pool
	within time.Duration
}

var _ resource.Resource = (*adminBinding)(nil)

func adminBindingKind(pool *kubeapi.Pool) resource.Kind {
	return resource.Kind{Name: "admin-binding", Restore: func(state json.RawMessage) (resource.Resource, error) {
		b := &adminBinding{pool: pool}
		if err := json.Unmarshal(state, b); err != nil {
			return nil, fmt.Errorf("read record of the administrators' binding: %w", err)
		}
		return b, nil
	}}
}

func (b *adminBinding) ID() resource.ID {
	return resource.ID{Kind: "admin-binding", Target: "ClusterRoleBinding " + adminGroup}
}

// Diff compares as the administrator. While the API server starts, or as long as
// the administrator has no rights, the binding counts as absent.
func (b *adminBinding) Diff(ctx context.Context) (sdk.Change, error) {
	_, err := b.object(b.Admin).Live(ctx)
	switch {
	case apierrors.IsForbidden(err):
		return sdk.Change{Op: sdk.OpCreate, Reason: "absent: the administrator has no rights yet"}, nil
	case apierrors.IsNotFound(err):
		return sdk.Change{Op: sdk.OpCreate, Reason: "absent"}, nil
	case err != nil:
		return sdk.Change{Op: sdk.OpCreate, Reason: "the API server does not answer yet"}, nil
	}
	change, err := b.object(b.Admin).Diff(ctx)
	if err == nil {
		return change, nil
	}
	// An API server that is about to restart may answer the first question only.
	if _, gone := b.object(b.Admin).Live(ctx); gone != nil {
		return sdk.Change{Op: sdk.OpCreate, Reason: "the API server does not answer any more"}, nil
	}
	return sdk.Change{}, err
}

// Render makes the binding and returns when the administrator can see it.
func (b *adminBinding) Render(ctx context.Context) error {
	err := kubeapi.Retry(ctx, b.within, func(ctx context.Context) error {
		err := b.object(b.Admin).Apply(ctx)
		if !apierrors.IsForbidden(err) || b.SuperAdmin == "" {
			return err
		}
		if err := b.object(b.SuperAdmin).Apply(ctx); err != nil {
			return fmt.Errorf("as super administrator: %w", err)
		}
		_, err = b.object(b.Admin).Live(ctx) // a server takes a moment to learn of new rights
		return err
	})
	if apierrors.IsForbidden(err) && b.SuperAdmin == "" {
		return sdk.Hint(err, fmt.Sprintf("%s has no rights in the cluster. Set super_admin_kubeconfig to a kubeconfig of the group system:masters, which may give them.", b.Admin))
	}
	return err
}

// Remove deletes the binding. Who may not even see it has lost the rights that
// it gives: it is gone.
func (b *adminBinding) Remove(ctx context.Context) error {
	err := b.object(b.Admin).Remove(ctx)
	switch {
	case !apierrors.IsForbidden(err):
		return err
	case b.SuperAdmin == "":
		return nil
	}
	return b.object(b.SuperAdmin).Remove(ctx)
}

func (b *adminBinding) object(kubeconfig string) *kubeobj.Object {
	return kubeobj.Maker{Pool: b.pool, Kubeconfig: kubeconfig}.Object(adminClusterRoleBinding())
}

func adminClusterRoleBinding() *rbacv1.ClusterRoleBinding {
	return bind(adminGroup, "cluster-admin", group(adminGroup))
}
