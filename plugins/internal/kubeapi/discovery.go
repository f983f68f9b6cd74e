package kubeapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Mapping is where the objects of a kind are found.
type Mapping struct {
	Resource   schema.GroupVersionResource
	Namespaced bool
}

// Mapping asks the server for a kind. Answers are kept, except that the kind does
// not exist: a CustomResourceDefinition may add it at any time. The error is
// [ErrNoKind] if it does not exist.
func (c *Client) Mapping(ctx context.Context, kind schema.GroupVersionKind) (Mapping, error) {
	c.mu.Lock()
	known, ok := c.kinds[kind]
	c.mu.Unlock()
	if ok {
		return known, nil
	}
	found, err := c.discover(ctx, kind)
	if err != nil {
		return Mapping{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kinds[kind] = found
	return found, nil
}

func (c *Client) discover(ctx context.Context, kind schema.GroupVersionKind) (Mapping, error) {
	path := "/apis/" + kind.GroupVersion().String()
	if kind.Group == "" {
		path = "/api/" + kind.Version
	}
	status, body, err := c.Get(ctx, path)
	if err != nil {
		return Mapping{}, err
	}
	if status != http.StatusOK && status != http.StatusNotFound {
		return Mapping{}, fmt.Errorf("list kinds of %s: status %d", kind.GroupVersion(), status)
	}
	var list metav1.APIResourceList
	if status == http.StatusOK {
		if err := json.Unmarshal(body, &list); err != nil {
			return Mapping{}, fmt.Errorf("list kinds of %s: %w", kind.GroupVersion(), err)
		}
	}
	for _, r := range list.APIResources {
		if r.Kind == kind.Kind && !strings.Contains(r.Name, "/") {
			return Mapping{Resource: kind.GroupVersion().WithResource(r.Name), Namespaced: r.Namespaced}, nil
		}
	}
	return Mapping{}, fmt.Errorf("%w: %s in %s", ErrNoKind, kind.Kind, kind.GroupVersion())
}
