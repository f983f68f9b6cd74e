//go:build e2e

package kubeobj_test

import (
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
	"github.com/clusterflow/clusterflow/sdk"
)

func TestObjectsOnRealServer(t *testing.T) {
	cluster := kubeapitest.New(t)
	cluster.StartServer(t)
	cluster.Await(t)
	maker := newMaker(t, cluster.SuperAdmin)
	testObjects(t, maker)
	t.Run("finalizers are waited for", func(t *testing.T) { testFinalizer(t, maker) })
}

// An object that is on its way out is replaced once its finalizer lets it go.
func testFinalizer(t *testing.T, maker kubeobj.Maker) {
	t.Helper()
	maker.Within = 300 * time.Millisecond
	o := maker.Object(configMap("held", map[string]string{"a": "1"}))
	render(t, o)
	patchAs(t, maker, o, "somebody", `{"metadata":{"finalizers":["example.com/hold"]}}`)
	if err := o.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantChange(t, o, sdk.OpCreate, "the present one is being deleted")
	if err := o.Render(t.Context()); err == nil || !strings.Contains(err.Error(), "which a finalizer delays") {
		t.Errorf("Render while the finalizer holds it: got %v", err)
	}
	patchAs(t, maker, o, "somebody", `{"metadata":{"finalizers":null}}`)
	wantChange(t, o, sdk.OpCreate, "absent")
	render(t, o)
	wantChange(t, o, sdk.OpNone, "")
}
