package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/clusterflow/clusterflow/test/lab/kit"
)

// MaxHosts is how many hosts a lab can have.
const MaxHosts = 9

// downWithin is how long taking down may last after its caller gave up.
const downWithin = 2 * time.Minute

// Options say what lab to bring up. The zero value is one host without images.
type Options struct {
	// Name tells labs apart: lower case letters, digits and dashes, at most 20.
	// Default: "lab" and a short hash of the clone, so that clones do not meet.
	Name string
	// Hosts is how many there are. Default 1, at most MaxHosts.
	Hosts int
	// Images says that hosts have all images of a control plane before they start.
	Images bool
	// IPv6 says that hosts and pods have addresses of both families.
	IPv6 bool
	// Kubeadm says that hosts have kubeadm.
	Kubeadm bool
	// Detach, if given, says that the lab outlives this process, and is the
	// command line of a program that calls ServeRegistry with what is appended
	// to it: the arguments of ServeRegistry. Such a lab has no Registry to steer.
	Detach []string
	// Top is the clone. Default: found above the working directory.
	Top string
	// Log hears what is being done. Default: nobody.
	Log io.Writer
}

// Lab is a set of running hosts that belongs to this process, or one that Open found.
type Lab struct {
	Name  string
	Hosts []*Host
	// Registry serves images to the hosts. It is nil when it runs in another
	// process: in a lab that is detached, or that Open found.
	Registry *Registry

	dir stateDir
	opt Options
	kit *kit.Kit
}

// Up brings up a lab after removing what killed runs left of this and other
// labs. The error is ErrInUse when a living process has a lab of that name, or
// one was left running on purpose.
//
// The caller must call Down. A lab whose process dies is removed by the next Up.
func Up(ctx context.Context, opt Options) (*Lab, error) {
	if err := opt.fill(); err != nil {
		return nil, err
	}
	if err := Missing(ctx); err != nil {
		return nil, err
	}
	parts, err := kit.Ensure(ctx, opt.Top, opt.Log)
	if err != nil {
		return nil, err
	}
	dir, err := claim(ctx, opt.Name, opt.Log)
	if err != nil {
		return nil, err
	}
	l := &Lab{Name: opt.Name, dir: dir, opt: opt, kit: parts}
	if err := l.start(ctx); err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), downWithin)
		defer cancel()
		return nil, errors.Join(fmt.Errorf("bring up lab %s: %w", opt.Name, err), l.Down(ctx))
	}
	return l, nil
}

func (o *Options) fill() error {
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Hosts == 0 {
		o.Hosts = 1
	}
	if o.Hosts < 0 || o.Hosts > MaxHosts {
		return fmt.Errorf("a lab of %d hosts: it has 1 to %d", o.Hosts, MaxHosts)
	}
	if o.Top == "" {
		top, err := FindTop()
		if err != nil {
			return err
		}
		o.Top = top
	}
	if o.Name == "" {
		o.Name = NameOf("lab", o.Top)
	}
	return checkName(o.Name)
}

// start makes the network and then all hosts at once.
func (l *Lab) start(ctx context.Context) error {
	began := time.Now()
	if err := raiseLimits(); err != nil {
		return err
	}
	groups, err := newGroups(l.Name)
	if err != nil {
		return err
	}
	if err := l.dir.save(record{Groups: groups, Hosts: l.opt.Hosts}); err != nil {
		return err
	}
	if err := l.makeBridge(ctx); err != nil {
		return err
	}
	if err := l.startRegistry(ctx, groups.of("registry")); err != nil {
		return err
	}
	starting, within := errgroup.WithContext(ctx)
	for i := range l.opt.Hosts {
		h := newHost(l, i+1, groups)
		l.Hosts = append(l.Hosts, h)
		starting.Go(func() error { return h.create(within) })
	}
	if err := starting.Wait(); err != nil {
		return err
	}
	if len(l.opt.Detach) > 0 {
		if err := l.dir.save(record{Groups: groups, Hosts: l.opt.Hosts, Kept: true}); err != nil {
			return err
		}
	}
	fmt.Fprintf(l.opt.Log, "lab: %s is up after %.1fs: %d host(s)\n", l.Name, time.Since(began).Seconds(), len(l.Hosts))
	return nil
}

// Open finds the running lab called name, which another process made.
func Open(name string) (*Lab, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	l := &Lab{Name: name, dir: stateDir{path: filepath.Join(root(), name)}}
	r, err := l.dir.load()
	if err != nil {
		return nil, err
	}
	if r.Hosts == 0 {
		return nil, fmt.Errorf("open lab %s: %w", name, ErrNotUp)
	}
	for i := range r.Hosts {
		h := newHost(l, i+1, r.Groups)
		if err := h.findLeader(); err != nil {
			return nil, fmt.Errorf("open lab %s: %w", name, err)
		}
		l.Hosts = append(l.Hosts, h)
	}
	return l, nil
}

// Remove removes the lab called name, left running or left behind, as Down
// would. The error is ErrInUse while the process that made it needs it.
func Remove(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if _, err := os.Stat(root()); err != nil {
		return nil // nobody has labs
	}
	dir, err := lockDir(name)
	if err != nil {
		return err
	}
	l := Lab{Name: name, dir: dir}
	return l.Down(ctx)
}

// Host answers the host of that name, or nil.
func (l *Lab) Host(name string) *Host {
	i := slices.IndexFunc(l.Hosts, func(h *Host) bool { return h.Name == name })
	if i < 0 {
		return nil
	}
	return l.Hosts[i]
}

// Down ends a lab that Up made and leaves nothing of it: no process, mount, namespace,
// control group or file. It may be called again after an error.
func (l *Lab) Down(ctx context.Context) error {
	if l.Registry != nil {
		if err := l.Registry.close(ctx); err != nil {
			return err
		}
	}
	if err := l.dir.remove(ctx); err != nil {
		return fmt.Errorf("take down lab %s: %w", l.Name, err)
	}
	for _, h := range l.Hosts {
		h.machine.reap()
	}
	return l.dir.release()
}

// FindTop looks for the clone above the working directory.
func FindTop() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "test", "pinned")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("find the clone: the working directory is not in one")
}
