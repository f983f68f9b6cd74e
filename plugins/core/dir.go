package core

import (
	"context"

	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type dirConfig struct {
	Path     string `cf:"path,required" doc:"Where the directory goes. Missing parents are made with 0755."`
	Mode     string `cf:"mode" default:"\"0755\"" doc:"Permissions of the directory."`
	Contents string `cf:"contents" default:"\"keep\"" enum:"keep warn remove" doc:"What undo does with a directory that is not empty: keep leaves it and fails, warn leaves it with a warning, remove takes all that is in it as well."`
}

type dirOutputs struct {
	Path string `cf:"path" doc:"The absolute path of the directory."`
}

func dir() sdk.Type {
	return resource.Phase[dirConfig, dirOutputs]{
		Name: "dir",
		Doc:  "Makes a directory. Undo removes it, and the parents that were made for it, unless they are in use.",
		Example: `phase "core.dir" "data" {
  path     = "/var/lib/example"
  mode     = "0700"
  contents = "remove"
}`,
		Access:   []sdk.Access{{Kind: sdk.AccessPath, What: "config.path", Write: true}},
		Validate: func(c dirConfig) error { _, err := newDir("/", c); return err },
		Build: func(_ context.Context, in resource.Input[dirConfig]) (resource.Work[dirOutputs], error) {
			d, err := newDir(in.WorkDir, in.Config)
			if err != nil {
				return resource.Work[dirOutputs]{}, err
			}
			return resource.Work[dirOutputs]{
				Resources: []resource.Resource{d},
				Known:     func() dirOutputs { return dirOutputs{Path: d.Path} },
			}, nil
		},
	}.Type()
}

func newDir(workDir string, c dirConfig) (*resource.Dir, error) {
	if err := checkPath("path", c.Path); err != nil {
		return nil, err
	}
	mode, err := parseMode("mode", c.Mode)
	if err != nil {
		return nil, err
	}
	return &resource.Dir{Path: hostpath.Abs(workDir, c.Path), Mode: mode, Contents: c.Contents == "remove", Keep: c.Contents == "warn"}, nil
}
