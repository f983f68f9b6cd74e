package kit

import (
	"debug/elf"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// proxyCommands are the programs that kube-proxy calls.
func proxyCommands() []string {
	return []string{
		"usr/sbin/iptables", "usr/sbin/iptables-save", "usr/sbin/iptables-restore",
		"usr/sbin/ip6tables", "usr/sbin/ip6tables-save", "usr/sbin/ip6tables-restore",
		"usr/sbin/nft", "usr/sbin/conntrack", "usr/sbin/ipset", "usr/bin/kmod", "usr/sbin/modprobe",
	}
}

// proxyTools is a layer with proxyCommands and the libraries they need, a few
// megabytes out of the root file system.
func proxyTools(root string) (v1.Layer, error) {
	c := closure{root: root, files: map[string]bool{}, links: map[string]string{}}
	for _, name := range proxyCommands() {
		if err := c.add(name); err != nil {
			return nil, err
		}
	}
	extensions, err := filepath.Glob(filepath.Join(root, "usr/lib/*/xtables/*.so"))
	if err != nil {
		return nil, err
	}
	for _, file := range extensions {
		if err := c.add(strings.TrimPrefix(file, root+"/")); err != nil {
			return nil, err
		}
	}
	var b layerBuilder
	for _, dir := range []string{"bin", "sbin", "lib", "lib64"} { // Debian's merged /usr
		if target, err := os.Readlink(filepath.Join(root, dir)); err == nil {
			b.link(dir, target)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.files)) {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return nil, err
		}
		b.file(name, 0o755, text)
	}
	for _, name := range slices.Sorted(maps.Keys(c.links)) {
		b.link(name, "/"+c.links[name])
	}
	return b.layer()
}

// closure collects programs and the libraries they are linked to. All names are
// relative to root.
type closure struct {
	root  string
	files map[string]bool
	links map[string]string // name: file
}

// add adds the program or library called name and all that it needs.
func (c closure) add(name string) error {
	file, err := c.resolve(name)
	if err != nil {
		return err
	}
	if file != name {
		c.links[name] = file
	}
	if c.files[file] {
		return nil
	}
	c.files[file] = true
	needs, err := c.needs(file)
	if err != nil {
		return fmt.Errorf("read what %s needs: %w", file, err)
	}
	for _, need := range needs {
		if err := c.add(need); err != nil {
			return err
		}
	}
	return nil
}

// needs answers the libraries and the dynamic linker that file asks for.
func (c closure) needs(file string) ([]string, error) {
	binary, err := elf.Open(filepath.Join(c.root, file))
	if err != nil {
		return nil, err
	}
	defer binary.Close()
	libraries, err := binary.ImportedLibraries()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, lib := range libraries {
		found, err := filepath.Glob(filepath.Join(c.root, "usr/lib/*", lib))
		if err != nil || len(found) == 0 {
			return nil, fmt.Errorf("library %s: %w", lib, fs.ErrNotExist)
		}
		names = append(names, strings.TrimPrefix(found[0], c.root+"/"))
	}
	for _, p := range binary.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		text := make([]byte, p.Filesz)
		if _, err := p.ReadAt(text, 0); err != nil {
			return nil, err
		}
		names = append(names, "usr"+strings.TrimRight(string(text), "\x00"))
	}
	return names, nil
}

// resolve follows links to the file that name means, absolute ones also, as
// they are meant: below the root.
func (c closure) resolve(name string) (string, error) {
	for range 10 {
		first, rest, _ := strings.Cut(name, "/")
		if target, err := os.Readlink(filepath.Join(c.root, first)); err == nil { // bin is usr/bin
			name = filepath.Join(target, rest)
		}
		target, err := os.Readlink(filepath.Join(c.root, name))
		if err != nil {
			_, err = os.Stat(filepath.Join(c.root, name))
			return name, err
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join("/", filepath.Dir(name), target)
		}
		name = strings.TrimPrefix(filepath.Clean(target), "/")
	}
	return "", fmt.Errorf("resolve %s: too many links", name)
}
