package sdk

import (
	"errors"
	"fmt"
	"io"

	pb "github.com/clusterflow/clusterflow/sdk/internal/pluginv1"
)

// receive passes events on until the stream ends. There must be exactly one
// result, and it must be last.
func receive(next func() (*pb.Event, error), t valueTypes, emit func(Event)) (Result, error) {
	var result *pb.Result
	for {
		wire, err := next()
		switch {
		case errors.Is(err, io.EOF) && result == nil:
			return Result{}, ErrNoResult
		case errors.Is(err, io.EOF):
			return resultFromWire(result, t)
		case err != nil && result != nil: // the result counts, whatever broke after it
			return resultFromWire(result, t)
		case err != nil:
			return Result{}, fmt.Errorf("%w: %w", ErrNoResult, err)
		case result != nil:
			return Result{}, fmt.Errorf("%w: it sent more after its result", ErrNoResult)
		case wire.GetResult() != nil:
			result = wire.GetResult()
			continue
		}
		if e := eventFromWire(wire); e != nil && emit != nil {
			emit(e)
		}
	}
}

func resultFromWire(w *pb.Result, t valueTypes) (Result, error) {
	outputs, err := valueFromWire(w.GetOutputs(), t.outputs)
	if err != nil {
		return Result{}, fmt.Errorf("%w: %w", ErrNoResult, err)
	}
	status := Status(w.GetStatus())
	if status < StatusOK || status > StatusCancelled {
		return Result{}, fmt.Errorf("%w: it sent the status %d", ErrNoResult, w.GetStatus())
	}
	return Result{
		Status: status, Outputs: outputs, Private: w.GetPrivate(), Diagnostics: diagsFromWire(w.GetDiagnostics()),
	}, nil
}
