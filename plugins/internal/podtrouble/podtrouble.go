// Package podtrouble says why a static pod of this host does not come up: what the
// container runtime knows of it, its last log lines, the likely cause and what to do.
// Where there is no container yet, the kubelet's journal is asked.
//
// It looks only; whether a pod is healthy is for others to tell, see package
// component.
package podtrouble

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterflow/clusterflow/plugins/internal/cri"
	"github.com/clusterflow/clusterflow/plugins/internal/staticpod"
	"github.com/clusterflow/clusterflow/plugins/internal/systemd"
	"github.com/clusterflow/clusterflow/sdk"
)

const (
	// logLines hold the fatal line even where a help text follows it.
	logLines = 200
	// journalLines cover a minute of a kubelet that cannot pull an image.
	journalLines = 200
	shownLines   = 8
)

// Finding is what is known of a pod that does not work.
type Finding struct {
	// State is what it does, such as "kube-apiserver exited 1 and was restarted 3
	// times".
	State string
	// Log is the end of what it said, oldest first, without empty lines; of what
	// follows the line that explains it, such as a list of all flags, only a little.
	// May be empty.
	Log []string
	// Cause is the line of the log that explains it, shortened, and Hint what to do.
	// Both are empty when nothing known was found.
	Cause, Hint string
	// Hopeless says that waiting will not mend it.
	Hopeless bool
}

// Journal returns the last lines that a service of the host said.
type Journal func(ctx context.Context, service string, lines int) ([]string, error)

// SystemJournal reads the journal of systemd.
func SystemJournal(ctx context.Context, service string, lines int) ([]string, error) {
	var manager systemd.Manager
	state, err := manager.Service(ctx, service)
	if err != nil {
		return nil, err
	}
	return manager.Log(ctx, state, lines)
}

// Looker finds out about the static pods of one runtime.
type Looker struct {
	// Runtime is connected to the host's container runtime.
	Runtime *cri.Client
	Journal Journal
}

// Look finds out about a pod by the name of its component, such as "kube-apiserver",
// which is that of its container, too. What is left of older manifests is not looked
// at, unless the digest of the present one is not known.
func (l Looker) Look(ctx context.Context, pod staticpod.Ref) Finding {
	component := pod.Name
	containers, err := l.containers(ctx, pod)
	switch {
	case errors.Is(err, cri.ErrUnreachable):
		return Finding{
			State: "the container runtime does not answer at " + l.Runtime.Socket,
			Cause: err.Error(), Hint: fmt.Sprintf("Start it: systemctl restart %s", cri.Unit(l.Runtime.Socket)),
		}
	case err != nil:
		return Finding{State: "the container runtime cannot be asked", Cause: err.Error()}
	case len(containers) == 0:
		return l.withoutContainer(ctx, component)
	}
	f := l.container(ctx, component, containers[0])
	if f.Cause == "" && len(containers) > 1 { // it has only just been restarted
		before := l.container(ctx, component, containers[1])
		f.Log, f.Cause, f.Hint = before.Log, before.Cause, before.Hint
	}
	return f
}

// containers lists those of the pod, newest first.
func (l Looker) containers(ctx context.Context, pod staticpod.Ref) ([]cri.Container, error) {
	sandboxes, err := l.Runtime.Sandboxes(ctx, map[string]string{cri.LabelNamespace: metav1.NamespaceSystem})
	if err != nil {
		return nil, err
	}
	present := map[string]bool{}
	for _, s := range sandboxes {
		present[s.ID] = pod.Digest == "" || s.Annotations[staticpod.AnnotationDigest] == pod.Digest
	}
	list, err := l.Runtime.Containers(ctx, map[string]string{cri.LabelNamespace: metav1.NamespaceSystem, cri.LabelContainer: pod.Name})
	return slices.DeleteFunc(list, func(c cri.Container) bool { return !present[c.SandboxID] }), err
}

func (l Looker) container(ctx context.Context, component string, newest cri.Container) Finding {
	var f Finding
	end, err := l.Runtime.End(ctx, newest.ID)
	switch {
	case err != nil:
		f.State = fmt.Sprintf("%s cannot be asked for: %v", component, err)
	case end.State == "exited":
		f.State = fmt.Sprintf("%s exited with code %d", component, end.ExitCode)
		if end.Message != "" {
			f.State += ": " + strings.TrimSpace(end.Message)
		}
	default:
		f.State = component + " is " + end.State
	}
	if newest.Attempt > 0 {
		f.State += fmt.Sprintf(", restarted %s", times(int(newest.Attempt)))
	}
	f.Log, err = l.Runtime.Log(ctx, newest.ID, logLines)
	if err != nil {
		f.Log = []string{fmt.Sprintf("(its log cannot be read: %v)", err)}
	}
	f.explain(component)
	f.Hopeless = f.Hopeless && end.State == "exited"
	return f
}

// withoutContainer asks the kubelet why it did not start one.
func (l Looker) withoutContainer(ctx context.Context, component string) Finding {
	f := Finding{State: "there is no container of " + component}
	lines, err := l.Journal(ctx, "kubelet.service", journalLines)
	if err != nil {
		f.Cause, f.Hint = fmt.Sprintf("the kubelet's journal cannot be read: %v", err), "Ask whether the kubelet runs: systemctl status kubelet"
		return f
	}
	for _, line := range lines {
		if strings.Contains(line, component) || strings.Contains(line, "static pod") {
			f.Log = append(f.Log, line)
		}
	}
	f.explain(component)
	f.Hopeless = false // what the journal says may be over
	if f.Cause == "" {
		f.Hint = "The kubelet starts it from its manifest: see journalctl -u kubelet"
	}
	return f
}

// Wrap adds a finding to the problem that somebody else saw, as an [sdk.HintError].
func (f Finding) Wrap(problem error) error {
	var detail strings.Builder
	if f.Cause != "" {
		fmt.Fprintf(&detail, "Likely cause: %s\n", f.Cause)
	}
	if f.Hint != "" {
		detail.WriteString(f.Hint + "\n")
	}
	if len(f.Log) > 0 {
		detail.WriteString("Last log lines:\n")
	}
	for _, line := range f.Log[max(0, len(f.Log)-shownLines):] {
		detail.WriteString("  " + short(line, 0, 0) + "\n")
	}
	return sdk.Hint(fmt.Errorf("%w; %s", problem, f.State), strings.TrimSuffix(detail.String(), "\n"))
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
