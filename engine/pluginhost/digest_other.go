//go:build !linux

package pluginhost

import (
	"io/fs"
	"time"
)

// Elsewhere every file is hashed in every run.

func identify(fs.FileInfo) (name, state string) { return "", "" }

func changed(fs.FileInfo) time.Time { return time.Now() }
