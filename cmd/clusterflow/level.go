package main

import (
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/event"
)

// levelFlag is the least important level that is shown. Empty means that the user
// did not say.
type levelFlag event.Level

var _ pflag.Value = (*levelFlag)(nil)

// String implements [pflag.Value].
func (l *levelFlag) String() string { return string(*l) }

// Type implements [pflag.Value].
func (*levelFlag) Type() string { return "level" }

// Set implements [pflag.Value].
func (l *levelFlag) Set(name string) error {
	known := levelNames()
	if !slices.Contains(known, name) {
		return fmt.Errorf("there is no such level.%s %s", diag.DidYouMean(name, known), diag.Names("levels", known))
	}
	*l = levelFlag(name)
	return nil
}

func levelNames() []string {
	var names []string
	for _, level := range []event.Level{event.LevelTrace, event.LevelDebug, event.LevelInfo, event.LevelWarn, event.LevelError} {
		names = append(names, string(level))
	}
	return names
}
