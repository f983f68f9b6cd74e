package lang

import (
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

func networks() map[string]function.Function {
	prefix := stringParam("prefix")
	number := func(name string) function.Parameter { return function.Parameter{Name: name, Type: cty.Number} }
	text := function.StaticReturnType(cty.String)
	return map[string]function.Function{
		"cidrhost": function.New(&function.Spec{
			Params: []function.Parameter{prefix, number("hostnum")}, Type: text, Impl: cidrHost,
		}),
		"cidrnetmask": function.New(&function.Spec{
			Params: []function.Parameter{prefix}, Type: text, Impl: cidrNetmask,
		}),
		"cidrsubnet": function.New(&function.Spec{
			Params: []function.Parameter{prefix, number("newbits"), number("netnum")}, Type: text, Impl: cidrSubnet,
		}),
		"cidrcontains": function.New(&function.Spec{
			Params: []function.Parameter{prefix, stringParam("address")},
			Type:   function.StaticReturnType(cty.Bool), Impl: cidrContains,
		}),
		"hostport": function.New(&function.Spec{
			Params: []function.Parameter{stringParam("host"), number("port")}, Type: text, Impl: hostPort,
		}),
	}
}

func parsePrefix(v cty.Value) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(v.AsString())
	if err != nil {
		return p, function.NewArgErrorf(0, "%q is no network such as \"10.96.0.0/12\"", v.AsString())
	}
	return p.Masked(), nil
}

// wholeNumber returns an argument that must be an integer.
func wholeNumber(args []cty.Value, i int) (*big.Int, error) {
	n, acc := args[i].AsBigFloat().Int(nil)
	if n == nil || acc != big.Exact {
		return nil, function.NewArgErrorf(i, "a whole number is needed")
	}
	return n, nil
}

// cidrHost is the address with a number in a network; negative numbers count from
// its end.
func cidrHost(args []cty.Value, _ cty.Type) (cty.Value, error) {
	p, err := parsePrefix(args[0])
	if err != nil {
		return cty.NilVal, err
	}
	n, err := wholeNumber(args, 1)
	if err != nil {
		return cty.NilVal, err
	}
	size := new(big.Int).Lsh(big.NewInt(1), uint(p.Addr().BitLen()-p.Bits()))
	if n.Sign() < 0 {
		n.Add(n, size)
	}
	if n.Sign() < 0 || n.Cmp(size) >= 0 {
		return cty.NilVal, function.NewArgErrorf(1, "%s has only %s addresses", p, size)
	}
	return cty.StringVal(offset(p.Addr(), n).String()), nil
}

func cidrNetmask(args []cty.Value, _ cty.Type) (cty.Value, error) {
	p, err := parsePrefix(args[0])
	if err != nil {
		return cty.NilVal, err
	}
	if !p.Addr().Is4() {
		return cty.NilVal, function.NewArgErrorf(0, "only IPv4 networks have a netmask")
	}
	return cty.StringVal(net.IP(net.CIDRMask(p.Bits(), 32)).String()), nil
}

// cidrSubnet is the subnet with a number when a network is split by some more bits.
func cidrSubnet(args []cty.Value, _ cty.Type) (cty.Value, error) {
	p, err := parsePrefix(args[0])
	if err != nil {
		return cty.NilVal, err
	}
	more, err := wholeNumber(args, 1)
	if err != nil {
		return cty.NilVal, err
	}
	n, err := wholeNumber(args, 2)
	if err != nil {
		return cty.NilVal, err
	}
	if !more.IsInt64() || more.Int64() < 0 || more.Int64() > int64(p.Addr().BitLen()-p.Bits()) {
		return cty.NilVal, function.NewArgErrorf(1, "%s has no room for %s more bits", p, more)
	}
	bits := p.Bits() + int(more.Int64())
	if n.Sign() < 0 || n.BitLen() > int(more.Int64()) {
		return cty.NilVal, function.NewArgErrorf(2, "%s more bits make no subnet number %s", more, n)
	}
	step := new(big.Int).Lsh(n, uint(p.Addr().BitLen()-bits))
	return cty.StringVal(netip.PrefixFrom(offset(p.Addr(), step), bits).String()), nil
}

func cidrContains(args []cty.Value, _ cty.Type) (cty.Value, error) {
	p, err := parsePrefix(args[0])
	if err != nil {
		return cty.NilVal, err
	}
	addr, err := netip.ParseAddr(args[1].AsString())
	if err != nil {
		return cty.NilVal, function.NewArgError(1, fmt.Errorf("%q is no address such as \"10.96.0.1\"", args[1].AsString()))
	}
	return cty.BoolVal(p.Contains(addr)), nil
}

// hostPort is host:port, with brackets around an IPv6 address that has none.
func hostPort(args []cty.Value, _ cty.Type) (cty.Value, error) {
	port, err := wholeNumber(args, 1)
	if err != nil {
		return cty.NilVal, err
	}
	if port.Sign() < 0 || port.BitLen() > 16 {
		return cty.NilVal, function.NewArgErrorf(1, "%s is no port: those are 0 to 65535", port)
	}
	return cty.StringVal(net.JoinHostPort(strings.Trim(args[0].AsString(), "[]"), port.String())), nil
}

// offset adds n to an address. The caller has checked that there is room.
func offset(addr netip.Addr, n *big.Int) netip.Addr {
	raw := addr.AsSlice()
	sum := new(big.Int).Add(new(big.Int).SetBytes(raw), n)
	out, _ := netip.AddrFromSlice(sum.FillBytes(make([]byte, len(raw))))
	return out
}
