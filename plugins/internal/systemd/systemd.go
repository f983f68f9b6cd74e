// Package systemd asks and steers the services of this host's systemd: over D-Bus,
// whose answers are typed and exact, but for the journal, which journalctl reads.
//
// It knows no service by name.
package systemd

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"

	"github.com/clusterflow/clusterflow/sdk"
)

// ErrAbsent reports that this host is not run by systemd.
var ErrAbsent = errors.New("this host is not run by systemd")

// Service is what systemd says of one service.
type Service struct {
	Name string // such as "kubelet.service"
	Load string // "loaded", "not-found", "masked", …
	// Active and Sub are its state: "active" and "running", "activating" and
	// "auto-restart" between a failure and the next try, "failed" and "failed", …
	Active, Sub string
	// Started is when its main process last started; zero if never.
	Started time.Time
	// Restarts counts the restarts that systemd made by itself.
	Restarts int
	// Result is how it ended last: "success", "exit-code", "signal", …
	Result string
	// ExitCode is the main process's last exit status, or the number of the signal.
	ExitCode int
	// Invocation marks one run of the service, also in the journal.
	Invocation string

	changed bool // its unit files, since systemd read them
}

// Exists reports whether there is a unit file that may be started.
func (s Service) Exists() bool { return s.Load == "loaded" }

// Running reports whether it is up, as far as systemd can tell.
func (s Service) Running() bool { return s.Active == "active" }

// Exit is how it ended last, in words.
func (s Service) Exit() string {
	switch s.Result {
	case "exit-code":
		return fmt.Sprintf("exit status %d", s.ExitCode)
	case "signal", "core-dump":
		return fmt.Sprintf("signal %d", s.ExitCode)
	case "", "success":
		return "it ended by itself"
	}
	return s.Result
}

// Manager is the systemd of this host. The zero value is ready for use.
type Manager struct{}

// Service asks for the state of a service, also of one that does not exist.
func (Manager) Service(ctx context.Context, name string) (Service, error) {
	var s Service
	err := with(ctx, func(c *dbus.Conn) error {
		properties, err := c.GetAllPropertiesContext(ctx, unit(name))
		s = read(unit(name), properties)
		return err
	})
	if err != nil {
		return Service{}, fmt.Errorf("ask systemd for %s: %w", unit(name), err)
	}
	return s, nil
}

// Restart starts a service, after it stopped one that runs or waits for its next
// try. It returns when systemd has started it, which may be before it works.
func (m Manager) Restart(ctx context.Context, name string) error {
	s, err := m.Service(ctx, name)
	if err != nil {
		return err
	}
	err = with(ctx, func(c *dbus.Conn) error {
		if s.changed || !s.Exists() {
			if err := c.ReloadContext(ctx); err != nil {
				return err
			}
		}
		if s.Active == "failed" { // also forgets that it was started too often
			if err := c.ResetFailedUnitContext(ctx, s.Name); err != nil {
				return err
			}
		}
		return job(ctx, func(done chan<- string) (int, error) {
			return c.RestartUnitContext(ctx, s.Name, "replace", done)
		})
	})
	if err != nil {
		return fmt.Errorf("restart %s: %w", s.Name, err)
	}
	return nil
}

// Stop stops a service and waits until it has ended. One that does not run or
// exist is no error.
func (m Manager) Stop(ctx context.Context, name string) error {
	s, err := m.Service(ctx, name)
	if err != nil || s.Load == "not-found" {
		return err
	}
	err = with(ctx, func(c *dbus.Conn) error {
		return job(ctx, func(done chan<- string) (int, error) {
			return c.StopUnitContext(ctx, s.Name, "replace", done)
		})
	})
	if err != nil {
		return fmt.Errorf("stop %s: %w", s.Name, err)
	}
	return nil
}

// with connects for as long as use takes.
func with(ctx context.Context, use func(*dbus.Conn) error) error {
	if _, err := os.Stat("/run/systemd/system"); err != nil { // the test of sd_booted(3)
		return sdk.Permanent(sdk.Hint(ErrAbsent, "Other init systems, such as OpenRC, are not supported: use a host with systemd."))
	}
	conn, err := dbus.NewWithContext(ctx)
	if err != nil {
		return fmt.Errorf("connect to D-Bus: %w", err)
	}
	defer conn.Close()
	return use(conn)
}

// job waits for the end of a job that start queues.
func job(ctx context.Context, start func(done chan<- string) (int, error)) error {
	done := make(chan string, 1)
	if _, err := start(done); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case result := <-done:
		if result != "done" && result != "skipped" {
			return fmt.Errorf("the job of systemd ended as %q", result)
		}
		return nil
	}
}

// read picks what counts out of the properties of a unit. Absent ones are zero.
func read(name string, properties map[string]any) Service {
	s := Service{
		Name: name,
		Load: property[string](properties, "LoadState"), Active: property[string](properties, "ActiveState"),
		Sub: property[string](properties, "SubState"), Result: property[string](properties, "Result"),
		Restarts:   int(property[uint32](properties, "NRestarts")),
		ExitCode:   int(property[int32](properties, "ExecMainStatus")),
		Invocation: hex.EncodeToString(property[[]byte](properties, "InvocationID")),
		changed:    property[bool](properties, "NeedDaemonReload"),
	}
	if micro := property[uint64](properties, "ExecMainStartTimestamp"); micro != 0 {
		s.Started = time.UnixMicro(int64(micro))
	}
	return s
}

func property[T any](properties map[string]any, name string) T {
	v, _ := properties[name].(T)
	return v
}

// unit is the name of a service's unit.
func unit(name string) string {
	if strings.HasSuffix(name, ".service") {
		return name
	}
	return name + ".service"
}
