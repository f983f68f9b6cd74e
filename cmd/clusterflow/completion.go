package main

import (
	"github.com/spf13/cobra"

	"github.com/clusterflow/clusterflow/pipelines"
)

// completeBuiltins completes the name of a built-in pipeline.
func completeBuiltins(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	return pipelines.Names(), cobra.ShellCompDirectiveNoFileComp
}
