package preflight

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
)

const procNetTCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:192B 00000000:0000 0A 00000000:00000000 00:00000000 00000000   997        0 1120 1 000000006582f796 100 0 0 10 0
   1: 0100007F:192B 0100007F:CE04 06 00000000:00000000 03:00000C94 00000000     0        0 0 3 00000000bf432edc
   2: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 77 1 000000006582f796 100 0 0 10 0
   3: broken
`

func TestParseListeners(t *testing.T) {
	want := []listener{{6443, 997, 1120}, {8080, 0, 77}}
	if got := parseListeners(procNetTCP); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	const v6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     5        0 78 1 0 100 0 0 10 0
`
	if got := parseListeners(v6); fmt.Sprint(got) != fmt.Sprint([]listener{{8080, 5, 78}}) {
		t.Errorf("IPv6: got %v", got)
	}
}

// TestPort asks about a port that this test holds.
func TestPort(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, text, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	c := hostConfig{Role: roleEmbedded, Ports: []int{port}, PortAddress: "127.0.0.1"}
	m := newMachine(t.TempDir(), nil)
	v := m.ask(t, c, "Port-"+text)
	want := fmt.Sprintf("error: port %d is in use by %s (pid %d)", port, m.processName(os.Getpid()), os.Getpid())
	equal(t, "in use", m.say(v), want)
	if fix := v.errors[0].fix; !strings.Contains(fix, fmt.Sprintf("kill %d", os.Getpid())) {
		t.Errorf("advice: got %q", fix)
	}
	c.PortAddress = ""
	equal(t, "on all addresses", m.say(m.ask(t, c, "Port-"+text)), want)

	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	equal(t, "free", m.say(m.ask(t, c, "Port-"+text)), fmt.Sprintf("ok: port %d is free", port))
	c.PortAddress = "192.0.2.1"
	equal(t, "strange address", m.say(m.ask(t, c, "Port-"+text)), "error: this host has no address 192.0.2.1")
}

// TestHolder tells of somebody else's process what an ordinary user can know.
func TestHolder(t *testing.T) {
	m := good(t)
	want := func(what string, want holder) {
		t.Helper()
		if got := m.holder(6443); got != want {
			t.Errorf("%s: got %+v, want %+v", what, got, want)
		}
	}
	const ask = "See who has it: sudo ss -ltnp 'sport = :6443'"
	want("without procfs", holder{fix: ask, component: true})
	m.put(t, "net/tcp", procNetTCP)
	want("hidden", holder{who: " by a process of user 997", fix: ask, component: true})

	m.put(t, "42/comm", "kube-apiserver\n")
	m.put(t, "42/fd/none", "")
	if err := os.Symlink("socket:[1120]", m.proc+"/42/fd/7"); err != nil {
		t.Fatal(err)
	}
	want("a component", holder{who: " by kube-apiserver (pid 42)", fix: "It is of an earlier cluster. Clean the host: clusterflow apply reset.hcl", component: true})
	const end = "See what it is: ps -fp 42. End it: kill 42, or stop its service."
	m.put(t, "42/comm", "nginx\n")
	want("foreign", holder{who: " by nginx (pid 42)", fix: end})
	m.remove(t, "42/comm")
	want("nameless", holder{who: " by a process (pid 42)", fix: end})
}

func TestIsComponent(t *testing.T) {
	for name, want := range map[string]bool{
		"etcd": true, "kubelet": true, "kube-controller": true, "kube-scheduler": true,
		"kube-controller-manager": false, "etcdctl": false, "": false, "kube": false,
	} {
		if got := isComponent(name); got != want {
			t.Errorf("%q: got %v, want %v", name, got, want)
		}
	}
}
