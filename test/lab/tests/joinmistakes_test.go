//go:build lab

package tests

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
	"github.com/clusterflow/clusterflow/test/lab/labtest"
)

// soon ends a wait for something that does not come.
const soon = ` --var 'timeouts={discovery="3s"}'`

// soonWithin is how long a join takes then: the wait, and three looks before it of as
// much each, and as much again for a machine with too much to do.
const soonWithin = 24 * time.Second

// joinMistake is something that keeps a host from joining.
type joinMistake struct {
	name    string
	command string
	// spoil and mend are scripts, of the first control plane or of the host itself.
	spoil, mend string
	onHost      bool
	cause, todo string // of the message
}

// TestJoinMistakes makes one mistake at a time. None of them changes the host, and
// when it is mended the same command works.
func TestJoinMistakes(t *testing.T) {
	l := labtest.Up(t, lab.Options{Hosts: 2, Images: true})
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	n1, n2 := l.Host("n1"), l.Host("n2")
	install(ctx, t, n1)
	install(ctx, t, n2)
	variables := lab.Variables + fmt.Sprintf("control_plane_endpoint = %q\nupload_certs = true\n", n1.IP+":6443")
	apply(ctx, t, n1, variables, "init.hcl")
	worker, control := output(ctx, t, n1, variables, "init.hcl", "join_command"), output(ctx, t, n1, variables, "init.hcl", "join_command_control_plane")
	run(t, n1, "kubectl", "wait", "--for=condition=Ready", "node/n1", "--timeout=2m")
	giveAdmin(ctx, t, n1, n2)
	run(t, n2, "systemctl", "stop", "kubelet") // which systemd starts again and again on a bare host

	key := regexp.MustCompile(`certificate_key=(\S+)`).FindStringSubmatch(control)[1]
	bearer := strings.TrimPrefix(strings.Fields(worker)[0], "CLUSTERFLOW_VAR_token=")
	for _, m := range append(wrongValues(worker, control), lostThings(n1, bearer, key, worker, control)...) {
		if !t.Run(m.name, func(t *testing.T) { testJoinMistake(ctx, t, n1, n2, m) }) {
			return // n2 may not be as it was
		}
	}
	t.Run("clocks", func(t *testing.T) { testClocks(ctx, t, l, n1, n2, worker) })
}

// wrongValues are mistakes in the command itself.
func wrongValues(worker, control string) []joinMistake {
	other := strings.Repeat("0", 64)
	change := func(command, pattern, to string) string {
		return regexp.MustCompile(pattern).ReplaceAllString(command, to)
	}
	return []joinMistake{
		{name: "secret", command: change(worker, secret.String(), ".0123456789abcdef"), cause: "behind the dot is not that of the cluster", todo: "Copy the whole token again"},
		{name: "token", command: change(worker, `token=\S+`, "token=zzzzzz.0123456789abcdef"), cause: "does not know the token zzzzzz", todo: "is of another cluster. Make a new one"},
		{name: "pin", command: change(worker, `sha256:\S+`, "sha256:"+other), cause: "which is none of those given", todo: "Print the join command anew"},
		{name: "nothing listens", command: change(worker, ":6443", ":6444") + soon, cause: "no API server answers at", todo: "nothing listens on the port"},
		{name: "name of another node", command: worker + " --var node_name=n1", cause: "there is a node n1 in the cluster, and it works", todo: "node_name"},
		{name: "certificate key", command: change(control, `certificate_key=\S+`, "certificate_key="+other), cause: "decrypt ca.crt", todo: "Use the key of the last upload"},
	}
}

