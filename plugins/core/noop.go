package core

import (
	"context"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type noopConfig struct {
	Value cty.Value `cf:"value" doc:"Any value."`
}

type noopOutputs struct {
	Value cty.Value `cf:"value" doc:"The value, as it was given."`
}

func noop() sdk.Type {
	return resource.Phase[noopConfig, noopOutputs]{
		Name: "noop",
		Doc:  "Does nothing and passes a value on. A point for others to depend on, and for trying things out.",
		Example: `phase "core.noop" "settings" {
  value = { region = "eu-1" }
}`,
		Build: func(_ context.Context, in resource.Input[noopConfig]) (resource.Work[noopOutputs], error) {
			return resource.Work[noopOutputs]{
				Known: func() noopOutputs { return noopOutputs(in.Config) },
			}, nil
		},
	}.Type()
}
