package pluginhost

import (
	"fmt"
	"io/fs"
	"syscall"
	"time"
)

// identify names a file and describes its state; both are empty if the system
// does not say enough.
func identify(info fs.FileInfo) (name, state string) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", ""
	}
	return fmt.Sprintf("%x-%x", s.Dev, s.Ino),
		fmt.Sprintf("%d %d.%09d %d.%09d", s.Size, s.Mtim.Sec, s.Mtim.Nsec, s.Ctim.Sec, s.Ctim.Nsec)
}

// changed is when the file or its attributes last changed.
func changed(info fs.FileInfo) time.Time {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return time.Now()
	}
	return time.Unix(s.Ctim.Unix())
}
