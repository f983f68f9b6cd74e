package staticpod

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const fileKind = "static-pod"

// Kind brings back manifests from records. Every phase that writes one lists it.
func Kind() resource.Kind { return resource.KindOf[file](fileKind) }

// Aside is where the manifest of a static pod is kept while a DaemonSet runs the
// component in its place: beside the directory that the kubelet watches.
func Aside(manifest string) string {
	return filepath.Join(filepath.Dir(filepath.Dir(manifest)), "self-hosted", filepath.Base(manifest))
}

// IsAside reports that it is kept there, and not where the kubelet looks.
func IsAside(manifest string) bool { return Exists(Aside(manifest)) && !Exists(manifest) }

// file is a manifest, be it aside or not.
type file struct {
	resource.File
	Manifest string `json:"manifest"`
}

// File is the manifest as a resource, r what is recorded of it. While the manifest
// is aside, the resource keeps it up to date there. No plan shows passwords of
// proxies.
func (m Manifest) File(r resource.Record) (resource.Resource, error) {
	f := &file{Manifest: m.Path, File: resource.File{
		Path: m.Path, Mode: modeFile, DirMode: modeDir, Content: m.content,
		Secret: hasPassword(m.Pod.Spec.Containers[0].Env),
	}}
	entry, ok := r.Find(f.ID())
	if !ok {
		return f, nil
	}
	var old file
	if err := json.Unmarshal(entry.State, &old); err != nil {
		return nil, fmt.Errorf("read record of %s: %w", m.Path, err)
	}
	f.Dirs = old.Dirs
	return f, nil
}

func (f *file) ID() resource.ID { return resource.ID{Kind: fileKind, Target: f.Manifest} }

// Diff compares the file, wherever it is by now. Another one interrupts what runs.
func (f *file) Diff(ctx context.Context) (sdk.Change, error) {
	f.Path = f.Manifest
	if IsAside(f.Manifest) {
		f.Path = Aside(f.Manifest)
	}
	change, err := f.File.Diff(ctx)
	change.Disruptive = change.Op == sdk.OpUpdate
	return change, err
}

// Remove deletes the manifest, wherever it is.
func (f *file) Remove(ctx context.Context) error {
	aside := resource.File{Path: Aside(f.Manifest), Dirs: []string{filepath.Dir(Aside(f.Manifest))}}
	if Exists(aside.Path) {
		if err := aside.Remove(ctx); err != nil {
			return err
		}
	}
	f.Path = f.Manifest
	return f.File.Remove(ctx)
}
