package run

import (
	"context"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/expand"
)

// idler is the worker of a finally phase in a run that changed nothing.
type idler struct{ node *expand.Node }

var _ worker = idler{}

func (w idler) run(context.Context, *mailbox) ending {
	return ending{body: event.NodeEnded{
		Node: w.node.Address, Type: w.node.Plugin + "." + w.node.Type,
		Status: event.Skipped, Reason: "nothing was changed",
	}}
}
