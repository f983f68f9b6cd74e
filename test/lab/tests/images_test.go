//go:build lab

package tests

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
	"github.com/clusterflow/clusterflow/test/lab/labtest"
)

// TestImages pulls what a control plane needs to a host that has no image.
func TestImages(t *testing.T) {
	l := labtest.Up(t, lab.Options{Kubeadm: true})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	n1 := l.Host("n1")
	if _, err := n1.InstallClusterflow(ctx); err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(run(t, n1, "kubeadm", "config", "images", "list", "--kubernetes-version", "v1.36.3"))
	slices.Sort(want)
	plan, err := n1.Clusterflow(ctx, "", "plan", "images.hcl")
	if err != nil {
		t.Fatal(err)
	}
	for _, image := range want {
		if !strings.Contains(plan, image) {
			t.Errorf("the plan does not name %s:\n%s", image, plan)
		}
	}
	if got := pulled(t, n1); len(got) > 0 {
		t.Errorf("the plan pulled %q", got)
	}
	apply(ctx, t, n1, "", "images.hcl")
	if got := pulled(t, n1); !slices.Equal(got, want) {
		t.Errorf("apply pulled %q, want %q", got, want)
	}
	if got := applied(ctx, t, n1, "", "images.hcl"); len(got) > 0 {
		t.Errorf("the second apply changed %q", got)
	}
}

// pulled answers which images h has, sorted.
func pulled(t *testing.T, h *lab.Host) []string {
	t.Helper()
	var list struct{ Images []struct{ RepoTags []string } }
	if err := json.Unmarshal([]byte(run(t, h, "crictl", "images", "--output=json")), &list); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, image := range list.Images {
		all = append(all, image.RepoTags...)
	}
	slices.Sort(all)
	return all
}
