package etcd

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk"
)

const (
	silentURL = "https://127.0.0.1:1"
	peerURL   = "https://10.99.0.12:2380" // of n2, the host of these tests
)

// clusterIn serves a cluster with the certificates in dir. Members that have the
// client URL ASK get that of the server.
func clusterIn(t *testing.T, dir string, members ...*pb.Member) (c *fakeCluster, url string) {
	t.Helper()
	writeCerts(t, dir)
	c = newFakeCluster(members...)
	url = serveFake(t, dir, &fake{cluster: c, version: "3.6.8"})
	c.change(func(members []*pb.Member) []*pb.Member {
		for _, m := range members {
			for i := range m.ClientURLs {
				m.ClientURLs[i] = strings.Replace(m.ClientURLs[i], "ASK", url, 1)
			}
		}
		return members
	})
	return c, url
}

// voterNamed is a member that answers at url.
func voterNamed(id uint64, url string) *pb.Member {
	name := fmt.Sprintf("n%d", id)
	return &pb.Member{ID: id, Name: name, PeerURLs: []string{fmt.Sprintf("https://10.99.0.1%d:2380", id)}, ClientURLs: []string{url}}
}

// membershipValues is what n2 needs to talk to a cluster.
func membershipValues(dir, url string) map[string]cty.Value {
	path := func(name string) cty.Value { return cty.StringVal(filepath.Join(dir, name)) }
	return map[string]cty.Value{
		"name": cty.StringVal("n2"), "address": cty.StringVal("10.99.0.12"), "endpoints": cty.TupleVal([]cty.Value{cty.StringVal(url)}),
		"ca": path("pki/ca.crt"), "client": cty.ObjectVal(map[string]cty.Value{"cert": path("pki/health.crt"), "key": path("pki/health.key")}),
		"data_dir": path("lib/data"), "within": cty.StringVal("10s"),
	}
}

func TestJoin(t *testing.T) {
	unstarted := &pb.Member{ID: 7, PeerURLs: []string{peerURL}, IsLearner: true}
	lost := voterNamed(2, silentURL)
	moved := &pb.Member{ID: 2, Name: "n2", PeerURLs: []string{"https://10.99.0.99:2380"}, ClientURLs: []string{silentURL}}
	tests := map[string]struct {
		known *pb.Member // of this host, before
		plan  string
		same  bool // no member is added
	}{
		"new":             {nil, "create: not a member", false},
		"interrupted":     {unstarted, "", true},
		"lost its data":   {lost, "create: member 2 of an earlier time has no data here", false},
		"another address": {moved, "create: member 2 of an earlier time has no data here", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			members := []*pb.Member{voterNamed(1, "ASK"), voterNamed(3, "ASK")}
			if tt.known != nil {
				members = append(members, tt.known)
			}
			c, url := clusterIn(t, dir, members...)
			phase := phasetest.New(t, Spec(), "join", membershipValues(dir, url))
			var want []string
			if tt.plan != "" {
				want = []string{tt.plan}
			}
			phase.Want(t, want...)
			outputs := phase.Apply(t)
			if got, want := c.names(), []string{"n1", "n3", peerURL + "*"}; !slices.Equal(got, want) {
				t.Errorf("members: got %q, want %q", got, want)
			}
			if got := outputs["member_id"].AsString(); (got == "7") != tt.same || (got == "65") == tt.same {
				t.Errorf("member_id: got %q", got)
			}
			var initial []string
			for _, v := range outputs["initial_cluster"].AsValueSlice() {
				initial = append(initial, v.GetAttr("name").AsString()+"="+v.GetAttr("peer_url").AsString())
			}
			if want := []string{"n1=https://10.99.0.11:2380", "n2=" + peerURL, "n3=https://10.99.0.13:2380"}; !slices.Equal(initial, want) {
				t.Errorf("initial_cluster: got %q, want %q", initial, want)
			}
			phase.Undo(t)
			if got := len(c.names()); tt.same != (got == 3) {
				t.Errorf("after undo: got %q, want what was there before", c.names())
			}
		})
	}
}

