package main

import (
	"encoding/json"
	"io"

	"github.com/clusterflow/clusterflow/engine/graph"
)

func graphWriters() map[string]func(io.Writer, *graph.Graph) error {
	return map[string]func(io.Writer, *graph.Graph) error{
		"json": func(w io.Writer, g *graph.Graph) error { return json.NewEncoder(w).Encode(g.Edges()) },
	}
}
