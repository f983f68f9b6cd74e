package main

import (
	"embed"

	"github.com/clusterflow/clusterflow/sdk"
)

// descriptions is what the built-in plugins say of themselves. make golden writes
// the files, and a test of the plugins fails when they are stale.
//
//go:embed descriptions/*.binpb
var descriptions embed.FS

// shipped lets pipelines be written on systems on which the built-in plugins do
// not run: it describes them there, and nothing on Linux, where they do.
func shipped(system string) func(plugin string) (sdk.Description, bool) {
	if system == "linux" {
		return nil
	}
	return func(plugin string) (d sdk.Description, ok bool) {
		data, err := descriptions.ReadFile("descriptions/" + plugin + ".binpb")
		if err != nil || d.UnmarshalBinary(data) != nil {
			return sdk.Description{}, false
		}
		d.Version = version
		return d, true
	}
}
