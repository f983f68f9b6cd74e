//go:build e2e

package etcd

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/etcd/internal/etcdapi"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// realMember is an etcd of a cluster on this host's loopback address.
type realMember struct {
	member
	dir  string // of all members
	stop func()
}

func newRealMember(t *testing.T, dir, name string) *realMember {
	t.Helper()
	ports := phasetest.FreePorts(t, 3)
	pki := filepath.Join(dir, "pki") + "/"
	return &realMember{dir: dir, stop: func() {}, member: member{
		Name: name, Address: "127.0.0.1", Loopback: "127.0.0.1", ClientPort: ports[0], PeerPort: ports[1], MetricsPort: ports[2],
		DataDir: filepath.Join(dir, name),
		Certs:   certs{CA: pki + "ca.crt", ServerCert: pki + "server.crt", ServerKey: pki + "server.key", PeerCert: pki + "peer.crt", PeerKey: pki + "peer.key"},
	}}
}

// start runs it until stop or the end of the test.
func (m *realMember) start(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	log, err := os.Create(m.DataDir + ".log")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, phasetest.Program(t, "etcd"), m.args()...)
	cmd.Stdout, cmd.Stderr, cmd.Cancel = log, log, func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	m.stop = func() {
		if !ended {
			ended = true
			cancel()
			_ = cmd.Wait()
			_ = log.Close()
		}
	}
	t.Cleanup(m.stop)
}

func (m *realMember) await(t *testing.T) {
	t.Helper()
	pki := filepath.Join(m.dir, "pki") + "/"
	as := asker{CAFile: pki + "ca.crt", CertFile: pki + "health.crt", KeyFile: pki + "health.key"}
	err := resource.WaitFor(t.Context(), resource.Probe{Name: m.Name, Timeout: time.Minute, Check: func(ctx context.Context) error {
		return as.health(ctx, m.health())
	}})
	if err != nil {
		t.Fatal(err)
	}
}

// values are those of a phase on this member's host that asks another one.
func (m *realMember) values(other *realMember) map[string]cty.Value {
	values := membershipValues(m.dir, other.health())
	values["name"], values["address"] = cty.StringVal(m.Name), cty.StringVal(m.Address)
	values["peer_port"], values["data_dir"] = cty.NumberIntVal(int64(m.PeerPort)), cty.StringVal(m.DataDir)
	values["within"] = cty.StringVal("1m")
	return values
}

func (m *realMember) promoteValues(other *realMember) map[string]cty.Value {
	values := m.values(other)
	delete(values, "data_dir")
	return values
}

// join adds, starts and promotes a member, and returns how long that took.
func (m *realMember) join(t *testing.T, other *realMember) (joined, promoted *phasetest.Phase) {
	t.Helper()
	begin := time.Now()
	joined = phasetest.New(t, Spec(), "join", m.values(other))
	outputs := joined.Apply(t)
	m.Initial, m.InitialState = nil, stateExisting
	for _, v := range outputs["initial_cluster"].AsValueSlice() {
		m.Initial = append(m.Initial, v.GetAttr("name").AsString()+"="+v.GetAttr("peer_url").AsString())
	}
	m.start(t)
	promoted = phasetest.New(t, Spec(), "promote", m.promoteValues(other))
	promoted.Apply(t)
	joined.Want(t)
	t.Logf("%s votes after %s", m.Name, time.Since(begin))
	return joined, promoted
}

// TestRealMembership lets real members come and go: two join one after the other,
// one is refused to leave while another is down, then the other leaves while it
// leads, then the first is the last.
func TestRealMembership(t *testing.T) {
	dir := t.TempDir()
	writeCerts(t, dir)
	n1, n2, n3 := newRealMember(t, dir, "n1"), newRealMember(t, dir, "n2"), newRealMember(t, dir, "n3")
	n1.start(t)
	n1.await(t)
	joined, promoted := n2.join(t, n1)
	n3.join(t, n1)
	n3.stop()
	leave := phasetest.New(t, Spec(), "leave", n2.values(n1))
	if _, err := leave.Plan(t); err == nil || !strings.Contains(err.Error(), "without it 1 of 2 members would be healthy, and 2 must be; no answer of n3") {
		t.Errorf("with n3 down: got %v", err)
	}
	n3.start(t)
	n3.await(t)
	lead(t, n3)
	leave = phasetest.New(t, Spec(), "leave", n3.values(n1))
	leave.Want(t, "run: is one of 3 members")
	leave.Apply(t)
	if leader := leaderOf(t, n1); leader == nil || leader.Name == n3.Name {
		t.Errorf("right after the leader has left, the leader is %v, want n1 or n2", leader)
	}
	n3.stop()
	checkData(t, n3, true)

	promoted.Undo(t)
	joined.Undo(t)
	n2.stop()
	checkData(t, n2, true)
	plan := phasetest.New(t, Spec(), "leave", n1.values(n1)).Want(t)
	if len(plan.Diagnostics) != 1 || !strings.Contains(plan.Diagnostics[0].Summary, "n1 is the last member") {
		t.Errorf("the last one: got %v, want a warning", plan.Diagnostics)
	}
}

