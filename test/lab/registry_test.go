package lab

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/clusterflow/clusterflow/test/lab/kit"
)

// testRegistry serves one image, called coredns/coredns:v1.
func testRegistry(t *testing.T) (*Registry, string) {
	t.Helper()
	img, err := random.Image(64, 2)
	if err != nil {
		t.Fatal(err)
	}
	img = mutate.MediaType(img, types.OCIManifestSchema1)
	dir := t.TempDir()
	oci, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := oci.AppendImage(img, layout.WithAnnotations(map[string]string{kit.NameAnnotation: "registry.example.org/coredns/coredns:v1"})); err != nil {
		t.Fatal(err)
	}
	r, err := newRegistry(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	return r, strings.TrimPrefix(server.URL, "http://")
}

func TestRegistry(t *testing.T) {
	t.Parallel()
	r, address := testRegistry(t)
	pull := func() error {
		ref, err := name.ParseReference(address+"/coredns/coredns:v1", name.Insecure)
		if err != nil {
			return err
		}
		img, err := remote.Image(ref, remote.WithContext(t.Context()), remote.WithRetryStatusCodes())
		if err != nil {
			return err
		}
		layers, err := img.Layers()
		if err != nil {
			return err
		}
		for _, layer := range layers {
			blob, err := layer.Compressed()
			if err != nil {
				return err
			}
			if _, err := io.Copy(io.Discard, blob); err != nil {
				return err
			}
		}
		return nil
	}
	if err := pull(); err != nil {
		t.Errorf("pull: %v", err)
	}
	r.Hide("coredns/coredns")
	if err := pull(); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("pull of what is hidden: got %v, want 404", err)
	}
	r.Hide()
	r.Fail(http.StatusTeapot)
	if err := pull(); err == nil || !strings.Contains(err.Error(), "418") {
		t.Errorf("pull from a registry that fails: got %v, want 418", err)
	}
	r.Fail(0)
	if err := pull(); err != nil {
		t.Errorf("pull again: %v", err)
	}
	if got := strings.Join(r.Requests(), "\n"); !strings.Contains(got, "GET /v2/coredns/coredns/manifests/v1") {
		t.Errorf("requests are\n%s", got)
	}
}