// TestJoinRefuses will not touch data that may be needed.
func TestJoinRefuses(t *testing.T) {
	moved := &pb.Member{ID: 2, Name: "n2", PeerURLs: []string{"https://10.99.0.99:2380"}, ClientURLs: []string{silentURL}}
	tests := map[string]struct {
		known *pb.Member
		want  string
	}{
		"data of another cluster": {nil, "lib/data holds the data of a member that this cluster does not have"},
		"another address":         {moved, "n2 is a member at https://10.99.0.99:2380 already, and has data"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			members := []*pb.Member{voterNamed(1, "ASK")}
			if tt.known != nil {
				members = append(members, tt.known)
			}
			_, url := clusterIn(t, dir, members...)
			if err := os.MkdirAll(filepath.Join(dir, "lib/data/member"), 0o700); err != nil {
				t.Fatal(err)
			}
			phase := phasetest.New(t, Spec(), "join", membershipValues(dir, url))
			if _, err := phase.Plan(t); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("plan: got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestJoinWaitsForAnotherLearner tells which one is in the way.
func TestJoinWaitsForAnotherLearner(t *testing.T) {
	dir := t.TempDir()
	other := voterNamed(9, silentURL)
	other.IsLearner = true
	_, url := clusterIn(t, dir, voterNamed(1, "ASK"), other)
	values := membershipValues(dir, url)
	values["within"] = cty.StringVal("100ms")
	phase := phasetest.New(t, Spec(), "join", values)
	phase.Want(t, "create: not a member")
	result := phase.Try(t)
	if result.Status != sdk.StatusFailed || !strings.Contains(result.Diagnostics[0].Summary, "n9 is still a learner") ||
		!strings.Contains(result.Diagnostics[0].Detail, "etcdctl member remove") {
		t.Errorf("got %s, %v", result.Status, result.Diagnostics)
	}
}

// TestJoinBeforeCertificates plans a host that has nothing yet.
func TestJoinBeforeCertificates(t *testing.T) {
	dir := t.TempDir()
	plan, err := phasetest.New(t, Spec(), "join", membershipValues(dir, silentURL)).Plan(t)
	if err != nil || len(plan.Changes) != 1 || !strings.HasPrefix(plan.Changes[0].Reason, "the members cannot be asked yet: ") {
		t.Errorf("got %+v, %v", plan.Changes, err)
	}
}

// TestJoinFindsMembers reads from the pods of etcd where the members are.
func TestJoinFindsMembers(t *testing.T) {
	dir := t.TempDir()
	c, url := clusterIn(t, dir, voterNamed(1, "ASK"))
	kube := kubeapitest.NewFake(t)
	values := membershipValues(dir, url)
	delete(values, "endpoints")
	values["cluster"] = kubeapitest.ClusterValue(kube.Admin)
	phase := phasetest.New(t, Spec(), "join", values)
	phase.Want(t, "create: the members cannot be asked yet: no pod of etcd tells where it is")
	for name, component := range map[string]string{"etcd-n1": "etcd", "kube-scheduler-n1": "kube-scheduler"} {
		kube.Put(t, "/api/v1/namespaces/kube-system/pods/"+name, "kubelet", map[string]any{
			"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{
				"name": name, "namespace": "kube-system",
				"labels":      map[string]any{"component": component, "tier": "control-plane"},
				"annotations": map[string]any{annotationClient: url},
			},
		})
	}
	phase.Want(t, "create: not a member")
	phase.Apply(t)
	kube.Delete("/api/v1/namespaces/kube-system/pods/etcd-n1")
	phase.Undo(t) // asks those that it knows
	if got := c.names(); !slices.Equal(got, []string{"n1"}) {
		t.Errorf("after undo: got %q", got)
	}
}

func TestMembershipValidate(t *testing.T) {
	null := cty.NullVal(cty.DynamicPseudoType)
	tests := map[string]struct {
		name  string
		value cty.Value
		want  string
	}{
		"fine":     {"within", cty.StringVal("1s"), ""},
		"address":  {"address", cty.StringVal("n2"), `address "n2": want an IP address`},
		"port":     {"peer_port", cty.Zero, "peer_port 0: want a port from 1 to 65535"},
		"nobody":   {"endpoints", null, "want either endpoints or cluster, to find the members"},
		"both":     {"cluster", kubeapitest.ClusterValue("/admin.conf"), "want either endpoints or cluster, to find the members"},
		"endpoint": {"endpoints", cty.TupleVal([]cty.Value{cty.StringVal("n1:2379")}), `endpoint "n1:2379": want a URL such as`},
		"time":     {"within", cty.StringVal("0s"), "within: must be longer than zero"},
	}
	for name, tt := range tests {
		for _, typ := range []string{"join", "promote", "leave"} {
			t.Run(typ+" "+name, func(t *testing.T) {
				values := membershipValues("/tmp", silentURL)
				if typ == "promote" {
					delete(values, "data_dir")
				}
				values[tt.name] = tt.value
				got := phasetest.New(t, Spec(), typ, values).Validate(t)
				if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			})
		}
	}
}
