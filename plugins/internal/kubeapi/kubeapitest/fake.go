package kubeapitest

import (
	"crypto/tls"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Fake is an API server in memory. It understands get, create, delete, server-side
// apply and merge patches of single objects, also those that are only tried, and
// lists by labels, of all nodes and of the pods of a node, or of all where fields
// are asked for; it evicts pods at once. What it
// has not been told of, it does not know: requests for it are answered by 404.
type Fake struct {
	// Server is its URL.
	Server string
	// Admin is a kubeconfig of the user kubernetes-admin, SuperAdmin of
	// kubernetes-super-admin. The fake lets both do everything.
	Admin, SuperAdmin string

	mu      sync.Mutex
	objects map[string]*unstructured.Unstructured // by path, such as /api/v1/nodes/n1
	kinds   map[string][]metav1.APIResource       // by path, such as /apis/example.com/v1
	version int
	answer  func(user string, r *http.Request) *apierrors.StatusError
}

// NewFake starts a fake that ends with the test.
func NewFake(t *testing.T) *Fake {
	t.Helper()
	f := &Fake{objects: map[string]*unstructured.Unstructured{}, kinds: map[string][]metav1.APIResource{}}
	ca := newAuthority(t)
	cert, key := ca.issue(t, "kube-apiserver")
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(f)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	f.Server = server.URL
	dir := t.TempDir()
	cert, key = ca.issue(t, "kubernetes-admin")
	f.Admin = writeKubeconfig(t, dir, "admin", f.Server, ca.pem, cert, key)
	cert, key = ca.issue(t, "kubernetes-super-admin")
	f.SuperAdmin = writeKubeconfig(t, dir, "super-admin", f.Server, ca.pem, cert, key)
	return f
}

// Answer makes refusals: it is asked before every request and, unless it returns
// nil, is the answer. It must be safe for concurrent use.
func (f *Fake) Answer(refuse func(user string, r *http.Request) *apierrors.StatusError) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = refuse
}

// Put stores an object at a path such as /api/v1/nodes/n1, as if manager had
// written it.
func (f *Fake) Put(t *testing.T, path, manager string, object map[string]any) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	next, err := update(f.objects[path], &unstructured.Unstructured{Object: object}, manager)
	if err != nil {
		t.Fatal(err)
	}
	f.store(path, next)
}

// Object returns what is stored at a path, or nil.
func (f *Fake) Object(path string) *unstructured.Unstructured {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.objects[path].DeepCopy()
}

// Delete removes what is stored at a path.
func (f *Fake) Delete(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.objects, path)
}

// AddKind makes a kind known to clients that ask for it.
func (f *Fake) AddKind(kind schema.GroupVersionKind, resource string, namespaced bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	path := "/apis/" + kind.GroupVersion().String()
	f.kinds[path] = append(f.kinds[path], metav1.APIResource{Name: resource, Kind: kind.Kind, Namespaced: namespaced})
}

func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	refuse := f.answer
	f.mu.Unlock()
	if refuse != nil {
		user := ""
		if len(r.TLS.PeerCertificates) > 0 {
			user = r.TLS.PeerCertificates[0].Subject.CommonName
		}
		if refusal := refuse(user, r); refusal != nil {
			refused(w, refusal)
			return
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch kinds, isList := f.kinds[r.URL.Path]; {
	case r.URL.Path == "/livez" || r.URL.Path == "/readyz":
		_, _ = w.Write([]byte("ok"))
	case isList:
		reply(w, http.StatusOK, metav1.APIResourceList{APIResources: kinds})
	case f.serveMany(w, r):
	case r.Method == http.MethodGet && f.isList(r):
		reply(w, http.StatusOK, f.list(r.URL.Path, r.URL.Query().Get("labelSelector")))
	default:
		object, err := f.serve(r)
		if err != nil {
			refused(w, err)
			return
		}
		reply(w, http.StatusOK, object)
	}
}

// isList reports whether objects of a collection are asked for: by labels, or by
// fields where a test has put no list of its own.
func (f *Fake) isList(r *http.Request) bool {
	return r.URL.Query().Has("labelSelector") || r.URL.Query().Has("fieldSelector") && f.objects[r.URL.Path] == nil
}

// list returns the objects in a collection that have these labels, sorted by path.
// The kind of the list is not that of a real server, and nobody looks at it.
func (f *Fake) list(collection, text string) *unstructured.UnstructuredList {
	out := &unstructured.UnstructuredList{Object: map[string]any{"apiVersion": "v1", "kind": "List"}}
	selector, err := labels.Parse(text)
	if err != nil {
		return out
	}
	for _, path := range slices.Sorted(maps.Keys(f.objects)) {
		name, in := strings.CutPrefix(path, collection+"/")
		if in && !strings.Contains(name, "/") && selector.Matches(labels.Set(f.objects[path].GetLabels())) {
			out.Items = append(out.Items, *f.objects[path].DeepCopy())
		}
	}
	return out
}

// serve does what r asks of one object.
func (f *Fake) serve(r *http.Request) (any, *apierrors.StatusError) {
	path := r.URL.Path
	live := f.objects[path]
	name := path[strings.LastIndex(path, "/")+1:]
	notFound := apierrors.NewNotFound(schema.GroupResource{Resource: path[:len(path)-len(name)]}, name)
	switch r.Method {
	case http.MethodGet:
		if live == nil {
			return nil, notFound
		}
		return live, nil
	case http.MethodDelete:
		if live == nil {
			return nil, notFound
		}
		delete(f.objects, path)
		return metav1.Status{Status: metav1.StatusSuccess}, nil
	case http.MethodPost:
		return f.create(r)
	case http.MethodPatch:
		if live == nil && !isApply(r) {
			return nil, notFound
		}
		next, err := patch(live, r)
		if err != nil {
			return nil, err
		}
		if r.URL.Query().Get("dryRun") == "" {
			f.store(path, next)
		}
		return next, nil
	default:
		return nil, apierrors.NewMethodNotSupported(schema.GroupResource{}, r.Method)
	}
}

func refused(w http.ResponseWriter, err *apierrors.StatusError) {
	status := err.ErrStatus
	status.Kind, status.APIVersion = "Status", "v1"
	reply(w, int(status.Code), status)
}

func reply(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}
