package sdktest_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
)

// steps is a plugin of one type that makes files one after the other. A fault
// spoils it in one way.
func steps(fault string) sdk.Spec {
	return sdk.Spec{
		Name: "steps", Version: "1.0.0", Doc: "Makes files.",
		Types: []sdk.Type{{
			Name: "files", Doc: "Makes files.", Example: `phase "steps.files" "x" { dir = "/tmp" }`,
			Config: sdk.AttributesOf[stepsConfig](), Outputs: sdk.AttributesOf[stepsOutputs](),
			Repeatable: true, CancelGrace: time.Second, Handler: stepsHandler{fault},
		}},
	}
}

type stepsConfig struct {
	Dir   string `cf:"dir,required" doc:"Where."`
	Token string `cf:"token,sensitive" doc:"A secret."`
}

type stepsOutputs struct {
	Count int    `cf:"count" doc:"How many files."`
	Token string `cf:"token,sensitive" doc:"The secret."`
}

type stepsHandler struct{ fault string }

const stepCount = 5

func (h stepsHandler) Validate(_ context.Context, v cty.Value) sdk.Diagnostics {
	if h.fault == "unknown" && !v.GetAttr("dir").IsKnown() {
		return sdk.Diagnose(errors.New("dir must be known"))
	}
	return nil
}

func (h stepsHandler) Plan(_ context.Context, req sdk.PlanRequest) (sdk.Plan, error) {
	c, err := h.config(req.Config, req.Private)
	if err != nil {
		return sdk.Plan{}, err
	}
	plan := sdk.Plan{Private: []byte(c.Dir), Outputs: h.outputs(c)}
	for i := range stepCount {
		_, err := os.Stat(stepPath(c, i))
		switch {
		case req.Undo && err == nil:
			plan.Changes = append(plan.Changes, sdk.Change{Op: sdk.OpDelete, Kind: "file", Target: stepPath(c, i)})
		case !req.Undo && errors.Is(err, fs.ErrNotExist) || h.fault == "restless":
			plan.Changes = append(plan.Changes, sdk.Change{Op: sdk.OpCreate, Kind: "file", Target: stepPath(c, i), Reason: "absent"})
		}
	}
	switch h.fault {
	case "impure":
		err = os.WriteFile(filepath.Join(c.Dir, "trace"), nil, 0o600)
	case "leak":
		plan.Private = []byte(c.Token)
	case "forecast":
		plan.Outputs = sdk.Encode(stepsOutputs{Count: 1, Token: c.Token})
	}
	return plan, err
}

func (h stepsHandler) Apply(ctx context.Context, req sdk.ApplyRequest) (sdk.Result, error) {
	c, err := h.config(req.Config, req.Private)
	if err != nil {
		return sdk.Result{}, err
	}
	for i := range stepCount {
		if err := pause(ctx, h.fault == "stubborn"); err != nil {
			return sdk.Result{Private: []byte(c.Dir)}, err
		}
		text := "step"
		if h.fault == "fickle" {
			text = time.Now().String()
		}
		if err := os.WriteFile(stepPath(c, i), []byte(text), 0o600); err != nil {
			return sdk.Result{}, err
		}
		sdk.Emit(ctx, sdk.ChangeDone{Change: sdk.Change{Op: sdk.OpCreate, Kind: "file", Target: stepPath(c, i)}})
	}
	return sdk.Result{Private: []byte(c.Dir), Outputs: h.outputs(c)}, nil
}

func (h stepsHandler) Undo(_ context.Context, req sdk.UndoRequest) (sdk.Result, error) {
	c, err := h.config(req.Config, req.Private)
	if err != nil {
		return sdk.Result{}, err
	}
	for i := range stepCount {
		if h.fault == "litter" && i == 2 || h.fault == "amnesia" && len(req.Private) == 0 {
			continue
		}
		err := os.Remove(stepPath(c, i))
		if err != nil && (h.fault == "once" || !errors.Is(err, fs.ErrNotExist)) {
			return sdk.Result{}, err
		}
	}
	return sdk.Result{}, nil
}

func (h stepsHandler) config(v cty.Value, private []byte) (stepsConfig, error) {
	if v == cty.NilVal {
		if h.fault == "needy" {
			return stepsConfig{}, errors.New("no config")
		}
		return stepsConfig{Dir: string(private)}, nil
	}
	return sdk.Decode[stepsConfig](v)
}

func (h stepsHandler) outputs(c stepsConfig) cty.Value {
	return sdk.Encode(stepsOutputs{Count: stepCount, Token: c.Token})
}

func stepPath(c stepsConfig, i int) string { return filepath.Join(c.Dir, fmt.Sprintf("step-%d", i)) }

// pause waits a moment, or for much longer and without regard to ctx.
func pause(ctx context.Context, stubborn bool) error {
	if stubborn {
		ctx = context.WithoutCancel(ctx)
	}
	d := 2 * time.Millisecond
	if stubborn {
		d = time.Second
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
