// Command clusterflow applies pipelines: DAGs of phases that bootstrap a host,
// each run by a plugin process.
package main

import (
	"context"
	"io"
	"os"
)

// version is set by the build.
var version = "dev"

// streams are what a command reads and writes: results go to out, talk to err.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	ctx, stop := context.WithCancelCause(context.Background())
	signals := watchSignals(stop)
	code := execute(ctx, signals, streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}, os.Args[1:])
	signals.close()
	os.Exit(code)
}

// execute is the whole command but for the process around it.
func execute(ctx context.Context, signals *signals, io streams, args []string) int {
	a := &app{streams: io, signals: signals}
	root := newRootCmd(a)
	root.SetArgs(args)
	return a.exitCode(ctx, root.ExecuteContext(ctx))
}
