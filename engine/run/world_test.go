package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
)

// world is a host made of named things, and what happened to it. Its plugin "t"
// keeps things as configs want them and misbehaves as told; see the field How.
type world struct {
	mu      sync.Mutex
	things  map[string]string
	calls   []string // "apply phase.a 1", in order of their begin
	running int
	most    int // how many calls ran at once at most
	// gates are received from by phases with how = "gate", by address.
	gates map[string]chan struct{}
	began chan string // gets the address of each phase that hangs or waits at its gate
	// recorded is the private record of a phase that another process would find.
	recorded func(address string) string
	// version is that of the phase type t.thing.
	version int64
	digest  string

	processes int
	isolated  int
}

func newWorld() *world {
	return &world{
		things: map[string]string{}, gates: map[string]chan struct{}{}, began: make(chan string, 16), digest: "d1",
	}
}

type thing struct {
	Name    string    `cf:"name,required" doc:"Its name."`
	Value   string    `cf:"value" default:"\"v\"" doc:"Its value."`
	Secret  string    `cf:"secret,sensitive" doc:"Not to be seen."`
	Source  string    `cf:"source,file" doc:"A file that counts as input."`
	Needs   cty.Value `cf:"needs" doc:"Anything."`
	How     string    `cf:"how" doc:"What goes wrong: fail [N], permanent, hang, stubborn, crash [N], gate, leak, flood N, unplannable [N], badoutput, keep, warn."`
	Private string    `cf:"private" doc:"What to record."`
}

type thingOutputs struct {
	Name  string    `cf:"name" doc:"Its name."`
	Value string    `cf:"value" doc:"Its value."`
	Token string    `cf:"token,late,sensitive" doc:"A secret that is made."`
	ID    string    `cf:"id,late" doc:"Known when it is there."`
	Echo  cty.Value `cf:"echo" doc:"What it needs."`
}

func (w *world) spec() sdk.Spec {
	typ := sdk.Type{
		Name: "thing", Doc: "Keeps a thing.", Example: "none", Version: w.version,
		Config: sdk.AttributesOf[thing](), Outputs: sdk.AttributesOf[thingOutputs](),
		Repeatable: true, CancelGrace: time.Hour, Handler: handler{w},
		Upgrade: func(from int64, private []byte) ([]byte, error) {
			return fmt.Appendf(nil, "%s upgraded from %d", private, from), nil
		},
	}
	brief, once, pooled, boot := typ, typ, typ, typ
	boot.Name, boot.Access = "boot", []sdk.Access{{Kind: sdk.AccessReboot, What: "host", Write: true}}
	brief.Name, brief.CancelGrace = "brief", 20*time.Millisecond
	once.Name, once.CancelGrace, once.Repeatable = "once", brief.CancelGrace, false
	pooled.Name, pooled.Pools = "pooled", []string{"pull"}
	return sdk.Spec{Name: "t", Version: "1.0.0", Types: []sdk.Type{typ, brief, once, pooled, boot}}
}

type handler struct{ w *world }

func (handler) Validate(context.Context, cty.Value) sdk.Diagnostics { return nil }

func (h handler) Plan(_ context.Context, req sdk.PlanRequest) (sdk.Plan, error) {
	c, err := sdk.Decode[thing](req.Config)
	if err != nil {
		return sdk.Plan{}, err
	}
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	h.w.calls = append(h.w.calls, "plan "+req.ID.Node)
	if req.Undo {
		return h.w.planUndo(undoName(req.Config, req.Private)), nil
	}
	if word, n := c.behaviour(); word == "unplannable" && (n == 0 || req.ID.Attempt <= n) {
		return sdk.Plan{}, sdk.Hint(fmt.Errorf("read thing %s with %s", c.Name, c.Secret), "Look at "+c.Secret+".")
	}
	p := sdk.Plan{Private: []byte(c.Name + " " + c.Private), Outputs: outputs(c)}
	now, there := h.w.things[c.Name]
	change := sdk.Change{Op: sdk.OpUpdate, Kind: "thing", Target: c.Name, Reason: "value " + now, Diff: "-" + now + "\n+" + c.Value + "\n"}
	switch {
	case !there:
		change = sdk.Change{Op: sdk.OpCreate, Kind: "thing", Target: c.Name, Reason: "absent"}
	case now == c.Value:
		return p, nil
	}
	p.Changes = []sdk.Change{change}
	late := p.Outputs.AsValueMap()
	late["token"], late["id"] = cty.UnknownVal(cty.String), cty.UnknownVal(cty.String)
	p.Outputs = cty.ObjectVal(late)
	return p, nil
}

// behaviour splits "fail 2" into its word and its number.
func (c thing) behaviour() (word string, n int) {
	word, number, _ := strings.Cut(c.How, " ")
	_, _ = fmt.Sscan(number, &n)
	return word, n
}

