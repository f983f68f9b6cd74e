// Package kubeobj makes resources of phases out of Kubernetes objects.
//
// An [Object] compares itself with the cluster by a server-side apply that is
// not carried out: the server fills in defaults and merges lists as it would, so
// what it answers differs from the live object only where an apply would change
// something. Fields that clusterflow never wrote stay as others made them.
//
// Objects are typed Go values, or unstructured ones from a user's YAML; there
// are no text templates. The record of a phase names an object and never holds
// what is in it. Values of Secrets appear in no diff and no error.
//
// The package does not wait until what it wrote works: a Deployment may well
// never have a running pod.
package kubeobj

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const (
	// KindName is the kind of these resources in plans and records.
	KindName = "kube"
	// Manager owns the fields that clusterflow writes.
	Manager = "clusterflow"
)

// Kind brings back objects from records. Every phase that makes objects lists it.
func Kind(pool *kubeapi.Pool) resource.Kind {
	return resource.Kind{Name: KindName, Restore: func(state json.RawMessage) (resource.Resource, error) {
		o := &Object{pool: pool}
		if err := json.Unmarshal(state, o); err != nil {
			return nil, fmt.Errorf("read record of a Kubernetes object: %w", err)
		}
		return o, nil
	}}
}

// Maker makes the objects of one cluster.
type Maker struct {
	Pool *kubeapi.Pool
	// Kubeconfig is the absolute path of the file that leads to the cluster.
	Kubeconfig string
	// Within is how long a write is repeated. Zero means [kubeapi.CallTimeout].
	Within time.Duration
}

// Object makes a resource of a typed object. It panics on a type that is not in
// the package's list, as that is a programming error.
func (m Maker) Object(typed runtime.Object) *Object {
	known, _ := kindOfType(typed)
	return m.object(&unstructured.Unstructured{Object: Content(typed)}, known)
}

// Content is what a typed object applies, with apiVersion and kind and without
// status. It panics as [Maker.Object] does.
func Content(typed runtime.Object) map[string]any {
	known, ok := kindOfType(typed)
	if !ok {
		panic(fmt.Sprintf("object of type %T: not in the list of kinds", typed))
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(typed)
	if err != nil {
		panic(fmt.Sprintf("object of type %T: %v", typed, err)) // typed values always convert
	}
	content["apiVersion"], content["kind"] = known.kind.GroupVersion().String(), known.kind.Kind
	strip(content)
	return content
}

// Objects makes resources of typed objects, in that order.
func (m Maker) Objects(typed ...runtime.Object) []resource.Resource {
	out := make([]resource.Resource, len(typed))
	for i, t := range typed {
		out[i] = m.Object(t)
	}
	return out
}

// Fill makes a resource whose content is found out when it is needed. Until then
// only type, namespace and name of typed count.
func (m Maker) Fill(typed runtime.Object, content func() (runtime.Object, error)) *Object {
	o := m.Object(typed)
	o.want = func() (*unstructured.Unstructured, error) {
		full, err := content()
		if err != nil {
			return nil, err
		}
		return m.Object(full).want()
	}
	return o
}

// Unstructured makes a resource of any object. One without a namespace gets
// fallback, should its kind have namespaces.
func (m Maker) Unstructured(u *unstructured.Unstructured, fallback string) *Object {
	u = u.DeepCopy()
	known, ok := kindOfName(u.GroupVersionKind())
	switch {
	case !ok: // whether it has a namespace is for the server to say
		o := m.object(u, known)
		o.Fallback = fallback
		return o
	case !known.namespaced:
		u.SetNamespace("")
	case u.GetNamespace() == "":
		u.SetNamespace(fallback)
	}
	return m.object(u, known)
}

func (m Maker) object(u *unstructured.Unstructured, known knownKind) *Object {
	strip(u.Object)
	return &Object{
		Kubeconfig: m.Kubeconfig, APIVersion: u.GetAPIVersion(), Kind: u.GetKind(), Resource: known.resource,
		Namespace: u.GetNamespace(), Name: u.GetName(),
		pool: m.Pool, within: m.Within,
		want: func() (*unstructured.Unstructured, error) { return u.DeepCopy(), nil },
	}
}

// Object is one object of one cluster. The exported fields lead to it and make
// up its record; a restored Object can only be removed.
type Object struct {
	Kubeconfig string `json:"kubeconfig"`
	APIVersion string `json:"api_version"`
	Kind       string `json:"object_kind"`
	// Resource is the plural name in URLs. Empty means that the server is asked.
	Resource  string `json:"resource,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	// Fallback is the namespace if none is given and the server says that the kind
	// has namespaces.
	Fallback string `json:"fallback_namespace,omitempty"`

	// Keep lists fields, each as a path of keys, whose live value is kept if
	// somebody else wrote it last: what kubectl edit or scale changed stays.
	Keep [][]string `json:"-"`
	// Awaited says that another object of the phase adds the kind, so that Render
	// waits for it as long as for anything else.
	Awaited bool `json:"-"`

	pool   *kubeapi.Pool
	within time.Duration
	want   func() (*unstructured.Unstructured, error) // nil when restored
}

var _ resource.Resource = (*Object)(nil)

// ID names the object: "ConfigMap kube-system/kubeadm-config".
func (o *Object) ID() resource.ID {
	name := o.Name
	if o.Namespace != "" {
		name = o.Namespace + "/" + name
	}
	return resource.ID{Kind: KindName, Target: o.Kind + " " + name}
}

// Live reads the object from the cluster. The error is a NotFound of the API
// machinery when it does not exist.
func (o *Object) Live(ctx context.Context) (*unstructured.Unstructured, error) {
	c, err := o.pool.Client(o.Kubeconfig)
	if err != nil {
		return nil, err
	}
	at, err := o.at(ctx, c)
	if err != nil {
		return nil, err
	}
	live, err := at.Get(ctx, o.Name, metav1.GetOptions{})
	return live, o.explain(c, err)
}

// at finds the place of the object in the API.
func (o *Object) at(ctx context.Context, c *kubeapi.Client) (dynamic.ResourceInterface, error) {
	kind := schema.FromAPIVersionAndKind(o.APIVersion, o.Kind)
	if o.Resource != "" {
		return c.Objects(kind.GroupVersion().WithResource(o.Resource), o.Namespace), nil
	}
	m, err := c.Mapping(ctx, kind)
	if err != nil {
		return nil, err
	}
	return c.Objects(m.Resource, o.namespace(m)), nil
}

// namespace is where the object lives if m is the mapping of its kind.
func (o *Object) namespace(m kubeapi.Mapping) string {
	switch {
	case !m.Namespaced:
		return ""
	case o.Namespace == "":
		return o.Fallback
	default:
		return o.Namespace
	}
}

func (o *Object) isSecret() bool { return o.APIVersion == "v1" && o.Kind == "Secret" }

// explain keeps what a server says of a Secret out of errors: it may quote values.
func (o *Object) explain(c *kubeapi.Client, err error) error {
	if err == nil || !o.isSecret() || !kubeapi.Answered(err) {
		return c.Explain(err)
	}
	return &secretError{err}
}

// secretError is an answer about a Secret, shown by its reason alone.
type secretError struct{ answer error }

func (e *secretError) Error() string {
	return fmt.Sprintf("the API server refused: %s (details withheld: they could quote the secret)", reasonOf(e.answer))
}

// Unwrap keeps tests such as apierrors.IsNotFound working.
func (e *secretError) Unwrap() error { return e.answer }

var errNoContent = errors.New("restored from a record, has no content")
