package etcd

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk"
)

func TestLeave(t *testing.T) {
	learner := voterNamed(2, silentURL)
	learner.IsLearner = true
	tests := map[string]struct {
		members []*pb.Member
		plan    string // empty: nothing to do
		refuses string
	}{
		"of three":        {[]*pb.Member{voterNamed(1, "ASK"), voterNamed(2, "ASK"), voterNamed(3, "ASK")}, "run: is one of 3 members", ""},
		"of two":          {[]*pb.Member{voterNamed(1, "ASK"), voterNamed(2, "ASK")}, "run: is one of 2 members", ""},
		"not a member":    {[]*pb.Member{voterNamed(1, "ASK")}, "", ""},
		"a dead one left": {[]*pb.Member{voterNamed(1, "ASK"), voterNamed(2, "ASK"), voterNamed(3, silentURL)}, "", "without it 1 of 2 members would be healthy, and 2 must be; no answer of n3"},
		"one of four":     {[]*pb.Member{voterNamed(1, "ASK"), voterNamed(2, "ASK"), voterNamed(3, silentURL), voterNamed(4, "ASK")}, "run: is one of 4 members", ""},
		"a learner":       {[]*pb.Member{voterNamed(1, "ASK"), learner, voterNamed(3, silentURL)}, "run: is one of 3 members", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c, url := clusterIn(t, dir, tt.members...)
			values := membershipValues(dir, url)
			if tt.refuses != "" {
				values["within"] = cty.StringVal("100ms")
			}
			phase := phasetest.New(t, Spec(), "leave", values)
			if tt.plan == "" && tt.refuses == "" {
				phase.Want(t)
				return
			}
			if tt.refuses == "" {
				phase.Want(t, tt.plan)
				result := phase.Try(t)
				if result.Status != sdk.StatusOK || slices.Contains(c.names(), "n2") || slices.Contains(c.names(), "n2*") {
					t.Errorf("got %s, %v, members %q", result.Status, result.Diagnostics, c.names())
				}
				phase.Want(t)
				return
			}
			if plan, err := phase.Plan(t); err == nil || !strings.Contains(err.Error(), tt.refuses) {
				t.Errorf("got %v, %v, want %q before anything is done", plan.Changes, err, tt.refuses)
			}
			if result := phase.Try(t); result.Status != sdk.StatusFailed || !strings.Contains(result.Diagnostics[0].Summary, tt.refuses) {
				t.Errorf("got %s, %v, want %q", result.Status, result.Diagnostics, tt.refuses)
			}
			values["give_up"] = cty.True
			given := phasetest.New(t, Spec(), "leave", values)
			given.Want(t) // only a warning
			if !slices.Contains(c.names(), "n2") {
				t.Errorf("members: got %q, want n2 still there", c.names())
			}
		})
	}
}

// TestLeaveOfLeader hands over first, so that the others have a leader at any time.
func TestLeaveOfLeader(t *testing.T) {
	dir := t.TempDir()
	learner := voterNamed(1, "ASK")
	learner.IsLearner = true
	c, url := clusterIn(t, dir, learner, voterNamed(2, "ASK"), voterNamed(3, "ASK"))
	c.lead(2)
	phasetest.New(t, Spec(), "leave", membershipValues(dir, url)).Apply(t)
	if c.headless || c.leads() != 3 {
		t.Errorf("the leader is %d, and the old one left while it led: %t; want 3, false", c.leads(), c.headless)
	}
}

// TestLeaveLast leaves the last member where it is, and says so.
func TestLeaveLast(t *testing.T) {
	dir := t.TempDir()
	c, url := clusterIn(t, dir, voterNamed(2, "ASK"))
	plan := phasetest.New(t, Spec(), "leave", membershipValues(dir, url)).Want(t)
	if len(plan.Diagnostics) != 1 || !strings.Contains(plan.Diagnostics[0].Summary, "n2 is the last member") {
		t.Errorf("got %v, want a warning", plan.Diagnostics)
	}
	if got := c.names(); len(got) != 1 {
		t.Errorf("members: got %q", got)
	}
}

