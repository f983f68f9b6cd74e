package oracle

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// passing are the kinds whose objects come and go or are copies of others.
func passing() []string {
	return []string{"ComponentStatus", "ControllerRevision", "EndpointSlice", "Endpoints", "Event", "Lease", "Pod", "ReplicaSet"}
}

type object = map[string]any

// readObjects reads a List that kubectl printed.
func readObjects(text []byte) ([]object, error) {
	var list struct{ Items []object }
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("read objects: %w", err)
	}
	return list.Items, nil
}

func text(o object, path ...string) string {
	for _, key := range path[:len(path)-1] {
		o, _ = o[key].(object)
	}
	s, _ := o[path[len(path)-1]].(string)
	return s
}

// tokenNames says what the random IDs of bootstrap tokens stand for: nodes join
// with some, others are the lifetime of kubeadm-certs.
func tokenNames(objects []object) *strings.Replacer {
	var pairs []string
	for _, o := range objects {
		data, _ := o["data"].(object)
		encoded, _ := data["token-id"].(string)
		id, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || len(id) == 0 {
			continue
		}
		role := "LIFETIME"
		if _, ok := data["usage-bootstrap-signing"]; ok {
			role = "JOIN"
		}
		for _, prefix := range []string{"bootstrap-token-", "jws-kubeconfig-", `"kid":"`} {
			pairs = append(pairs, prefix+string(id), prefix+role)
		}
	}
	return strings.NewReplacer(pairs...)
}

func (r *reader) addObjects(objects []object) {
	for _, o := range objects {
		if slices.Contains(passing(), text(o, "kind")) {
			continue
		}
		meta, _ := o["metadata"].(object)
		name := text(o, "metadata", "name")
		if prefix := text(o, "metadata", "generateName"); prefix != "" {
			name = prefix + "RANDOM"
			meta["name"] = name
		}
		if ns := text(o, "metadata", "namespace"); ns != "" {
			name = ns + "/" + name
		}
		name = fmt.Sprintf("object %s %s: ", text(o, "kind"), r.names.Replace(name))
		r.facts[name+"there"] = text(o, "apiVersion")
		delete(o, "status")
		maps.DeleteFunc(meta, func(key string, _ any) bool {
			return slices.Contains([]string{"creationTimestamp", "generation", "managedFields", "resourceVersion", "uid"}, key)
		})
		owners, _ := meta["ownerReferences"].([]any)
		for _, owner := range owners {
			if o, ok := owner.(object); ok {
				delete(o, "uid")
			}
		}
		spec, _ := o["spec"].(object)
		delete(spec, "extra") // of a request for a certificate: the serial number of another
		reveal(o)
		r.add(name, o)
	}
}

// reveal replaces what must differ, or cannot be read, by what counts of it.
func reveal(o object) {
	data, _ := o["data"].(object)
	for key, value := range data {
		s, _ := value.(string)
		switch {
		case text(o, "kind") == "Secret":
			data[key] = secretValue(key, s)
		case strings.HasPrefix(key, "jws-kubeconfig-"):
			data[key] = signatureShape(s)
		}
	}
}

// signatureShape is the head of a detached signature, which says how it was made.
func signatureShape(jws string) string {
	head, _, detached := strings.Cut(jws, "..")
	plain, err := base64.RawURLEncoding.DecodeString(head)
	if !detached || err != nil {
		return "no detached signature: " + jws
	}
	return "signature " + string(plain)
}
