package kubeobj_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
	"github.com/clusterflow/clusterflow/sdk"
)

// answers makes a fake whose first n writes fail with err.
func answers(t *testing.T, n int32, err *apierrors.StatusError) kubeobj.Maker {
	t.Helper()
	fake := kubeapitest.NewFake(t)
	var left atomic.Int32
	left.Store(n)
	fake.Answer(func(_ string, r *http.Request) *apierrors.StatusError {
		if r.Method != http.MethodGet && left.Add(-1) >= 0 {
			return err
		}
		return nil
	})
	return newMaker(t, fake.Admin)
}

func TestRenderRepeats(t *testing.T) {
	group := schema.GroupResource{Resource: "configmaps"}
	tests := map[string]*apierrors.StatusError{
		"unavailable":                apierrors.NewServiceUnavailable("starting"),
		"rights not there yet":       apierrors.NewForbidden(group, "x", nil),
		"namespace not there yet":    apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "kube-system"),
		"somebody else wrote":        apierrors.NewConflict(group, "x", nil),
		"trouble without any reason": {ErrStatus: metav1.Status{Code: http.StatusInternalServerError}},
	}
	for name, refusal := range tests {
		t.Run(name, func(t *testing.T) {
			maker := answers(t, 2, refusal)
			if err := maker.Object(configMap("x", nil)).Render(t.Context()); err != nil {
				t.Errorf("Render: got %v, want success at the third attempt", err)
			}
		})
	}
}

func TestRenderGivesUp(t *testing.T) {
	invalid := apierrors.NewInvalid(schema.GroupKind{Kind: "ConfigMap"}, "x", nil)
	err := answers(t, 1, invalid).Object(configMap("x", nil)).Render(t.Context())
	var permanent *sdk.PermanentError
	if !errors.As(err, &permanent) {
		t.Errorf("an invalid object: got %v, want a permanent error", err)
	}
	wantHint(t, err, "kubectl delete -n kube-system ConfigMap x")

	maker := answers(t, 1000, apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, "x", errors.New("no rights")))
	maker.Within = time.Second
	err = maker.Object(configMap("x", nil)).Render(t.Context())
	if want := `gave up after 1s; last answer: configmaps "x" is forbidden: no rights`; message(err) != want {
		t.Errorf("time is up: got %q, want %q", message(err), want)
	}
	wantHint(t, err, "cluster-admin")
}

func TestSecretsStayOutOfErrors(t *testing.T) {
	refusal := apierrors.NewBadRequest(`cannot use "hunter2" as a value`)
	o := answers(t, 1, refusal).Object(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "x"}})
	err := o.Render(t.Context())
	if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "BadRequest") {
		t.Errorf("got %v, want the reason and not the message", err)
	}
	if !apierrors.IsBadRequest(err) {
		t.Errorf("got %v, want an error that still is a BadRequest", err)
	}
}

func TestWithoutCluster(t *testing.T) {
	missing := newMaker(t, filepath.Join(t.TempDir(), "admin.conf")).Object(configMap("x", nil))
	_, err := missing.Diff(t.Context())
	if !errors.Is(err, kubeapi.ErrNoKubeconfig) {
		t.Errorf("Diff without kubeconfig: got %v, want ErrNoKubeconfig", err)
	}
	wantHint(t, err, "depend on the one that writes the file")
	if err := missing.Remove(t.Context()); err != nil {
		t.Errorf("Remove without kubeconfig: got %v, want nothing to do", err)
	}

	down := newMaker(t, unreachable(t)).Object(configMap("x", nil))
	_, err = down.Diff(t.Context())
	if !errors.Is(err, kubeapi.ErrUnreachable) {
		t.Errorf("Diff without server: got %v, want ErrUnreachable", err)
	}
	wantHint(t, err, "Check that kube-apiserver runs")
	err = down.Remove(t.Context())
	if !errors.Is(err, kubeapi.ErrUnreachable) {
		t.Errorf("Remove without server: got %v, want ErrUnreachable", err)
	}
	wantHint(t, err, "Start the API server and repeat the undo")
}

func TestUnknownKinds(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	maker := newMaker(t, fake.Admin)
	kind := schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Widget"}
	u := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"size": int64(1)}}}
	u.SetGroupVersionKind(kind)
	u.SetName("w")
	o := maker.Unstructured(u, "workshop")
	wantChange(t, o, sdk.OpCreate, "absent, as is its kind")

	fake.AddKind(kind, "widgets", true)
	wantChange(t, o, sdk.OpCreate, "absent")
	render(t, o)
	wantChange(t, o, sdk.OpNone, "")
	if fake.Object("/apis/example.com/v1/namespaces/workshop/widgets/w") == nil {
		t.Error("the widget is not in the namespace that stands in")
	}
	record, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	restored, err := kubeobj.Kind(maker.Pool).Restore(record)
	if err != nil {
		t.Fatal(err)
	}
	if err := restored.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantChange(t, o, sdk.OpCreate, "absent")
}

func TestRecordHoldsNoContent(t *testing.T) {
	o := newMaker(t, "/etc/kubernetes/admin.conf").Object(configMap("x", map[string]string{"key": "hunter2"}))
	got, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"kubeconfig":"/etc/kubernetes/admin.conf","api_version":"v1","object_kind":"ConfigMap","resource":"configmaps","namespace":"kube-system","name":"x"}`
	if string(got) != want {
		t.Errorf("record: got %s, want %s", got, want)
	}
	if got := o.ID().Target; got != "ConfigMap kube-system/x" {
		t.Errorf("target: got %q", got)
	}
}

// unreachable is a kubeconfig of a server that has stopped.
func unreachable(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "admin.conf")
	t.Run("server", func(t *testing.T) { // ends the fake
		text, err := os.ReadFile(kubeapitest.NewFake(t).Admin)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	})
	return path
}

func wantHint(t *testing.T, err error, want string) {
	t.Helper()
	var hint *sdk.HintError
	if !errors.As(err, &hint) || !strings.Contains(hint.Hint, want) {
		t.Errorf("hint of %v: got %+v, want %q in it", err, hint, want)
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
