package kubeobj

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/sdk"
)

const (
	// removeWithin bounds the removal of one object: 10 s.
	removeWithin = 10 * time.Second
	// kindWithin is how long a kind that nobody in the phase makes may be unknown:
	// 10 s, for a server that has just got its CustomResourceDefinition.
	kindWithin = 10 * time.Second
	// lastWords is how long a cancelled phase waits for the answer to a write that
	// it has sent: 3 s, less than its grace.
	lastWords = 3 * time.Second
)

// errDeleting says that a finalizer still holds the object that Render replaces.
var errDeleting = errors.New("the present one is being deleted, which a finalizer delays")

// Render applies the object, again and again until the server takes it.
func (o *Object) Render(ctx context.Context) error {
	begin := time.Now()
	return kubeapi.Retry(ctx, cmp.Or(o.within, kubeapi.CallTimeout), func(ctx context.Context) error {
		err := o.Apply(ctx)
		if err != nil {
			err = o.unstick(ctx, err, begin)
		}
		if errors.Is(err, kubeapi.ErrNoKind) && !o.Awaited && time.Since(begin) > kindWithin {
			return kubeapi.Stop(sdk.Hint(err, "Correct apiVersion and kind, or let an earlier phase apply the CustomResourceDefinition."))
		}
		return err
	})
}

// Apply is one attempt of Render.
func (o *Object) Apply(ctx context.Context) error {
	var live *unstructured.Unstructured
	if len(o.Keep) > 0 {
		var err error
		if live, err = o.Live(ctx); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	got, err := o.apply(ctx, live, false)
	if err == nil && got.GetDeletionTimestamp() != nil {
		return errDeleting
	}
	return err
}

// apply sends the object. A trial changes nothing and returns what it would
// become. live is needed for [Object.Keep] only, and may be nil.
func (o *Object) apply(ctx context.Context, live *unstructured.Unstructured, trial bool) (*unstructured.Unstructured, error) {
	if o.want == nil {
		return nil, kubeapi.Stop(errNoContent)
	}
	want, err := o.want()
	if err != nil {
		return nil, kubeapi.Stop(err)
	}
	c, err := o.pool.Client(o.Kubeconfig)
	if err != nil {
		return nil, kubeapi.Stop(err)
	}
	if err := o.settle(ctx, c, want); err != nil {
		return nil, err
	}
	if live != nil {
		if err := leaveForeign(want, live, o.Keep); err != nil {
			return nil, err
		}
	}
	at, err := o.at(ctx, c)
	if err != nil {
		return nil, err
	}
	options := metav1.ApplyOptions{FieldManager: Manager, Force: true}
	if trial {
		options.DryRun = []string{metav1.DryRunAll}
	} else {
		var done context.CancelFunc
		ctx, done = lasting(ctx)
		defer done()
	}
	got, err := at.Apply(ctx, o.Name, want, options)
	return got, o.advise(o.explain(c, err))
}

// lasting returns a context for one write. It outlives ctx a little: a write that
// was sent may be done in any case, and whoever cancels wants to know.
func lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	long, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(lastWords)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel(context.Cause(ctx))
		case <-ended:
		}
	})
	return long, func() {
		stop()
		close(ended)
		cancel(nil)
	}
}

// settle gives the object the namespace that only the server could tell it needs.
func (o *Object) settle(ctx context.Context, c *kubeapi.Client, want *unstructured.Unstructured) error {
	if o.Resource != "" {
		return nil
	}
	m, err := c.Mapping(ctx, schema.FromAPIVersionAndKind(o.APIVersion, o.Kind))
	if err != nil {
		return err
	}
	want.SetNamespace(o.namespace(m))
	return nil
}

// advise adds what to do about a refusal.
func (o *Object) advise(err error) error {
	switch {
	case apierrors.IsInvalid(err):
		return sdk.Hint(err, fmt.Sprintf("If the message names a field that cannot be changed, delete the object (kubectl delete %s) and apply again.", o.kubectlName()))
	case apierrors.IsForbidden(err):
		return sdk.Hint(err, fmt.Sprintf("The user of %s needs more rights: it must be in a group that is bound to cluster-admin.", o.Kubeconfig))
	default:
		return err
	}
}

func (o *Object) kubectlName() string {
	if o.Namespace == "" {
		return o.Kind + " " + o.Name
	}
	return fmt.Sprintf("-n %s %s %s", o.Namespace, o.Kind, o.Name)
}

// Remove deletes the object. It does not wait for finalizers. Without its
// kubeconfig the cluster counts as gone, and everything in it.
func (o *Object) Remove(ctx context.Context) error {
	if _, err := os.Stat(o.Kubeconfig); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return kubeapi.Retry(ctx, removeWithin, func(ctx context.Context) error {
		err := o.remove(ctx)
		switch {
		case apierrors.IsNotFound(err), errors.Is(err, kubeapi.ErrNoKind):
			return nil
		case apierrors.IsForbidden(err):
			return kubeapi.Stop(o.advise(err))
		case errors.Is(err, kubeapi.ErrUnreachable):
			return kubeapi.Stop(sdk.Hint(err, fmt.Sprintf("Start the API server and repeat the undo; "+
				"if the cluster is gone for good, remove %s and repeat: then nothing is left to delete.", o.Kubeconfig)))
		default:
			return err
		}
	})
}

func (o *Object) remove(ctx context.Context) error {
	c, err := o.pool.Client(o.Kubeconfig)
	if err != nil {
		return err
	}
	at, err := o.at(ctx, c)
	if err != nil {
		return err
	}
	ctx, done := lasting(ctx)
	defer done()
	background := metav1.DeletePropagationBackground // pods go too, without waiting for them
	return o.explain(c, at.Delete(ctx, o.Name, metav1.DeleteOptions{PropagationPolicy: &background}))
}
