package kubelet

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeconfig"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// storedName is how a kubelet names the certificates that it renews: with the time.
const storedName = "kubelet-client-2006-01-02-15-04-05.pem"

// storeCertificate does before the first start of a kubelet what that would do at
// its start: it stores the client certificate of the kubeconfig at path, a link to
// a file beside it, and points the kubeconfig there. So the kubelet need not be
// restarted for it. Where either is done, nothing happens.
func storeCertificate(kubeconfigPath, path string, now time.Time) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text, err := os.ReadFile(kubeconfigPath)
	if err != nil {
		return err
	}
	have, err := kubeconfig.Parse(text)
	if err != nil {
		return fmt.Errorf("%s: %w", kubeconfigPath, err)
	}
	if len(have.ClientCert) == 0 || len(have.ClientKey) == 0 {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	both := bytes.Join([][]byte{bytes.TrimSpace(have.ClientCert), bytes.TrimSpace(have.ClientKey), nil}, []byte("\n"))
	stored, err := storeOnce(filepath.Dir(path), both, now)
	if err != nil {
		return err
	}
	if linked, err := linkStored(stored, path); err != nil || !linked {
		return err
	}
	return editKubeconfig(kubeconfigPath, func(_ *clientcmdapi.Cluster, user *clientcmdapi.AuthInfo) {
		user.ClientCertificateData, user.ClientKeyData = nil, nil
		user.ClientCertificate, user.ClientKey = path, path
	})
}

// unfinishedStore are the names of what a killed run was about to store.
const unfinishedStore = ".kubelet-client-*.pem.clusterflow-*"

// storeOnce writes a certificate into dir, unless a run that was killed has done so,
// and takes away what such a run was about to write.
func storeOnce(dir string, both []byte, now time.Time) (string, error) {
	left, err := filepath.Glob(filepath.Join(dir, unfinishedStore))
	if err != nil {
		return "", err
	}
	for _, path := range left {
		if err := resource.RemoveFile(path); err != nil {
			return "", err
		}
	}
	before, err := filepath.Glob(filepath.Join(dir, "kubelet-client-*.pem"))
	if err != nil {
		return "", err
	}
	for _, path := range before {
		if text, err := os.ReadFile(path); err == nil && bytes.Equal(text, both) {
			return path, nil
		}
	}
	stored := filepath.Join(dir, now.Format(storedName))
	return stored, resource.WriteFile(stored, both, 0o600)
}

// linkStored makes path a link to a stored certificate. systemd may start a kubelet
// that kept failing at any time, and that stores a certificate of its own: it counts,
// and ours goes.
func linkStored(stored, path string) (linked bool, err error) {
	err = os.Symlink(stored, path)
	if errors.Is(err, fs.ErrExist) {
		return false, os.Remove(stored)
	}
	return err == nil, err
}
