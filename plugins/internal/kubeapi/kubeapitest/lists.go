package kubeapitest

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	nodesPath = "/api/v1/nodes"
	podsPath  = "/api/v1/pods"
)

// serveMany answers what is not of a single object; false if r is.
func (f *Fake) serveMany(w http.ResponseWriter, r *http.Request) bool {
	query := r.URL.Query()
	switch {
	case r.Method == http.MethodGet && query.Has("labelSelector"):
		reply(w, http.StatusOK, f.list(r.URL.Path, query.Get("labelSelector")))
	case r.Method == http.MethodGet && (r.URL.Path == nodesPath || r.URL.Path == podsPath):
		reply(w, http.StatusOK, f.listAll(r.URL.Path, query.Get("fieldSelector")))
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/eviction"):
		delete(f.objects, strings.TrimSuffix(r.URL.Path, "/eviction"))
		reply(w, http.StatusCreated, metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess})
	default:
		return false
	}
	return true
}

// listAll returns the objects of a collection in all namespaces, sorted by path;
// of pods, those of the node that the field selector names.
func (f *Fake) listAll(collection, fields string) *unstructured.UnstructuredList {
	out := &unstructured.UnstructuredList{Object: map[string]any{"apiVersion": "v1", "kind": "List"}}
	plural := collection[strings.LastIndex(collection, "/")+1:]
	node, _ := strings.CutPrefix(fields, "spec.nodeName=")
	for _, path := range slices.Sorted(maps.Keys(f.objects)) {
		parts := strings.Split(path, "/")
		if !strings.HasPrefix(path, "/api/v1/") || parts[len(parts)-2] != plural {
			continue
		}
		on, _, _ := unstructured.NestedString(f.objects[path].Object, "spec", "nodeName")
		if plural == "pods" && on != node {
			continue
		}
		out.Items = append(out.Items, *f.objects[path].DeepCopy())
	}
	return out
}
