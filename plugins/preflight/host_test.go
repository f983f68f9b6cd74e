package preflight

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk"
)

func TestExamples(t *testing.T) { phasetest.Examples(t, Spec()) }

// TestTable is the list of checks by role, as kubeadm's documentation has it.
func TestTable(t *testing.T) {
	defaults := hostConfig{KubernetesDir: "/etc/kubernetes", EtcdDataDir: "/var/lib/etcd"}
	common := "IsPrivilegedUser Swap Hostname FileExisting-cp FileExisting-losetup FileExisting-mount "
	control := "NumCPU Mem HTTPProxyCIDR Port-2379 Port-2380 Port-6443 Port-10257 Port-10259 DirAvailable--var-lib-etcd " +
		"FileAvailable--etc-kubernetes-manifests-kube-apiserver.yaml FileAvailable--etc-kubernetes-manifests-kube-controller-manager.yaml " +
		"FileAvailable--etc-kubernetes-manifests-kube-scheduler.yaml FileAvailable--etc-kubernetes-manifests-etcd.yaml "
	node := "FileAvailable--etc-kubernetes-kubelet.conf FileAvailable--etc-kubernetes-bootstrap-kubelet.conf "
	v4, v6 := "FileContent--proc-sys-net-ipv4-ip_forward ", "FileContent--proc-sys-net-ipv6-conf-default-forwarding "
	tests := map[string]struct {
		role   string
		change func(*hostConfig)
		want   string
	}{
		"init":     {roleInit, nil, common + control + v4 + "Port-10250"},
		"worker":   {roleJoin, nil, common + node + v4 + "Port-10250 FileAvailable--etc-kubernetes-pki-ca.crt"},
		"control":  {roleJoinCP, nil, common + control + node + v4 + "Port-10250"},
		"embedded": {roleEmbedded, nil, "NumCPU Mem"},
		"embedded with more": {roleEmbedded, func(c *hostConfig) {
			c.Ports, c.Binaries, c.Directory = []int{9, 8, 9}, []string{"./etcd", "./etcd"}, "/d"
		}, "NumCPU Mem Port-8 Port-9 FileExisting-.-etcd DirWritable--d DiskSpace--d"},
		"nothing": {roleJoin, func(c *hostConfig) {
			c.Ports, c.Binaries = []int{}, []string{}
		}, "IsPrivilegedUser Swap Hostname " + node + v4 + "FileAvailable--etc-kubernetes-pki-ca.crt"},
		"ipv6":       {roleJoin, func(c *hostConfig) { c.APIServer = "[fd00::1]:6443" }, common + node + v6 + "HTTPProxy Port-10250 FileAvailable--etc-kubernetes-pki-ca.crt"},
		"dual stack": {roleJoin, func(c *hostConfig) { c.PodSubnets = []string{"10.0.0.0/8", "fd00::/48"} }, common + node + v4 + v6 + "Port-10250 FileAvailable--etc-kubernetes-pki-ca.crt"},
		"by name": {roleEmbedded, func(c *hostConfig) {
			c.Checks = []string{"swap", "fileAvailable--etc-kubernetes-pki-ca.crt"}
		}, "Swap FileAvailable--etc-kubernetes-pki-ca.crt"},
		"external etcd": {roleInit, func(c *hostConfig) { c.EtcdDataDir = "" }, common +
			strings.NewReplacer("Port-2379 ", "", "Port-2380 ", "", "DirAvailable--var-lib-etcd ", "").Replace(control) + v4 + "Port-10250"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := defaults
			c.Role = tt.role
			if tt.change != nil {
				tt.change(&c)
			}
			chosen, _, err := choose(c, machine{}.checks(c))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, k := range chosen {
				got = append(got, k.name)
			}
			want := strings.Fields(tt.want)
			slices.Sort(got)
			slices.Sort(want)
			equal(t, "checks", strings.Join(got, " "), strings.Join(want, " "))
		})
	}
}

func strs(items ...string) cty.Value {
	var list []cty.Value
	for _, s := range items {
		list = append(list, cty.StringVal(s))
	}
	return cty.ListVal(list)
}

type object = map[string]cty.Value

func TestValidate(t *testing.T) {
	tests := map[string]struct {
		config object
		want   string
	}{
		"defaults":         {nil, ""},
		"names":            {object{"ignore": strs("swap", "NUMCPU", "Port-6443"), "checks": strs("mem")}, ""},
		"of another role":  {object{"role": cty.StringVal("join"), "ignore": strs("NumCPU")}, ""},
		"all":              {object{"ignore": strs("ALL")}, ""},
		"all and more":     {object{"ignore": strs("all", "Swap")}, `"all" stands for every name, so it must stand alone`},
		"misspelt":         {object{"ignore": strs("Swapp")}, `there is no check "Swapp"; did you mean "Swap"?`},
		"other port":       {object{"ignore": strs("Port-6444")}, `there is no check "Port-6444"; did you mean "Port-6443"?`},
		"strange":          {object{"checks": strs("quota of the moon")}, `there is no check "quota of the moon"`},
		"all is no check":  {object{"checks": strs("all")}, `there is no check "all"`},
		"not yet":          {object{"ignore": strs("cri")}, `"cri" is a check of kubeadm that this plugin does not have yet`},
		"not yet, checked": {object{"checks": strs("SystemVerification")}, `"SystemVerification" is a check of kubeadm that this plugin does not have yet`},
		"port":             {object{"ports": cty.ListVal([]cty.Value{cty.Zero})}, "0 is not a port"},
		"address":          {object{"port_address": cty.StringVal("localhost")}, `"localhost" is not an IP address`},
		"binary":           {object{"binaries": strs("")}, "one of them is empty"},
		"range":            {object{"pod_subnets": strs("10.0.0.1")}, `"10.0.0.1" is not an address range such as "10.244.0.0/16"`},
		"negative":         {object{"minimum_cpu": cty.NumberIntVal(-1)}, "minimum_cpu, minimum_memory_mb and minimum_disk_mb cannot be negative"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			equal(t, "error", phasetest.New(t, Spec(), "host", tt.config).Validate(t), tt.want)
		})
	}
}

