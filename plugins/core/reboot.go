package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const (
	kindBoot = "boot"
	bootFile = "/proc/sys/kernel/random/boot_id"
)

type rebootConfig struct {
	Triggers cty.Value     `cf:"triggers" doc:"Any value. The host boots anew once for each one, such as the version of a kernel."`
	OnlyIf   string        `cf:"only_if" doc:"Path without which the host need not boot, such as \"/run/reboot-required\"."`
	Command  []string      `cf:"command" default:"[\"systemctl\", \"reboot\"]" doc:"What boots the host anew."`
	Within   time.Duration `cf:"within" default:"\"5m\"" doc:"How long the host may take to go down."`
}

type rebootOutputs struct {
	BootID string `cf:"boot_id,late" doc:"The kernel's id of the boot that came of it, or of the one that goes on when none was needed."`
}

// host is what a boot is about, so that tests need not boot.
type host struct {
	// boot returns the kernel's id of this boot.
	boot func() (string, error)
}

func thisHost() host {
	return host{boot: func() (string, error) {
		id, err := os.ReadFile(bootFile)
		if err != nil {
			return "", sdk.Permanent(fmt.Errorf("tell one boot from the next: %w", err))
		}
		return strings.TrimSpace(string(id)), nil
	}}
}

func reboot(h host) sdk.Type {
	return resource.Phase[rebootConfig, rebootOutputs]{
		Name: "reboot",
		Doc: "Boots the host anew, once for each value of triggers. Nothing else runs meanwhile, and the run goes on by itself " +
			"after the boot: clusterflow installs a systemd unit for that, and removes it when the run has ended.",
		Example: `phase "core.reboot" "kernel" {
  triggers = { sysctl = "v2" }
  only_if  = "/run/reboot-required"
}`,
		CancelGrace: time.Minute,
		Access:      []sdk.Access{{Kind: sdk.AccessReboot, What: "the host", Write: true}, {Kind: sdk.AccessExec, What: "config.command", Write: true}},
		Kinds:       []resource.Kind{{Name: kindBoot}},
		Validate: func(c rebootConfig) error {
			if len(c.Command) == 0 || c.Command[0] == "" {
				return attrError("command", "names no program")
			}
			if c.Within <= 0 {
				return attrError("within", "must be longer than zero")
			}
			return nil
		},
		Build: func(_ context.Context, in resource.Input[rebootConfig]) (resource.Work[rebootOutputs], error) {
			b, err := newBoot(h, in)
			if err != nil {
				return resource.Work[rebootOutputs]{}, err
			}
			return resource.Work[rebootOutputs]{
				Resources: []resource.Resource{b},
				Outputs: func(context.Context) (rebootOutputs, error) {
					id, err := h.boot()
					return rebootOutputs{BootID: id}, err
				},
			}, nil
		},
	}.Type()
}

// boot is the wish that the host has booted since the wish arose.
type boot struct {
	// Since is the id of the boot in which it arose, Triggers what it was for.
	Since    string `json:"since,omitempty"`
	Triggers string `json:"triggers"`

	host   host
	config rebootConfig
	wanted string // the triggers now
}

var _ resource.Resource = (*boot)(nil)

func newBoot(h host, in resource.Input[rebootConfig]) (*boot, error) {
	b := &boot{host: h, config: in.Config, wanted: "null"}
	if v := in.Config.Triggers; v != cty.NilVal && !v.IsNull() {
		text, err := ctyjson.Marshal(v, v.Type())
		if err != nil {
			return nil, fmt.Errorf("read triggers: %w", err)
		}
		b.wanted = string(text)
	}
	if e, ok := in.Record.Find(b.ID()); ok {
		var old boot
		if err := json.Unmarshal(e.State, &old); err != nil {
			return nil, fmt.Errorf("read record of the boot: %w", err)
		}
		b.Since, b.Triggers = old.Since, old.Triggers
	}
	return b, nil
}

// ID is "boot" and the host.
func (b *boot) ID() resource.ID { return resource.ID{Kind: kindBoot, Target: "host"} }

// Diff compares the boot of before with this one.
func (b *boot) Diff(context.Context) (sdk.Change, error) {
	now, err := b.host.boot()
	if err != nil {
		return sdk.Change{}, err
	}
	if b.Since != "" && b.Triggers == b.wanted && b.Since != now {
		return sdk.Change{}, nil
	}
	if b.config.OnlyIf != "" {
		if _, err := os.Stat(b.config.OnlyIf); errors.Is(err, os.ErrNotExist) {
			return sdk.Change{}, nil
		} else if err != nil {
			return sdk.Change{}, err
		}
	}
	b.Since, b.Triggers = now, b.wanted // recorded before it happens
	return sdk.Change{Op: sdk.OpRun, Reason: "not booted since", Disruptive: true}, nil
}

// Render boots the host. It does not return before the host goes down, unless that
// fails.
func (b *boot) Render(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, b.config.Within,
		fmt.Errorf("the host still runs after %v", b.config.Within))
	defer cancel()
	out, err := exec.CommandContext(ctx, b.config.Command[0], b.config.Command[1:]...).CombinedOutput()
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("run %s: %w: %s", describe(b.config.Command), err, strings.TrimSpace(string(out)))
	}
	sdk.Emit(ctx, sdk.Progress{ID: "boot", Label: "the host goes down"})
	<-ctx.Done()
	return context.Cause(ctx)
}

// Remove does nothing: a boot cannot be taken back.
func (b *boot) Remove(context.Context) error { return nil }
