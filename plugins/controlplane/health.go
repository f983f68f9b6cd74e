package controlplane

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/staticpod"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// checkTimeout bounds one question to the API server: 3 s, so that a plan does
// not hang on a host that is down.
const checkTimeout = 3 * time.Second

// health is the resource "the control plane works". It is met or not at any
// time; there is nothing to record and nothing to remove.
type health struct {
	pool       *kubeapi.Pool
	kubeconfig string
	components []componentConfig
	pods       []staticpod.Ref
	runtime    staticpod.Runtime
	within     time.Duration
}

var _ resource.Resource = (*health)(nil)

// ID is the kind of [resource.Probe], for that is what this one is made of.
func (h *health) ID() resource.ID { return resource.ID{Kind: "wait", Target: "control plane"} }

// Diff asks every component once.
func (h *health) Diff(ctx context.Context) (sdk.Change, error) {
	var down []string
	for i, err := range h.each(ctx, func(ctx context.Context, p resource.Probe) error { return p.Check(ctx) }) {
		if err != nil {
			down = append(down, h.probes()[i].Name+": "+err.Error())
		}
	}
	if len(down) == 0 {
		return sdk.Change{}, nil
	}
	return sdk.Change{Op: sdk.OpRun, Reason: strings.Join(down, "; ")}, nil
}

// Render waits for all components at once and reports all that did not come up, the
// cause first. See [vigil] for what it says and when it ends early.
func (h *health) Render(ctx context.Context) error {
	begin := time.Now()
	v, done, err := h.newVigil()
	if err != nil {
		return err
	}
	defer done()
	waiting, end := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { v.keep(waiting, end) })
	errs := h.each(waiting, func(ctx context.Context, p resource.Probe) error {
		err := resource.WaitFor(ctx, v.noting(p))
		if err == nil {
			zerolog.Ctx(ctx).Info().Dur("took", time.Since(begin)).Msg(p.Name + " is healthy")
		}
		return err
	})
	end(nil)
	watching.Wait()
	return h.problems(ctx, v, errs)
}

// problems says why probes failed, unless somebody ended the wait from outside.
func (h *health) problems(ctx context.Context, v *vigil, errs []error) error {
	var failed []failedProbe
	for i, err := range errs {
		if err != nil {
			failed = append(failed, failedProbe{h.probes()[i].Name, err})
		}
	}
	if len(failed) == 0 {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return v.explain(ctx, failed)
}

// Remove does nothing.
func (h *health) Remove(context.Context) error { return nil }

// each calls do for every probe at once and returns the errors in their order.
func (h *health) each(ctx context.Context, do func(context.Context, resource.Probe) error) []error {
	probes := h.probes()
	errs := make([]error, len(probes))
	var group sync.WaitGroup
	for i, p := range probes {
		group.Go(func() { errs[i] = do(ctx, p) })
	}
	group.Wait()
	return errs
}

// probes are those of the API server, of the components and of the pods that are
// neither.
func (h *health) probes() []resource.Probe {
	probes := []resource.Probe{{
		Name: apiServerName, Check: h.checkServer,
		Hint: logHint(apiServerName) + " It needs etcd: see also whether that is healthy.",
	}}
	for _, c := range h.components {
		// Components on this host have certificates of their own making.
		endpoint := component.Health{URL: c.URL, TLS: &tls.Config{InsecureSkipVerify: true}}
		probes = append(probes, resource.Probe{Name: c.Name, Check: endpoint.Check, Hint: logHint(c.Name)})
	}
	for _, ref := range h.pods {
		runs := func(ctx context.Context) error { return h.runtime.Runs(ctx, ref) }
		i := slices.IndexFunc(probes, func(p resource.Probe) bool { return p.Name == ref.Name })
		if i < 0 {
			probes = append(probes, resource.Probe{Name: ref.Name, Check: runs, Hint: logHint(ref.Name)})
			continue
		}
		healthy := probes[i].Check
		probes[i].Check = func(ctx context.Context) error {
			if err := runs(ctx); err != nil {
				return err
			}
			return healthy(ctx)
		}
	}
	for i := range probes {
		probes[i].Timeout = h.within
	}
	return probes
}

func logHint(name string) string {
	return fmt.Sprintf("Read the log of %s: for a static pod crictl ps -a and crictl logs, for a process the file that its phase names.", name)
}

// checkServer asks the API server as the administrator. A kubeconfig that is
// missing or not trusted will not get better by waiting.
func (h *health) checkServer(ctx context.Context) error {
	client, err := h.pool.Client(h.kubeconfig)
	if err != nil {
		return sdk.Permanent(err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, checkTimeout, fmt.Errorf("no answer within %s", checkTimeout))
	defer cancel()
	for _, path := range []string{"/livez", "/readyz"} {
		status, body, err := client.Get(ctx, path)
		switch {
		case kubeapi.Hopeless(err):
			return sdk.Permanent(err)
		case err != nil:
			return err
		case status != http.StatusOK:
			return fmt.Errorf("%s: status %d%s", path, status, failing(string(body)))
		}
	}
	return nil
}

// failing picks the failed checks out of an answer of livez or readyz, which has
// a line such as "[-]etcd failed: reason withheld" for each.
func failing(body string) string {
	var names []string
	for line := range strings.Lines(body) {
		if check, ok := strings.CutPrefix(line, "[-]"); ok {
			name, _, _ := strings.Cut(strings.TrimSpace(check), " ")
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return ", failing: " + strings.Join(names, ", ")
}
