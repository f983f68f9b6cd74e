package kubeapitest

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"reflect"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured/unstructuredscheme"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"sigs.k8s.io/yaml"
)

// store keeps an object under a new version, unless nothing changed.
func (f *Fake) store(path string, next *unstructured.Unstructured) {
	if old := f.objects[path]; old != nil {
		next.SetUID(old.GetUID())
		if reflect.DeepEqual(old.Object, next.Object) {
			return
		}
	}
	f.version++
	next.SetResourceVersion(strconv.Itoa(f.version))
	if next.GetUID() == "" {
		next.SetUID(types.UID("uid-" + next.GetResourceVersion()))
	}
	f.objects[path] = next
}

// create stores an object that is not there yet.
func (f *Fake) create(r *http.Request) (any, *apierrors.StatusError) {
	var object unstructured.Unstructured
	if err := json.NewDecoder(r.Body).Decode(&object.Object); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	path := r.URL.Path + "/" + object.GetName()
	if f.objects[path] != nil {
		return nil, apierrors.NewAlreadyExists(schema.GroupResource{}, object.GetName())
	}
	next, err := update(nil, &object, r.URL.Query().Get("fieldManager"))
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	f.store(path, next)
	return next, nil
}

func isApply(r *http.Request) bool {
	return r.Header.Get("Content-Type") == string(types.ApplyYAMLPatchType)
}

// patch returns what live becomes.
func patch(live *unstructured.Unstructured, r *http.Request) (*unstructured.Unstructured, *apierrors.StatusError) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	var change map[string]any
	if err := yaml.Unmarshal(body, &change); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	manager := r.URL.Query().Get("fieldManager")
	var next *unstructured.Unstructured
	if isApply(r) {
		next, err = apply(live, &unstructured.Unstructured{Object: change}, manager)
	} else {
		version, given, _ := unstructured.NestedString(change, "metadata", "resourceVersion")
		if given && version != live.GetResourceVersion() {
			return nil, apierrors.NewConflict(schema.GroupResource{}, live.GetName(), nil)
		}
		merged := &unstructured.Unstructured{Object: merge(live.DeepCopy().Object, change)}
		next, err = update(live, merged, manager)
	}
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	return next, nil
}

// merge is a JSON merge patch (RFC 7386).
func merge(object, change map[string]any) map[string]any {
	out := maps.Clone(object)
	if out == nil {
		out = map[string]any{}
	}
	for k, v := range change {
		switch v := v.(type) {
		case nil:
			delete(out, k)
		case map[string]any:
			old, _ := out[k].(map[string]any)
			out[k] = merge(old, v)
		default:
			out[k] = v
		}
	}
	return out
}

func apply(live, want *unstructured.Unstructured, manager string) (*unstructured.Unstructured, error) {
	fields, err := fieldManager(want)
	if err != nil {
		return nil, err
	}
	next, err := fields.Apply(orEmpty(live, want), want, manager, true)
	return asUnstructured(next, err)
}

func update(live, next *unstructured.Unstructured, manager string) (*unstructured.Unstructured, error) {
	fields, err := fieldManager(next)
	if err != nil {
		return nil, err
	}
	got, err := fields.Update(orEmpty(live, next), next, manager)
	return asUnstructured(got, err)
}

// orEmpty stands in for an object that does not exist yet.
func orEmpty(live, like *unstructured.Unstructured) *unstructured.Unstructured {
	if live != nil {
		return live.DeepCopy()
	}
	empty := &unstructured.Unstructured{Object: map[string]any{}}
	empty.SetGroupVersionKind(like.GroupVersionKind())
	return empty
}

func asUnstructured(object runtime.Object, err error) (*unstructured.Unstructured, error) {
	if err != nil {
		return nil, err
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(content) // as it would come over the wire
	if err != nil {
		return nil, err
	}
	var out unstructured.Unstructured
	err = out.UnmarshalJSON(text)
	return &out, err
}

func fieldManager(like *unstructured.Unstructured) (*managedfields.FieldManager, error) {
	kind := like.GroupVersionKind()
	return managedfields.NewDefaultCRDFieldManager(managedfields.NewDeducedTypeConverter(), noConversion{},
		unstructuredscheme.NewUnstructuredDefaulter(), unstructuredscheme.NewUnstructuredCreator(), kind, kind.GroupVersion(), "", nil)
}

// noConversion is the converter for objects that have one version only.
type noConversion struct{}

func (noConversion) Convert(in, out, _ any) error {
	from, to := in.(*unstructured.Unstructured), out.(*unstructured.Unstructured)
	to.Object = from.Object
	return nil
}

func (noConversion) ConvertToVersion(in runtime.Object, _ runtime.GroupVersioner) (runtime.Object, error) {
	return in, nil
}

func (noConversion) ConvertFieldLabel(_ schema.GroupVersionKind, label, value string) (string, string, error) {
	return label, value, nil
}
