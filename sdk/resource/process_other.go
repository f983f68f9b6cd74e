//go:build !linux

package resource

import (
	"errors"
	"fmt"
)

// errNoProc is the answer of every call below: processes are found in /proc.
var errNoProc = fmt.Errorf("find processes: %w on this system", errors.ErrUnsupported)

func bootID() (string, error)                { return "", errNoProc }
func startTicks(int) (uint64, error)         { return 0, errNoProc }
func findArgv([]string) (int, uint64, error) { return 0, 0, errNoProc }
func programReplaced(int, string) bool       { return false }
