package kit

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	// imageRecipe changes when the same programs make other images.
	imageRecipe = "1"
	// refsFile lists the images in a directory of them.
	refsFile = "refs"
	// NameAnnotation holds the name of an image in an OCI layout, as containerd reads it.
	NameAnnotation = "io.containerd.image.name"
)

// imageSet makes the images of a control plane from programs.
type imageSet struct {
	programs programs
	base     string // root file system that has what kube-proxy calls
}

// make writes one OCI layout with all images to dir. Layers are not compressed:
// they never leave this machine.
func (s imageSet) make(ctx context.Context, dir string) error {
	refs, err := s.refs(ctx)
	if err != nil {
		return err
	}
	oci, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	for _, ref := range refs {
		img, err := s.image(ref)
		if err != nil {
			return fmt.Errorf("make image %s: %w", ref, err)
		}
		if err := oci.AppendImage(img, layout.WithAnnotations(map[string]string{NameAnnotation: ref})); err != nil {
			return fmt.Errorf("write image %s: %w", ref, err)
		}
	}
	return os.WriteFile(filepath.Join(dir, refsFile), []byte(strings.Join(refs, "\n")+"\n"), 0o644)
}

// refs asks kubeadm which images a control plane of its version has.
func (s imageSet) refs(ctx context.Context) ([]string, error) {
	kubeadm, err := s.programs.path("kubeadm")
	if err != nil {
		return nil, err
	}
	version, err := exec.CommandContext(ctx, kubeadm, "version", "-o", "short").Output()
	if err != nil {
		return nil, fmt.Errorf("ask kubeadm for its version: %w", err)
	}
	list, err := exec.CommandContext(ctx, kubeadm, "config", "images", "list", "--kubernetes-version", strings.TrimSpace(string(version))).Output()
	if err != nil {
		return nil, fmt.Errorf("ask kubeadm for its images: %w", err)
	}
	refs := strings.Fields(string(list))
	if len(refs) == 0 {
		return nil, errors.New("ask kubeadm for its images: it names none")
	}
	return refs, nil
}

// image is an image of ref's program, which has ref's base name.
func (s imageSet) image(ref string) (v1.Image, error) {
	name, _, _ := strings.Cut(path.Base(ref), ":")
	file, err := s.programs.path(name)
	if err != nil {
		return nil, err
	}
	var layers []v1.Layer
	if name == "kube-proxy" {
		tools, err := proxyTools(s.base)
		if err != nil {
			return nil, err
		}
		layers = append(layers, tools)
	}
	program, err := programLayer(file)
	if err != nil {
		return nil, err
	}
	config := v1.Config{Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}}
	if name == "coredns" || name == "pause" { // the others are called by name in their manifests
		config.Entrypoint = []string{"/usr/local/bin/" + name}
	}
	return assemble(config, append(layers, program)...)
}

func assemble(config v1.Config, layers ...v1.Layer) (v1.Image, error) {
	img := mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.OCIConfigJSON), types.OCIManifestSchema1)
	img, err := mutate.AppendLayers(img, layers...)
	if err != nil {
		return nil, err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", runtime.GOARCH, config
	return mutate.ConfigFile(img, file)
}

// programLayer is a layer with file in /usr/local/bin.
func programLayer(file string) (v1.Layer, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var b layerBuilder
	b.file("usr/local/bin/"+filepath.Base(file), 0o755, text)
	b.dir("tmp", 0o1777)
	return b.layer()
}

// layerBuilder writes a layer whose bytes depend on nothing but its content.
type layerBuilder struct {
	buf  bytes.Buffer
	tar  *tar.Writer
	dirs map[string]bool
	errs []error
}

func (b *layerBuilder) add(h tar.Header, text []byte) {
	if b.tar == nil {
		b.tar, b.dirs = tar.NewWriter(&b.buf), map[string]bool{".": true}
	}
	if parent := path.Dir(path.Clean(h.Name)); !b.dirs[parent] {
		b.dir(parent, 0o755)
	}
	b.errs = append(b.errs, b.tar.WriteHeader(&h))
	_, err := b.tar.Write(text)
	b.errs = append(b.errs, err)
}

func (b *layerBuilder) dir(name string, mode int64) {
	b.add(tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode}, nil)
	b.dirs[name] = true
}

func (b *layerBuilder) file(name string, mode int64, text []byte) {
	b.add(tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(text))}, text)
}

func (b *layerBuilder) link(name, target string) {
	b.add(tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}, nil)
}

func (b *layerBuilder) layer() (v1.Layer, error) {
	b.errs = append(b.errs, b.tar.Close())
	return static.NewLayer(b.buf.Bytes(), types.OCIUncompressedLayer), errors.Join(b.errs...)
}
