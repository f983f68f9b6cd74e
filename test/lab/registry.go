package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/clusterflow/clusterflow/test/lab/kit"
)

// registryPort is where the registry listens on Gateway, as certs.d of hosts says.
const registryPort = "5000"

// Registry serves the images of a kit to the hosts of a lab. Tests may make it
// a bad one.
type Registry struct {
	images http.Handler
	server *http.Server
	served chan error

	mu       sync.Mutex
	status   int
	missing  []string
	requests []string
}

// startRegistry starts the registry in the network namespace of the bridge: in
// this process, or for a lab that outlives it in one of the control group g.
func (l *Lab) startRegistry(ctx context.Context, g groups) error {
	if len(l.opt.Detach) == 0 {
		var err error
		l.Registry, err = serveIn(ctx, l.dir.bridge(), l.kit.Images)
		return err
	}
	if err := g.make(); err != nil {
		return err
	}
	line := inGroups(g, append(slices.Clone(l.opt.Detach), l.dir.bridge(), l.kit.Images)...)
	log, err := os.Create(filepath.Join(l.dir.path, "registry.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	// No context: it lives until its control group is killed.
	cmd := &exec.Cmd{Path: line[0], Args: line, Dir: "/", Stdout: log, Stderr: log}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release()
}

// ServeRegistry serves the registry of a detached lab until ctx ends.
func ServeRegistry(ctx context.Context, namespace, images string) error {
	r, err := serveIn(ctx, namespace, images)
	if err != nil {
		return err
	}
	<-ctx.Done()
	return r.close(ctx)
}

// serveIn starts a registry in a network namespace.
func serveIn(ctx context.Context, namespace, images string) (*Registry, error) {
	r, err := newRegistry(ctx, images)
	if err != nil {
		return nil, err
	}
	listener, err := listenIn(ctx, namespace, net.JoinHostPort(Gateway, registryPort))
	if err != nil {
		return nil, fmt.Errorf("start the registry: %w", err)
	}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
	r.served = make(chan error, 1)
	go func() { r.served <- r.server.Serve(listener) }()
	return r, nil
}

// newRegistry makes a registry of the images in an OCI layout. Their names
// lose the part before the first slash: hosts come here for any registry.
func newRegistry(ctx context.Context, images string) (*Registry, error) {
	blobs := registry.NewDiskBlobHandler(filepath.Join(images, "blobs"))
	r := &Registry{images: registry.New(registry.WithBlobHandler(blobs), registry.Logger(log.New(io.Discard, "", 0)))}
	index, err := layout.ImageIndexFromPath(images)
	if err != nil {
		return nil, err
	}
	list, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	for _, d := range list.Manifests {
		image, err := index.Image(d.Digest)
		if err != nil {
			return nil, err
		}
		manifest, err := image.RawManifest()
		if err != nil {
			return nil, err
		}
		if err := r.add(ctx, d.Annotations[kit.NameAnnotation], manifest); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// add gives the registry the manifest of an image whose blobs it has.
func (r *Registry) add(ctx context.Context, ref string, manifest []byte) error {
	_, name, _ := strings.Cut(ref, "/")
	repository, tag, _ := strings.Cut(name, ":")
	req := httptest.NewRequestWithContext(ctx, http.MethodPut, "/v2/"+repository+"/manifests/"+tag, bytes.NewReader(manifest))
	req.Header.Set("Content-Type", string(types.OCIManifestSchema1))
	answer := httptest.NewRecorder()
	r.images.ServeHTTP(answer, req)
	if answer.Code != http.StatusCreated {
		return fmt.Errorf("registry: add %s: %d %s", ref, answer.Code, answer.Body)
	}
	return nil
}

// Fail makes the registry answer every request with an HTTP status, such as
// 500; 0 makes it work again.
func (r *Registry) Fail(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// Hide makes the registry not know repositories, such as "coredns/coredns";
// without any it knows all again.
func (r *Registry) Hide(repositories ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.missing = repositories
}

// Requests answers the requests so far, as "GET /v2/pause/manifests/3.10.2".
func (r *Registry) Requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// ServeHTTP answers a host.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	status := r.judge(req)
	if status != 0 {
		http.Error(w, http.StatusText(status), status)
		return
	}
	r.images.ServeHTTP(w, req)
}

// judge notes req and answers the status to refuse it with, or 0.
func (r *Registry) judge(req *http.Request) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, req.Method+" "+req.URL.Path)
	for _, repository := range r.missing {
		if strings.HasPrefix(req.URL.Path, "/v2/"+repository+"/") {
			return http.StatusNotFound
		}
	}
	return r.status
}

func (r *Registry) close(ctx context.Context) error {
	if err := r.server.Shutdown(ctx); err != nil {
		r.server.Close()
	}
	if err := <-r.served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("registry: %w", err)
	}
	return nil
}
