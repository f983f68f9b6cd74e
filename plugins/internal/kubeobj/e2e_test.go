//go:build e2e

package kubeobj_test

import (
	"testing"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
)

func TestObjectsOnRealServer(t *testing.T) {
	cluster := kubeapitest.New(t)
	cluster.StartServer(t)
	cluster.Await(t)
	testObjects(t, newMaker(t, cluster.SuperAdmin))
}
