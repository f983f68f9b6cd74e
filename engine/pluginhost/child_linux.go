package pluginhost

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// launch starts the very file that was hashed, in a process group of its own. It
// runs on the spawner's thread: the process is killed when that thread ends.
func launch(cmd *exec.Cmd, file *os.File) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Path = fmt.Sprintf("/proc/self/fd/%d", file.Fd())
	var magic [2]byte
	if _, err := file.ReadAt(magic[:], 0); err == nil && bytes.Equal(magic[:], []byte("#!")) {
		// The interpreter opens the script by this path: it must inherit the file.
		cmd.ExtraFiles = []*os.File{file}
		cmd.Path = "/proc/self/fd/3"
	}
	return cmd.Start()
}

// reap waits for the end of the process and kills what is left of its group. The
// group is killed before the process is reaped, while its id cannot be taken by
// another one.
func (c *child) reap() {
	for {
		err := unix.Waitid(unix.P_PID, c.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	killGroup(c.cmd.Process.Pid)
	_ = c.cmd.Wait() // the state is in cmd
	c.reaped, c.wanted = true, c.doomed
}
