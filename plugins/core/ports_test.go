package core

import (
	"maps"
	"net"
	"slices"
	"strconv"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
)

// listen takes a free port of 127.0.0.1.
func listen(t *testing.T) int {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	_, text, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// unused is a port that was free a moment ago.
func unused(t *testing.T) int {
	t.Helper()
	var port int
	t.Run("unused port", func(t *testing.T) { port = listen(t) })
	return port
}

func wishes(prefer map[string]int) object {
	m := object{}
	for name, port := range prefer {
		m[name] = cty.NumberIntVal(int64(port))
	}
	return object{"prefer": cty.MapVal(m)}
}

func chosen(t *testing.T, outputs object) map[string]int {
	t.Helper()
	out, err := sdk.Decode[portsOutputs](cty.ObjectVal(outputs))
	if err != nil {
		t.Fatal(err)
	}
	return out.Ports
}

func TestPorts(t *testing.T) {
	free, taken := unused(t), listen(t)
	prefer := map[string]int{"free": free, "taken": taken, "any": 0, "other": 0}
	d := drive(t, "ports", wishes(prefer))
	equal(t, "plan", d.changes(t), "> ports any, free, other, taken: not chosen yet")
	if planned := chosen(t, d.plan(t).Outputs.AsValueMap()); len(planned) != 4 || planned["free"] != free {
		t.Errorf("the plan tells %v, want four ports, %d among them", planned, free)
	}
	got := chosen(t, d.apply(t))
	if got["free"] != free {
		t.Errorf("free: got %d, want %d", got["free"], free)
	}
	if got["taken"] == taken {
		t.Errorf("taken: got the port that is in use")
	}
	numbers := slices.Sorted(maps.Values(got))
	if len(slices.Compact(numbers)) != 4 || numbers[0] < 1 || numbers[3] > maxPort {
		t.Errorf("got %v, want four different ports", got)
	}

	d.Unchanged = false
	equal(t, "second plan", d.changes(t), "")
	if again := chosen(t, d.apply(t)); !maps.Equal(again, got) {
		t.Errorf("second run: got %v, want %v", again, got)
	}
	if result := d.TryUndo(t); result.Status != sdk.StatusOK || d.Private != nil {
		t.Errorf("undo: got %+v", result)
	}
}

func TestPortsChange(t *testing.T) {
	a, b, other := unused(t), unused(t), unused(t)
	d := drive(t, "ports", wishes(map[string]int{"a": a, "b": b}))
	first := chosen(t, d.apply(t))
	d.Set(t, wishes(map[string]int{"a": a, "b": other, "new": 0}))
	equal(t, "plan", d.changes(t), "> ports b, new: not chosen yet")
	second := chosen(t, d.apply(t))
	if second["a"] != first["a"] || second["new"] == 0 || len(second) != 3 {
		t.Errorf("got %v after %v", second, first)
	}
	config := wishes(map[string]int{"a": a})
	config["address"] = text("127.0.0.2")
	d.Set(t, config)
	equal(t, "plan for another address", d.changes(t), "> ports a: not chosen yet")
}

func TestNearbyPort(t *testing.T) {
	taken := listen(t)
	c := &choice{Address: "127.0.0.1", Prefer: map[string]int{"p": taken}, Ports: map[string]int{}}
	if err := c.choose(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := c.Ports["p"]; got <= taken || got > taken+nearby {
		t.Errorf("got %d, want one soon after %d", got, taken)
	}
}

func TestPortsOfAStrangeAddress(t *testing.T) {
	c := &choice{Address: "192.0.2.1", Prefer: map[string]int{"a": 0}, Ports: map[string]int{}}
	err := c.choose(t.Context())
	if err == nil {
		t.Fatalf("chose %v on an address that this host has not", c.Ports)
	}
	equal(t, "error", err.Error(), "find a free port for a on 192.0.2.1: listen tcp 192.0.2.1:0: bind: cannot assign requested address")
}

func TestNoPorts(t *testing.T) {
	d := drive(t, "ports", object{"prefer": cty.MapValEmpty(cty.Number)})
	if got := chosen(t, d.apply(t)); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}
