package kubeobj_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
)

func newMaker(t *testing.T, kubeconfig string) kubeobj.Maker {
	t.Helper()
	pool := kubeapi.NewPool()
	t.Cleanup(pool.Close)
	return kubeobj.Maker{Pool: pool, Kubeconfig: kubeconfig}
}

func TestObjects(t *testing.T) {
	maker := newMaker(t, kubeapitest.NewFake(t).Admin)
	testObjects(t, maker)
	testLife(t, maker, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "sample"}}) // a real one has a finalizer
}
