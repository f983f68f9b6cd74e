package kubelet

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
	"github.com/clusterflow/clusterflow/plugins/internal/systemd"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const (
	serviceKind = "service"
	// ownStart is how soon after the appearance of its config a packaged kubelet
	// starts by itself: its unit tries every 10 s.
	ownStart = 15 * time.Second
)

// service is the resource: the kubelet's service, running with its present files.
type service struct {
	Unit string `json:"unit"`
	// Certificates is the directory of the certificates that the kubelet makes.
	// Remove takes them away, for a kubelet prefers them to what it is given, even in
	// another cluster. Empty if they were there before.
	Certificates string `json:"certificates,omitempty"`
	// Dir is the directory of the kubelet, which goes with them. Empty if it was
	// there before, or is not where the certificates tell.
	Dir string `json:"dir,omitempty"`
	// Socket is that of the container runtime in which it runs pods.
	Socket string `json:"socket,omitempty"`

	manager services
	config  string   // the file without which it does not start
	inputs  []string // files that it reads only when it starts; config is one
	healthz string   // URL; empty if it does not tell its health
	within  time.Duration
	first   bool // there is no record of an earlier run
	// certificate is the path of the kubelet's own client certificate.
	certificate string
	// admit is asked before the kubelet is started, and may refuse. Optional.
	admit func() error
	// prepare is called right before the kubelet is started. Optional.
	prepare func() error
}

var _ resource.Resource = (*service)(nil)

func serviceKindOf(h host) resource.Kind {
	return resource.Kind{Name: serviceKind, Restore: func(state json.RawMessage) (resource.Resource, error) {
		s := &service{manager: h.services}
		if err := json.Unmarshal(state, s); err != nil {
			return nil, fmt.Errorf("read record of the kubelet's service: %w", err)
		}
		return s, nil
	}}
}

// recall takes what the record tells of whose the certificates are. certificate is
// the path of the kubelet's own.
func (s *service) recall(r resource.Record, certificate string) *service {
	s.certificate = certificate
	entry, ok := r.Find(s.ID())
	if s.first = !ok; s.first {
		return s
	}
	var old service
	if err := json.Unmarshal(entry.State, &old); err == nil {
		s.Certificates, s.Dir, s.Socket = old.Certificates, old.Dir, old.Socket
	}
	return s
}

// note finds out where the kubelet runs pods and, before the first run, whose the
// certificates are: those of a kubelet that does not run were there before.
func (s *service) note(now systemd.Service) {
	if socket := endpointIn(s.config); socket != "" {
		s.Socket = socket
	}
	if !s.first {
		return
	}
	s.Certificates, s.Dir = filepath.Dir(s.certificate), ""
	if _, err := os.Lstat(s.certificate); err == nil && !now.Running() {
		s.Certificates = ""
		return
	}
	if dir := filepath.Dir(s.config); dir == filepath.Dir(s.Certificates) {
		s.Dir = dir
	}
}

func (s *service) ID() resource.ID { return resource.ID{Kind: serviceKind, Target: s.Unit} }

// Diff asks systemd, compares the start with the files, and asks the kubelet.
func (s *service) Diff(ctx context.Context) (sdk.Change, error) {
	now, err := s.manager.Service(ctx, s.Unit)
	if err != nil {
		return sdk.Change{}, err
	}
	s.note(now)
	changed, err := s.changed(now)
	switch {
	case err != nil:
		return sdk.Change{}, err
	case !now.Exists():
		return sdk.Change{Op: sdk.OpCreate, Reason: "there is no such service yet"}, nil
	case now.Active == "activating":
		return sdk.Change{Op: sdk.OpCreate, Reason: fmt.Sprintf("it keeps failing: %s", now.Exit())}, nil
	case !now.Running():
		return sdk.Change{Op: sdk.OpCreate, Reason: "not running"}, nil
	case s.first && s.startedByItself(now):
		return sdk.Change{Op: sdk.OpCreate, Reason: "it was started by itself, as long as there was no configuration"}, nil
	case changed != "":
		return sdk.Change{Op: sdk.OpUpdate, Reason: "changed since it started: " + changed}, nil
	}
	if err := s.healthy(ctx); err != nil {
		return sdk.Change{Op: sdk.OpUpdate, Reason: "not healthy: " + err.Error()}, nil
	}
	return sdk.Change{}, nil
}

