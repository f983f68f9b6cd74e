package etcd

import (
	"slices"
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
)

func onNode(address string) member {
	const dir = "/etc/kubernetes/pki/etcd/"
	return member{
		Name: "n1", Address: address, Loopback: loopbackFor(address), ClientPort: 2379, PeerPort: 2380, MetricsPort: 2381,
		DataDir: "/var/lib/etcd",
		Certs: certs{
			CA: dir + "ca.crt", ServerCert: dir + "server.crt", ServerKey: dir + "server.key",
			PeerCert: dir + "peer.crt", PeerKey: dir + "peer.key",
		},
	}
}

func TestArgs(t *testing.T) {
	extra := onNode("10.99.0.11")
	extra.Extra = []component.Flag{
		{Name: "quota-backend-bytes", Value: "8589934592"},
		{Name: "snapshot-count", Value: "5000"},
		{Name: "advertise-client-urls", Value: "https://etcd.example.org:2379"},
	}
	joining := onNode("10.99.0.12")
	joining.Name = "n2"
	joining.Initial = []string{"n1=https://10.99.0.11:2380", "n2=https://10.99.0.12:2380"}
	joining.InitialState = stateExisting
	tests := map[string]struct {
		member    member
		endpoints []string
		health    string
		listens   []string
	}{
		"node": {
			onNode("10.99.0.11"),
			[]string{"https://127.0.0.1:2379"},
			"https://127.0.0.1:2379",
			[]string{"127.0.0.1:2379", "10.99.0.11:2379", "10.99.0.11:2380", "127.0.0.1:2381"},
		},
		"loopback": {
			onNode("127.0.0.1"),
			[]string{"https://127.0.0.1:2379"},
			"https://127.0.0.1:2379",
			[]string{"127.0.0.1:2379", "127.0.0.1:2380", "127.0.0.1:2381"},
		},
		"ipv6": {
			onNode("fd00::11"),
			[]string{"https://[::1]:2379"},
			"https://[::1]:2379",
			[]string{"[::1]:2379", "[fd00::11]:2379", "[fd00::11]:2380", "[::1]:2381"},
		},
		"extra": {
			extra,
			[]string{"https://etcd.example.org:2379"},
			"https://127.0.0.1:2379",
			[]string{"127.0.0.1:2379", "10.99.0.11:2379", "10.99.0.11:2380", "127.0.0.1:2381"},
		},
		"joining": {
			joining,
			[]string{"https://127.0.0.1:2379"},
			"https://127.0.0.1:2379",
			[]string{"127.0.0.1:2379", "10.99.0.12:2379", "10.99.0.12:2380", "127.0.0.1:2381"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			phasetest.Golden(t, "args/"+name+".txt", strings.Join(tt.member.args(), "\n")+"\n")
			if got := tt.member.endpoints(); !slices.Equal(got, tt.endpoints) {
				t.Errorf("endpoints: got %q, want %q", got, tt.endpoints)
			}
			if got := tt.member.health(); got != tt.health {
				t.Errorf("health: got %q, want %q", got, tt.health)
			}
			if got := tt.member.listens(); !slices.Equal(got, tt.listens) {
				t.Errorf("listens: got %q, want %q", got, tt.listens)
			}
		})
	}
}

func TestHealthFollowsListenURLs(t *testing.T) {
	m := onNode("10.99.0.11")
	m.Extra = []component.Flag{{Name: "listen-client-urls", Value: "https://10.99.0.11:2379,https://10.99.0.11:4001"}}
	if got, want := m.health(), "https://10.99.0.11:2379"; got != want {
		t.Errorf("health: got %q, want %q", got, want)
	}
	if got, want := m.listens(), []string{"10.99.0.11:2380", "127.0.0.1:2381"}; !slices.Equal(got, want) {
		t.Errorf("listens: got %q, want %q", got, want)
	}
}
