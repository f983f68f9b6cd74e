package main

import (
	"testing"

	"github.com/clusterflow/clusterflow/plugins/internal/multicall/multicalltest"
)

func TestPlugins(t *testing.T) { multicalltest.Run(t, plugins()) }
