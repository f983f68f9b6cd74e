//go:build lab

package trouble

import (
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
	"github.com/clusterflow/clusterflow/test/lab/labtest"
)

// broken is a way in which init fails.
type broken struct {
	name string
	// more variables than a lab needs; before is a script that spoils the host.
	more, before string
	// want is in what the failed run says, not is not.
	want []string
	not  []string
	// mend is a script that mends what variables cannot.
	mend string
	// within is how long the failed run may take.
	within time.Duration
}

const quick = `
timeouts = { control_plane = "45s", kubelet = "30s" }
`

// TestBrokenInit lets init fail in many ways on a host that has all images. Each run
// stops by itself and says what is wrong; and goes on to the end when that is mended,
// without a reset.
func TestBrokenInit(t *testing.T) {
	l := labtest.Up(t, lab.Options{Images: true})
	for i, tt := range []broken{
		{
			name: "kubelet with an unknown flag",
			more: quick + `kubelet_extra_args = [{ name = "no-such-flag", value = "1" }]`,
			want: []string{"! module.kubelet.phase.start: failed", "it does not know one of its flags", "--no-such-flag", "Look at extra_args of kubelet.config"},
		},
		{
			name: "kubelet with a bad configuration",
			more: quick + "kubelet_configuration = \"failCgroupV1: false\\ncgroupDriver: cgroupfs\\nmaxPods: -1\\n\"",
			want: []string{"! module.kubelet.phase.start: failed", "it refuses its configuration", "maxPods", "Correct the field that the log names"},
		},
		{
			name: "API server with an unknown flag",
			more: quick + `apiserver = { extra_args = [{ name = "no-such-flag", value = "1" }] }`,
			want: []string{
				"wait for kube-apiserver: waiting does not help; kube-apiserver exited with code 1", "Likely cause: Error: unknown flag: --no-such-flag",
				"Remove the flag from the extra_args of kube-apiserver, and apply again.", "Last log lines:",
			},
			not: []string{"wait for etcd"},
		},
		{
			name: "etcd with an unknown flag",
			more: quick + `etcd = { extra_args = [{ name = "no-such-flag", value = "1" }] }`,
			want: []string{
				"wait for etcd: waiting does not help; etcd exited with code 2", "Likely cause: flag provided but not defined: -no-such-flag",
				"Remove the flag from the extra_args of etcd, and apply again.", "Last log lines:", "Waiting for it: kube-apiserver",
			},
			not: []string{"wait for kube-apiserver"},
		},
		{
			name: "address of another host",
			more: quick + `advertise_address = "10.99.0.77"`,
			want: []string{"wait for etcd: waiting does not help", "10.99.0.77:23", "bind: cannot assign requested address", "set advertise_address (see ip addr)"},
		},
		{
			name:   "etcd with the data of another",
			more:   quick + `ignore_preflight_errors = ["DirAvailable--var-lib-etcd"]`,
			before: foreignEtcd,
			want:   []string{"wait for etcd: ", "Last log lines:", "Fewer than half of the members of its cluster answer", "move /var/lib/etcd away", "Waiting for it: kube-apiserver"},
			mend:   "systemctl stop kubelet; crictl rmp -fa >&2; rm -rf /var/lib/etcd/member",
			within: 70 * time.Second,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := l.Host("n1")
			if i > 0 {
				if err := h.Wipe(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			tt.test(t, install(t, h))
		})
	}
}

// TestBrokenRegistry is the same on a host that has no images.
func TestBrokenRegistry(t *testing.T) {
	l := labtest.Up(t, lab.Options{})
	h := l.Host("n1")
	for i, tt := range []struct {
		broken
		spoil, repair func()
	}{
		{
			broken: broken{
				name: "image that is not there",
				want: []string{`! module.images.phase.image["etcd"]: failed`, "registry.k8s.io/etcd:3.6.8-0", "not found"},
				not:  []string{`! module.images.phase.image["kube-apiserver"]`},
			},
			spoil: func() { l.Registry.Hide("etcd") }, repair: func() { l.Registry.Hide() },
		},
		{
			broken: broken{
				name: "wrong registry",
				more: `image_repository = "registry.example.org/mirror"`,
				want: []string{`! module.images.phase.image["kube-apiserver"]: failed`, "registry.example.org/mirror/kube-apiserver:v1.36.3", "not found", "image_repository"},
			},
			spoil: func() {}, repair: func() {},
		},
		{
			broken: broken{
				name: "registry that answers 500",
				want: []string{`! module.images.phase.image["kube-scheduler"]: failed`, "registry.k8s.io/kube-scheduler:v1.36.3", "500 Internal Server Error"},
			},
			spoil: func() { l.Registry.Fail(500) }, repair: func() { l.Registry.Fail(0) },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if i > 0 {
				if err := h.Wipe(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			tt.spoil()
			s := install(t, h)
			tt.within = 2 * time.Minute
			tt.fails(t, s)
			tt.repair()
			s.init("")
		})
	}
}

func (b broken) test(t *testing.T, s site) {
	t.Helper()
	if b.before != "" {
		s.program("etcd")
		s.shell(b.before)
	}
	b.fails(t, s)
	if b.mend != "" {
		s.shell(b.mend)
	}
	s.init("")
	s.unchanged("init.hcl", withVariables()...)
}

// fails demands that init fails in time and says why.
func (b broken) fails(t *testing.T, s site) {
	t.Helper()
	begin := time.Now()
	out, code := s.apply("init.hcl", b.more)
	within := b.within
	if within == 0 {
		within = 40 * time.Second // less than it would wait
	}
	if took := time.Since(begin); code != 1 || took > within {
		t.Errorf("exit code %d after %s, want 1 within %s", code, took, within)
	}
	wants(t, out, b.want...)
	for _, not := range b.not {
		wantsNot(t, out, not)
	}
}

// foreignEtcd fills the data directory with that of a member of a cluster of two,
// the other of which is gone.
const foreignEtcd = `
start() {
	etcd --name "$1" --data-dir "/tmp/$1" --log-level error --listen-peer-urls "http://127.0.0.1:1238$2" --initial-advertise-peer-urls "http://127.0.0.1:1238$2" \
		--listen-client-urls "http://127.0.0.1:1237$2" --advertise-client-urls "http://127.0.0.1:1237$2" \
		--initial-cluster a=http://127.0.0.1:12380,b=http://127.0.0.1:12381 >/dev/null 2>&1 &
}
start a 0; a=$!
start b 1; b=$!
i=0
until curl -sf http://127.0.0.1:12370/readyz >/dev/null; do i=$((i+1)); [ $i -lt 200 ]; sleep 0.1; done
kill $a $b; wait $a $b || true
cp -a /tmp/a/member /var/lib/etcd/
`
