package pluginhost

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/clusterflow/clusterflow/sdk"
)

// Binary is a plugin's file, opened and hashed once. What runs later is what was
// hashed, even if the file at Path is replaced meanwhile.
type Binary struct {
	Name   string
	Path   string // as it was found; may be a link
	Digest string // SHA-256 of the content, in hex

	file *os.File // of the content, shared by all links to it
}

// content is an open file and its digest, which is taken once.
type content struct {
	file   *os.File
	info   os.FileInfo
	digest func() (string, error)
	pinned bool // hashed for certain
}

// library holds what was opened. Several names that link to one multi-call
// binary share a content.
type library struct {
	digests digests

	mu       sync.Mutex
	binaries map[string]*Binary // by name, path and pinned
	contents []*content
	closed   bool
}

// open returns the binary at path, which is opened and hashed the first time. A
// pinned one, whose digest decides whether it may run, is hashed for certain.
func (l *library) open(name, path string, pinned bool) (*Binary, error) {
	key := fmt.Sprintf("%s\x00%s\x00%v", name, path, pinned)
	b, c, err := l.find(key, path, pinned)
	if b != nil || err != nil {
		return b, err
	}
	digest, err := c.digest() // not under the lock: several files are hashed at once
	if err != nil {
		return nil, err
	}
	return l.keep(key, &Binary{Name: name, Path: path, Digest: digest, file: c.file})
}

// find returns what was opened before, the binary or at least its content.
func (l *library) find(key, path string, pinned bool) (*Binary, *content, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, nil, ErrClosed
	}
	if b, ok := l.binaries[key]; ok {
		return b, nil, nil
	}
	c, err := l.content(path, pinned)
	return nil, c, err
}

func (l *library) keep(key string, b *Binary) (*Binary, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	if first, ok := l.binaries[key]; ok {
		return first, nil
	}
	if l.binaries == nil {
		l.binaries = map[string]*Binary{}
	}
	l.binaries[key] = b
	return b, nil
}

// content opens a file unless it is open. The caller holds the lock.
func (l *library) content(path string, pinned bool) (*content, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = runnable(info)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	for _, c := range l.contents {
		same := os.SameFile(c.info, info) && c.info.ModTime().Equal(info.ModTime()) && c.info.Size() == info.Size()
		if same && (c.pinned || !pinned) {
			return c, f.Close()
		}
	}
	c := &content{file: f, info: info, pinned: pinned}
	c.digest = sync.OnceValues(func() (string, error) { return l.digests.get(f, info, pinned) })
	l.contents = append(l.contents, c)
	return c, nil
}

func (l *library) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for _, c := range l.contents {
		errs = append(errs, c.file.Close())
	}
	l.contents, l.binaries, l.closed = nil, nil, true
	return errors.Join(errs...)
}

func runnable(info os.FileInfo) error {
	switch {
	case info.IsDir():
		return sdk.Hint(ErrDirectory, "Name the file in it that is the plugin.")
	case !info.Mode().IsRegular() || !executable(info):
		return sdk.Hint(ErrNotExecutable, "Make it executable: chmod +x "+info.Name())
	}
	return nil
}

// check compares the digest with one that the pipeline demands.
func (b *Binary) check(want string) error {
	if want == "" || want == b.Digest {
		return nil
	}
	return sdk.Hint(fmt.Errorf("%w: it has sha256 %s, the pipeline wants %s", ErrDigest, b.Digest, want),
		"If the file is the one you want, write its sha256 into the plugin block or the lock file. If not, find out who replaced it.")
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
