package engine

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/clusterflow/clusterflow/engine/state"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const keySize = 32

// readKey returns the secret that makes digests of sensitive values unguessable,
// or nil when the state has none yet: then there is nothing to compare with.
func readKey(stateDir string) ([]byte, error) {
	key, err := os.ReadFile(filepath.Join(stateDir, state.KeyName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read key of state: %w", err)
	}
	return key, nil
}

// ensureKey returns the key and makes it if there is none. The caller holds the
// state's lock.
func ensureKey(stateDir string) ([]byte, error) {
	key, err := readKey(stateDir)
	if err != nil || len(key) == keySize {
		return key, err
	}
	key = make([]byte, keySize)
	_, _ = rand.Read(key) // never fails
	return key, resource.WriteFile(filepath.Join(stateDir, state.KeyName), key, 0o600)
}

func removeKey(stateDir string) error {
	err := os.Remove(filepath.Join(stateDir, state.KeyName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove key of state: %w", err)
	}
	return nil
}
