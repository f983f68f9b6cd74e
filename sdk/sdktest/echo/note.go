package echo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
)

func note() sdk.Type {
	return sdk.Type{
		Name: "note", Doc: "Keeps a text in a file.",
		Example: "phase \"echo.note\" \"file\" {\n  path = \"/tmp/note\"\n  text = \"hello\"\n}",
		Config:  sdk.AttributesOf[noteConfig](), Outputs: sdk.AttributesOf[noteOutputs](),
		Repeatable: true, Access: []sdk.Access{{Kind: sdk.AccessPath, What: "config.path", Write: true}},
		Handler: noteHandler{},
	}
}

type noteConfig struct {
	Path string `cf:"path,required" doc:"The file."`
	Text string `cf:"text,required" doc:"Its content."`
}

type noteOutputs struct {
	Path string `cf:"path" doc:"The file."`
}

type noteHandler struct{}

func (noteHandler) Validate(_ context.Context, config cty.Value) sdk.Diagnostics {
	if path := config.GetAttr("path"); path.IsKnown() && path.AsString() == "" {
		return sdk.Diagnose(cty.GetAttrPath("path").NewErrorf("path must not be empty"))
	}
	return nil
}

func (noteHandler) Plan(_ context.Context, req sdk.PlanRequest) (sdk.Plan, error) {
	c, err := decodeNote(req.Config, req.Private)
	if err != nil {
		return sdk.Plan{}, err
	}
	plan := sdk.Plan{Outputs: sdk.Encode(noteOutputs{c.Path}), Private: []byte(c.Path)}
	change := sdk.Change{Op: sdk.OpUpdate, Kind: "file", Target: c.Path, Reason: "other content"}
	text, err := os.ReadFile(c.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		change.Op, change.Reason = sdk.OpCreate, "absent"
	case err != nil:
		return sdk.Plan{}, err
	}
	switch {
	case req.Undo && err == nil:
		change.Op, change.Reason = sdk.OpDelete, ""
	case req.Undo, err == nil && string(text) == c.Text:
		return plan, nil
	}
	plan.Changes = []sdk.Change{change}
	return plan, nil
}

func (noteHandler) Apply(_ context.Context, req sdk.ApplyRequest) (sdk.Result, error) {
	c, err := decodeNote(req.Config, req.Private)
	if err != nil {
		return sdk.Result{}, err
	}
	if err := os.WriteFile(c.Path, []byte(c.Text), 0o600); err != nil {
		return sdk.Result{}, fmt.Errorf("write note: %w", err)
	}
	return sdk.Result{Outputs: sdk.Encode(noteOutputs{c.Path}), Private: []byte(c.Path)}, nil
}

func (noteHandler) Undo(_ context.Context, req sdk.UndoRequest) (sdk.Result, error) {
	c, err := decodeNote(req.Config, req.Private)
	if err != nil {
		return sdk.Result{}, err
	}
	if err := os.Remove(c.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return sdk.Result{}, fmt.Errorf("remove note: %w", err)
	}
	return sdk.Result{}, nil
}

// decodeNote reads the config; without one, as in some undos, the record is the path.
func decodeNote(config cty.Value, private []byte) (noteConfig, error) {
	if config == cty.NilVal {
		return noteConfig{Path: string(private)}, nil
	}
	return sdk.Decode[noteConfig](config)
}
