//go:build lab

package tests

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/faults"
	"github.com/clusterflow/clusterflow/test/lab"
	"github.com/clusterflow/clusterflow/test/lab/labtest"
	"github.com/clusterflow/clusterflow/test/lab/oracle"
)

// TestKilledInit kills init three times on its way.
func TestKilledInit(t *testing.T) {
	k := newKilled(t)
	k.round(t, 3, k.killEngine)
	noSecrets(k.ctx, t, k.host)
}

// TestKilledOften kills init, its plugins, and init again, at least 20 times each. What
// comes of it is what an undisturbed init makes.
func TestKilledOften(t *testing.T) {
	k := newKilled(t)
	calm := k.drive(t, nil)
	if calm.Code != 0 {
		t.Fatalf("exit code %d\n%s", calm.Code, calm.Talk)
	}
	t.Logf("undisturbed: %d phases, %d events in %v", len(calm.Succeeded()), len(calm.Events), calm.Took.Round(time.Millisecond))
	want := k.facts(t)
	k.reset(t)
	for name, next := range map[string]func() *faults.Fault{"engine": k.killEngine, "plugins": k.killPlugins} {
		t.Run(name, func(t *testing.T) {
			for k.faults = 0; k.faults < 20 && !t.Failed(); {
				k.round(t, 1000, next)
				forbidden, _ := oracle.Judge(oracle.Diff(want, k.facts(t)), append(alwaysAllowed(), oracle.Allowed{
					Fact: `object ConfigMap kube-system/kube-apiserver-legacy-service-account-token-tracking: \.data\.since`, Reason: "it is the day",
				}))
				for _, d := range forbidden {
					t.Errorf("differs from what an undisturbed init makes: %s", d)
				}
				k.reset(t)
			}
		})
	}
}

// killed is a host on which init is killed.
type killed struct {
	ctx    context.Context
	host   *lab.Host
	random *rand.Rand
	bare   []string
	faults int
}

func newKilled(t *testing.T) *killed {
	t.Helper()
	l := labtest.Up(t, lab.Options{Images: true})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	t.Cleanup(cancel)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	k := &killed{ctx: ctx, host: l.Host("n1"), random: rand.New(rand.NewPCG(seed, 1))}
	if _, err := k.host.InstallClusterflow(ctx); err != nil {
		t.Fatal(err)
	}
	k.bare = remains(ctx, t, k.host)
	return k
}

func (k *killed) drive(t *testing.T, fault *faults.Fault) faults.Ending {
	t.Helper()
	return drive(k.ctx, t, k.host, fault, "apply", "init.hcl")
}

// killEngine strikes when a few more things were begun or done, or at any moment.
func (k *killed) killEngine() *faults.Fault {
	if k.random.IntN(4) == 0 {
		return &faults.Fault{After: time.Duration(200+k.random.IntN(3000)) * time.Millisecond, Strike: faults.Signal(os.Kill)}
	}
	return &faults.Fault{At: progress(1 + k.random.IntN(12)), Strike: faults.Signal(os.Kill)}
}

// killPlugins kills one plugin after the other while init goes on.
func (k *killed) killPlugins() *faults.Fault {
	due, kill := progress(1+k.random.IntN(8)), killPlugin(k.random)
	return &faults.Fault{
		Again: true,
		At: func(e event.Event) bool {
			if !due(e) {
				return false
			}
			due = progress(3 + k.random.IntN(12))
			return true
		},
		Strike: func(p faults.Process) error { k.faults++; return kill(p) },
	}
}

// round applies init until it succeeds, disturbed at most so many times, and checks
// that nothing is missing, done twice or left behind.
func (k *killed) round(t *testing.T, most int, next func() *faults.Fault) {
	t.Helper()
	began, runs, struck := time.Now(), 0, 0
	done := map[string]bool{}
	var at []string
	for {
		var fault *faults.Fault
		if struck < most {
			fault = next()
		}
		before := k.faults
		ending := k.drive(t, fault)
		if runs++; runs > 100 {
			t.Fatal("it does not converge")
		}
		for _, node := range ending.Started() {
			if done[node] {
				t.Errorf("run %d: %s was done, and runs again\n%s", runs, node, reasonOf(ending, node))
			}
		}
		for _, node := range ending.Succeeded() {
			done[node] = true
		}
		if ending.Struck {
			struck++
			k.faults = max(k.faults, before+1)
			at = append(at, last(ending))
		}
		noProcesses(k.ctx, t, k.host)
		if ending.Code == 0 {
			break
		}
		if !ending.Struck {
			t.Fatalf("run %d: exit code %d\n%s%s", runs, ending.Code, ending.Talk, strings.Join(problemsOf(ending), "\n"))
		}
	}
	t.Logf("%d runs, %d of them struck, %d faults in all, %v; struck after:\n  %s",
		runs, struck, k.faults, time.Since(began).Round(time.Millisecond), strings.Join(at, "\n  "))
	if got := changes(k.ctx, t, k.host, lab.Variables); len(got) > 0 {
		t.Errorf("after apply there is still to change: %q", got)
	}
	noTraces(k.ctx, t, k.host)
	checkCluster(k.ctx, t, k.host)
}

// reasonOf tells why a phase was planned.
func reasonOf(e faults.Ending, node string) string {
	i := slices.IndexFunc(e.Events, func(ev event.Event) bool {
		planned, ok := ev.Body.(event.NodePlanned)
		return ok && planned.Node == node
	})
	if i < 0 {
		return ""
	}
	return fmt.Sprintf("%+v", e.Events[i].Body)
}

// last names the last event of a run.
func last(e faults.Ending) string {
	if len(e.Events) == 0 {
		return "(nothing)"
	}
	ev := e.Events[len(e.Events)-1]
	return strings.TrimSpace(string(ev.Body.Kind()) + " " + ev.Subject())
}

func problemsOf(e faults.Ending) []string {
	var all []string
	for _, ev := range e.Events {
		if end, ok := ev.Body.(event.NodeEnded); ok && end.Problem != nil {
			all = append(all, end.Node+": "+end.Problem.Message)
		}
	}
	return all
}

// facts are those of the cluster when it works.
func (k *killed) facts(t *testing.T) oracle.Facts {
	t.Helper()
	return factsOf(k.ctx, t, k.host)
}

// reset makes the host bare again.
func (k *killed) reset(t *testing.T) {
	t.Helper()
	reset(k.ctx, t, k.host)
	wantRemains(k.ctx, t, k.host, k.bare)
}
