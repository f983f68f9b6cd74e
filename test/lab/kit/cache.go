package kit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// cache keeps directories, each named after what went into it.
type cache struct {
	dir string
	out io.Writer // for people
}

// keyOf is a short name for a list of inputs.
func keyOf(inputs ...string) string {
	h := sha256.New()
	for _, in := range inputs {
		fmt.Fprintf(h, "%q\n", in)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:6])
}

// entry returns the directory of kind and key after making it if it is missing.
// fill fills an empty directory, which gets its name only once it is whole and
// on disk; what a killed one left is removed by the next.
func (c cache) entry(ctx context.Context, kind, key string, fill func(ctx context.Context, dir string) error) (string, error) {
	dir := filepath.Join(c.dir, "lab-"+kind+"-"+key)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(dir); err == nil {
		return dir, nil // another process made it while this one waited
	}
	temp := filepath.Join(c.dir, ".lab-"+kind+".tmp")
	if err := errors.Join(os.RemoveAll(temp), os.Mkdir(temp, 0o755)); err != nil {
		return "", err
	}
	began := time.Now()
	fmt.Fprintf(c.out, "lab: making %s\n", titles()[kind])
	if err := fill(ctx, temp); err != nil {
		return "", errors.Join(fmt.Errorf("make the lab's %s: %w", kind, err), os.RemoveAll(temp))
	}
	if err := publish(temp, dir); err != nil {
		return "", err
	}
	fmt.Fprintf(c.out, "lab: made %s in %.0fs\n", filepath.Base(dir), time.Since(began).Seconds())
	return dir, nil
}

func titles() map[string]string {
	return map[string]string{
		"base":    "a Debian root file system with debootstrap (once, two or three minutes)",
		"images":  "images of Kubernetes, etcd and CoreDNS",
		"store":   "a containerd store that has the images",
		"host":    "the layer that makes a Kubernetes host of Debian",
		"kubeadm": "the layer with kubeadm",
	}
}

// publish gives temp the name dir once all below it is on disk.
func publish(temp, dir string) error {
	f, err := os.Open(temp)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return fmt.Errorf("sync %s: %w", temp, err)
	}
	return os.Rename(temp, dir)
}

// lock waits until no other process makes parts in this cache. The kernel gives
// the lock back when its holder dies.
func (c cache) lock(ctx context.Context) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(c.dir, ".lab.lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for told := false; ; told = true {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
		}
		if !told {
			fmt.Fprintln(c.out, "lab: another process makes parts of hosts; waiting for it")
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), f.Close())
		case <-tick.C:
		}
	}
}
