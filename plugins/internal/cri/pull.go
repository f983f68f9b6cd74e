package cri

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"google.golang.org/grpc/status"

	"github.com/clusterflow/clusterflow/sdk"
)

// PullError is a pull that the runtime tried and that failed.
type PullError struct {
	Image, Registry string
	// Problem is a short class of the cause, such as "name not found in DNS".
	Problem string
	// Said is what the runtime said, whole.
	Said string
}

func (e *PullError) Error() string {
	return fmt.Sprintf("pull image %s from %s: %s: %s", e.Image, e.Registry, e.Problem, e.Said)
}

// anyURL is an address in an error, which names the image once more.
var anyURL = regexp.MustCompile(`https?://[^\s"]+`)

// problem is a class of failed pulls.
type problem struct {
	name    string
	pattern string // of what runtimes say, in lower case
	hint    string // %[1]s is the registry, %[2]s the image
	lasting bool   // a retry cannot help
}

const mirrorHint = "If this host may not reach %[1]s, pull from a registry that it may reach: set image_repository, " +
	"or configure a mirror in the container runtime (containerd: /etc/containerd/certs.d/%[1]s/hosts.toml; CRI-O: /etc/containers/registries.conf)."

// problems are asked in order: first what is said most clearly.
func problems() []problem {
	return []problem{
		{"no space left on the disk", `no space left on device`, "See what takes the space: df -h /var/lib/containerd /var/lib/containers. Unused images: crictl rmi --prune.", false},
		{
			"the registry's certificate is not trusted", `x509:|tls: failed to verify|certificate (signed by|has expired|is not valid)`,
			"Give the runtime the CA of %[1]s (containerd: ca in /etc/containerd/certs.d/%[1]s/hosts.toml), check the clock, and see whether a proxy is in between.", true,
		},
		{
			"the registry speaks HTTP, not HTTPS", `server gave http response to https client`,
			"Allow plain HTTP for %[1]s in the runtime's configuration (containerd: server = \"http://%[1]s\" in /etc/containerd/certs.d/%[1]s/hosts.toml).", true,
		},
		{"too many requests", `toomanyrequests|too many requests|\b429\b`, "Wait, log in, or use a mirror. " + mirrorHint, false},
		{
			"name not found in DNS", `no such host|name resolution|server misbehaving|lookup [^ ]+: `,
			"Check: getent hosts %[1]s. " + mirrorHint, false,
		},
		{"connection refused", `connection refused`, "Nothing listens there, or a proxy or firewall refuses. " + mirrorHint, false},
		{"the network does not reach it", `network is unreachable|no route to host`, "Check the default route: ip route. " + mirrorHint, false},
		{"no image for this kind of machine", `no match for platform|no image found in (manifest|image index)`, "%[2]s is not built for this operating system and CPU. Take an image that is.", true},
		{
			"access denied", `unauthorized|authentication required|authorization failed|access denied|access to the resource is denied|no basic auth|\b401\b|\b403\b|forbidden`,
			"The registry wants a login, or has no such image: check the name, and give the runtime the credentials of %[1]s.", true,
		},
		{
			"the registry has no such image", `not found|manifest unknown|name unknown|\b404\b`,
			"Check the name and the tag of %[2]s. A mirror must hold it: clusterflow's image_repository holds the same names as registry.k8s.io, with coredns at its top.", true,
		},
		{"the image reference is not valid", `invalid reference|invalid.*reference format`, "Write it as registry/name:tag.", true},
		{"the registry has trouble", `\b50[0-9]\b|internal server error|bad gateway|service unavailable|gateway time-?out`, "Try again later. " + mirrorHint, false},
		{"no answer in time", `i/o timeout|deadline exceeded|tls handshake timeout|timed out`, "A firewall may drop the packets. " + mirrorHint, false},
	}
}

// explainPull tells why a pull failed: that of the runtime's, or of the registry's
// many ways to fail.
func (c *Client) explainPull(ctx context.Context, ref string, err error) error {
	s, _ := status.FromError(err)
	if ctx.Err() != nil || disconnected(s) || strings.Contains(s.Message(), "unknown service") {
		return c.explain(ctx, "pull image "+ref, err)
	}
	return pullError(ref, strings.TrimSpace(s.Message()))
}

func pullError(ref, said string) error {
	out := &PullError{Image: ref, Registry: Registry(ref), Problem: "it failed", Said: said}
	lower := strings.ToLower(anyURL.ReplaceAllString(strings.ReplaceAll(said, ref, ""), "")) // a tag may look like a status
	for _, p := range problems() {
		if !regexp.MustCompile(p.pattern).MatchString(lower) {
			continue
		}
		out.Problem = p.name
		err := sdk.Hint(out, strings.NewReplacer("%[1]s", out.Registry, "%[2]s", ref).Replace(p.hint))
		if p.lasting {
			return sdk.Permanent(err)
		}
		return err
	}
	return sdk.Hint(out, strings.ReplaceAll(mirrorHint, "%[1]s", out.Registry))
}

// Registry is the registry of an image reference: "docker.io" when it names none.
func Registry(ref string) string {
	first, _, more := strings.Cut(ref, "/")
	if more && (strings.ContainsAny(first, ".:") || first == "localhost" || first != strings.ToLower(first)) {
		return first
	}
	return "docker.io"
}
