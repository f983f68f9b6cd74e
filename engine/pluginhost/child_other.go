//go:build !unix

package pluginhost

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
)

// launch refuses: the guarantees of this package rest on process groups and unix
// sockets.
func launch(*exec.Cmd, *os.File) error {
	return fmt.Errorf("plugins cannot be started on %s yet", runtime.GOOS)
}

func (c *child) reap() {}

func killGroup(int) {}
