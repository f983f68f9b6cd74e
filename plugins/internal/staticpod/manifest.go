package staticpod

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
	"github.com/clusterflow/clusterflow/plugins/internal/patches"
	"github.com/clusterflow/clusterflow/sdk"
)

const (
	// DefaultDir is where the kubelet looks for static pods, with kubeadm.
	DefaultDir = "/etc/kubernetes/manifests"

	// AnnotationDigest holds SHA-256 in hex.
	AnnotationDigest = "clusterflow.github.io/digest"

	modeFile = 0o600
	modeDir  = 0o700
)

// Manifest is a pod and the file that it goes into.
type Manifest struct {
	Path string
	// Pod is the patched pod with its digest.
	Pod *corev1.Pod

	content []byte
}

// Manifest patches the pod of c, computes its digest from the files as they are
// now and marshals it for dir/NAME.yaml.
func (c Component) Manifest(dir string, set patches.Set) (Manifest, error) {
	pod, err := patch(c.Pod(), set)
	if err != nil {
		return Manifest{}, err
	}
	if len(pod.Spec.Containers) == 0 {
		return Manifest{}, sdk.Permanent(fmt.Errorf("patch %s: the pod has no container any more", c.Name))
	}
	digest, err := digest(pod, component.Files(command(pod), c.Reloads...))
	if err != nil {
		return Manifest{}, fmt.Errorf("read what %s reads when it starts: %w", c.Name, err)
	}
	if pod.Annotations == nil {
		pod.Annotations = map[string]string{}
	}
	pod.Annotations[AnnotationDigest] = digest
	content, err := yaml.Marshal(pod)
	if err != nil {
		return Manifest{}, fmt.Errorf("write manifest of %s: %w", c.Name, err)
	}
	return Manifest{Path: filepath.Join(dir, c.Name+".yaml"), Pod: pod, content: content}, nil
}

// Ref names the pod as this manifest has it.
func (m Manifest) Ref() Ref {
	return Ref{Name: m.Pod.Labels[labelComponent], Digest: m.Pod.Annotations[AnnotationDigest]}
}

// Args are the flags of the pod, after patches.
func (m Manifest) Args() []string { return command(m.Pod) }

// Flag returns the value of one of them.
func (m Manifest) Flag(name string) (value string, given bool) {
	return component.Value(m.Args(), name)
}

func command(pod *corev1.Pod) []string {
	c := pod.Spec.Containers[0]
	return append(c.Command[:len(c.Command):len(c.Command)], c.Args...)
}

// patch applies the patches to the pod as YAML and reads the result back.
func patch(pod *corev1.Pod, set patches.Set) (*corev1.Pod, error) {
	name := pod.Name
	doc, err := yaml.Marshal(pod)
	if err != nil {
		return nil, fmt.Errorf("write manifest of %s: %w", name, err)
	}
	patched, err := set.Apply(name, doc, corev1.Pod{})
	if err != nil {
		return nil, err
	}
	var out corev1.Pod
	if err := yaml.UnmarshalStrict(patched, &out); err != nil {
		return nil, sdk.Permanent(fmt.Errorf("patch %s: %w", name, err))
	}
	return &out, nil
}

// digest covers the pod and the content of files, given by their paths in the
// container. One that is absent, because it is yet to be made, counts as that.
func digest(pod *corev1.Pod, files []string) (string, error) {
	text, err := json.Marshal(pod)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	sum.Write(text)
	for _, file := range files {
		path := onHost(pod, file)
		if path == "" {
			continue
		}
		if err := add(sum, path); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func add(sum hash.Hash, path string) error {
	content, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	one := sha256.Sum256(content)
	fmt.Fprintf(sum, "\n%s %t %x", path, err == nil, one)
	return nil
}