// Render starts or restarts the service unless it runs with the present files, and
// waits until the kubelet is healthy.
func (s *service) Render(ctx context.Context) error {
	for _, path := range s.inputs {
		if _, err := os.Stat(path); err != nil {
			return sdk.Hint(err, "The kubelet reads this file when it starts. Is the path right, and does the phase that makes it come first?")
		}
	}
	now, err := s.manager.Service(ctx, s.Unit)
	if err != nil {
		return err
	}
	changed, err := s.changed(now)
	if err != nil {
		return err
	}
	w := &watch{manager: s.manager, unit: s.Unit}
	if !now.Running() || changed != "" {
		if err := s.restart(ctx, w); err != nil {
			return err
		}
	}
	return w.wait(ctx, resource.Probe{
		Name: "the kubelet is healthy", Every: pollEvery, Timeout: s.within, Check: s.healthy,
	})
}

// restart starts the service unless something speaks against it: a refusal, or
// another program that answers in the kubelet's place.
func (s *service) restart(ctx context.Context, w *watch) error {
	if s.admit != nil {
		if err := s.admit(); err != nil {
			return err
		}
	}
	if s.healthz != "" && s.healthy(ctx) == nil {
		now, err := s.manager.Service(ctx, s.Unit)
		if err != nil {
			return err
		}
		if !now.Running() && now.Active != "deactivating" {
			return sdk.Permanent(sdk.Hint(fmt.Errorf("another program answers at %s", s.healthz),
				"Stop it: ss -ltnp shows who listens. It may be another kubelet (k3s, microk8s, a container)."))
		}
	}
	if s.prepare != nil {
		if err := s.prepare(); err != nil {
			return err
		}
	}
	return w.restart(ctx)
}

// Remove stops the service, ends the pods that it ran, and deletes the kubelet's own
// certificates with all that it kept in its directory.
func (s *service) Remove(ctx context.Context) error {
	if err := s.manager.Stop(ctx, s.Unit); err != nil {
		return err
	}
	if err := s.removeRemains(ctx); err != nil || s.Certificates == "" {
		return err
	}
	return removeCertificates(s.Certificates)
}

// healthy asks the kubelet. One that does not tell counts as healthy.
func (s *service) healthy(ctx context.Context) error {
	if s.healthz == "" {
		return nil
	}
	return component.Health{URL: s.healthz}.Check(ctx)
}

// changed returns the first input that is newer than the running kubelet, or "".
// An absent one is not: a kubelet that runs does not need it any more.
func (s *service) changed(now systemd.Service) (string, error) {
	for _, path := range s.inputs {
		at, err := changedAt(path)
		if err != nil {
			return "", err
		}
		if at.After(now.Started) {
			return path, nil
		}
	}
	return "", nil
}

// startedByItself reports a kubelet that systemd tries to start until it finds its
// configuration: it has just found it, or is about to fail once more.
func (s *service) startedByItself(now systemd.Service) bool {
	if now.Restarts == 0 {
		return false
	}
	at, err := changedAt(s.config)
	if err == nil && !at.IsZero() && !at.After(now.Started) {
		return now.Started.Sub(at) < ownStart
	}
	return err == nil && time.Since(now.Started) < ownStart
}

// changedAt is when content or mode of a file changed last, also if it was put
// there by a rename. An absent one gives the zero time.
func changedAt(path string) (time.Time, error) {
	info, err := os.Stat(path)
	if os.IsNotExist(err) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(stat.Ctim.Unix()), nil
	}
	return info.ModTime(), nil
}