// leaderOf asks a member who leads; nil is nobody.
func leaderOf(t *testing.T, m *realMember) *etcdapi.Member {
	t.Helper()
	a := m.access()
	members, err := a.members(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(members, func(other *etcdapi.Member) bool { return a.leads(t.Context(), other) })
	if i < 0 {
		return nil
	}
	return members[i]
}

// lead makes a member the leader.
func lead(t *testing.T, m *realMember) {
	t.Helper()
	a, leader := m.access(), leaderOf(t, m)
	members, err := a.members(t.Context())
	if err != nil || leader == nil {
		t.Fatalf("%v leads, %v", leader, err)
	}
	self := node{Name: m.Name, PeerURL: m.peerURLs()[0]}.in(members)
	if err := a.handOver(t.Context(), []*etcdapi.Member{self}, leader); err != nil || !a.leads(t.Context(), self) {
		t.Fatalf("%s does not lead: %v", m.Name, err)
	}
}

func (m *realMember) access() *access {
	pki := filepath.Join(m.dir, "pki") + "/"
	return &access{Endpoints: []string{m.health()}, CAFile: pki + "ca.crt", CertFile: pki + "health.crt", KeyFile: pki + "health.key"}
}

// TestRealRejoin comes back after its data was lost, and undoes what never
// started.
func TestRealRejoin(t *testing.T) {
	dir := t.TempDir()
	writeCerts(t, dir)
	n1, n2, n3 := newRealMember(t, dir, "n1"), newRealMember(t, dir, "n2"), newRealMember(t, dir, "n3")
	n1.start(t)
	n1.await(t)
	n2.join(t, n1)
	n3.join(t, n1)
	checkKept(t, n3)
	n3.stop()
	checkData(t, n3, false)
	if err := os.RemoveAll(n3.DataDir); err != nil {
		t.Fatal(err)
	}
	n3.join(t, n2)
	fourth := newRealMember(t, dir, "n4")
	never := phasetest.New(t, Spec(), "join", fourth.values(n1))
	never.Apply(t)
	never.Undo(t)
	never.Want(t, "create: not a member")
}

// checkKept wants undo of the data to wait while etcd runs.
func checkKept(t *testing.T, m *realMember) {
	t.Helper()
	if _, err := readMembers(filepath.Join(m.DataDir, "member", "snap", "db")); err == nil || !strings.Contains(err.Error(), "etcd still uses") {
		t.Errorf("%s runs: got %v", m.Name, err)
	}
}

// checkData asks, as undo does, whether the data of a stopped member may go.
func checkData(t *testing.T, m *realMember, want bool) {
	t.Helper()
	pki := filepath.Join(m.dir, "pki") + "/"
	d := dataDir{
		Dir: resource.Dir{Path: m.DataDir}, Member: m.Name, PeerURLs: m.peerURLs(),
		CAFile: pki + "ca.crt", CertFile: pki + "health.crt", KeyFile: pki + "health.key",
	}
	members, err := readMembers(filepath.Join(m.DataDir, "member", "snap", "db"))
	if err != nil || len(members) == 0 {
		t.Fatalf("members in the data of %s: got %v, %v", m.Name, members, err)
	}
	err = d.mayGo(t.Context(), members)
	t.Logf("data of %s knows %d members: %v", m.Name, len(members), err)
	if (err == nil) != want {
		t.Errorf("data of %s: got %v, want that it may go: %v", m.Name, err, want)
	}
}
