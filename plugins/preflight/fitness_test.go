package preflight

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// rerun plays the life of one host: applies, with the record kept between them.
type rerun struct {
	machine *machine
	config  hostConfig
	record  resource.Record
	passed  bool // with this config
}

func newRerun(t *testing.T) *rerun {
	t.Helper()
	r := &rerun{machine: good(t), config: hostConfig{
		Role: roleInit, KubernetesDir: "kube", EtcdDataDir: "etcd", Ports: []int{freePort(t)},
		Checks: []string{"DirAvailable-etcd", "FileAvailable-kube-manifests-etcd.yaml"},
	}}
	r.config.APIPort, r.config.Ports = r.config.Ports[0], nil
	r.config.PortAddress = "127.0.0.1"
	r.config.Checks = append(r.config.Checks, r.port())
	return r
}

func (r *rerun) port() string { return "Port-" + strconv.Itoa(r.config.APIPort) }

func freePort(t *testing.T) int {
	t.Helper()
	l := listen(t, 0)
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

func listen(t *testing.T, port int) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// cluster puts on the host what a run leaves: a manifest, data, a listener that
// procfs calls by that name.
func (r *rerun) cluster(t *testing.T, process string) {
	t.Helper()
	write(t, r.machine.work("kube/manifests/etcd.yaml"), "", 0o600)
	write(t, r.machine.work("etcd/member/wal"), "", 0o600)
	r.listen(t, process)
}

func (r *rerun) listen(t *testing.T, process string) {
	t.Helper()
	l := listen(t, r.config.APIPort)
	t.Cleanup(func() { _ = l.Close() })
	r.call(t, process)
}

// call says in procfs whose the listener is.
func (r *rerun) call(t *testing.T, process string) {
	t.Helper()
	port := strings.ToUpper(strconv.FormatInt(int64(r.config.APIPort), 16))
	r.machine.put(t, "net/tcp", "head\n0: 0100007F:"+port+" 00000000:0000 0A 0:0 00:0 0 0 0 4711 1 0 100 0 0 10 0\n")
	r.machine.put(t, "42/comm", process+"\n")
	r.machine.put(t, "42/fd/x", "")
	link := filepath.Join(r.machine.proc, "42/fd/7")
	_ = os.Remove(link)
	if err := os.Symlink("socket:[4711]", link); err != nil {
		t.Fatal(err)
	}
}

// apply plans and applies, and returns the plan's reason and the error.
func (r *rerun) apply(t *testing.T) (plan, failure string) {
	t.Helper()
	chosen, ignored, err := choose(r.config, r.machine.checks(r.config))
	if err != nil {
		t.Fatal(err)
	}
	f, err := newFitness(r.config, survey{checks: chosen, ignored: ignored}, r.record, r.passed)
	if err != nil {
		t.Fatal(err)
	}
	change, err := f.Diff(t.Context())
	if err != nil || change.Op == sdk.OpNone {
		return message(err), ""
	}
	err = f.Render(t.Context())
	state, jsonErr := json.Marshal(f) // also after a failure, as the SDK does
	if jsonErr != nil {
		t.Fatal(jsonErr)
	}
	r.record = resource.Record{Entries: []resource.Entry{{Kind: f.ID().Kind, Target: f.ID().Target, State: state}}}
	r.passed = err == nil
	return change.Reason, strings.NewReplacer(strconv.Itoa(r.config.APIPort), "PORT").Replace(message(err))
}

func (r *rerun) want(t *testing.T, what, wantPlan, wantFailure string) {
	t.Helper()
	plan, failure := r.apply(t)
	equal(t, what+": plan", strings.ReplaceAll(plan, strconv.Itoa(r.config.APIPort), "PORT"), wantPlan)
	equal(t, what+": failure", failure, wantFailure)
}

const (
	allChecks = "3 checks for role init"
	leftovers = "check Port-PORT: port PORT is in use by kube-apiserver (pid 42); " +
		"check FileAvailable-kube-manifests-etcd.yaml: kube/manifests/etcd.yaml exists; check DirAvailable-etcd: etcd is not empty: it holds member"
)

// TestHealthyHost is checked once, and what the cluster made since is its own.
func TestHealthyHost(t *testing.T) {
	r := newRerun(t)
	r.want(t, "first", allChecks, "")
	r.want(t, "again", "", "")
	r.cluster(t, "kube-apiserver")
	r.want(t, "with a cluster", "", "")
	r.passed = false // an input changed
	r.want(t, "after a change", allChecks, "")
	r.want(t, "and again", "", "")
}

// TestEarlierCluster is in the way until it is cleaned up, whatever was tried.
func TestEarlierCluster(t *testing.T) {
	r := newRerun(t)
	r.cluster(t, "kube-apiserver")
	r.want(t, "first", allChecks, leftovers)
	r.want(t, "again", allChecks, leftovers)
	r.config.Ignore = []string{"all"}
	r.want(t, "ignored", allChecks, "")
	r.config.Ignore, r.passed = nil, false
	r.want(t, "no longer ignored", allChecks, leftovers)
}

// TestForeignProcess takes the port at a time when it is the cluster's to take.
func TestForeignProcess(t *testing.T) {
	r := newRerun(t)
	r.want(t, "first", allChecks, "")
	r.cluster(t, "nginx")
	r.want(t, "taken", "port PORT is in use by nginx (pid 42)", "check Port-PORT: port PORT is in use by nginx (pid 42)")
	r.want(t, "still taken", allChecks, "check Port-PORT: port PORT is in use by nginx (pid 42)")
	r.call(t, "kube-apiserver")
	r.want(t, "given back", allChecks, "")
	r.want(t, "at rest", "", "")
}

// TestOwnPorts are of programs whose names nobody knows.
func TestOwnPorts(t *testing.T) {
	r := newRerun(t)
	r.config.Ports = []int{r.config.APIPort}
	r.want(t, "first", allChecks, "")
	r.listen(t, "kine")
	r.want(t, "again", "", "")
}

// TestNewPlace was never seen to be free.
func TestNewPlace(t *testing.T) {
	r := newRerun(t)
	r.want(t, "first", allChecks, "")
	write(t, r.machine.work("data/member/wal"), "", 0o600)
	r.config.EtcdDataDir, r.passed = "data", false
	r.config.Checks[0] = "DirAvailable-data"
	r.want(t, "moved", allChecks, "check DirAvailable-data: data is not empty: it holds member")
}

// TestOldRecord is of a plugin that did not keep what was free: nothing is asked.
func TestOldRecord(t *testing.T) {
	r := newRerun(t)
	r.cluster(t, "kube-apiserver")
	r.passed = true
	r.want(t, "again", "", "")
	r.record = resource.Record{Entries: []resource.Entry{{Kind: kindChecks, Target: "host", State: json.RawMessage("{")}}}
	_, err := newFitness(r.config, survey{}, r.record, true)
	equal(t, "broken record", message(err), "read record of checks: unexpected end of JSON input")
}

// TestRootFirst asks nothing else of a user who may not.
func TestRootFirst(t *testing.T) {
	s := survey{ignored: func(string) bool { return false }, checks: []check{
		{name: "A", run: func(context.Context) verdict { t.Error("it was asked"); return pass("") }},
		{name: "IsPrivilegedUser", first: true, run: func(context.Context) verdict { return fail("running as user 1", "Root is needed.") }},
	}}
	_, err := s.run(t.Context())
	equal(t, "error", message(err), "check IsPrivilegedUser: running as user 1")
	s.ignored = func(name string) bool { return name == "IsPrivilegedUser" }
	s.checks[0].run = func(context.Context) verdict { return pass("asked") }
	_, err = s.run(t.Context())
	equal(t, "ignored", message(err), "")
}
