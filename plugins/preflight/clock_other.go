//go:build !linux

package preflight

import "errors"

// clockSynchronised knows Linux: hosts are Linux machines, other systems only build
// and test.
func clockSynchronised() (bool, error) { return false, errors.ErrUnsupported }
