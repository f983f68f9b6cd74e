package state

import (
	"cmp"
	"encoding/json"
	"slices"
)

// Digests are the digests of the attributes of a config, by name. In JSON they are
// an object. Every node has some: as maps they would be the larger part of a state.
type Digests []Digest

// Digest is that of one attribute, hexadecimal.
type Digest struct{ Name, Sum string }

// Get returns the digest of an attribute, or "" if there is none.
func (d Digests) Get(name string) string {
	if i := slices.IndexFunc(d, func(x Digest) bool { return x.Name == name }); i >= 0 {
		return d[i].Sum
	}
	return ""
}

// Sort orders the digests by name.
func (d Digests) Sort() {
	slices.SortFunc(d, func(a, b Digest) int { return cmp.Compare(a.Name, b.Name) })
}

// MarshalJSON implements [json.Marshaler].
func (d Digests) MarshalJSON() ([]byte, error) {
	out := []byte("{")
	for i, x := range d {
		if i > 0 {
			out = append(out, ',')
		}
		name, err := json.Marshal(x.Name)
		if err != nil {
			return nil, err
		}
		sum, err := json.Marshal(x.Sum)
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, name...), ':'), sum...)
	}
	return append(out, '}'), nil
}

// UnmarshalJSON implements [json.Unmarshaler].
func (d *Digests) UnmarshalJSON(text []byte) error {
	var sums map[string]string
	if err := json.Unmarshal(text, &sums); err != nil {
		return err
	}
	*d = make(Digests, 0, len(sums))
	for name, sum := range sums {
		*d = append(*d, Digest{name, sum})
	}
	d.Sort()
	return nil
}
