package etcd

import (
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
)

const leasePath = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/" + turnLease

// clock is set by tests.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// turnsOf makes the turns of hosts n1, n2… at one cluster.
func turnsOf(t *testing.T, count int) (*kubeapitest.Fake, *clock, []*turn) {
	t.Helper()
	fake, time := kubeapitest.NewFake(t), &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	var turns []*turn
	for i := range count {
		pool := kubeapi.NewPool()
		t.Cleanup(pool.Close)
		n := voterNamed(uint64(i+1), silentURL)
		turns = append(turns, &turn{pool: pool, kubeconfig: fake.Admin, holder: n.Name + "=" + n.PeerURLs[0], now: time.now})
	}
	return fake, time, turns
}

func wantTurn(t *testing.T, x *turn, want string) {
	t.Helper()
	err := x.take(t.Context())
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		t.Fatalf("%s takes the turn: got %v, want %q", x.holder, err, want)
	}
}

func TestTurnPassesOn(t *testing.T) {
	fake, _, turns := turnsOf(t, 2)
	a, b := turns[0], turns[1]
	wantTurn(t, a, "")
	wantTurn(t, b, "it is the turn of n1")
	if err := b.release(t.Context()); err != nil { // not its own
		t.Fatal(err)
	}
	wantTurn(t, b, "it is the turn of n1")
	if err := a.release(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantTurn(t, b, "")
	spec, _, _ := unstructured.NestedMap(fake.Object(leasePath).Object, "spec")
	if spec["holderIdentity"] != b.holder || spec["leaseTransitions"] == nil || b.left != "" {
		t.Errorf("after a turn that was given back: %v, left behind %q", spec, b.left)
	}
}

// A holder keeps its turn as long as it renews it, however long that is, whatever
// the clocks of hosts say.
func TestTurnIsKeptWhileRenewed(t *testing.T) {
	_, time, turns := turnsOf(t, 2)
	for range 10 {
		wantTurn(t, turns[0], "")
		wantTurn(t, turns[1], "it is the turn of n1")
		time.pass(turnLasts / 2)
	}
}

func TestTurnOfDeadHostIsTaken(t *testing.T) {
	_, time, turns := turnsOf(t, 3)
	a, b, c := turns[0], turns[1], turns[2]
	wantTurn(t, a, "")
	wantTurn(t, b, "it is the turn of n1")
	time.pass(turnLasts - 1)
	wantTurn(t, b, "it is the turn of n1")
	time.pass(1)
	wantTurn(t, b, "")
	if !b.leftBehind("https://10.99.0.11:2380") || b.leftBehind("https://10.99.0.13:2380") {
		t.Errorf("left behind is %q, want what n1 left", b.left)
	}
	wantTurn(t, c, "it is the turn of n2")
	time.pass(turnLasts)
	wantTurn(t, a, "it is the turn of n2") // back to life
}

// Of hosts that begin at once, one has the turn.
func TestTurnIsOfOne(t *testing.T) {
	_, _, turns := turnsOf(t, 8)
	var group sync.WaitGroup
	got := make([]error, len(turns))
	for i, x := range turns {
		group.Go(func() { got[i] = x.take(t.Context()) })
	}
	group.Wait()
	have := 0
	for _, err := range got {
		if err == nil {
			have++
		}
	}
	if have != 1 {
		t.Errorf("%d hosts have the turn, want one: %v", have, got)
	}
}
