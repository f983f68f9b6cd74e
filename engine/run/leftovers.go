package run

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/sdk"
)

const (
	// lookTime is how long a plugin may take to tell what is left of a phase.
	lookTime = 20 * time.Second
	// manyLeftovers is how many things are listed of one phase.
	manyLeftovers = 50
)

// leftovers asks the plugin what is still there of a phase whose undo failed, and
// says of each thing how to remove it by hand. Nothing is told if the plugin cannot.
func (u *undoer) leftovers(ctx context.Context, private []byte) []string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTime)
	defer cancel()
	lease, err := u.opts.Launcher.Launch(ctx, u.node.Plugin.Name, false)
	if err != nil {
		return nil
	}
	defer lease.Release()
	typ, err := u.typ(ctx, lease.Client)
	if err != nil {
		return nil
	}
	if len(private) == 0 {
		if private, err = plan.Upgraded(ctx, lease.Client, typ, u.node); err != nil {
			return nil
		}
	}
	planned, err := lease.Client.Plan(ctx, sdk.PlanRequest{
		ID: sdk.Ident{Run: u.opts.ID, Node: u.address, Attempt: u.attempt}, Type: typ.Name, Private: private, Undo: true,
	})
	if err != nil {
		return nil
	}
	var out []string
	for i, c := range planned.Changes {
		if i == manyLeftovers {
			return append(out, fmt.Sprintf("and %d more", len(planned.Changes)-i))
		}
		out = append(out, leftover(c))
	}
	return out
}

// leftover names a thing and the command that removes it, where there is one for
// all things of its kind.
func leftover(c sdk.Change) string {
	commands := map[string]string{
		"file":      "rm -f -- %s",
		"directory": "rmdir -- %s",
		"mount":     "umount -- %s",
		"unit":      "systemctl disable --now -- %s",
	}
	text := c.Kind + " " + c.Target
	if command, ok := commands[c.Kind]; ok {
		text += ": " + fmt.Sprintf(command, shellWord(c.Target))
	}
	return text
}

// shellWord quotes text for a shell, if it must be.
func shellWord(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-@:+,=", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