// lostThings are what was right once.
func lostThings(first *lab.Host, bearer, key, worker, control string) []joinMistake {
	id, _, _ := strings.Cut(bearer, ".")
	const system = "kubectl --namespace=kube-system "
	token := system + "patch secret bootstrap-token-" + id + " --type=merge --patch "
	await := func(text string) string { return "\nuntil " + text + "; do sleep 0.2; done\n" }
	signed := "kubectl --namespace=kube-public get configmap cluster-info --output=yaml | grep -q jws-kubeconfig-" + id
	// An API server believes for ten seconds what it has found out.
	refused := await(`[ "$(curl --insecure --silent --output /dev/null --write-out '%{http_code}' --header 'Authorization: Bearer ` + bearer + `' https://` + first.IP + `:6443/version)" = 401 ]`)
	// A controller manager that is ended keeps its Lease for a while.
	const manager = "kube-controller-manager"
	stop := "mv /etc/kubernetes/manifests/" + manager + ".yaml /root" + await(`[ -z "$(crictl ps --quiet --name `+manager+`)" ]`)
	start := system + "delete lease " + manager + "\nmv /root/" + manager + ".yaml /etc/kubernetes/manifests\n"
	expire, revive := `'{"stringData": {"expiration": "2020-01-01T00:00:00Z"}}'`, `'{"stringData": {"expiration": "2099-01-01T00:00:00Z"}}'`
	drop := func(flag string) string {
		return "iptables " + flag + " OUTPUT --protocol tcp --destination " + first.IP + " --dport 6443 --jump DROP"
	}
	owner := system + `get secret kubeadm-certs --output=jsonpath='{.metadata.ownerReferences[0].name}'`
	return []joinMistake{
		{
			name: "packets are dropped", command: worker + soon, onHost: true, spoil: drop("--append"), mend: drop("--delete"),
			cause: "no API server answers at", todo: "Nothing comes back, not even a refusal",
		},
		{
			name: "token that does not sign", command: worker + soon,
			spoil: token + `'{"stringData": {"usage-bootstrap-signing": "false"}}'` + await("! "+signed),
			mend:  token + `'{"stringData": {"usage-bootstrap-signing": "true"}}'` + await(signed),
			cause: "does not know the token " + id, todo: "be without usage signing",
		},
		{
			name: "token that does not authenticate", command: worker,
			spoil: token + `'{"stringData": {"usage-bootstrap-authentication": "false"}}'` + refused,
			mend:  token + `'{"stringData": {"usage-bootstrap-authentication": "true"}}'`,
			cause: "does not accept the token", todo: "may not authenticate (usage authentication). Make a new one",
		},
		{
			name: "expired token", command: worker, spoil: stop + token + expire + refused, mend: token + revive + "\n" + start + await(signed),
			cause: "does not accept the token", todo: "It has expired",
		},
		{
			name: "expired token that is gone", command: worker + soon,
			spoil: system + "get secret bootstrap-token-" + id + " --output=yaml | grep -v 'resourceVersion:\\|uid:\\|creationTimestamp:' >/root/token.yaml\n" +
				token + expire + await("! "+signed),
			mend:  system + "create --filename=/root/token.yaml" + await(signed),
			cause: "does not know the token " + id, todo: "All may have expired",
		},
		{
			name: "nobody signs", command: worker + soon,
			spoil: stop + `kubectl --namespace=kube-public patch configmap cluster-info --type=json --patch='[{"op": "remove", "path": "/data/jws-kubeconfig-` + id + `"}]'`,
			mend:  start + await(signed),
			cause: "does not know the token " + id, todo: "kube-controller-manager does not run",
		},
		{
			name: "expired certificates", command: control,
			spoil: system + `patch secret "$(` + owner + `)" --type=merge --patch ` + expire + await("! "+system+"get secret kubeadm-certs"),
			mend:  "clusterflow apply token --auto-approve --var upload_certs=true --var certificate_key=" + key,
			cause: "there is no Secret kube-system/kubeadm-certs", todo: "clusterflow apply token --var upload_certs=true",
		},
	}
}

// testJoinMistake joins, mends what is wrong, joins again and leaves. Where nothing is to
// be mended the command is wrong.
func testJoinMistake(ctx context.Context, t *testing.T, first, h *lab.Host, m joinMistake) {
	t.Helper()
	where := first
	if m.onHost {
		where = h
	}
	if m.spoil != "" {
		run(t, where, "sh", "-euc", m.spoil)
	}
	began := time.Now()
	wantJoinError(ctx, t, h, m.command, m.cause, m.todo)
	took := time.Since(began)
	t.Logf("it failed after %.1fs", took.Seconds())
	if strings.HasSuffix(m.command, soon) && took > soonWithin {
		t.Errorf("it failed after %s, want at most %s", took, soonWithin)
	}
	if m.mend != "" {
		run(t, where, "sh", "-euc", m.mend)
		wantJoinAndLeave(ctx, t, first, h, m.command)
	}
}

// wantJoinError demands that a join fails with these words and changes nothing on h.
func wantJoinError(ctx context.Context, t *testing.T, h *lab.Host, command string, want ...string) {
	t.Helper()
	run(t, h, "systemctl", "stop", "kubelet")
	bare := remains(ctx, t, h)
	out, err := h.Shell(ctx, withVariables(command)+" 2>&1")
	if err == nil {
		t.Errorf("it joined:\n%s", out)
	}
	said := strings.Join(strings.Fields(out), " ") // lines are broken where the terminal ends
	for _, words := range want {
		if !strings.Contains(said, words) {
			t.Errorf("got %v\n%s\nwant %q", err, out, words)
		}
	}
	wantRemains(ctx, t, h, bare)
	if state, _ := h.Run(ctx, "systemctl", "is-active", "kubelet"); strings.TrimSpace(state) != "inactive" {
		t.Errorf("the kubelet is %s, want inactive", state)
	}
	for _, hidden := range regexp.MustCompile(`(?:_token=\w+\.|_certificate_key=)(\w+)`).FindAllStringSubmatch(command, -1) {
		if found, _ := h.Shell(ctx, "grep -rl -- '"+hidden[1]+"' /etc /var/lib/kubelet /var/lib/clusterflow /var/log /run /tmp || true"); found != "" {
			t.Errorf("a secret of the command is in\n%s", found)
		}
	}
}

// wantJoinAndLeave demands that a command makes h a node. Then h leaves again.
func wantJoinAndLeave(ctx context.Context, t *testing.T, first, h *lab.Host, command string) {
	t.Helper()
	joinAll(ctx, t, map[*lab.Host]string{h: command})
	wantNodes(t, first, first.Name, h.Name)
	reset(ctx, t, h, "--var kubeconfig=/root/admin.conf")
	wantNodes(t, first, first.Name)
}
