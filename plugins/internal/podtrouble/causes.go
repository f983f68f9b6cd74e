package podtrouble

import (
	"regexp"
	"slices"
	"strings"
)

// cause is a way to fail that people meet, by what a log says.
type cause struct {
	says *regexp.Regexp
	// hint may use $component and the groups of the pattern.
	hint string
	// hopeless ones stay as they are until somebody acts.
	hopeless bool
}

// causes are tried in this order, each on the newest line first.
func causes() []cause {
	return []cause{
		{regexp.MustCompile(`unknown (?:shorthand )?flag: '?(?P<flag>-{1,2}?[\w.-]+|\w)`), "Remove the flag from the extra_args of $component, and apply again.", true},
		{regexp.MustCompile(`flag provided but not defined: (?P<flag>\S+)`), "Remove the flag from the extra_args of $component, and apply again.", true},
		{regexp.MustCompile(`invalid argument .* for "?(?P<flag>--[\w-]+)`), "Correct $flag in the extra_args of $component, and apply again.", true},
		{regexp.MustCompile(`(?:invalid value|couldn't parse|failed to parse).*--?[\w-]+`), "Correct the extra_args of $component, and apply again.", true},
		{regexp.MustCompile(`unrecognized feature gate: (?P<gate>\w+)`), "Remove feature gate $gate from the extra_args of $component, and apply again.", true},
		{regexp.MustCompile(`bind: cannot assign requested address`), "The address is not one of this host: set advertise_address (see ip addr), and apply again.", true},
		{regexp.MustCompile(`bind: address already in use`), "Another process has the port: find it with ss -ltnp, and stop it.", false},
		{regexp.MustCompile(`(?:ErrImagePull|ImagePullBackOff|[Ff]ailed to pull image|failed to pull and unpack image) ?"?(?P<image>[^\s"\\]+/[^\s"\\]+)?`), "The image cannot be pulled: set image_repository to a registry that has it, or put it on the host (crictl pull, ctr -n k8s.io images import).", false},
		{regexp.MustCompile(`cluster ID mismatch|member .* has already been bootstrapped|member count is unequal|removed from the cluster|the member has been permanently removed`), "The data directory is that of another etcd or of an earlier member: move /var/lib/etcd away if it is not needed, and apply again.", true},
		{regexp.MustCompile(`became pre-candidate|sent MsgPreVote request|prober detected unhealthy status`), "Fewer than half of the members of its cluster answer. If its data is that of an earlier cluster, and nobody needs it: stop the kubelet, move /var/lib/etcd away, and apply again. Else start the other members.", false},
		{regexp.MustCompile(`database space exceeded|no space left on device`), "Make room on the disk of the data directory.", false},
		{regexp.MustCompile(`tls: private key does not match public key|failed to (?:find any PEM|load key pair)`), "The certificate and its key do not belong together, or one is broken: move both away, and apply again to make new ones.", true},
		{regexp.MustCompile(`x509: certificate (?:has expired|is valid for|signed by unknown authority)[^"]*`), "A certificate does not fit: see openssl x509 -noout -text -in FILE. Move it away, and apply again to make a new one.", false},
		{regexp.MustCompile(`open (?P<file>/\S+): (?:no such file or directory|permission denied)`), "$component needs the file $file: put it there, and mount it with extra_volumes if it is not below a mounted directory.", true},
		{regexp.MustCompile(`(?:dial tcp|connect to) \S+:2379\S*:? connect: connection refused|context deadline exceeded.*etcd|transport: Error while dialing.*2379`), "It does not reach etcd: see why etcd does not run, crictl ps -a --name etcd.", false},
		{regexp.MustCompile(`[Cc]ould not process manifest file|couldn't parse as pod|[Ff]ailed to (?:read|process) .*manifest`), "The kubelet cannot read the manifest: a patch may have spoiled it.", true},
		{regexp.MustCompile(`runc create failed|OCI runtime|failed to create containerd task`), "The container runtime cannot start containers: see journalctl -u containerd, and compare its cgroup driver with the kubelet's.", false},
	}
}

// explain looks for a known cause in the log, and cuts off what follows it.
func (f *Finding) explain(component string) {
	f.Log = slices.DeleteFunc(f.Log, func(line string) bool { return strings.TrimSpace(line) == "" })
	defer func() { f.Log = f.Log[max(0, len(f.Log)-keptLines):] }()
	for _, c := range causes() {
		for i := len(f.Log) - 1; i >= 0; i-- {
			at := c.says.FindStringSubmatchIndex(f.Log[i])
			if at == nil {
				continue
			}
			f.Cause = short(f.Log[i], at[0], at[1])
			f.Hint = string(c.says.ExpandString(nil, strings.ReplaceAll(c.hint, "$component", component), f.Log[i], at))
			f.Hopeless = c.hopeless
			f.Log = f.Log[:min(len(f.Log), i+1+linesAfter)]
			return
		}
	}
}

const (
	causeLength = 200 // of a line that may be a kilobyte of JSON
	keptLines   = 20
	linesAfter  = 3 // the cause, such as a list of all flags
)

// short cuts a line to what surrounds the part that matters.
func short(line string, from, to int) string {
	if len(line) <= causeLength {
		return strings.TrimSpace(line)
	}
	from = max(0, from-causeLength/4)
	to = min(len(line), max(to, from+causeLength))
	return "…" + strings.TrimSpace(strings.ToValidUTF8(line[from:to], "")) + "…"
}
