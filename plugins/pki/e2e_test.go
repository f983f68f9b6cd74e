//go:build e2e

package pki

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
)

// On a real API server the upload is fetched, expires with its token, and is made
// afresh.
func TestShareOnRealServer(t *testing.T) {
	server := kubeapitest.New(t)
	server.StartServer(t)
	server.Await(t)
	server.StartManager(t, "tokencleaner,garbage-collector-controller")
	cluster, dir := kubeapitest.ClusterValue(server.SuperAdmin), sharedDir(t)
	upload := phasetest.New(t, Spec(), "upload", map[string]cty.Value{
		"cluster": cluster, "cert_dir": cty.StringVal(dir), "ttl": cty.StringVal("3s"),
	})
	upload.Want(t, "create: absent", "create: absent", "create: absent")
	first := upload.Apply(t)["key"]

	target := t.TempDir()
	download := phasetest.New(t, Spec(), "download", map[string]cty.Value{
		"cluster": cluster, "cert_dir": cty.StringVal(target), "key": first,
	})
	download.Apply(t)
	if got := get(t, filepath.Join(target, "etcd", "ca.key")); got != get(t, filepath.Join(dir, "etcd", "ca.key")) {
		t.Error("etcd/ca.key: fetched another one")
	}

	begin := time.Now()
	awaitGone(t, server.SuperAdmin)
	t.Logf("collected after %v", time.Since(begin))
	upload.Want(t, "create: absent")
	download.Want(t)
	upload.Set(t, map[string]cty.Value{"cluster": cluster, "cert_dir": cty.StringVal(dir)})
	if again := upload.Apply(t)["key"]; again == first {
		t.Error("the next upload has the same key")
	}
	upload.Undo(t)
	upload.Want(t, "create: absent", "create: absent", "create: absent")
}

// awaitGone waits until the cluster has removed the Secret.
func awaitGone(t *testing.T, kubeconfig string) {
	t.Helper()
	pool := kubeapi.NewPool()
	defer pool.Close()
	secret := kubeobj.Maker{Pool: pool, Kubeconfig: kubeconfig}.Object(&corev1.Secret{ObjectMeta: inSystem(sharedSecret)})
	err := kubeapi.Retry(t.Context(), time.Minute, func(ctx context.Context) error {
		_, err := secret.Live(ctx)
		if apierrors.IsNotFound(err) {
			return nil
		}
		return errors.Join(errors.New("the Secret is still there"), err)
	})
	if err != nil {
		t.Fatal(err)
	}
}
