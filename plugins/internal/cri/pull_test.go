package cri

import (
	"errors"
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/sdk"
)

// TestPullError has what containerd 1.7 and 2, CRI-O 1.3x and registries say.
func TestPullError(t *testing.T) {
	const ref = "registry.k8s.io/kube-apiserver:v1.404.503"
	tests := map[string]struct {
		said, problem string
		lasting       bool
	}{
		"not found": {`failed to pull and unpack image "` + ref + `": failed to resolve reference "` + ref + `": ` + ref + `: not found`, "the registry has no such image", true},
		"crio":      {`reading manifest v1.404.503 in registry.k8s.io/kube-apiserver: manifest unknown`, "the registry has no such image", true},
		"dns":       {`failed to do request: Head "https://registry.k8s.io/v2/kube-apiserver/manifests/v1.404.503": dial tcp: lookup registry.k8s.io on 10.0.0.1:53: no such host`, "name not found in DNS", false},
		"dns down":  {`dial tcp: lookup registry.k8s.io: Temporary failure in name resolution`, "name not found in DNS", false},
		"refused":   {`failed to do request: Head "https://registry.k8s.io/v2/": dial tcp 10.0.0.9:443: connect: connection refused`, "connection refused", false},
		"no route":  {`dial tcp 10.0.0.9:443: connect: network is unreachable`, "the network does not reach it", false},
		"slow":      {`dial tcp 10.0.0.9:443: i/o timeout`, "no answer in time", false},
		"tls":       {`failed to do request: Head "https://registry.k8s.io/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority`, "the registry's certificate is not trusted", true},
		"http":      {`failed to do request: Head "https://registry.k8s.io/v2/": http: server gave HTTP response to HTTPS client`, "the registry speaks HTTP, not HTTPS", true},
		"auth":      {`failed to resolve reference "` + ref + `": unexpected status from HEAD request to https://registry.k8s.io/v2/kube-apiserver/manifests/v1.404.503: 401 Unauthorized`, "access denied", true},
		"hub":       {`pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`, "access denied", true},
		"5xx":       {`failed to resolve reference "` + ref + `": unexpected status from HEAD request to https://registry.k8s.io/v2/kube-apiserver/manifests/v1.404.503: 503 Service Unavailable`, "the registry has trouble", false},
		"429":       {`toomanyrequests: You have reached your pull rate limit`, "too many requests", false},
		"disk":      {`failed to extract layer: write /var/lib/containerd/x: no space left on device`, "no space left on the disk", false},
		"platform":  {`no match for platform in manifest: not found`, "no image for this kind of machine", true},
		"reference": {`failed to parse image reference "a b": invalid reference format`, "the image reference is not valid", true},
		"strange":   {`the moon is full at v1.404.503`, "it failed", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if name == "strange" {
				tt.said = strings.ReplaceAll(tt.said, "v1.404.503", ref)
			}
			err := pullError(ref, tt.said)
			var pull *PullError
			if !errors.As(err, &pull) || pull.Problem != tt.problem || pull.Registry != "registry.k8s.io" || pull.Said != tt.said {
				t.Fatalf("got %#v, want problem %q", pull, tt.problem)
			}
			d := sdk.Diagnose(err)[0]
			if d.Permanent != tt.lasting || d.Detail == "" || strings.Contains(d.Detail, "%") {
				t.Errorf("got %+v, want permanent %v and a hint", d, tt.lasting)
			}
		})
	}
}

func TestRegistry(t *testing.T) {
	for ref, want := range map[string]string{
		"registry.k8s.io/pause:3.10": "registry.k8s.io", "localhost/x": "localhost", "HOST/x": "HOST", "h:5000/x/y@sha256:0": "h:5000",
		"busybox": "docker.io", "library/busybox:1.0": "docker.io", "": "docker.io",
	} {
		if got := Registry(ref); got != want {
			t.Errorf("%q: got %q, want %q", ref, got, want)
		}
	}
}
