package kubeapitest

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	nodesPath = "/api/v1/nodes"
	podsPath  = "/api/v1/pods"
)

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
