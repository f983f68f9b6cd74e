package component

import (
	"slices"
	"testing"
)

func TestFiles(t *testing.T) {
	args := []string{
		"--etcd-cafile=/pki/etcd/ca.crt", "--kubelet-client-certificate=/pki/client.crt", "--kubelet-client-key=/pki/client.key",
		"--kubeconfig=/etc/manager.conf", "--authentication-kubeconfig=/etc/manager.conf", "--authorization-config=/etc/authz.yaml",
		"--cluster-signing-key-file=", "--log-file=/var/log/x", "--audit-log-path=/var/log/audit", "--data-dir=/var/lib/etcd",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-", "--config=relative.yaml", "-trusted-ca-file=/pki/etcd/other.crt",
	}
	want := []string{
		"/pki/etcd/ca.crt", "/pki/client.crt", "/pki/client.key", "/etc/manager.conf", "/etc/authz.yaml", "/pki/etcd/other.crt",
	}
	if got := Files(args); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
