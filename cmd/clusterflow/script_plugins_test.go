package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/core"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/sdktest/echo"
)

// playEcho is the plugin "echo", which differs by the directory that it is in.
func playEcho() {
	command, _ := os.ReadFile("/proc/self/cmdline") // testscript shortens os.Args
	for dir, play := range map[string]func(){
		"mine":   func() { sdk.Main(mine()) },
		"future": func() { fmt.Println("1|99|unix|/nowhere|grpc") },
		"dying":  func() { panic("no licence") },
		"greedy": func() { sdk.Main(greedy()) },
		"other":  func() { sdk.Main(core.Spec()) },
	} {
		if bytes.Contains(command, []byte("/"+dir+"/")) {
			play()
			return
		}
	}
	sdk.Main(recorded(echo.Spec()))
}

// greedy wants an argument that belongs to the language.
func greedy() sdk.Spec {
	spec := echo.Spec()
	spec.Types[0].Config = append(spec.Types[0].Config, sdk.Attribute{Name: "when", Type: cty.Bool, Doc: "When."})
	return spec
}

// recorded adds a line to the file starts, where there is one, and to the file calls
// for each call that asks what the host is like or changes it.
func recorded(spec sdk.Spec) sdk.Spec {
	note("starts", spec.Name)
	for i, t := range spec.Types {
		spec.Types[i].Handler = recorder{t.Handler, spec.Name + "." + t.Name}
	}
	return spec
}

type recorder struct {
	sdk.Handler
	typ string
}

func (r recorder) record(call, node string) { note("calls", call, r.typ, node) }

// note adds a line to a file that is there.
func note(file string, words ...any) {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return
	}
	_, err = fmt.Fprintln(f, words...)
	if err != nil || f.Close() != nil {
		panic(file + " cannot be written")
	}
}

func (r recorder) Plan(ctx context.Context, req sdk.PlanRequest) (sdk.Plan, error) {
	r.record("plan", req.ID.Node)
	return r.Handler.Plan(ctx, req)
}

func (r recorder) Apply(ctx context.Context, req sdk.ApplyRequest) (sdk.Result, error) {
	r.record("apply", req.ID.Node)
	return r.Handler.Apply(ctx, req)
}

func (r recorder) Undo(ctx context.Context, req sdk.UndoRequest) (sdk.Result, error) {
	r.record("undo", req.ID.Node)
	return r.Handler.Undo(ctx, req)
}

// mine is an echo plugin that shouts.
func mine() sdk.Spec {
	spec := echo.Spec()
	spec.Version = "2.0.0"
	for i := range spec.Types {
		if spec.Types[i].Name == "say" {
			spec.Types[i].Handler = shouting{spec.Types[i].Handler}
		}
	}
	return spec
}

type shouting struct{ sdk.Handler }

func (s shouting) Plan(ctx context.Context, req sdk.PlanRequest) (sdk.Plan, error) {
	req.Config = shout(req.Config)
	return s.Handler.Plan(ctx, req)
}

func (s shouting) Apply(ctx context.Context, req sdk.ApplyRequest) (sdk.Result, error) {
	req.Config = shout(req.Config)
	return s.Handler.Apply(ctx, req)
}

func shout(config cty.Value) cty.Value {
	values := config.AsValueMap()
	values["text"] = cty.StringVal(strings.ToUpper(values["text"].AsString()))
	return cty.ObjectVal(values)
}
