//go:build !unix

package pluginhost

import "io/fs"

func executable(fs.FileInfo) bool { return true }
