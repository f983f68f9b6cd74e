//go:build lab

package trouble

import (
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/test/lab"
	"github.com/clusterflow/clusterflow/test/lab/labtest"
)

const options = `
key_algorithm = "ECDSA-P256"
patches_dir   = "/root/patches"
`

// TestOptions makes a cluster with an authority whose key is elsewhere, ECDSA keys,
// patches, and audit logs: by the policy that clusterflow makes, then by a file.
func TestOptions(t *testing.T) {
	l := labtest.Up(t, lab.Options{Images: true})
	s := install(t, l.Host("n1"))
	s.put("/root/patches/kube-scheduler0+merge.yaml", "metadata: {annotations: {example.com/patched: \"yes\"}}\n")
	s.put("/root/patches/etcd+json.yaml", "- {op: add, path: /metadata/labels/patched, value: \"yes\"}\n")
	s.put("/root/patches/kubeletconfiguration.yaml", "maxPods: 77\n")
	s.put("/root/policy.yaml", "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: RequestResponse, resources: [{group: \"\", resources: [configmaps]}]}, {level: None}]\n")

	// What a security department does elsewhere: all certificates, but no key of an authority.
	s.put("/root/more.hclvars", options)
	if out, code := s.clusterflow(append([]string{"apply", "init.hcl", "--auto-approve", "--target=module.kubeconfig", "--target=module.certs"}, withVariables()...)...); code != 0 {
		t.Fatalf("certificates: exit code %d\n%s", code, out)
	}
	s.shell("cd /etc/kubernetes/pki; rm ca.key front-proxy-ca.key; rm -rf /var/lib/clusterflow")
	sums := "sha256sum /etc/kubernetes/pki/*.crt /etc/kubernetes/pki/etcd/*.crt /etc/kubernetes/*.conf"
	before := s.shell("rm -f /etc/kubernetes/kubelet.conf.backup; " + sums)

	s.init(options + "audit_policy = {}\n")
	s.unchanged("init.hcl", withVariables()...)
	for line := range strings.Lines(before) {
		if !strings.Contains(line, "kubelet.conf") && !strings.Contains(s.shell(sums), line) {
			t.Errorf("not as it was: %s", line)
		}
	}
	for file, want := range map[string]string{
		"/etc/kubernetes/pki/apiserver.crt": "id-ecPublicKey",
		"/etc/kubernetes/pki/ca.crt":        "prime256v1",
	} {
		wants(t, s.shell("openssl x509 -noout -text -in "+file), want)
	}
	if got := s.shell("ls /etc/kubernetes/pki"); strings.Contains(got, "ca.key") {
		t.Errorf("there is a key of an authority: %s", got)
	}
	for _, pod := range []string{"kube-scheduler-n1", "etcd-n1"} { // which a kubelet tells of after its Node
		s.kubectl("wait", "--for=create", "-n", "kube-system", "pod/"+pod, "--timeout=1m")
	}
	wants(t, s.kubectl("get", "pod", "-n", "kube-system", "kube-scheduler-n1", "-o", "yaml"), "example.com/patched: \"yes\"")
	wants(t, s.kubectl("get", "pod", "-n", "kube-system", "etcd-n1", "--show-labels"), "patched=yes")
	wants(t, s.kubectl("get", "node", "n1", "-o", "jsonpath={.status.capacity.pods}"), "77")

	const log = "/var/log/kubernetes/audit/audit.log"
	s.kubectl("get", "configmap", "-n", "kube-system", "kubeadm-config")
	s.waitFor("the audit log", "grep -q '\"level\":\"Metadata\"' "+log)
	s.init(options + `audit_policy = { file = "/root/policy.yaml" }` + "\n")
	s.unchanged("init.hcl", withVariables()...)
	s.kubectl("get", "configmap", "-n", "kube-system", "kubeadm-config")
	s.waitFor("the audit log by the user's policy", "grep -q '\"level\":\"RequestResponse\"' "+log)
}
