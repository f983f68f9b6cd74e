// Package echo is a toy plugin: the smallest one that shows every part of a Spec,
// with a phase type that misbehaves on demand. Tests of the engine, of the sdk and
// of the command line run it in place of plugins that do something.
//
//	phase "echo.say" "hello" { text = "hello" }
//	phase "echo.note" "file" { path = "/tmp/note", text = phase.hello.text }
//	phase "echo.misbehave" "bad" { how = "crash" }
//
// It is not an example of how to write a plugin: real ones are made of the
// resources of package sdk/resource and write no handler.
package echo

import (
	"context"
	"strings"

	"github.com/rs/zerolog"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
)

// Spec declares the plugin.
func Spec() sdk.Spec {
	return sdk.Spec{
		Name:    "echo",
		Version: "1.0.0",
		Doc:     "Says what it is told. For tests.",
		Types:   []sdk.Type{say(), note(), once(), misbehave()},
		Functions: []sdk.Function{{
			Name: "upper", Doc: "Returns the text in upper case.",
			Params: []cty.Type{cty.String}, Result: cty.String,
			Call: func(args []cty.Value) (cty.Value, error) {
				return cty.StringVal(strings.ToUpper(args[0].AsString())), nil
			},
		}},
	}
}

func say() sdk.Type {
	return sdk.Type{
		Name: "say", Doc: "Logs a text and gives it back. Changes nothing.",
		Example: "phase \"echo.say\" \"hello\" {\n  text = \"hello\"\n}",
		Config:  sdk.AttributesOf[sayConfig](), Outputs: sdk.AttributesOf[sayOutputs](),
		Repeatable: true, Handler: sayHandler{},
	}
}

type sayConfig struct {
	Text   string `cf:"text,required" doc:"What to say."`
	Secret string `cf:"secret,sensitive" doc:"What not to say."`
}

type sayOutputs struct {
	Text   string `cf:"text" doc:"What was said."`
	Secret string `cf:"secret,sensitive" doc:"What was not said."`
	Node   string `cf:"node,late" doc:"The phase that said it."`
}

type sayHandler struct{ unchecked }

func (sayHandler) Plan(_ context.Context, req sdk.PlanRequest) (sdk.Plan, error) {
	c, err := sdk.Decode[sayConfig](req.Config)
	if err != nil || req.Undo {
		return sdk.Plan{}, err
	}
	out := sayOutputs{Text: c.Text, Secret: c.Secret, Node: req.ID.Node}
	if req.Unchanged {
		return sdk.Plan{Outputs: sdk.Encode(out)}, nil
	}
	planned := sdk.Encode(out).AsValueMap()
	planned["node"] = cty.UnknownVal(cty.String)
	return sdk.Plan{
		Changes: []sdk.Change{{Op: sdk.OpRun, Kind: "say", Target: c.Text}}, Outputs: cty.ObjectVal(planned),
	}, nil
}

func (sayHandler) Apply(ctx context.Context, req sdk.ApplyRequest) (sdk.Result, error) {
	c, err := sdk.Decode[sayConfig](req.Config)
	if err != nil {
		return sdk.Result{}, err
	}
	zerolog.Ctx(ctx).Info().Msg(c.Text)
	sdk.Emit(ctx, sdk.ChangeDone{Change: sdk.Change{Op: sdk.OpRun, Kind: "say", Target: c.Text}})
	return sdk.Result{Outputs: sdk.Encode(sayOutputs{Text: c.Text, Secret: c.Secret, Node: req.ID.Node})}, nil
}

func (sayHandler) Undo(context.Context, sdk.UndoRequest) (sdk.Result, error) {
	return sdk.Result{}, nil
}

// unchecked accepts every config.
type unchecked struct{}

func (unchecked) Validate(context.Context, cty.Value) sdk.Diagnostics { return nil }
