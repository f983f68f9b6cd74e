// Package packetfilter finds and removes the packet filter rules of one owner on
// this host: chains of iptables by the prefix of their names, with the rules that
// lead to them, and tables of nftables by name. All else stays as it is.
//
// It asks the programs that are installed, of both kinds of iptables where there
// are both: the rules of one are invisible to the other.
package packetfilter

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// stopWithin is how long a program that was killed may hold its output open.
const stopWithin = 5 * time.Second

// Owner tells whose rules are meant.
type Owner struct {
	Chains []string // prefixes of chains of iptables, such as "KUBE-"
	Tables []string // names of tables of nftables, such as "kube-proxy"
}

// Rules are a part of the packet filter that can be removed at once.
type Rules struct {
	// Where they are, such as "iptables nat" or "nftables ip kube-proxy".
	Where string
	// What they are, such as "12 chains, 3 rules that lead to them".
	What string

	argv  []string
	stdin string
}

// Find lists the rules of o on this host.
func Find(ctx context.Context, o Owner) ([]Rules, error) {
	var out []Rules
	for _, program := range programs() {
		saved, err := run(ctx, "", program+"-save")
		if err != nil {
			return nil, err
		}
		out = append(out, o.chains(program, saved)...)
	}
	if _, err := exec.LookPath("nft"); err != nil || len(o.Tables) == 0 {
		return out, nil
	}
	listed, err := run(ctx, "", "nft", "list", "tables")
	if err != nil {
		return nil, err
	}
	return append(out, o.tables(listed)...), nil
}

// Remove takes them away, all or none.
func (r Rules) Remove(ctx context.Context) error {
	_, err := run(ctx, r.stdin, r.argv...)
	return err
}

// Installed reports whether there is a program to ask at all.
func Installed() bool {
	_, err := exec.LookPath("nft")
	return err == nil || len(programs()) > 0
}

// programs are the variants of iptables here. To ask the old one where it has no
// tables would only load its modules.
func programs() []string {
	var out []string
	for _, family := range []string{"iptables", "ip6tables"} {
		variants := 0
		for _, variant := range []string{"-legacy", "-nft"} {
			if _, err := exec.LookPath(family + variant + "-save"); err != nil {
				continue
			}
			variants++
			if variant == "-nft" || hasOldTables(family) {
				out = append(out, family+variant)
			}
		}
		if _, err := exec.LookPath(family + "-save"); err == nil && variants == 0 {
			out = append(out, family)
		}
	}
	return out
}

func hasOldTables(family string) bool {
	text, err := os.ReadFile("/proc/net/" + strings.Replace(family, "tables", "_tables", 1) + "_names")
	return err == nil && len(text) > 0
}

// run returns what a program writes. It may be megabytes: a rule for each Service.
func run(ctx context.Context, stdin string, argv ...string) (string, error) {
	var out, errors bytes.Buffer
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = strings.NewReader(stdin), &out, &errors, stopWithin
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("run %s: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(errors.String()))
	}
	return out.String(), nil
}
