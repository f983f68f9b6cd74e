package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
)

// settleLimit is how many applies may follow a fault until all is as wanted: one,
// and one more for phases of which nobody knew how they ended.
const settleLimit = 3

// Prover applies a pipeline, disturbs it in every way, and demands that it always
// comes to the same end. It changes the host, and takes everything back.
type Prover struct {
	Host Host
	// Apply, Plan and Undo are the command lines. Apply and Undo ask nothing and print
	// events as JSON lines; Plan exits with 2 if there is something to do. Flags are
	// appended.
	Apply, Plan, Undo []string
	// Points is how many points of the run are disturbed at most, evenly spread.
	Points int
	// Out gets a line about each step.
	Out io.Writer

	defects int
	faults  int
	asked   int
	longest time.Duration
}

// ErrDefects says that something did not come to the same end. What it was has
// been written.
var ErrDefects = errors.New("the pipeline does not survive faults")

// Run does it all. The error is [ErrDefects], or says why it could not be done.
func (p *Prover) Run(ctx context.Context) error {
	events, err := p.calm(ctx)
	if err != nil {
		return err
	}
	for _, k := range []struct {
		name   string
		strike func(Process) error
	}{
		{"kill -9", Signal(os.Kill)},
		{"Ctrl-C", Signal(os.Interrupt)},
	} {
		before := p.defects
		points := spread(events, p.Points)
		for _, n := range points {
			if err := p.disturb(ctx, k.name, n, k.strike); err != nil {
				return err
			}
		}
		p.say("%s at %d of %d events: %s", k.name, len(points), events, verdict(p.defects-before))
	}
	p.say("%d faults, %d times somebody would be asked, longest recovery %v", p.faults, p.asked, p.longest.Round(time.Millisecond))
	if p.defects > 0 {
		return ErrDefects
	}
	return nil
}

// Calm applies, plans and undoes, without faults. The error is as that of Run.
func (p *Prover) Calm(ctx context.Context) error {
	_, err := p.calm(ctx)
	if err == nil && p.defects > 0 {
		err = ErrDefects
	}
	return err
}

// calm applies twice and undoes, without faults, and returns how many events there
// were.
func (p *Prover) calm(ctx context.Context) (int, error) {
	first, err := Drive(ctx, p.Host, p.Apply, nil)
	if err != nil {
		return 0, err
	}
	if first.Code != 0 {
		return 0, fmt.Errorf("apply: exit code %d\n%s%s", first.Code, first.Talk, strings.Join(problems(first), "\n"))
	}
	p.say("apply: %d phases in %v", len(first.phases(event.Succeeded, event.Unchanged)), first.Took.Round(time.Millisecond))
	before := p.defects
	if err := p.settled(ctx, "after an apply"); err != nil {
		return 0, err
	}
	p.say("second plan: %s", verdict(p.defects-before))
	before = p.defects
	if err := p.takeBack(ctx, "undo"); err != nil {
		return 0, err
	}
	p.say("undo: %s", verdict(p.defects-before))
	return len(first.Events), nil
}

// disturb lets a fault strike at the n-th event of an apply, finishes, and undoes.
func (p *Prover) disturb(ctx context.Context, name string, n int, strike func(Process) error) error {
	what := fmt.Sprintf("%s at event %d", name, n)
	struck, err := Drive(ctx, p.Host, p.Apply, &Fault{At: Nth(n), Strike: strike})
	if err != nil {
		return err
	}
	p.faults++
	done, began := struck.Succeeded(), time.Now()
	if len(struck.Events) > 0 {
		what += " (" + describe(struck.Events[min(n, len(struck.Events))-1]) + ")"
	}
	var flags []string
	for attempt := 1; ; attempt++ {
		ending, err := Drive(ctx, p.Host, slices.Concat(p.Apply, flags), nil)
		if err != nil {
			return err
		}
		for _, node := range ending.Started() {
			if slices.Contains(done, node) {
				p.defect("%s: %s was done, and runs again", what, node)
			}
		}
		done = append(done, ending.Succeeded()...)
		if ending.Code == 0 {
			break
		}
		flags = Asked(ending)
		p.asked += len(flags) / 2
		if attempt == settleLimit || len(flags) == 0 {
			p.defect("%s: the next apply does not finish: exit code %d\n%s%s", what, ending.Code, ending.Talk, strings.Join(problems(ending), "\n"))
			break
		}
	}
	p.longest = max(p.longest, time.Since(began))
	if err := p.settled(ctx, what); err != nil {
		return err
	}
	return p.takeBack(ctx, what)
}

// Asked returns the flags that allow what an apply asks for: to run phases again of
// which nobody knows how they ended.
func Asked(e Ending) []string {
	var flags []string
	for _, part := range strings.Split(e.Talk, "--rerun '")[1:] {
		if name, _, ok := strings.Cut(part, "'"); ok && !slices.Contains(flags, name) {
			flags = append(flags, "--rerun", name)
		}
	}
	return flags
}

// settled demands a plan without changes.
func (p *Prover) settled(ctx context.Context, when string) error {
	var out, talk strings.Builder
	process, err := p.Host.Start(ctx, p.Plan, &out, &talk)
	if err != nil {
		return err
	}
	code, err := process.Wait()
	if err == nil && code != 0 {
		p.defect("%s: a plan finds something to do, exit code %d\n%s%s", when, code, out.String(), talk.String())
	}
	return err
}

// takeBack undoes everything, which has to work.
func (p *Prover) takeBack(ctx context.Context, when string) error {
	ending, err := Drive(ctx, p.Host, p.Undo, nil)
	if err == nil && ending.Code != 0 {
		p.defect("%s: undo leaves something, exit code %d\n%s%s", when, ending.Code, ending.Talk, strings.Join(problems(ending), "\n"))
	}
	return err
}

func (p *Prover) defect(format string, args ...any) {
	p.defects++
	p.say("DEFECT "+format, args...)
}

func (p *Prover) say(format string, args ...any) {
	fmt.Fprintln(p.Out, strings.TrimSpace(fmt.Sprintf(format, args...)))
}

func verdict(defects int) string {
	if defects == 0 {
		return "ok"
	}
	return fmt.Sprintf("%d defects", defects)
}

// spread picks up to most of the numbers from 1 to n, evenly.
func spread(n, most int) []int {
	if most <= 0 || n <= most {
		most = n
	}
	out := make([]int, most)
	for i := range out {
		out[i] = 1 + i*n/most
	}
	return out
}

func describe(e event.Event) string {
	return strings.TrimSpace(string(e.Body.Kind()) + " " + e.Subject())
}

// problems are what phases failed with.
func problems(e Ending) []string {
	var out []string
	for _, ev := range e.Events {
		if end, ok := ev.Body.(event.NodeEnded); ok && end.Problem != nil {
			out = append(out, end.Node+": "+end.Problem.Message)
		}
	}
	return out
}
