package preflight

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/clusterflow/clusterflow/plugins/internal/cri/critest"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk"
)

const pause = "registry.k8s.io/pause:3.10.2"

func imagePhase(t *testing.T, r *critest.Runtime, more object) *phasetest.Phase {
	t.Helper()
	config := object{"image": cty.StringVal(pause), "cri_socket": cty.StringVal(r.Socket)}
	for name, v := range more {
		config[name] = v
	}
	return phasetest.New(t, Spec(), "image", config)
}

func TestImagePull(t *testing.T) {
	r := critest.New(t)
	p := imagePhase(t, r, nil)
	plan := p.Want(t, "create: absent, pull from registry.k8s.io")
	if got := plan.Outputs.GetAttr("image"); !got.RawEquals(cty.StringVal(pause)) {
		t.Errorf("planned image: got %#v", got)
	}
	got := p.Apply(t)
	want := cty.ObjectVal(object{"image": cty.StringVal(pause), "id": cty.StringVal("sha256:" + pause), "size": cty.NumberIntVal(critest.PulledSize)})
	if !cty.ObjectVal(got).RawEquals(want) {
		t.Errorf("outputs: got %#v", got)
	}
	p.Undo(t)
	if !r.HasImage(pause) {
		t.Error("undo removed an image that is to be kept")
	}
}

// TestImageUndo removes what the phase pulled, never what it found.
func TestImageUndo(t *testing.T) {
	r := critest.New(t)
	p := imagePhase(t, r, object{"keep": cty.False})
	p.Apply(t)
	p.Undo(t)
	if r.HasImage(pause) {
		t.Error("the image that was pulled is still there")
	}
	r.AddImage(pause, 1)
	p.Want(t)
	p.Undo(t)
	if !r.HasImage(pause) {
		t.Error("undo removed an image that it did not pull")
	}
}

func TestImagePolicies(t *testing.T) {
	r := critest.New(t)
	never := imagePhase(t, r, object{"policy": cty.StringVal("Never"), "keep": cty.False})
	never.Want(t, "run: absent, and is not to be pulled")
	result := never.Try(t)
	equal(t, "never", result.Diagnostics.Error(), "image "+pause+": find image "+pause+": the container runtime does not have it")
	if !result.Diagnostics.Permanent() {
		t.Error("never: a retry cannot help, got a passing error")
	}
	r.AddImage(pause, 7)
	never.Apply(t)
	never.Undo(t)
	always := imagePhase(t, r, object{"policy": cty.StringVal("Always"), "keep": cty.False})
	always.Want(t, "update: pull once more from registry.k8s.io")
	if result := always.Try(t); result.Status != sdk.StatusOK {
		t.Fatalf("always: got %+v", result)
	}
	always.Undo(t)
	equal(t, "calls", strings.Join(r.Calls(), ", "), "PullImage "+pause)
	plan, err := sdk.Direct(Spec()).Plan(t.Context(), sdk.PlanRequest{Type: "image", Config: always.Config, Unchanged: true})
	if err != nil || len(plan.Changes) > 0 {
		t.Errorf("always, unchanged: got %+v, %v", plan.Changes, err)
	}
}

func TestImageFailures(t *testing.T) {
	r := critest.New(t)
	p := imagePhase(t, r, nil)
	r.Set(func(s *critest.State) {
		s.Pull = func(ref string) error {
			return status.Errorf(codes.Unknown, "failed to resolve reference %q: dial tcp: lookup registry.k8s.io: no such host", ref)
		}
	})
	d := p.Try(t).Diagnostics[0]
	want := "image " + pause + ": pull image " + pause + " from registry.k8s.io: name not found in DNS: failed to resolve"
	if !strings.HasPrefix(d.Summary, want) || !strings.Contains(d.Detail, "image_repository") || !strings.Contains(d.Detail, "mirror") || d.Permanent {
		t.Errorf("got %+v", d)
	}
	r.Set(func(s *critest.State) {
		s.Pull = func(string) error { return status.Error(codes.NotFound, "manifest unknown") }
	})
	if d := p.Try(t).Diagnostics[0]; !d.Permanent || !strings.Contains(d.Summary, "the registry has no such image") {
		t.Errorf("not found: got %+v", d)
	}
	none := imagePhase(t, r, object{"cri_socket": cty.StringVal(filepath.Join(t.TempDir(), "crio.sock"))})
	none.Want(t, "create: the container runtime does not answer yet")
	if d := none.Try(t).Diagnostics[0]; !strings.Contains(d.Summary, "container runtime does not answer") || !strings.Contains(d.Detail, "systemctl enable --now crio") {
		t.Errorf("no runtime: got %+v", d)
	}
}

func TestImageValidate(t *testing.T) {
	for name, tt := range map[string]struct {
		config object
		want   string
	}{
		"no image": {object{"image": cty.StringVal("")}, `"" is no image: write it as registry/name:tag`},
		"blank":    {object{"image": cty.StringVal("a b")}, `"a b" is no image: write it as registry/name:tag`},
		"socket":   {object{"cri_socket": cty.StringVal("tcp://x")}, `read socket of container runtime "tcp://x": tcp:// is not supported`},
		"within":   {object{"within": cty.StringVal("0s")}, "it must be longer than nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			config := object{"image": cty.StringVal(pause)}
			for k, v := range tt.config {
				config[k] = v
			}
			equal(t, "error", phasetest.New(t, Spec(), "image", config).Validate(t), tt.want)
		})
	}
}
