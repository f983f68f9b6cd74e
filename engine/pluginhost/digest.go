package pluginhost

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// settled is how long a file must have been left alone before its digest is
// remembered: a change within the resolution of its times would not show.
const settled = 2 * time.Second

// digests remembers the digests of files between runs, so that a command that
// starts no plugin need not read them: hashing takes half a millisecond per MiB.
// A file is known by what the kernel says of it, as in the index of git. Whoever
// can change a file without changing that, or write to the cache, can run anything
// as this user already.
type digests struct{ dir string } // empty: no memory

// get returns the digest of an open file. That of a pinned one, which decides
// whether the file may run, is never taken from memory.
func (d digests) get(f *os.File, info os.FileInfo, pinned bool) (string, error) {
	name, identity := identify(info)
	path := filepath.Join(d.dir, "digest", name)
	known := d.dir != "" && identity != ""
	if known && !pinned {
		if text, err := os.ReadFile(path); err == nil {
			if digest, ok := strings.CutPrefix(string(text), identity+" "); ok && len(digest) == 2*sha256.Size {
				return digest, nil
			}
		}
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return "", err
	}
	digest := hex.EncodeToString(hash.Sum(nil))
	if known && time.Since(changed(info)) > settled {
		_ = writeFile(path, []byte(identity+" "+digest)) // else it is hashed again next time
	}
	return digest, nil
}