// collect runs checks and returns what they logged.
func collect(t *testing.T, checks []check, ignored ...string) ([]string, error) {
	t.Helper()
	var lines []string
	log := zerolog.New(writer(func(line []byte) { lines = append(lines, strings.TrimSpace(string(line))) }))
	err := runAll(log.WithContext(t.Context()), checks, func(name string) bool { return contains(ignored, name) })
	return lines, err
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

func TestRunAll(t *testing.T) {
	say := func(v verdict) func(context.Context) verdict { return func(context.Context) verdict { return v } }
	checks := []check{
		{"A", nil, say(pass("good"))},
		{"B", nil, say(fail("b is bad", "Mend b."))},
		{"C", nil, say(warn("c is odd", "Look at c."))},
		{"D", nil, say(fail("d is bad", "Mend d."))},
	}
	lines, err := collect(t, checks, "d")
	want := []string{
		`{"level":"info","check":"A","message":"A: good"}`,
		`{"level":"error","check":"B","message":"B: b is bad"}`,
		`{"level":"warn","hint":"Look at c.","message":"check C: c is odd"}`,
		`{"level":"warn","hint":"Mend d.","message":"check D: d is bad (ignored)"}`,
	}
	equal(t, "log", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	var diags sdk.Diagnostics
	if !errors.As(err, &diags) || len(diags) != 1 {
		t.Fatalf("got %v, want one error", err)
	}
	equal(t, "summary", diags[0].Summary, "check B: b is bad")
	equal(t, "detail", diags[0].Detail, "Mend b.\nTo go on in spite of an error, put the name of its check into ignore.")

	if _, err := collect(t, checks, "b", "d"); err != nil {
		t.Errorf("all ignored: got %v", err)
	}
}

// TestRunAllAtOnce has checks that wait for each other.
func TestRunAllAtOnce(t *testing.T) {
	var meeting sync.WaitGroup
	meeting.Add(5)
	var checks []check
	for range 5 {
		checks = append(checks, check{"X", nil, func(context.Context) verdict {
			meeting.Done()
			meeting.Wait()
			return pass("met")
		}})
	}
	if _, err := collect(t, checks); err != nil {
		t.Error(err)
	}
}

func TestRunAllCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	err := runAll(ctx, []check{{"X", nil, func(ctx context.Context) verdict {
		cancel(errors.New("enough"))
		<-ctx.Done()
		return unreadable(context.Cause(ctx))
	}}}, func(string) bool { return false })
	equal(t, "error", message(err), "enough")
}

// TestHostPhase runs on this host, without root.
func TestHostPhase(t *testing.T) {
	config := object{
		"role": cty.StringVal("embedded"), "minimum_cpu": cty.NumberIntVal(1), "minimum_memory_mb": cty.NumberIntVal(1),
		"directory": cty.StringVal(t.TempDir()), "minimum_disk_mb": cty.NumberIntVal(0), "binaries": strs("sh"),
	}
	p := phasetest.New(t, Spec(), "host", config)
	p.Want(t, "run: 5 checks for role embedded")
	if result := p.Try(t); result.Status != sdk.StatusOK {
		t.Fatalf("got %+v", result)
	}
	p.Undo(t)
	config["minimum_cpu"], config["binaries"] = cty.NumberIntVal(1<<30), strs("no-such-program")
	p.Set(t, config)
	result := p.Try(t)
	if result.Status != sdk.StatusFailed || len(result.Diagnostics) != 2 {
		t.Fatalf("got %+v, want two errors", result)
	}
	config["ignore"] = strs("all")
	p.Set(t, config)
	result = p.Try(t)
	if result.Status != sdk.StatusOK || len(result.Diagnostics) != 2 || result.Diagnostics.HasErrors() {
		t.Errorf("got %+v, want two warnings", result)
	}
}

func TestGate(t *testing.T) {
	p := phasetest.New(t, Spec(), "host", object{"role": cty.StringVal("embedded")})
	plan, err := sdk.Direct(Spec()).Plan(t.Context(), sdk.PlanRequest{Type: "host", Config: p.Config, Unchanged: true})
	if err != nil || len(plan.Changes) != 0 {
		t.Errorf("unchanged: got %+v, %v, want no changes", plan.Changes, err)
	}
}
