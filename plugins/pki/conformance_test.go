package pki

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk/sdktest"
)

func TestMain(m *testing.M) { sdktest.Main(m, Spec()) }

func TestConformance(t *testing.T) {
	shared, shareable := t.TempDir(), sharedDir(t)
	phasetest.NewAuthority(t, filepath.Join(shared, "ca"))
	ca := map[string]string{"cert": filepath.Join(shared, "ca.crt"), "key": filepath.Join(shared, "ca.key")}
	fleet := kubeapitest.NewFleet(t, nil)
	uploadCase := sdktest.Case{
		Type: "upload", Observe: fleet.Observe, SecretFiles: []string{"pki/ca.key"},
		Setup: func(dir string) error { return os.CopyFS(filepath.Join(dir, "pki"), os.DirFS(shareable)) },
		Config: func(dir string) map[string]any {
			return map[string]any{"cluster": fleet.Cluster(dir), "cert_dir": filepath.Join(dir, "pki")}
		},
	}
	givenKey := uploadCase
	givenKey.Name, givenKey.Secrets = "upload with a key", []string{kubeadmKey}
	givenKey.Config = func(dir string) map[string]any {
		return map[string]any{"cluster": fleet.Cluster(dir), "cert_dir": filepath.Join(dir, "pki"), "key": kubeadmKey}
	}
	uploads := kubeapitest.NewFleet(t, func(f *kubeapitest.Fake) { f.Put(t, secretPath, "kubeadm", kubeadmUpload(t)) })
	downloadCase := sdktest.Case{
		Type: "download", Observe: uploads.Observe, Secrets: []string{kubeadmKey}, SecretFiles: []string{"pki/ca.key", "pki/sa.key"},
		Config: func(dir string) map[string]any {
			return map[string]any{"cluster": uploads.Cluster(dir), "cert_dir": filepath.Join(dir, "pki"), "key": kubeadmKey}
		},
		SkipUndoWithoutRecord: "only the record knows which directories were made",
	}
	sdktest.Run(t, Spec(),
		sdktest.Case{
			Type: "ca", SecretFiles: []string{"ca.key"},
			Config: func(dir string) map[string]any {
				return map[string]any{"dir": dir, "base": "ca", "common_name": "kubernetes", "algorithm": "ECDSA-P256"}
			},
		},
		sdktest.Case{
			Type: "cert", SecretFiles: []string{"server.key"},
			Config: func(dir string) map[string]any {
				return map[string]any{
					"dir": dir, "base": "server", "ca": ca, "common_name": "n1", "usages": []string{"server", "client"},
					"sans": []string{"n1", "192.0.2.1"}, "algorithm": "ECDSA-P256",
				}
			},
		},
		sdktest.Case{
			Type: "keypair", SecretFiles: []string{"sa.key"},
			Config: func(dir string) map[string]any {
				return map[string]any{"dir": dir, "base": "sa", "algorithm": "ECDSA-P256"}
			},
		},
		sdktest.Case{
			Type: "kubeconfig", SecretFiles: []string{"admin.conf"},
			Config: func(dir string) map[string]any {
				return map[string]any{
					"path": filepath.Join(dir, "admin.conf"), "ca": ca, "server": "https://192.0.2.1:6443",
					"user": "kubernetes-admin", "organizations": []string{"kubeadm:cluster-admins"}, "algorithm": "ECDSA-P256",
				}
			},
		},
		uploadCase, givenKey, downloadCase,
	)
}
