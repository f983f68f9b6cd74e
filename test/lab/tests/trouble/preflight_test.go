//go:build lab

package trouble

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/test/lab"
	"github.com/clusterflow/clusterflow/test/lab/labtest"
)

// TestPreflight has a host that is fit, and one on which many things are wrong.
func TestPreflight(t *testing.T) {
	l := labtest.Up(t, lab.Options{Hosts: 2, Images: true})
	t.Run("healthy", func(t *testing.T) { testHealthy(t, install(t, l.Host("n1"))) })
	t.Run("site", func(t *testing.T) { testSiteChecks(t, site{l.Host("n1"), t}) })
	t.Run("unfit", func(t *testing.T) { testUnfit(t, install(t, l.Host("n2"))) })
}

const onlyPreflight = "--target=module.preflight"

// testHealthy needs nothing ignored; without the kubelet's leave for cgroup v1,
// SystemVerification alone, on a machine that has it.
func testHealthy(t *testing.T, s site) {
	t.Helper()
	out, code := s.clusterflow("apply", "init.hcl", "--auto-approve", onlyPreflight, "--var-file", "/root/lab.hclvars")
	if code != 0 {
		t.Errorf("exit code %d\n%s", code, out)
	}
	for line := range strings.Lines(out) {
		if strings.Contains(line, "warn: check") && !strings.Contains(line, "check ClockSync") && !strings.Contains(line, "check SystemVerification") {
			t.Errorf("it warns of a healthy host: %s", line)
		}
	}
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		return // cgroup v2
	}
	bare := []string{"apply", "init.hcl", "--auto-approve", onlyPreflight}
	out, code = s.clusterflow(bare...)
	if code != 1 || strings.Count(out, "\n    check ") != 1 {
		t.Errorf("exit code %d, want 1 and one failed check:\n%s", code, out)
	}
	wants(t, out, "check SystemVerification: this host uses cgroup v1")
	if out, code := s.clusterflow(append(bare, "--var", `ignore_preflight_errors=["SystemVerification"]`)...); code != 0 {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

// testSiteChecks runs examples/site-checks.
func testSiteChecks(t *testing.T, s site) {
	t.Helper()
	for _, name := range []string{"site.hcl", "checks/naming", "checks/disk"} {
		content, err := os.ReadFile(top + "/examples/site-checks/" + name)
		if err != nil {
			t.Fatal(err)
		}
		s.put("/root/site/"+name, string(content))
	}
	s.shell("chmod 755 /root/site/checks/*; cd /root/site; clusterflow pipelines copy init . >/dev/null; echo 0 >/proc/sys/net/ipv4/ip_forward")
	out, code := s.apply("/root/site/site.hcl", `node_name = "db"`)
	if code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	wants(t, out, "! phase.naming: failed", "check naming: the name db is not one of this site", "hint: A letter and a number, such as n1: hostnamectl set-hostname n1")
	if got := s.shell("cat /proc/sys/net/ipv4/ip_forward"); got != "0\n" {
		t.Errorf("after a check that failed ip_forward is %q, want 0: nothing is changed before", got)
	}
	s.shell(`sed -i 's/"2048"/"999999999"/' /root/site/site.hcl`)
	out, code = s.apply("/root/site/site.hcl", "")
	if code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	wants(t, out, "check disk: /var/lib has ", "See what is large: du -xh -d2 /var/lib", "registry.k8s.io/kube-apiserver:v1.36.3")
	s.unchanged("/root/site/site.hcl", withVariables()...)
	if out, code := s.clusterflow("undo", "/root/site/site.hcl", "--auto-approve"); code != 0 {
		t.Errorf("undo: exit code %d\n%s", code, out)
	}
	if got := s.shell("cat /proc/sys/net/ipv4/ip_forward"); got != "0\n" {
		t.Errorf("after undo ip_forward is %q, want 0", got)
	}
}

// spoiled makes a host unfit in ways that are visible with a runtime that runs.
const spoiled = `
systemd-run --quiet --unit=web socat TCP-LISTEN:6443,fork,reuseaddr SYSTEM:true
mkdir -p /etc/kubernetes/manifests /var/lib/etcd/member
echo "kind: Pod" >/etc/kubernetes/manifests/kube-scheduler.yaml
echo 0 >/proc/sys/net/ipv4/ip_forward
printf 'Filename\tType\tSize\tUsed\tPriority\n/dev/sdx2 partition 1048576 0 -2\n' >/run/swaps
mount --bind /run/swaps /proc/swaps # swap of its own would be the machine's
mv /usr/sbin/conntrack /usr/sbin/conntrack.away
systemctl disable --quiet kubelet
printf '#!/bin/sh\nexit 1\n' >/usr/local/bin/firewall-cmd
chmod 755 /usr/local/bin/firewall-cmd
printf '[Service]\nExecStart=/bin/sleep infinity\n' >/etc/systemd/system/firewalld.service
systemctl daemon-reload
systemctl start firewalld
ctr -n k8s.io images tag registry.k8s.io/pause:3.10.2 registry.k8s.io/pause:3.9 >/dev/null
ctr -n k8s.io images rm --sync registry.k8s.io/pause:3.10.2 >/dev/null
cat >>/etc/containerd/config.toml <<EOF
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = 'registry.k8s.io/pause:3.9'
EOF
sed -i 's/SystemdCgroup = false/SystemdCgroup = true/' /etc/containerd/config.toml
systemctl restart containerd
ctr -n k8s.io images label registry.k8s.io/pause:3.9 io.cri-containerd.pinned=pinned >/dev/null
`

// everything lists what the host holds where a cluster would be.
const everything = `find /etc /usr /opt /var/lib/kubelet /var/lib/etcd /var/log/pods -printf '%p %s %T@ %m\n' 2>/dev/null | sort`

func testUnfit(t *testing.T, s site) {
	t.Helper()
	s.shell(spoiled)
	before := s.shell(everything)
	out, code := s.apply("init.hcl", "")
	if code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	for _, check := range [][2]string{
		{"check Swap: swap is on: /dev/sdx2", "swapoff -a"},
		{"check FileContent--proc-sys-net-ipv4-ip_forward: /proc/sys/net/ipv4/ip_forward is \"0\"", "sysctl -w net.ipv4.ip_forward=1"},
		{"check Port-6443: port 6443 is in use by socat", "ps -fp"},
		{"check FileAvailable--etc-kubernetes-manifests-kube-scheduler.yaml: ", "clusterflow apply reset.hcl"},
		{"check DirAvailable--var-lib-etcd: /var/lib/etcd is not empty: it holds member", "rm -r /var/lib/etcd"},
		{"check Service-kubelet: the service kubelet is not enabled", "systemctl enable --now kubelet"},
		{"check CgroupDriver: the kubelet's configuration says cgroup driver cgroupfs, the container runtime systemd", "SystemdCgroup = false"},
		{"check SandboxImage: the container runtime starts pods with registry.k8s.io/pause:3.9, not with registry.k8s.io/pause:3.10.2", "sandbox = \"registry.k8s.io/pause:3.10.2\""},
		{"check Firewalld: firewalld runs and may keep out what comes to ports 2379 2380 6443 10250", "firewall-cmd --permanent"},
		{"check FileExisting-conntrack: there is no conntrack in PATH", "Install the package"},
	} {
		adviceFollows(t, out, check[0], check[1])
	}
	s.shell("systemctl stop containerd")
	out, _ = s.apply("init.hcl", "")
	wants(t, out, "check CRI: ", "systemctl enable --now containerd", "check Swap: ", "check Port-6443: ")
	s.shell("systemctl start containerd")
	for line := range strings.Lines(s.shell(everything)) {
		if !strings.Contains(before, line) {
			t.Errorf("checks that failed wrote on the host: %s", line)
		}
	}

	errors := `"Swap", "fileContent--proc-sys-net-ipv4-ip_forward", "Port-6443", "FileAvailable--etc-kubernetes-manifests-kube-scheduler.yaml", "DirAvailable--var-lib-etcd"`
	for name, ignored := range map[string]string{"by name": errors, "all": `"all"`} {
		out, code := s.clusterflow("apply", "init.hcl", "--auto-approve", onlyPreflight, "--var-file", "/root/lab.hclvars", "--var", fmt.Sprintf("ignore_preflight_errors=[%s]", ignored))
		if code != 0 {
			t.Errorf("ignored %s: exit code %d\n%s", name, code, out)
		}
		if name == "by name" { // the checks have passed now, and are not made again
			wants(t, out, "check Swap: swap is on: /dev/sdx2 (ignored)")
		}
	}
}

// adviceFollows demands that a line has the advice in it or below it, before the next check.
func adviceFollows(t *testing.T, out, line, advice string) {
	t.Helper()
	_, rest, found := strings.Cut(out, line)
	own, _, _ := strings.Cut(rest, "\n    check ")
	if !found || !strings.Contains(own, advice) {
		t.Errorf("no %q with %q in:\n%s", line, advice, out)
	}
}
