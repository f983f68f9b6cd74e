// Package patches reads the patch files of a user and applies them to what is
// about to be written: static pods, the kubelet's configuration, the Deployment of
// CoreDNS. Names and kinds of patches are those of kubeadm --patches.
//
// Where kubeadm ignores a file that it cannot place, or drops a field that does
// not exist, this package returns an error: a patch that has no effect is a
// mistake.
package patches

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/sdk"
)

// Set is the patches of one directory. The zero value has none.
type Set struct{ patches []patch }

// patch is one document of a patch file.
type patch struct {
	name
	file string // path, with the number of the document where there are several
	json []byte
}

// Load reads the patches of dir and its subdirectories; an empty dir has none.
// Files are named TARGET[SUFFIX][+TYPE].yaml or .json, where TYPE is strategic (the
// default), merge or json; they are applied in the lexical order of their paths. A
// YAML file may hold several documents, each a patch. Hidden files and those with
// other extensions are left aside; any other name, and what is no patch of its
// type, is an error.
func Load(dir string) (Set, error) {
	if dir == "" {
		return Set{}, nil
	}
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = errors.New("not a directory")
	}
	if err != nil {
		return Set{}, sdk.Permanent(fmt.Errorf("read patches of %s: %w", dir, err))
	}
	var s Set
	err = fs.WalkDir(os.DirFS(dir), ".", func(p string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() || !considered(path.Base(p)) {
			return nil
		}
		return s.read(filepath.Join(dir, filepath.FromSlash(p)))
	})
	if err != nil {
		return Set{}, sdk.Permanent(fmt.Errorf("read patches of %s: %w", dir, err))
	}
	return s, nil
}

func (s *Set) read(file string) error {
	name, err := parseName(filepath.Base(file))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	docs, err := split(text)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for i, doc := range docs {
		p := patch{name: name, file: file}
		if len(docs) > 1 {
			p.file = fmt.Sprintf("%s (document %d)", file, i+1)
		}
		if p.json, err = yaml.YAMLToJSONStrict(doc); err == nil {
			err = p.check()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", p.file, err)
		}
		s.patches = append(s.patches, p)
	}
	return nil
}

// split returns the documents of a YAML text that hold anything.
func split(text []byte) ([][]byte, error) {
	var docs [][]byte
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		doc, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			return nil, err
		}
		var content any
		if err := yaml.Unmarshal(doc, &content); err != nil {
			return nil, err
		}
		if content != nil {
			docs = append(docs, doc)
		}
	}
}

// Apply returns doc, an object in YAML or JSON, with all patches for that target.
// The result is YAML with sorted keys; without patches it is doc as it is. The
// error names the patch that does not fit, or that sets a field which the object
// does not have.
//
// object is an empty value of the type that doc is of: the tags of its fields say
// how lists are merged. It comes from the caller, since the types of some targets
// bring along more than all the rest of a plugin.
func (s Set) Apply(target string, doc []byte, object any) ([]byte, error) {
	if !slices.Contains(knownTargets(), target) {
		return nil, fmt.Errorf("patch %s: no such target, want one of %s", target, targets())
	}
	var patched []byte
	for _, p := range s.patches {
		if p.target != target {
			continue
		}
		if patched == nil {
			var err error
			if patched, err = yaml.YAMLToJSON(doc); err != nil {
				return nil, fmt.Errorf("patch %s: %w", target, err)
			}
		}
		next, err := p.apply(patched, object)
		if err != nil {
			return nil, sdk.Permanent(fmt.Errorf("patch %s with %s: %w", target, p.file, err))
		}
		patched = next
	}
	if patched == nil {
		return doc, nil
	}
	return yaml.JSONToYAML(patched)
}
