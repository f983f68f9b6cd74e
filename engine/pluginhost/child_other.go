//go:build !unix

package pluginhost

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
)

// launch refuses: the guarantees of this package rest on process groups and unix
// sockets.
func launch(*exec.Cmd, *os.File) error {
	return fmt.Errorf("start plugins on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

func (c *child) reap() {}

func killGroup(int) {}
