// Package kubeapitest gives tests an API server: a [Fake] in memory, which merges
// objects with the API machinery's own server-side apply but knows no schema and
// no defaults, and a [Cluster] of real processes, which needs their binaries.
//
// It is for tests only. A cluster has no nodes and runs no pods.
package kubeapitest

import (
	"os"
	"path/filepath"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// ClusterName is the cluster in every kubeconfig of this package.
const ClusterName = "kubernetes"

// writeKubeconfig writes a file with one cluster and one user and returns its path.
func writeKubeconfig(t *testing.T, dir, name, server string, ca, cert, key []byte) string {
	t.Helper()
	config := clientcmdapi.NewConfig()
	config.Clusters[ClusterName] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: ca}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{ClientCertificateData: cert, ClientKeyData: key}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: ClusterName, AuthInfo: name}
	config.CurrentContext = name
	text, err := clientcmd.Write(*config)
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, dir, name+".conf", text)
}

func writeFile(t *testing.T, dir, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
