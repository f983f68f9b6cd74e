package main

import (
	"embed"
	"fmt"
	"io/fs"

	"github.com/clusterflow/clusterflow/sdk"
)

// descriptions is what the built-in plugins say of themselves. make golden writes
// the files, and a test of the plugins fails when they are stale.
//
//go:embed descriptions/*.binpb
var descriptions embed.FS

// shipped lets pipelines be written on systems on which the built-in plugins do
// not run: it describes them there, and nothing on Linux, where they do.
func shipped(system string) (map[string]sdk.Description, error) {
	if system == "linux" {
		return nil, nil
	}
	files, err := fs.Glob(descriptions, "descriptions/*")
	if err != nil {
		return nil, fmt.Errorf("read descriptions: %w", err)
	}
	out := make(map[string]sdk.Description, len(files))
	for _, path := range files {
		data, err := descriptions.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read descriptions: %w", err)
		}
		var d sdk.Description
		if err := d.UnmarshalBinary(data); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		d.Version = version
		out[d.Name] = d
	}
	return out, nil
}
