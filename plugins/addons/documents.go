package addons

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// maxDocuments bounds one manifest: 10 000 objects, ten times what the largest
// ones in use have.
const maxDocuments = 10_000

// parseDocuments reads the objects of a YAML text with documents separated by
// "---". Empty documents are skipped and lists taken apart. Errors name the
// document by its number and quote no values.
func parseDocuments(text []byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for number := 1; ; number++ {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var found []*unstructured.Unstructured
		if err == nil {
			found, err = parseDocument(document)
		}
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", number, err)
		}
		if objects = append(objects, found...); len(objects) > maxDocuments {
			return nil, fmt.Errorf("more than %d objects", maxDocuments)
		}
	}
	if len(objects) == 0 {
		return nil, errors.New("no objects")
	}
	return objects, noneTwice(objects)
}

func parseDocument(text []byte) ([]*unstructured.Unstructured, error) {
	json, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return nil, err
	}
	var content any
	if err := utiljson.Unmarshal(json, &content); err != nil { // whole numbers stay whole
		return nil, err
	}
	switch content := content.(type) {
	case nil:
		return nil, nil
	case map[string]any:
		return parseObject(content)
	default:
		return nil, errors.New("not a Kubernetes object, which has apiVersion and kind")
	}
}

// parseObject checks what is needed to name an object, and takes a list apart.
func parseObject(content map[string]any) ([]*unstructured.Unstructured, error) {
	for _, field := range []string{"apiVersion", "kind"} {
		if text, ok := content[field].(string); !ok || text == "" {
			return nil, fmt.Errorf("no %s", field)
		}
	}
	u := &unstructured.Unstructured{Object: content}
	if _, err := schema.ParseGroupVersion(u.GetAPIVersion()); err != nil {
		return nil, errors.New("apiVersion is not of the form group/version")
	}
	if u.GetAPIVersion() == "v1" && u.GetKind() == "List" {
		items, _ := content["items"].([]any)
		return parseItems(items)
	}
	if err := checkName(u); err != nil {
		return nil, err
	}
	return []*unstructured.Unstructured{u}, nil
}

func checkName(u *unstructured.Unstructured) error {
	meta, ok := u.Object["metadata"].(map[string]any)
	if !ok {
		return fmt.Errorf("%s without metadata", u.GetKind())
	}
	if name, ok := meta["name"].(string); !ok || name == "" {
		return fmt.Errorf("%s without metadata.name; generateName would make another object each time", u.GetKind())
	}
	if _, ok := meta["namespace"].(string); !ok && meta["namespace"] != nil {
		return fmt.Errorf("%s %s: metadata.namespace is not a text", u.GetKind(), u.GetName())
	}
	return nil
}

func parseItems(items []any) ([]*unstructured.Unstructured, error) {
	var out []*unstructured.Unstructured
	for i, item := range items {
		content, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("item %d of a list is not an object", i+1)
		}
		found, err := parseObject(content)
		if err != nil {
			return nil, fmt.Errorf("item %d: %w", i+1, err)
		}
		out = append(out, found...)
	}
	return out, nil
}

// noneTwice refuses two objects of the same name: each would undo the other.
func noneTwice(objects []*unstructured.Unstructured) error {
	type id struct {
		kind            schema.GroupKind
		namespace, name string
	}
	seen := map[id]bool{}
	for _, u := range objects {
		key := id{u.GroupVersionKind().GroupKind(), u.GetNamespace(), u.GetName()}
		if seen[key] {
			return fmt.Errorf("%s %s is there twice", u.GetKind(), u.GetName())
		}
		seen[key] = true
	}
	return nil
}

// customKinds lists the kinds that CustomResourceDefinitions among objects add.
func customKinds(objects []*unstructured.Unstructured) map[schema.GroupKind]bool {
	kinds := map[schema.GroupKind]bool{}
	for _, u := range objects {
		if u.GroupVersionKind().GroupKind() != (schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}) {
			continue
		}
		group, _, groupErr := unstructured.NestedString(u.Object, "spec", "group")
		kind, _, kindErr := unstructured.NestedString(u.Object, "spec", "names", "kind")
		if groupErr == nil && kindErr == nil { // what else is wrong with it, the server tells
			kinds[schema.GroupKind{Group: group, Kind: kind}] = true
		}
	}
	return kinds
}
