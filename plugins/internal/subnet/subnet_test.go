package subnet

import (
	"net/netip"
	"testing"
)

func TestAddress(t *testing.T) {
	tests := map[string]struct {
		text string
		want string
		err  string
	}{
		"default":        {text: "10.96.0.0/12", want: "10.96.0.10"},
		"unmasked":       {text: "10.96.3.4/12", want: "10.96.0.10"},
		"IPv6":           {text: "fd00:10:96::/112", want: "fd00:10:96::a"},
		"dual-stack":     {text: "10.96.0.0/16,fd00::/112", want: "10.96.0.10"},
		"with a space":   {text: "fd00::/112, 10.96.0.0/16", want: "fd00::a"},
		"too small":      {text: "10.96.0.0/29", err: "subnet 10.96.0.0/29 has no address number 10"},
		"no subnet":      {text: "10.96.0.0", err: `"10.96.0.0" is not a subnet such as 10.96.0.0/12`},
		"empty":          {text: "", err: `"" is not a subnet such as 10.96.0.0/12`},
		"same family":    {text: "10.0.0.0/16,10.1.0.0/16", err: "two subnets must be of different families, one IPv4 and one IPv6"},
		"three":          {text: "10.0.0.0/16,fd00::/64,fd01::/64", err: `"10.0.0.0/16,fd00::/64,fd01::/64" has more than two subnets`},
		"end of numbers": {text: "255.255.255.255/32", err: "subnet 255.255.255.255/32 has no address number 10"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Address(tt.text, DNSIndex)
			if message(err) != tt.err || (err == nil && got.String() != tt.want) {
				t.Errorf("Address(%q): got %v, %q, want %q, %q", tt.text, got, message(err), tt.want, tt.err)
			}
		})
	}
}

// Whatever is parsed lies in the subnet that was written.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"10.96.0.0/12", "fd00::/112,10.0.0.0/8", "1.2.3.4", ",", "::/0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		subnets, err := Parse(text)
		if err != nil {
			return
		}
		for _, s := range subnets {
			if s != s.Masked() || !s.IsValid() {
				t.Errorf("Parse(%q): %v is no masked subnet", text, s)
			}
		}
		if a, err := Address(text, 1); err == nil && !netip.Prefix.Contains(subnets[0], a) {
			t.Errorf("Address(%q, 1): %v lies outside", text, a)
		}
	})
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
