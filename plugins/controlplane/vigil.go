package controlplane

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/clusterflow/clusterflow/plugins/internal/cri"
	"github.com/clusterflow/clusterflow/plugins/internal/podtrouble"
	"github.com/clusterflow/clusterflow/plugins/internal/staticpod"
	"github.com/clusterflow/clusterflow/plugins/internal/systemd"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const (
	// lookEvery is the time between two looks at pods that are not healthy: 2 s. A
	// component needs a second to fail, and the kubelet at least 10 s to try again.
	lookEvery = 2 * time.Second
	// sayEvery is how often a wait says what it waits for: every third look.
	sayEvery = 3
	// hopelessLooks in a row end a wait: one might meet the end of an older container.
	hopelessLooks = 2
)

var errHopeless = errors.New("waiting does not help")

// vigil follows a wait from beside: it says what is waited for, looks at the static
// pods that are not healthy, and ends a wait that is in vain.
type vigil struct {
	pods []staticpod.Ref
	// look and keeper ask the container runtime; nil without one.
	look   func(context.Context, staticpod.Ref) podtrouble.Finding
	keeper *keeper

	mu   sync.Mutex
	last map[string]error // by name: why what is waited for does not work yet

	hopeless map[string]int // by name: looks in a row
}

// newVigil also returns what to call at its end.
func (h *health) newVigil() (*vigil, func(), error) {
	v := &vigil{pods: h.pods, last: map[string]error{}, hopeless: map[string]int{}}
	if len(h.pods) == 0 {
		return v, func() {}, nil
	}
	socket, err := h.runtime.Path()
	if err != nil {
		return nil, nil, err
	}
	client, err := cri.Dial(socket)
	if err != nil {
		return nil, nil, err
	}
	v.look = podtrouble.Looker{Runtime: client, Journal: podtrouble.SystemJournal}.Look
	v.keeper = &keeper{runtime: client, service: systemd.Manager{}, journal: podtrouble.SystemJournal}
	return v, func() { _ = client.Close() }, nil
}

// noting makes a probe whose last answer the vigil knows.
func (v *vigil) noting(p resource.Probe) resource.Probe {
	check := p.Check
	p.Check = func(ctx context.Context) error {
		err := check(ctx)
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.last, p.Name)
		if err != nil {
			v.last[p.Name] = err
		}
		return err
	}
	return p
}

// waiting lists what does not work yet, with the reasons, sorted.
func (v *vigil) waiting() (names, reasons []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for name, err := range v.last {
		names = append(names, name)
		reasons = append(reasons, name+": "+err.Error())
	}
	slices.Sort(names)
	slices.Sort(reasons)
	return names, reasons
}

// keep runs until ctx ends. It ends the wait by calling end when a pod that is
// waited for is hopeless.
func (v *vigil) keep(ctx context.Context, end context.CancelCauseFunc) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		names, reasons := v.waiting()
		if len(names) > 0 && n%sayEvery == 0 {
			zerolog.Ctx(ctx).Info().Msg("waiting for " + strings.Join(reasons, "; "))
		}
		if v.inVain(ctx, names) {
			end(errHopeless)
			return
		}
		if v.keeper != nil && slices.Contains(names, apiServerName) {
			v.keeper.release(ctx, v.stale())
		}
	}
}

// inVain looks at the pods that are waited for.
func (v *vigil) inVain(ctx context.Context, names []string) bool {
	for _, pod := range v.pods {
		if !slices.Contains(names, pod.Name) || !v.look(ctx, pod).Hopeless {
			v.hopeless[pod.Name] = 0
			continue
		}
		if v.hopeless[pod.Name]++; v.hopeless[pod.Name] >= hopelessLooks {
			return true
		}
	}
	return false
}

// stale lists the pods in whose place an older one still runs.
func (v *vigil) stale() []staticpod.Ref {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(v.pods), func(pod staticpod.Ref) bool { return !errors.Is(v.last[pod.Name], staticpod.ErrOlder) })
}
