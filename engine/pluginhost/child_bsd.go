//go:build unix && !linux

package pluginhost

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// launch starts the file in a process group of its own. Without a way to execute
// an open file it can only make sure that the path still leads to it. That the
// process ends with the engine rests on its standard input alone.
func launch(cmd *exec.Cmd, file *os.File) error {
	opened, err := file.Stat()
	if err != nil {
		return err
	}
	if there, err := os.Stat(cmd.Path); err != nil || !os.SameFile(opened, there) {
		return errors.New("the file was replaced after it was hashed")
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd.Start()
}

// reap waits for the end of the process and kills what is left of its group.
func (c *child) reap() {
	_ = c.cmd.Wait() // the state is in cmd
	c.mu.Lock()
	defer c.mu.Unlock()
	killGroup(c.cmd.Process.Pid)
	c.reaped, c.wanted = true, c.doomed
}
