// Package critest is a container runtime for tests: a CRI server on a socket of its
// own that pulls, lists and removes what a test gave it. It runs nothing.
package critest

import (
	"crypto/rand"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"google.golang.org/grpc"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Runtime is a fake runtime. Its fields may be changed through [Runtime.Set] while
// it serves.
type Runtime struct {
	// Socket is its address: "unix:///…".
	Socket string

	mu    sync.Mutex
	state State
	calls []string

	runtimeapi.UnimplementedRuntimeServiceServer
	runtimeapi.UnimplementedImageServiceServer
}

// State is what a fake runtime is and has.
type State struct {
	Name, Version string // "containerd", "v2.1.4"
	NotReady      string // why the runtime is not ready; empty if it is
	NetworkDown   string // why the network is not ready; empty if it is
	// CgroupDriver is "systemd" or "cgroupfs"; empty makes the runtime one that
	// does not know the call.
	CgroupDriver string
	// SandboxImage is told in the verbose status; empty leaves it out.
	SandboxImage string
	// Config is the verbose config in JSON in place of one with SandboxImage alone.
	Config    string
	Images    []*runtimeapi.Image
	Sandboxes []*runtimeapi.PodSandbox
	// Containers by status: labels, log path and exit code are served as they are.
	Containers []Container
	// Pull answers a pull. Nil pulls everything; an error of package status is sent
	// as it is. A pulled image of size [PulledSize] is listed afterwards.
	Pull func(ref string) error
	// Stop answers the stop of a sandbox; nil stops it.
	Stop func(id string) error
}

// Container is a container of a fake runtime.
type Container struct {
	SandboxID string
	Status    *runtimeapi.ContainerStatus
}

// PulledSize is the size of an image that was pulled, in bytes.
const PulledSize = 12345

// New starts a runtime that is well and empty, and ends it with the test.
func New(t *testing.T) *Runtime {
	t.Helper()
	dir := shortDir(t)
	r := &Runtime{state: State{Name: "containerd", Version: "v2.1.4", CgroupDriver: "systemd", SandboxImage: "registry.k8s.io/pause:3.10.2"}}
	path := filepath.Join(dir, "containerd.sock")
	r.Socket = "unix://" + path
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	runtimeapi.RegisterRuntimeServiceServer(server, r)
	runtimeapi.RegisterImageServiceServer(server, r)
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil && !errors.Is(err, grpc.ErrServerStopped) { // before it began
			t.Errorf("serve CRI: %v", err)
		}
	})
	return r
}

// shortDir is a directory of the test's with a short name, for the path of a socket
// has at most 107 bytes: a link to t.TempDir, whose name grows with the test's.
func shortDir(t *testing.T) string {
	t.Helper()
	name := filepath.Join(os.TempDir(), "cri-"+rand.Text()[:10])
	if err := os.Symlink(t.TempDir(), name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(name); err != nil {
			t.Error(err)
		}
	})
	return name
}

// Set changes the runtime.
func (r *Runtime) Set(change func(*State)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.state)
}

// Calls lists the calls that change something, such as "PullImage ref", in order.
func (r *Runtime) Calls() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

// AddImage adds an image with one tag.
func (r *Runtime) AddImage(ref string, size uint64) {
	r.Set(func(s *State) { s.addImage(ref, size) })
}

func (s *State) addImage(ref string, size uint64) {
	s.Images = append(s.Images, &runtimeapi.Image{
		Id: "sha256:" + ref, RepoTags: []string{ref}, RepoDigests: []string{ref + "@sha256:0"}, Size: size,
	})
}

// HasImage reports whether an image is there.
func (r *Runtime) HasImage(ref string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.find(ref) >= 0
}

// ImageNames lists the tags of all images, sorted.
func (r *Runtime) ImageNames() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, i := range r.state.Images {
		out = append(out, i.GetRepoTags()...)
	}
	slices.Sort(out)
	return out
}

func (s *State) find(ref string) int {
	return slices.IndexFunc(s.Images, func(i *runtimeapi.Image) bool {
		return i.Id == ref || slices.Contains(i.RepoTags, ref) || slices.Contains(i.RepoDigests, ref)
	})
}

// matches reports whether labels hold all that selector wants.
func matches(labels, selector map[string]string) bool {
	for k, v := range selector {
		if labels[k] != v {
			return false
		}
	}
	return true
}
