package live

import (
	"fmt"
	"strings"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/report"
)

const (
	// maxLogs is how many lines of its log a phase shows at most.
	maxLogs = 3
	// patience is how long a phase runs before it gets room for its log.
	patience = 2 * time.Second
	// narrow is the width below which a frame leaves out the word that a mark stands
	// for: what the phase does is worth more.
	narrow = 100
	// barWidth is how many characters wide a bar is.
	barWidth = 12
	// roomy is the width from which on the totals have a bar.
	roomy = 64
)

// space is what a frame has to fit into.
type space struct {
	size
	color bool
	logs  bool // show what running phases write
}

// frame draws the state at one moment, a line for each phase at work, or for as
// many as fit: two thirds of the height, so that what is over stays in sight.
//
//	/ phase.images["etcd:3.6"]            12.0s  [======------] pulling 61.0 MiB of 118.0 MiB
//	. 4 phases                             3.1s  waiting for pool pull
//	31.2s  [=====-------] 18 of 41 done, 1 failed, 3 running, 19 left
//
// It is empty before a run and after it.
func (s *state) frame(now time.Time, sp space) []line {
	if s.began.IsZero() || s.over {
		return nil
	}
	rows := min(sp.height*2/3, sp.height-1) // the cursor rests below
	if rows < 1 || sp.width < 2 {
		return nil
	}
	p := &page{now: now, space: sp, column: min(s.column, max(16, sp.width*2/5))}
	queues := s.queues(now)
	queues = queues[:min(len(queues), (rows-1)/3)]
	s.atWork(p, rows-1-len(queues))
	for _, q := range queues {
		q.draw(p)
	}
	s.totals(p)
	return p.lines
}

// page collects the lines of a frame.
type page struct {
	space
	now    time.Time
	column int
	lines  []line
}

func (p *page) add(spans ...span) {
	p.lines = append(p.lines, render(spans, p.width-1, p.color)) // a full line could wrap
}

// node adds a line about phases, in the columns of [report.Plain] if there is room
// for them.
func (p *page) node(mark string, st style, name, verb string, since time.Time, note string) {
	text := strings.TrimRight(fmt.Sprintf(" %7s  %s", elapsed(p.now.Sub(since)), note), " ")
	spans := []span{{st, "  " + mark}, {text: " " + fit(name, p.column)}}
	if p.width >= narrow {
		spans = append(spans, span{st, fmt.Sprintf("  %-10s", verb)})
	}
	p.add(append(spans, span{text: text})...)
}

// elapsed is in tenths of a second: there are no more frames than that.
func elapsed(d time.Duration) string {
	if d = max(0, d); d < 10*time.Second {
		return fmt.Sprintf("%.1fs", d.Truncate(Interval).Seconds())
	}
	return report.Seconds(d)
}

// atWork adds the phases that run, longest first, and spends rows that are left
// over on their logs.
func (s *state) atWork(p *page, rows int) {
	shown, hidden := s.busy, 0
	if len(shown) > rows {
		shown = shown[:min(rows, max(1, rows-1))]
		hidden = len(s.busy) - len(shown)
	}
	logs := windows(shown, rows-len(shown), p)
	for i, ph := range shown {
		ph.draw(p, logs[i])
	}
	if hidden > 0 && rows > 1 {
		p.add(span{dim, fmt.Sprintf("    and %d more", hidden)})
	}
}

// windows says how many lines of log each phase shows. All get one before any
// gets two.
func windows(shown []*phase, spare int, p *page) []int {
	rows := make([]int, len(shown))
	for round := range maxLogs {
		for i, ph := range shown {
			if spare > 0 && ph.window(p) > round {
				rows[i]++
				spare--
			}
		}
	}
	return rows
}

// window is how many lines of log the phase has to show. A single one fits
// beside the phase, unless its progress is there.
func (ph *phase) window(p *page) int {
	old := p.now.Sub(ph.started) >= patience
	if !p.logs || !old || (len(ph.bars) == 0 && len(ph.logged) < 2) {
		return 0
	}
	return len(ph.logged)
}

func (ph *phase) draw(p *page, logs int) {
	lines := ph.logged[len(ph.logged)-logs:]
	if ph.status == event.Retrying {
		left := ph.since.Add(ph.retry.Delay.Std()).Sub(p.now)
		p.node("*", yellow, clean(ph.address), "retrying", ph.started, clean(report.Retry(ph.retry, left)))
	} else {
		p.node(spinner(p.now), cyan, clean(ph.address), "running", ph.started, ph.note(lines))
	}
	for _, l := range lines {
		p.add(span{dim, "    | " + l})
	}
}

// note is what the phase does right now, unless the lines below say it.
func (ph *phase) note(below []string) string {
	done, text := "", ph.said
	if b, ok := ph.bar(); ok {
		done, text = bar(b.Current, b.Total), clean(report.Progress(b))
	} else if len(below) > 0 && below[len(below)-1] == ph.said {
		text = ""
	}
	if ph.attempt > 1 {
		text = strings.TrimSuffix(fmt.Sprintf("attempt %d: %s", ph.attempt, text), ": ")
	}
	return done + text
}

func spinner(now time.Time) string {
	const turn = `|/-\`
	i := int(now.UnixMilli()/Interval.Milliseconds()) & (len(turn) - 1)
	return turn[i : i+1]
}

// bar is empty if the total is not known.
func bar(current, total int64) string {
	if total <= 0 {
		return ""
	}
	full := int(float64(min(max(current, 0), total)) / float64(total) * barWidth)
	return "[" + strings.Repeat("=", full) + strings.Repeat("-", barWidth-full) + "] "
}
