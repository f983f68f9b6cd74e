package core

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type portsConfig struct {
	Address string         `cf:"address" default:"\"127.0.0.1\"" doc:"IP address that the ports are for. \"0.0.0.0\" or \"::\" stands for all."`
	Prefer  map[string]int `cf:"prefer,required" doc:"A name for each port, with the number to take if it is free. 0 means any."`
}

type portsOutputs struct {
	Ports map[string]int `cf:"ports" doc:"The port of each name."`
}

const (
	kindPorts = "ports"
	maxPort   = 65535
	nearby    = 100 // ports after a taken one that are tried before just any
)

func ports() sdk.Type {
	return resource.Phase[portsConfig, portsOutputs]{
		Name: "ports",
		Doc: "Chooses free TCP ports, all different. The choice is made once and kept: later runs give the same ports, in use or not. " +
			"A name that is new, or whose preference changed, is chosen anew. The plan chooses, so that it can tell what follows from it. " +
			"Nothing is held open, so another program may take a port first.",
		Example: `phase "core.ports" "ports" {
  prefer = { apiserver = 6443, etcd_client = 2379, etcd_peer = 2380 }
}`,
		Access:   []sdk.Access{{Kind: sdk.AccessNet, What: "tcp listen on config.address"}},
		Kinds:    []resource.Kind{{Name: kindPorts}},
		Validate: validatePorts,
		Build: func(ctx context.Context, in resource.Input[portsConfig]) (resource.Work[portsOutputs], error) {
			c := newChoice(in)
			if err := c.choose(ctx); err != nil {
				return resource.Work[portsOutputs]{}, err
			}
			return resource.Work[portsOutputs]{
				Resources: []resource.Resource{c},
				Known:     func() portsOutputs { return portsOutputs{Ports: c.Ports} },
			}, nil
		},
	}.Type()
}

func validatePorts(c portsConfig) error {
	if net.ParseIP(c.Address) == nil {
		return attrError("address", "%q is not an IP address", c.Address)
	}
	names := map[int]string{}
	for _, name := range slices.Sorted(maps.Keys(c.Prefer)) {
		port := c.Prefer[name]
		if port < 0 || port > maxPort {
			return attrError("prefer", "%s = %d is not a port", name, port)
		}
		if other, taken := names[port]; taken && port != 0 {
			return attrError("prefer", "%s and %s both want %d", other, name, port)
		}
		names[port] = name
	}
	return nil
}

// choice is a choice of ports. It is all in the record, and leaves nothing on the
// host to remove.
type choice struct {
	Address string         `json:"address"`
	Prefer  map[string]int `json:"prefer"`
	Ports   map[string]int `json:"ports"`

	fresh []string // the names chosen now, not taken over from the record
}

var _ resource.Resource = (*choice)(nil)

// newChoice takes over what was chosen before for the same wishes.
func newChoice(in resource.Input[portsConfig]) *choice {
	c := &choice{Address: in.Config.Address, Prefer: in.Config.Prefer, Ports: map[string]int{}}
	entry, ok := in.Record.Find(c.ID())
	var old choice
	if !ok || json.Unmarshal(entry.State, &old) != nil || old.Address != c.Address {
		return c
	}
	for name, port := range old.Ports {
		if wish, still := c.Prefer[name]; still && wish == old.Prefer[name] {
			c.Ports[name] = port
		}
	}
	return c
}

// ID is the same for every choice: a phase makes one.
func (c *choice) ID() resource.ID { return resource.ID{Kind: kindPorts, Target: "choice"} }

// Diff lists the names that were chosen just now. In Apply there is none: the
// record of the plan holds the choice.
func (c *choice) Diff(context.Context) (sdk.Change, error) {
	if len(c.fresh) == 0 {
		return sdk.Change{}, nil
	}
	return sdk.Change{Op: sdk.OpRun, Target: strings.Join(c.fresh, ", "), Reason: "not chosen yet"}, nil
}

// Render does nothing: the choice is made, and is kept with the record.
func (c *choice) Render(context.Context) error { return nil }

func (c *choice) open() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(c.Prefer)), func(name string) bool {
		_, chosen := c.Ports[name]
		return chosen
	})
}

// choose gives every name a port that has none. It holds each port until all are
// chosen, so that they differ; wishes that can be met come first, so that nobody's
// is taken by another.
func (c *choice) choose(ctx context.Context) error {
	hold := holder{address: c.Address, used: map[int]bool{}}
	defer hold.release()
	for _, port := range c.Ports {
		hold.used[port] = true
	}
	c.fresh = c.open()
	for _, name := range c.fresh {
		if wish := c.Prefer[name]; wish != 0 && hold.take(ctx, wish) == nil {
			c.Ports[name] = wish
		}
	}
	for _, name := range c.open() {
		port, err := hold.near(ctx, c.Prefer[name])
		if err != nil {
			return fmt.Errorf("find a free port for %s on %s: %w", name, c.Address, err)
		}
		c.Ports[name] = port
	}
	return nil
}

// Remove does nothing: the choice is gone with its record.
func (c *choice) Remove(context.Context) error { return nil }

// holder holds ports by listening on them.
type holder struct {
	address   string
	used      map[int]bool
	listeners []net.Listener
}

// take holds one port, if nobody has it.
func (h *holder) take(ctx context.Context, port int) error {
	if h.used[port] {
		return fmt.Errorf("port %d is taken", port)
	}
	_, err := h.listen(ctx, port)
	return err
}

// near holds the next free port after wish, or any.
func (h *holder) near(ctx context.Context, wish int) (int, error) {
	if wish != 0 {
		for port := wish + 1; port <= min(wish+nearby, maxPort); port++ {
			if h.take(ctx, port) == nil {
				return port, nil
			}
		}
	}
	for {
		port, err := h.listen(ctx, 0)
		if err != nil || !h.used[port] {
			return port, err
		}
	}
}

func (h *holder) listen(ctx context.Context, port int) (int, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(h.address, fmt.Sprint(port)))
	if err != nil {
		return 0, err
	}
	h.listeners = append(h.listeners, l)
	addr, err := net.ResolveTCPAddr("tcp", l.Addr().String())
	if err != nil {
		return 0, err
	}
	return addr.Port, nil
}

func (h *holder) release() {
	for _, l := range h.listeners {
		_ = l.Close()
	}
}
