package kit

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// toyPrograms are programs that do nothing.
func toyPrograms(t *testing.T, names ...string) programs {
	t.Helper()
	p := programs{kube: t.TempDir(), lab: t.TempDir()}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(p.kube, name), []byte(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func TestImage(t *testing.T) {
	t.Parallel()
	s := imageSet{programs: toyPrograms(t, "pause", "etcd")}
	for ref, entrypoint := range map[string][]string{
		"registry.example.org/pause:1":     {"/usr/local/bin/pause"},
		"registry.example.org/deep/etcd:2": nil,
	} {
		img, err := s.image(ref)
		if err != nil {
			t.Fatal(err)
		}
		config, err := img.ConfigFile()
		if err != nil || !slices.Equal(config.Config.Entrypoint, entrypoint) {
			t.Errorf("%s: entry point is %q, %v, want %q", ref, config.Config.Entrypoint, err, entrypoint)
		}
		again, err := s.image(ref)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := digestOf(t, img), digestOf(t, again); a != b {
			t.Errorf("%s: made twice it is %s and %s", ref, a, b)
		}
	}
	if _, err := s.image("registry.example.org/other:1"); err == nil {
		t.Error("an image was made without its program")
	}
}

func digestOf(t *testing.T, img v1.Image) v1.Hash {
	t.Helper()
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

func TestLayerBuilder(t *testing.T) {
	t.Parallel()
	var b layerBuilder
	b.file("usr/bin/a", 0o755, []byte("text"))
	b.file("usr/bin/b", 0o644, nil)
	b.link("bin", "usr/bin")
	layer, err := b.layer()
	if err != nil {
		t.Fatal(err)
	}
	content, err := layer.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for r := tar.NewReader(content); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
	if want := []string{"usr/", "usr/bin/", "usr/bin/a", "usr/bin/b", "bin"}; !slices.Equal(names, want) {
		t.Errorf("layer has %q, want %q", names, want)
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, dir := range []string{"usr/sbin", "usr/bin", "etc/alternatives"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	links := map[string]string{
		"sbin":                      "usr/sbin",
		"usr/sbin/iptables":         "/etc/alternatives/iptables",
		"etc/alternatives/iptables": "/usr/sbin/iptables-nft",
		"usr/sbin/iptables-nft":     "multi",
		"usr/sbin/round":            "round",
		"usr/bin/up":                "../sbin/multi",
	}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "usr/sbin/multi"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	c := closure{root: root}
	for _, name := range []string{"usr/sbin/iptables", "sbin/iptables", "usr/bin/up", "usr/sbin/multi"} {
		if got, err := c.resolve(name); err != nil || got != "usr/sbin/multi" {
			t.Errorf("%s means %q, %v, want usr/sbin/multi", name, got, err)
		}
	}
	for _, name := range []string{"usr/sbin/round", "usr/sbin/none"} {
		if got, err := c.resolve(name); err == nil {
			t.Errorf("%s means %q, want an error", name, got)
		}
	}
}
