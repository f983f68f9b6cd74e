package main

import (
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/pipelines"
)

// source is where a pipeline comes from.
type source struct {
	files fs.FS
	path  string
}

// source finds the pipeline that an argument names: a file where there is one,
// else the built-in pipeline of that name, with or without its extension. It says
// which one it is when one could take it for the other.
func (a *app) source(name string) (source, error) {
	builtin, known := pipelines.Path(name)
	info, err := os.Stat(name)
	switch file := err == nil && !info.IsDir(); {
	case file && known:
		fmt.Fprintf(a.err, "Using the file %s, not the built-in pipeline of that name.\n", name)
	case known:
		fmt.Fprintf(a.err, "Using the built-in pipeline %s.\n", builtin)
		return source{pipelines.Files(), builtin}, nil
	case err != nil:
		return source{config.OS{}, name}, meant(name)
	}
	return source{config.OS{}, name}, nil
}

// meant is the error for a name that is almost that of a built-in pipeline. Any
// other name is a file that is not there, as loading it will tell.
func meant(name string) error {
	near := diag.Suggest(strings.TrimSuffix(name, pipelines.Extension), pipelines.Names())
	if near == "" {
		return nil
	}
	return &usageError{fmt.Errorf("there is no file %s, and no built-in pipeline of that name. Did you mean %q?", name, near)}
}
