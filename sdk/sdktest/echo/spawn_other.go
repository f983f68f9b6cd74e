//go:build !unix

package echo

import "errors"

func spawn(bool) (pid int, err error) { return 0, errors.ErrUnsupported }