func outputs(c thing) cty.Value {
	return sdk.Encode(thingOutputs{Name: c.Name, Value: c.Value, Token: "token of " + c.Name, ID: "id-" + c.Name, Echo: c.Needs})
}

func (h handler) Apply(ctx context.Context, req sdk.ApplyRequest) (sdk.Result, error) {
	c, err := sdk.Decode[thing](req.Config)
	if err != nil {
		return sdk.Result{}, err
	}
	defer h.w.enter(fmt.Sprintf("apply %s %d", req.ID.Node, req.ID.Attempt))()
	result := sdk.Result{Private: req.Private, Outputs: outputs(c), Diagnostics: warnings(c.How, "made "+c.Name)}
	if c.How == "warn and log" {
		sdk.Emit(ctx, sdk.Log{Level: "warn", Message: result.Diagnostics[0].Summary, Fields: map[string]string{"hint": "look at it"}})
	}
	if err := h.w.misbehave(ctx, c, req.ID); err != nil {
		return result, err
	}
	if c.How == "badoutput" {
		result.Outputs = cty.StringVal("nonsense")
	}
	sdk.Emit(ctx, sdk.ChangeDone{Change: sdk.Change{Op: sdk.OpCreate, Kind: "thing", Target: c.Name}})
	h.w.set(c.Name, c.Value)
	return result, nil
}

func (h handler) Undo(ctx context.Context, req sdk.UndoRequest) (sdk.Result, error) {
	defer h.w.enter(fmt.Sprintf("undo %s %d", req.ID.Node, req.ID.Attempt))()
	_, rest, _ := strings.Cut(string(req.Private), " ")
	name := undoName(req.Config, req.Private)
	how, after, _ := strings.Cut(rest, " ")
	switch {
	case how == "stuck", how == "stuck_while" && h.w.get(after) != "", how == "stuck_once" && req.ID.Attempt == 1:
		return sdk.Result{Private: req.Private}, fmt.Errorf("remove %s: it is in use", name)
	case how == "undo_crash" && req.ID.Attempt == 1:
		return sdk.Result{}, errCrash
	case how == "undo_hang":
		return sdk.Result{}, h.w.hang(ctx, req.ID.Node)
	}
	h.w.set(name, "")
	return sdk.Result{Diagnostics: warnings(how, "removed "+name)}, nil
}

// errCrash makes the process die.
var errCrash = errors.New("crash")

func (w *world) misbehave(ctx context.Context, c thing, id sdk.Ident) error {
	word, n := c.behaviour()
	switch word {
	case "fail":
		if n == 0 || id.Attempt <= n {
			return sdk.Hint(fmt.Errorf("make %s: no luck", c.Name), "Try harder.")
		}
	case "permanent":
		return sdk.Permanent(fmt.Errorf("make %s: never", c.Name))
	case "crash":
		if n == 0 || id.Attempt <= n {
			return errCrash
		}
	case "hang":
		return w.hang(ctx, id.Node)
	case "stubborn":
		w.began <- id.Node
		<-ctx.Value(deadKey{}).(chan struct{})
		return errCrash
	case "gate":
		w.began <- id.Node
		<-w.gates[id.Node]
		if closed(ctx.Value(deadKey{}).(chan struct{})) {
			return errCrash
		}
	case "leak":
		zerolog.Ctx(ctx).Warn().Str("field", c.Secret).Msg("says " + c.Secret)
		sdk.Emit(ctx, sdk.Progress{ID: c.Secret, Label: "at " + c.Secret})
		sdk.Emit(ctx, sdk.ChangeDone{Change: sdk.Change{Op: sdk.OpCreate, Kind: "thing", Target: c.Secret, Diff: "+" + c.Secret}})
		return sdk.Hint(fmt.Errorf("make %s: wrong %q", c.Name, c.Secret), "not "+c.Secret)
	case "checkpoint":
		sdk.Emit(ctx, sdk.Checkpoint{Private: []byte(c.Name + " half")})
		w.set("seen by others", w.recorded(id.Node))
		return errCrash
	case "flood":
		for i := range n {
			sdk.Emit(ctx, sdk.Log{Level: "info", Message: fmt.Sprintf("line %d", i)})
		}
	}
	return nil
}

func (w *world) hang(ctx context.Context, address string) error {
	w.began <- address
	<-ctx.Done()
	return context.Cause(ctx)
}

func (w *world) enter(call string) (leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, call)
	w.running++
	w.most = max(w.most, w.running)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.running--
	}
}

// set gives a thing its value; none removes it.
func (w *world) set(name, value string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.things[name] = value; value == "" {
		delete(w.things, name)
	}
}

func (w *world) get(name string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.things[name]
}
