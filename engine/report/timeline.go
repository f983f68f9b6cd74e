package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
)

// minRows is how many phases a timeline shows though they took next to nothing.
const minRows = 3

// timeline draws a bar for each of the longest phases, those that fill a character
// of it, in order of their start:
//
//	2.10s  ..=======-----------  phase.images
//	5.02s  --------============  phase.etcd
//
// "=" is work and "." is being ready without running: the phase waited for a
// slot, its pool or its next attempt.
func (s *Summary) timeline(p *printer, records []*record, opts Options) {
	wall := s.end.Sub(s.begin)
	ran := slices.DeleteFunc(slices.Clone(records), func(r *record) bool {
		return len(r.spans) == 0 || r.ended.Status == event.Skipped
	})
	if len(ran) < 2 || wall <= 0 {
		return
	}
	shown := longest(ran, wall, opts)
	p.line("")
	end := Seconds(wall)
	p.line("   time  0s%*s", opts.Bar-2, end)
	for _, r := range shown {
		p.line("%7s  %s  %s", Seconds(r.work()), s.bar(p, r, wall, opts.Bar), clean(r.address))
	}
	if hidden := len(ran) - len(shown); hidden > 0 {
		p.line("         and %s that took less", phases(hidden))
	}
}

// longest picks the phases that a timeline shows, in order of their start.
func longest(ran []*record, wall time.Duration, opts Options) []*record {
	slices.SortStableFunc(ran, func(a, b *record) int { return cmp.Compare(b.work(), a.work()) })
	short := wall / time.Duration(opts.Bar)
	rows := slices.IndexFunc(ran, func(r *record) bool { return r.work() < short })
	if rows < 0 || opts.Verbose {
		rows = len(ran)
	}
	shown := slices.Clone(ran[:min(max(rows, minRows), opts.Rows, len(ran))])
	slices.SortStableFunc(shown, func(a, b *record) int { return cmp.Compare(a.spans[0].from, b.spans[0].from) })
	return shown
}

// bar draws one phase in so many characters.
func (s *Summary) bar(p *printer, r *record, wall time.Duration, width int) string {
	cells := []byte(strings.Repeat("-", width))
	fill := func(sp span, mark byte) {
		from := min(s.cell(sp.from, wall, width), width-1)
		to := max(min(s.cell(sp.to, wall, width), width), from+1)
		for i := max(from, 0); i < to; i++ {
			cells[i] = mark
		}
	}
	last := r.spans[len(r.spans)-1]
	if first := r.spans[0].from; r.ready >= 0 && s.cell(r.ready, wall, width) < s.cell(first, wall, width) {
		fill(span{r.ready, first}, '.')
	}
	fill(span{r.spans[0].from, last.to}, '.') // pauses between attempts
	for _, sp := range r.spans {
		fill(sp, '=')
	}
	color := green
	if !r.ended.Status.Good() {
		color = red
	}
	if r.ended.Status == event.Unchanged {
		color = dim
	}
	return p.paint(color, string(cells))
}

func (s *Summary) cell(at, wall time.Duration, width int) int {
	return int(int64(at) * int64(width) / int64(wall))
}