// TestLeaveWhatIsDown asks the data of an etcd that does not run.
func TestLeaveWhatIsDown(t *testing.T) {
	dir := t.TempDir()
	writeCerts(t, dir)
	phase := phasetest.New(t, Spec(), "leave", membershipValues(dir, silentURL))
	phase.Want(t) // no data, so no member
	storeMembers(t, dir, "n2="+silentURL)
	phase.Want(t)
	other := t.TempDir()
	writeCerts(t, other)
	storeMembers(t, other, "n2="+silentURL, "n1="+silentURL)
	plan, err := phasetest.New(t, Spec(), "leave", membershipValues(other, silentURL)).Plan(t)
	if err != nil || len(plan.Changes) != 1 || !strings.HasPrefix(plan.Changes[0].Reason, "the members cannot be asked yet: ") {
		t.Errorf("with others: got %+v, %v", plan.Changes, err)
	}
	if len(plan.Diagnostics) != 1 || !strings.Contains(plan.Diagnostics[0].Detail, "It tries for 10s") || !strings.Contains(plan.Diagnostics[0].Detail, "destroy_etcd_data") {
		t.Errorf("got %v, want a warning that says how long it tries", plan.Diagnostics)
	}
}

// promoteValues has no data_dir.
func promoteValues(dir, url string) map[string]cty.Value {
	values := membershipValues(dir, url)
	delete(values, "data_dir")
	return values
}

// TestPromote waits for the start and for the data, and leaves on undo.
func TestPromote(t *testing.T) {
	dir := t.TempDir()
	coming := &pb.Member{ID: 2, PeerURLs: []string{peerURL}, IsLearner: true}
	c, url := clusterIn(t, dir, voterNamed(1, "ASK"), coming)
	c.change(func(members []*pb.Member) []*pb.Member {
		c.behind = 1
		return members
	})
	phase := phasetest.New(t, Spec(), "promote", promoteValues(dir, url))
	phase.Want(t, "create: is a learner")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(300 * time.Millisecond) // while the phase waits
		defer tick.Stop()
		<-tick.C
		c.change(func(members []*pb.Member) []*pb.Member {
			members[1].Name, members[1].ClientURLs = "n2", []string{url}
			return members
		})
	}()
	outputs := phase.Apply(t)
	<-ended
	if got := outputs["member_id"].AsString(); got != "2" {
		t.Errorf("member_id: got %q", got)
	}
	if got, want := c.names(), []string{"n1", "n2"}; !slices.Equal(got, want) {
		t.Errorf("members: got %q, want %q", got, want)
	}
	phase.Undo(t)
	if got, want := c.names(), []string{"n1"}; !slices.Equal(got, want) {
		t.Errorf("after undo: got %q, want %q", got, want)
	}
}

func TestPromoteWhatNeverJoined(t *testing.T) {
	dir := t.TempDir()
	_, url := clusterIn(t, dir, voterNamed(1, "ASK"))
	phase := phasetest.New(t, Spec(), "promote", promoteValues(dir, url))
	phase.Want(t, "create: not a member yet")
	if result := phase.Try(t); result.Status != sdk.StatusFailed || !strings.Contains(result.Diagnostics[0].Summary, "n2 is not a member") {
		t.Errorf("got %s, %v", result.Status, result.Diagnostics)
	}
}

// TestUndoOfWhatReachedNobody has no one to ask, and nothing to take back.
func TestUndoOfWhatReachedNobody(t *testing.T) {
	a := access{CAFile: filepath.Join(t.TempDir(), "ca.crt")}
	if err := a.remove(t.Context(), node{Name: "n2", PeerURL: peerURL}, time.Minute); err != nil {
		t.Errorf("got %v", err)
	}
}
