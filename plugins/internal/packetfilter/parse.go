package packetfilter

import (
	"fmt"
	"slices"
	"strings"
)

// restoreWait is how many seconds iptables waits for another iptables.
const restoreWait = "10"

// chains reads what iptables-save wrote and makes the input of iptables-restore
// that removes the owner's chains and what leads to them.
func (o Owner) chains(program, saved string) []Rules {
	var out []Rules
	for _, table := range parse(saved) {
		owned := slices.DeleteFunc(table.chains, func(name string) bool { return !o.owns(name) })
		if len(owned) == 0 {
			continue
		}
		var leading []string
		for _, rule := range table.rules {
			if !o.owns(rule.chain) && o.owns(rule.target) {
				leading = append(leading, rule.text)
			}
		}
		out = append(out, Rules{
			Where: strings.TrimSuffix(program, "-nft") + " " + table.name,
			What:  describe(owned, len(leading)),
			argv:  []string{program + "-restore", "--wait", restoreWait, "--noflush"},
			stdin: removal(table.name, owned, leading),
		})
	}
	return out
}

func (o Owner) owns(chain string) bool {
	return slices.ContainsFunc(o.Chains, func(prefix string) bool { return strings.HasPrefix(chain, prefix) })
}

func describe(owned []string, leading int) string {
	const shown = 3
	names := strings.Join(owned[:min(shown, len(owned))], ", ")
	if more := len(owned) - shown; more > 0 {
		names = fmt.Sprintf("%s and %d more chains", names, more)
	}
	return fmt.Sprintf("%s; rules that lead there: %d", names, leading)
}

// removal empties the chains, then removes the rules that lead to them, then the
// chains, in one transaction.
func removal(table string, owned, leading []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%s\n", table)
	for _, chain := range owned {
		fmt.Fprintf(&b, ":%s - [0:0]\n", chain)
	}
	for _, rule := range leading {
		fmt.Fprintf(&b, "-D %s\n", strings.TrimPrefix(rule, "-A "))
	}
	for _, chain := range owned {
		fmt.Fprintf(&b, "-X %s\n", chain)
	}
	b.WriteString("COMMIT\n")
	return b.String()
}

// table is a table of iptables.
type table struct {
	name   string
	chains []string
	rules  []rule
}

// rule is one rule: the chain that it is in, the one that it leads to, and its
// text as iptables writes and reads it.
type rule struct{ chain, target, text string }

// parse reads the output of iptables-save. Lines that it does not know are left out.
func parse(saved string) []table {
	var out []table
	for line := range strings.Lines(saved) {
		line = strings.TrimRight(line, "\n")
		name, isTable := strings.CutPrefix(line, "*")
		switch {
		case isTable:
			out = append(out, table{name: name})
		case len(out) == 0:
		case strings.HasPrefix(line, ":"):
			if name, _, found := strings.Cut(line[1:], " "); found {
				last := &out[len(out)-1]
				last.chains = append(last.chains, name)
			}
		case strings.HasPrefix(line, "-A "):
			words := split(line)
			if len(words) > 1 {
				last := &out[len(out)-1]
				last.rules = append(last.rules, rule{chain: words[1], target: leadsTo(words), text: line})
			}
		}
	}
	return out
}

// leadsTo finds the chain or target of a rule.
func leadsTo(words []string) string {
	for i, word := range words[:len(words)-1] {
		if word == "-j" || word == "-g" || word == "--jump" || word == "--goto" {
			return words[i+1]
		}
	}
	return ""
}

// split cuts a rule into words. What is in quotation marks, such as a comment, is
// one word whatever is in it.
func split(line string) []string {
	var words []string
	start, quoted := 0, false
	for i := 0; i < len(line); i++ {
		switch {
		case quoted && line[i] == '\\':
			i++ // with what it escapes
		case line[i] == '"':
			quoted = !quoted
		case line[i] == ' ' && !quoted:
			words = append(words, line[start:i])
			start = i + 1
		}
	}
	return append(words, line[start:])
}

// tables reads what nft list tables wrote: a line "table ip kube-proxy" for each.
func (o Owner) tables(listed string) []Rules {
	var out []Rules
	for line := range strings.Lines(listed) {
		words := strings.Fields(line)
		if len(words) != 3 || words[0] != "table" || !slices.Contains(o.Tables, words[2]) {
			continue
		}
		out = append(out, Rules{
			Where: fmt.Sprintf("nftables %s %s", words[1], words[2]), What: "the whole table",
			argv: []string{"nft", "delete", "table", words[1], words[2]},
		})
	}
	return out
}
