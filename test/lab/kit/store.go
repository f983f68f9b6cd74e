package kit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// storeRecipe changes when the same images make another store.
const storeRecipe = "1"

// storeMaker makes a root directory of containerd that has images imported and
// unpacked, so that a host starts with them in no time.
type storeMaker struct {
	programs programs
	images   string
}

func (s storeMaker) make(ctx context.Context, dir string) (err error) {
	state, err := os.MkdirTemp("", "lab-store") // short: it holds a socket
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(state)) }()
	config, socket := filepath.Join(state, "config.toml"), filepath.Join(state, "socket")
	text := fmt.Sprintf("version = 3\nroot = %q\nstate = %q\ndisabled_plugins = %s\n[grpc]\naddress = %q\n", dir, filepath.Join(state, "state"),
		`["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.nri.v1.nri"]`, socket)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	containerd, err := s.programs.path("containerd")
	if err != nil {
		return err
	}
	runtime.LockOSThread() // Pdeathsig is about the thread that started the process
	defer runtime.UnlockOSThread()
	var log bytesTail
	daemon := exec.CommandContext(ctx, containerd, "--config", config)
	daemon.Stdout, daemon.Stderr = &log, &log
	daemon.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if err := daemon.Start(); err != nil {
		return err
	}
	importing := s.load(ctx, socket)
	if err := daemon.Process.Signal(syscall.SIGTERM); err != nil {
		return errors.Join(importing, err)
	}
	if err := daemon.Wait(); importing == nil && err != nil {
		importing = fmt.Errorf("containerd: %w", err)
	}
	if importing != nil {
		return fmt.Errorf("%w\n%s", importing, lastLines(string(log.text), 20))
	}
	return nil
}

// load imports all images into the containerd at socket.
func (s storeMaker) load(ctx context.Context, socket string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	if err := waitForFile(ctx, socket); err != nil {
		return err
	}
	ctr, err := s.programs.path("ctr")
	if err != nil {
		return err
	}
	pack := exec.CommandContext(ctx, "tar", "-C", s.images, "-c", ".")
	load := exec.CommandContext(ctx, ctr, "--address", socket, "--namespace", "k8s.io", "images", "import", "-")
	if load.Stdin, err = pack.StdoutPipe(); err != nil {
		return err
	}
	if err := pack.Start(); err != nil {
		return err
	}
	out, err := load.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("import images: %w\n%s", err, lastLines(string(out), 20))
	}
	return errors.Join(err, pack.Wait())
}

// waitForFile returns when file exists.
func waitForFile(ctx context.Context, file string) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(file); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", file, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// bytesTail keeps the last bytes that were written to it.
type bytesTail struct{ text []byte }

func (t *bytesTail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-16<<10):]
	return len(p), nil
}
