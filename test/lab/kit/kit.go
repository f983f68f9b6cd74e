// Package kit makes what the hosts of a lab are made of, once, and keeps it
// beside the programs that it comes from: a Debian root file system, a layer
// that makes a Kubernetes host of it, images, and a store of containerd that
// holds them. It starts no host; that is the business of package lab.
package kit

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Kit names the parts, all of them read-only directories that hosts share.
type Kit struct {
	Base    string   // root file system of Debian
	Host    string   // layer above it: programs, units and settings of a Kubernetes host
	Kubeadm string   // layer above it: kubeadm, and nothing else
	Images  string   // OCI image layout
	Store   string   // root directory of a containerd that has all images unpacked
	Refs    []string // the images, as kubeadm names them
}

// Ensure makes what is missing and tells out about it. The clone's top has the
// programs below bin/kube and bin/lab, where make lab-kit puts them.
//
// It may be interrupted at any time and run again, also by two processes at
// once: parts appear whole or not at all.
func Ensure(ctx context.Context, top string, out io.Writer) (*Kit, error) {
	p, err := findPrograms(top)
	if err != nil {
		return nil, err
	}
	c := cache{dir: filepath.Dir(p.lab), out: out}
	var k Kit
	if k.Base, err = c.entry(ctx, "base", keyOf(debianRecipe()...), debootstrap); err != nil {
		return nil, err
	}
	images := imageSet{programs: p, base: k.Base}
	if k.Images, err = c.entry(ctx, "images", keyOf(imageRecipe, p.kube, p.lab, k.Base), images.make); err != nil {
		return nil, err
	}
	if k.Refs, err = readRefs(k.Images); err != nil {
		return nil, err
	}
	store := storeMaker{programs: p, images: k.Images}
	if k.Store, err = c.entry(ctx, "store", keyOf(storeRecipe, k.Images), store.make); err != nil {
		return nil, err
	}
	layer := layerMaker{programs: p}
	files, err := layer.digest()
	if err != nil {
		return nil, err
	}
	if k.Host, err = c.entry(ctx, "host", keyOf(files, p.kube, p.lab), layer.host); err != nil {
		return nil, err
	}
	k.Kubeadm, err = c.entry(ctx, "kubeadm", keyOf(p.lab), layer.kubeadm)
	return &k, err
}

// programs are the directories of what test/pinned built. Their names say what
// is in them.
type programs struct{ kube, lab string }

func findPrograms(top string) (programs, error) {
	var dirs [2]string
	for i, name := range []string{"kube", "lab"} {
		dir, err := filepath.EvalSymlinks(filepath.Join(top, "bin", name))
		if err != nil {
			return programs{}, fmt.Errorf("find the programs of hosts: %w; run make lab-kit first", err)
		}
		dirs[i] = dir
	}
	return programs{kube: dirs[0], lab: dirs[1]}, nil
}

// path answers where the program called name is.
func (p programs) path(name string) (string, error) {
	for _, dir := range []string{p.lab, p.kube} {
		file := filepath.Join(dir, name)
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
	}
	return "", fmt.Errorf("find program %s: it is in neither %s nor %s; run make lab-kit", name, p.lab, p.kube)
}

// readRefs answers which images are below dir.
func readRefs(dir string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(dir, refsFile))
	return strings.Fields(string(text)), err
}
