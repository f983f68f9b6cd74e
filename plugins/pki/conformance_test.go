package pki

import (
	"path/filepath"
	"testing"

	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk/sdktest"
)

func TestMain(m *testing.M) { sdktest.Main(m, Spec()) }

func TestConformance(t *testing.T) {
	shared := t.TempDir()
	phasetest.NewAuthority(t, filepath.Join(shared, "ca"))
	ca := map[string]string{"cert": filepath.Join(shared, "ca.crt"), "key": filepath.Join(shared, "ca.key")}
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
	)
}
