package preflight

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// firewalld warns of ports that a running firewalld does not let in.
func (m machine) firewalld(ctx context.Context, ports []int) verdict {
	s, err := m.service(ctx, "firewalld")
	if err != nil || !s.active {
		return pass("firewalld does not run")
	}
	if _, err := m.lookPath("firewall-cmd"); err != nil {
		return closed("firewalld", ports, "")
	}
	var shut []int
	for _, port := range ports {
		result, err := m.command(ctx, "firewall-cmd", "--quiet", fmt.Sprintf("--query-port=%d/tcp", port))
		if err != nil {
			return unreadable(err)
		}
		if result.Code != 0 {
			shut = append(shut, port)
		}
	}
	return closed("firewalld", shut, fmt.Sprintf("firewall-cmd --permanent %s && firewall-cmd --reload", each("--add-port=%d/tcp", shut)))
}

// ufw warns of ports that an active ufw has no rule for.
func (m machine) ufw(ctx context.Context, ports []int) verdict {
	if _, err := m.lookPath("ufw"); err != nil {
		return pass("ufw is not installed")
	}
	result, err := m.command(ctx, "ufw", "status")
	if err != nil {
		return unreadable(err)
	}
	if !strings.Contains(result.Stdout, "Status: active") {
		return pass("ufw is not active")
	}
	shut := slices.DeleteFunc(slices.Clone(ports), allowedBy(result.Stdout))
	return closed("ufw", shut, each("ufw allow %d/tcp;", shut))
}

// allowedBy reads the rules that "ufw status" shows: "6443/tcp  ALLOW  Anywhere".
func allowedBy(status string) func(port int) bool {
	allowed := map[string]bool{}
	for line := range strings.Lines(status) {
		f := strings.Fields(line)
		if len(f) < 2 || !slices.Contains(f[1:], "ALLOW") {
			continue
		}
		for _, port := range strings.Split(strings.TrimSuffix(f[0], "/tcp"), ",") {
			allowed[port] = true
		}
	}
	return func(port int) bool { return allowed[strconv.Itoa(port)] }
}

// nftables warns when a chain drops what comes in unless a rule takes it.
func (m machine) nftables(ctx context.Context, ports []int) verdict {
	if _, err := m.lookPath("nft"); err != nil {
		return pass("nft is not installed")
	}
	result, err := m.command(ctx, "nft", "list", "chains")
	if err != nil {
		return unreadable(err)
	}
	if result.Code != 0 {
		return pass("nft does not answer: %s", result.LastLines(1))
	}
	chains := droppingChains(result.Stdout)
	if len(chains) == 0 {
		return pass("no chain drops what comes in")
	}
	return closed("nftables (chain "+strings.Join(chains, ", ")+")", ports,
		fmt.Sprintf("nft add rule %s tcp dport '{ %s }' accept", chains[0], strings.Trim(each("%d,", ports), ",")))
}

// droppingChains reads "nft list chains": base chains of the input hook with the
// policy drop, as "family table chain". Those of firewalld and ufw are left to
// the checks of their own.
func droppingChains(list string) []string {
	var table, chain string
	var out []string
	for line := range strings.Lines(list) {
		f := strings.Fields(line)
		switch {
		case len(f) >= 3 && f[0] == "table":
			table = f[1] + " " + f[2]
		case len(f) >= 2 && f[0] == "chain":
			chain = f[1]
		case strings.Contains(line, "hook input ") && strings.Contains(line, "policy drop"):
			if !strings.HasSuffix(table, " firewalld") && !strings.Contains(list, "ufw-") {
				out = append(out, table+" "+chain)
			}
		}
	}
	return out
}

func closed(firewall string, ports []int, open string) verdict {
	if len(ports) == 0 {
		return pass("%s runs, and the ports are open", firewall)
	}
	return warn(fmt.Sprintf("%s runs and may keep out what comes to ports %s", firewall, each("%d", ports)),
		strings.TrimSpace("Open them to the other hosts of the cluster, besides those of the network plugin. "+open))
}

func each(format string, ports []int) string {
	var out []string
	for _, port := range ports {
		out = append(out, fmt.Sprintf(format, port))
	}
	return strings.TrimSuffix(strings.Join(out, " "), ";")
}
