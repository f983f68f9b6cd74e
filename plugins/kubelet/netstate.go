package kubelet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"

	"github.com/clusterflow/clusterflow/plugins/internal/sweep"
	"github.com/clusterflow/clusterflow/sdk"
)

// linksLike lists the network interfaces of these names.
func linksLike(patterns []string) ([]sweep.Thing, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	var out []sweep.Thing
	for _, link := range links {
		name := link.Attrs().Name
		if slices.ContainsFunc(patterns, func(p string) bool { ok, err := filepath.Match(p, name); return ok && err == nil }) {
			out = append(out, sweep.Thing{
				Kind: "interface", Target: name, Reason: link.Type(),
				Remove: func(context.Context) error { return removeLink(name) },
			})
		}
	}
	return out, nil
}

// removeLink deletes an interface unless others are attached to it.
func removeLink(name string) error {
	link, err := netlink.LinkByName(name)
	var absent netlink.LinkNotFoundError
	if errors.As(err, &absent) {
		return nil
	}
	if err != nil {
		return err
	}
	links, err := netlink.LinkList()
	if err != nil {
		return err
	}
	var ports []string
	for _, other := range links {
		if other.Attrs().MasterIndex == link.Attrs().Index {
			ports = append(ports, other.Attrs().Name)
		}
	}
	if len(ports) > 0 {
		return sdk.Hint(fmt.Errorf("something is still attached to it: %s", strings.Join(ports, ", ")),
			"It is not a pod of the kubelet: those are gone. End what uses it, and repeat.")
	}
	return netlink.LinkDel(link)
}

// otherNetworks are the networks that are configured besides that of the pods. As
// the runtime does, the first file in the order of names is taken for the pods'.
func otherNetworks(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("read configuration of networks: %w", err)
	}
	var names []string
	for _, e := range entries {
		if !slices.Contains([]string{".conf", ".conflist", ".json"}, filepath.Ext(e.Name())) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read configuration of networks: %w", err)
		}
		var network struct {
			Name string `json:"name"`
		}
		if json.Unmarshal(text, &network) == nil && network.Name != "" {
			names = append(names, network.Name)
		}
	}
	return names[min(1, len(names)):], nil
}

// leases lists a directory in which network plugins keep what they gave to whom:
// as a whole, or without the files of the networks to keep.
func leases(dir string, kept []string) ([]sweep.Thing, error) {
	if !exists(dir) {
		return nil, nil
	}
	var own []sweep.Thing
	others := false
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		if d.IsDir() && !empty(path) {
			return nil
		}
		if slices.ContainsFunc(kept, func(network string) bool { return isOf(path, network) }) {
			others = true
			return nil
		}
		own = append(own, sweep.Thing{Kind: gone(path).Kind, Target: path, Remove: func(context.Context) error {
			return removeUpTo(dir, path)
		}})
		return nil
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("read what network plugins keep: %w", err)
	case others:
		return own, nil
	}
	return []sweep.Thing{gone(dir)}, nil
}

// empty reports a directory with nothing in it.
func empty(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) == 0
}

// removeUpTo deletes a file or an empty directory, and the directories above it that are empty then, as
// far as dir.
func removeUpTo(dir, path string) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	for parent := filepath.Dir(path); parent != dir; parent = filepath.Dir(parent) {
		if os.Remove(parent) != nil {
			return nil // not empty
		}
	}
	return nil
}

// isOf reports a file in a directory of the network, or one that begins with its name.
func isOf(path, network string) bool {
	return slices.Contains(strings.Split(path, "/"), network) || strings.HasPrefix(filepath.Base(path), network+"-")
}

// virtualServices counts the virtual services in /proc/net/ip_vs.
func virtualServices(table []byte) int {
	n := 0
	for line := range bytes.Lines(table) {
		for _, protocol := range []string{"TCP ", "UDP ", "SCTP ", "FWM "} {
			if bytes.HasPrefix(line, []byte(protocol)) {
				n++
			}
		}
	}
	return n
}
