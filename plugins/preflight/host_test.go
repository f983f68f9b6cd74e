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
	defaults := hostConfig{APIPort: 6443, KubernetesDir: "/etc/kubernetes", EtcdDataDir: "/var/lib/etcd"}
	common := "IsPrivilegedUser Swap ClockSync SystemVerification Hostname Firewalld Ufw Nftables KubeletVersion Service-kubelet " +
		"CRI ContainerRuntimeVersion CgroupDriver SandboxImage Service-docker Docker " +
		"FileExisting-conntrack FileExisting-ebtables FileExisting-ethtool FileExisting-ip FileExisting-iptables FileExisting-socat FileExisting-tc "
	required := "FileExisting-cp FileExisting-losetup FileExisting-mount "
	control := "NumCPU Mem HTTPProxyCIDR Port-2379 Port-2380 Port-6443 Port-10257 Port-10259 DirAvailable--var-lib-etcd " +
		"FileAvailable--etc-kubernetes-manifests-kube-apiserver.yaml FileAvailable--etc-kubernetes-manifests-kube-controller-manager.yaml " +
		"FileAvailable--etc-kubernetes-manifests-kube-scheduler.yaml FileAvailable--etc-kubernetes-manifests-etcd.yaml "
	node := "FileAvailable--etc-kubernetes-kubelet.conf FileAvailable--etc-kubernetes-bootstrap-kubelet.conf "
	v4 := "FileContent--proc-sys-net-ipv4-ip_forward FileContent--proc-sys-net-bridge-bridge-nf-call-iptables "
	v6 := "FileContent--proc-sys-net-ipv6-conf-default-forwarding FileContent--proc-sys-net-bridge-bridge-nf-call-ip6tables "
	worker := common + required + node + "Port-10250 FileAvailable--etc-kubernetes-pki-ca.crt "
	tests := map[string]struct {
		role   string
		change func(*hostConfig)
		want   string
	}{
		"init":     {roleInit, nil, common + required + control + v4 + "Port-10250"},
		"worker":   {roleJoin, nil, worker + v4},
		"control":  {roleJoinCP, nil, common + required + control + node + v4 + "Port-10250"},
		"embedded": {roleEmbedded, nil, "NumCPU Mem"},
		"embedded with more": {roleEmbedded, func(c *hostConfig) {
			c.Ports, c.Binaries, c.Directory = []int{9, 8, 9}, []string{"./etcd", "./etcd"}, "/d"
		}, "NumCPU Mem Port-8 Port-9 FileExisting-.-etcd DirWritable--d DiskSpace--d"},
		"nothing": {roleJoin, func(c *hostConfig) {
			c.Ports, c.Binaries = []int{}, []string{}
		}, common + node + v4 + "FileAvailable--etc-kubernetes-pki-ca.crt"},
		"useful is required": {roleJoin, func(c *hostConfig) { c.Ports, c.Binaries = []int{}, []string{"socat"} }, common + node + v4 + "FileAvailable--etc-kubernetes-pki-ca.crt"},
		"ipv6":               {roleJoin, func(c *hostConfig) { c.APIServer = "[fd00::1]:6443" }, worker + v6 + "HTTPProxy"},
		"dual stack":         {roleJoin, func(c *hostConfig) { c.PodSubnets = []string{"10.0.0.0/8", "fd00::/48"} }, worker + v4 + v6},
		"ipvs":               {roleJoin, func(c *hostConfig) { c.ProxyMode = "ipvs" }, worker + v4 + "RequiredIPVSKernelModulesAvailable"},
		"by name": {roleEmbedded, func(c *hostConfig) {
			c.Checks = []string{"swap", "fileAvailable--etc-kubernetes-pki-ca.crt"}
		}, "Swap FileAvailable--etc-kubernetes-pki-ca.crt"},
		"api port": {roleInit, func(c *hostConfig) { c.APIPort = 7443; c.KubernetesVersion = "v1.36.3" }, common + required +
			strings.Replace(control, "Port-6443", "Port-7443", 1) + v4 + "Port-10250 KubernetesVersion"},
		"external etcd": {roleInit, func(c *hostConfig) { c.EtcdEndpoints = []string{"https://e:2379"} }, common + required +
			strings.NewReplacer("Port-2379 ", "", "Port-2380 ", "", "DirAvailable--var-lib-etcd ", "").Replace(control) + v4 +
			"Port-10250 ExternalEtcdVersion ExternalEtcdClientCertificates"},
		"no local etcd": {roleJoinCP, func(c *hostConfig) { c.EtcdDataDir = "" }, common + required + node +
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
		"defaults":        {nil, ""},
		"names":           {object{"ignore": strs("swap", "NUMCPU", "Port-6443"), "checks": strs("mem")}, ""},
		"of another role": {object{"role": cty.StringVal("join"), "ignore": strs("NumCPU")}, ""},
		"all":             {object{"ignore": strs("ALL")}, ""},
		"all and more":    {object{"ignore": strs("all", "Swap")}, `"all" stands for every name, so it must stand alone`},
		"misspelt":        {object{"ignore": strs("Swapp")}, `there is no check "Swapp"; did you mean "Swap"?`},
		"other port":      {object{"ignore": strs("Port-6444")}, `there is no check "Port-6444"; did you mean "Port-6443"?`},
		"strange":         {object{"checks": strs("quota of the moon")}, `there is no check "quota of the moon"`},
		"all is no check": {object{"checks": strs("all")}, `there is no check "all"`},
		"images":          {object{"ignore": strs("imagepull")}, `"ImagePull" is no check here: images are phases of their own, of type preflight.image`},
		"version":         {object{"kubernetes_version": cty.StringVal("1.x")}, `"1.x" is not a version such as v1.36.3`},
		"socket":          {object{"cri_socket": cty.StringVal("x")}, `read socket of container runtime "x": it is no absolute path`},
		"endpoint":        {object{"etcd_endpoints": strs("10.0.0.1:2379")}, `"10.0.0.1:2379" is not a URL such as "https://10.0.0.20:2379"`},
		"half a pair":     {object{"etcd_cert": cty.StringVal("c")}, "etcd_cert and etcd_key come together"},
		"api port":        {object{"api_port": cty.NumberIntVal(70000)}, "70000 is not a port"},
		"port":            {object{"ports": cty.ListVal([]cty.Value{cty.Zero})}, "0 is not a port"},
		"address":         {object{"port_address": cty.StringVal("localhost")}, `"localhost" is not an IP address`},
		"binary":          {object{"binaries": strs("")}, "one of them is empty"},
		"range":           {object{"pod_subnets": strs("10.0.0.1")}, `"10.0.0.1" is not an address range such as "10.244.0.0/16"`},
		"negative":        {object{"minimum_cpu": cty.NumberIntVal(-1)}, "minimum_cpu, minimum_memory_mb and minimum_disk_mb cannot be negative"},
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
	s := survey{checks: checks, ignored: func(name string) bool { return contains(ignored, name) }}
	_, err := s.run(log.WithContext(t.Context()))
	return lines, err
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

func TestRunAll(t *testing.T) {
	say := func(v verdict) func(context.Context) verdict { return func(context.Context) verdict { return v } }
	checks := []check{
		{name: "A", run: say(pass("good"))},
		{name: "B", run: say(fail("b is bad", "Mend b."))},
		{name: "C", run: say(warn("c is odd", "Look at c."))},
		{name: "D", run: say(fail("d is bad", "Mend d."))},
	}
	lines, err := collect(t, checks, "d")
	want := []string{
		`{"level":"info","check":"A","result":"ok","message":"A: good"}`,
		`{"level":"error","check":"B","result":"error","message":"B: b is bad"}`,
		`{"level":"warn","check":"C","result":"warning","hint":"Look at c.","message":"check C: c is odd"}`,
		`{"level":"warn","check":"D","result":"warning","hint":"Mend d.","message":"check D: d is bad (ignored)"}`,
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
		checks = append(checks, check{name: "X", run: func(context.Context) verdict {
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
	s := survey{ignored: func(string) bool { return false }, checks: []check{{name: "X", run: func(ctx context.Context) verdict {
		cancel(errors.New("enough"))
		<-ctx.Done()
		return unreadable(context.Cause(ctx))
	}}}}
	_, err := s.run(ctx)
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
