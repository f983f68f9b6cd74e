package main

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/term"

	"github.com/clusterflow/clusterflow/engine/expand"
)

// ask lets the user type the values of variables, which no file, no list of
// processes and no history of a shell sees then.
func (a *app) ask(ctx context.Context, names []string, vars map[string]expand.VarInput) error {
	for _, name := range names {
		text, err := a.askSecret(ctx, name, "")
		if err != nil {
			return err
		}
		vars[name] = expand.VarInput{Raw: text, Source: "--ask"}
	}
	return nil
}

// asker is what the engine asks by, or nil where there is no terminal.
func (a *app) asker() func(ctx context.Context, name, description string) (string, error) {
	if terminal(a.in) == nil {
		return nil
	}
	return a.askSecret
}

// askSecret reads one line without showing it.
func (a *app) askSecret(ctx context.Context, name, description string) (string, error) {
	file := terminal(a.in)
	if file == nil {
		return "", &usageError{fmt.Errorf("there is no terminal to ask for the variable %s on: give it as CLUSTERFLOW_VAR_%s, or in a file for --var-file", name, name)}
	}
	if description != "" {
		fmt.Fprintln(a.err, description)
	}
	fd := int(file.Fd())
	before, err := term.MakeRaw(fd) // nothing is shown from before the question on
	if err != nil {
		return "", fmt.Errorf("ask on terminal: %w", err)
	}
	defer fmt.Fprintln(a.err)
	fmt.Fprintf(a.err, "%s (not shown): ", name)
	text, err := readHidden(ctx, fd)
	return text, errors.Join(err, term.Restore(fd, before))
}

// readHidden reads a line of a terminal that does not show it, or returns the
// cause of ctx when that ends first; then the read is left behind, for nothing can
// end it.
func readHidden(ctx context.Context, fd int) (string, error) {
	type line struct {
		text []byte
		err  error
	}
	typed := make(chan line, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		typed <- line{text, err}
	}()
	select {
	case l := <-typed:
		if l.err != nil {
			return "", fmt.Errorf("read answer: %w", l.err)
		}
		return string(l.text), nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}
