package preflight

import (
	"os"
	"sync"
)

// memory keeps what the kubelet said of its version, as long as its file stays
// the same: phases and checks ask at the same time, and each answer takes it 40 ms
// of a processor. A nil memory keeps nothing.
type memory struct {
	mu   sync.Mutex
	file os.FileInfo
	said release
}

// version returns what the program at path said, and asks if that is not known.
// Who comes while another asks waits for the answer.
func (m *memory) version(path string, ask func() (release, error)) (release, error) {
	if m == nil {
		return ask()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	file, err := os.Stat(path)
	if err != nil {
		return ask()
	}
	if m.file != nil && os.SameFile(m.file, file) && m.file.Size() == file.Size() && m.file.ModTime().Equal(file.ModTime()) {
		return m.said, nil
	}
	said, err := ask()
	if err == nil {
		m.file, m.said = file, said
	}
	return said, err
}
