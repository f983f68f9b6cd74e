// Command clusterflow applies pipelines: DAGs of phases that bootstrap a host,
// each run by a plugin process.
package main

import (
	"context"
	"io"
	"os"

	"github.com/clusterflow/clusterflow/sdk"
)

// version is set by the build.
var version = "dev"

// streams are what a command reads and writes: results go to out, talk to err.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	paceHeap()
	sdk.NoCoreFiles()
	ctx, stop := context.WithCancelCause(context.Background())
	signals := watchSignals(stop)
	a := &app{streams: streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}, signals: signals}
	code := a.exitCode(ctx, newRootCmd(a).ExecuteContext(ctx))
	signals.close()
	os.Exit(code)
}
