package patches

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	strictjson "sigs.k8s.io/json"
)

// What can be patched.
const (
	Etcd                  = "etcd"
	KubeAPIServer         = "kube-apiserver"
	KubeControllerManager = "kube-controller-manager"
	KubeScheduler         = "kube-scheduler"
	KubeletConfiguration  = "kubeletconfiguration"
	CoreDNSDeployment     = "corednsdeployment"
)

// knownTargets are ordered as in messages. None is the beginning of another.
func knownTargets() []string {
	return []string{Etcd, KubeAPIServer, KubeControllerManager, KubeScheduler, KubeletConfiguration, CoreDNSDeployment}
}

// check reports a document that is no patch of its kind, whatever it is applied to.
func (p patch) check() error {
	if p.kind == jsonPatch {
		if _, err := jsonpatch.DecodePatch(p.json); err != nil {
			return errors.New("not a JSON patch: want a list of operations with op and path")
		}
		return nil
	}
	var object map[string]any
	if err := json.Unmarshal(p.json, &object); err != nil {
		return fmt.Errorf("not a %s patch: want fields and values, as in the object that is patched", p.kind)
	}
	return nil
}

// apply patches a JSON document and wants the result to be one of object's type,
// without unknown fields. The libraries panic on some that make no sense, such
// as a list with a null in it.
func (p patch) apply(doc []byte, object any) (patched []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("it makes no sense here: %v", r)
		}
	}()
	switch p.kind {
	case jsonPatch:
		operations, decodeErr := jsonpatch.DecodePatch(p.json)
		if decodeErr != nil {
			return nil, decodeErr
		}
		patched, err = operations.Apply(doc)
	case merge:
		patched, err = jsonpatch.MergePatch(doc, p.json)
	default:
		patched, err = strategicpatch.StrategicMergePatch(doc, p.json, object)
	}
	if err != nil {
		return nil, err
	}
	return patched, fits(patched, object)
}

// fits reports fields that object's type does not have, by their paths.
func fits(doc []byte, object any) error {
	unknown, err := strictjson.UnmarshalStrict(doc, reflect.New(reflect.TypeOf(object)).Interface())
	return errors.Join(append(unknown, err)...)
}
