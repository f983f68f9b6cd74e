package preflight

import (
	"testing"

	"github.com/clusterflow/clusterflow/sdk"
)

const routes4 = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	0100000A	0003	0	0	100	00000000	0	0	0
eth0	0000000A	00000000	0001	0	0	100	00FFFFFF	0	0	0
`

const routes6 = `00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000000000000000000000000000001 00000400 00000001 00000000 00000003     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
`

func TestAdvertiseAddress(t *testing.T) {
	none := func(t *testing.T, m *machine) { t.Helper(); m.put(t, "net/route", "") }
	six := func(t *testing.T, m *machine) { t.Helper(); none(t, m); m.put(t, "net/ipv6_route", routes6) }
	both := func(t *testing.T, m *machine) { t.Helper(); m.put(t, "net/ipv6_route", routes6) }
	tests := map[string]struct {
		given   string
		machine func(*testing.T, *machine)
		want    string // address, or error
	}{
		"default":        {"", nil, "10.0.0.10"},
		"both":           {"", both, "10.0.0.10"},
		"only IPv6":      {"", six, "fd00::10"},
		"IPv6 wanted":    {"::", both, "fd00::10"},
		"IPv4 wanted":    {"0.0.0.0", both, "10.0.0.10"},
		"loopback":       {"127.0.0.1", both, "10.0.0.10"},
		"given":          {"192.0.2.7", none, "192.0.2.7"},
		"mapped":         {"::ffff:192.0.2.7", none, "192.0.2.7"},
		"IPv6 not there": {"::", nil, "choose address of this host: interface eth0 of the default route has no global address of the family that is wanted"},
		"no route":       {"", none, "choose address of this host: it has no default route"},
		"no procfs":      {"", func(t *testing.T, m *machine) { t.Helper(); m.remove(t, "net/route") }, "choose address of this host: it has no default route"},
		"lowest metric": {"", func(t *testing.T, m *machine) {
			t.Helper()
			m.put(t, "net/route", "eth0 00000000 0100000A 0003 0 0 100 00000000 0 0 0\neth1 00000000 0100000A 0003 0 0 50 00000000 0 0 0\n")
			m.interfaces = func() ([]link, error) {
				return []link{{name: "eth0", up: true, addresses: addresses("10.0.0.1")}, {name: "eth1", up: true, addresses: addresses("10.0.1.1")}}, nil
			}
		}, "10.0.1.1"},
		"down": {"", func(_ *testing.T, m *machine) {
			m.interfaces = func() ([]link, error) { return []link{{name: "eth0", addresses: addresses("10.0.0.1")}}, nil }
		}, "choose address of this host: interface eth0 of the default route has no global address of the family that is wanted"},
		"address of loopback": {"", func(_ *testing.T, m *machine) {
			m.interfaces = func() ([]link, error) {
				return []link{
					{name: "eth0", up: true, addresses: addresses("169.254.0.1")},
					{name: "lo", up: true, loopback: true, addresses: addresses("127.0.0.1", "192.0.2.9")},
				}, nil
			}
		}, "192.0.2.9"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := good(t)
			if tt.machine != nil {
				tt.machine(t, m)
			}
			got, err := m.advertiseAddress(tt.given)
			if err == nil {
				equal(t, "address", got.String(), tt.want)
				return
			}
			equal(t, "error", err.Error(), tt.want)
			if d := sdk.Diagnose(err)[0]; d.Detail != "Set advertise_address to the address on which other hosts reach this one: ip -brief address" || !d.Permanent {
				t.Errorf("got %+v", d)
			}
		})
	}
}

func FuzzRoutes(f *testing.F) {
	f.Add(routes4)
	f.Add(routes6)
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range append(parseRoutes4(text), parseRoutes6(text)...) {
			if r.device == "" {
				t.Errorf("a route without a device in %q", text)
			}
		}
	})
}
