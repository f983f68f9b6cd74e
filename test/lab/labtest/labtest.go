// Package labtest gives tests a lab and takes it down again.
package labtest

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
)

// RequireVariable makes a test that cannot have a lab fail when its value is
// "require"; otherwise such a test is skipped, except where $CI is set.
const RequireVariable = "CLUSTERFLOW_LAB"

const (
	downWithin   = 2 * time.Minute
	reportWithin = 30 * time.Second
	reportLines  = 60
)

// Up brings up a lab for t, of t's own name if opt has none, and takes it down
// when t ends. If t failed, t's log gets what its hosts said.
func Up(t *testing.T, opt lab.Options) *lab.Lab {
	t.Helper()
	Require(t)
	if opt.Log == nil {
		opt.Log = t.Output()
	}
	if opt.Name == "" {
		opt.Name = Name(t)
	}
	l, err := lab.Up(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			Report(t, l)
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), downWithin)
		defer cancel()
		if err := l.Down(ctx); err != nil {
			t.Error(err)
		}
	})
	return l
}

// Require skips t, or fails it where a lab is required, if this machine cannot have one.
func Require(t *testing.T) {
	t.Helper()
	required := os.Getenv(RequireVariable) == "require" || os.Getenv("CI") != ""
	err := lab.Missing(t.Context())
	if err != nil && os.Geteuid() == 0 {
		err = lab.Install(t.Context(), t.Output())
	}
	switch {
	case err == nil:
	case required:
		t.Fatal(err)
	default:
		t.Skip(err)
	}
}

// Name is a name for the lab of t that no other test of any clone has.
func Name(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return lab.NameOf("test", dir, t.Name())
}

// Report writes to t's log what the hosts of l said last.
func Report(t *testing.T, l *lab.Lab) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), reportWithin)
	defer cancel()
	for _, h := range l.Hosts {
		t.Logf("%s: console\n%s", h.Name, h.Console())
		t.Logf("%s: journal\n%s", h.Name, h.Journal(ctx, reportLines))
		containers, err := h.Run(ctx, "crictl", "ps", "--all")
		t.Logf("%s: containers %v\n%s", h.Name, err, containers)
	}
}
