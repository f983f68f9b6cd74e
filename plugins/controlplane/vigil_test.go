package controlplane

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/zclconf/go-cty/cty"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/clusterflow/clusterflow/plugins/internal/cri"
	"github.com/clusterflow/clusterflow/plugins/internal/cri/critest"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/plugins/internal/staticpod"
)

// fakePod is one that a test lets fail or run.
type fakePod struct {
	name string
	// log of a container that has ended; a container without one runs.
	log []string
}

// podsOf plays a container runtime with these pods, and gives what controlplane.wait
// takes in cri_socket and pods.
func podsOf(t *testing.T, pods ...fakePod) (socket, refs cty.Value) {
	t.Helper()
	r := critest.New(t)
	var list []cty.Value
	for i, p := range pods {
		log := filepath.Join(t.TempDir(), "0.log")
		var lines strings.Builder
		for _, line := range p.log {
			fmt.Fprintf(&lines, "2026-01-01T00:00:00.0Z stderr F %s\n", line)
		}
		if err := os.WriteFile(log, []byte(lines.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		status := &runtimeapi.ContainerStatus{
			Id: fmt.Sprintf("container-%d", i), State: runtimeapi.ContainerState_CONTAINER_RUNNING, LogPath: log,
			Metadata: &runtimeapi.ContainerMetadata{Name: p.name}, Labels: map[string]string{cri.LabelNamespace: systemNamespace, cri.LabelContainer: p.name},
		}
		if p.log != nil {
			status.State, status.ExitCode = runtimeapi.ContainerState_CONTAINER_EXITED, 2
		}
		r.Set(func(s *critest.State) {
			s.Containers = append(s.Containers, critest.Container{SandboxID: p.name, Status: status})
			s.Sandboxes = append(s.Sandboxes, &runtimeapi.PodSandbox{
				Id: p.name, Labels: map[string]string{cri.LabelNamespace: systemNamespace, "component": p.name},
				Annotations: map[string]string{"kubernetes.io/config.source": "file", staticpod.AnnotationDigest: "new"},
			})
		})
		list = append(list, cty.ObjectVal(map[string]cty.Value{"name": cty.StringVal(p.name), "digest": cty.StringVal("new")}))
	}
	return cty.StringVal(r.Socket), cty.TupleVal(list)
}

const etcdAway = `W logging.go:55] [core] grpc: "transport: Error while dialing: dial tcp 127.0.0.1:2379: connect: connection refused"`

// TestWaitNamesTheCause has pods that fail: the error is about those that the others
// wait for, and comes early where waiting does not help.
func TestWaitNamesTheCause(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		pods   []fakePod
		within string
		want   []string // in the only problem
		not    string
	}{
		"etcd will never start": {
			pods:   []fakePod{{apiServerName, []string{etcdAway}}, {managerName, []string{"no API server"}}, {"etcd", []string{"flag provided but not defined: -bad", "Usage:"}}},
			within: "1m",
			want: []string{
				"wait for etcd: waiting does not help; etcd exited with code 2", "Likely cause: flag provided but not defined: -bad",
				"Remove the flag from the extra_args of etcd", "Last log lines:\n  flag provided", "Waiting for it: kube-apiserver, kube-controller-manager.",
			},
			not: "timed out",
		},
		"etcd may start": {
			pods:   []fakePod{{apiServerName, []string{etcdAway}}, {"etcd", []string{"I am slow"}}},
			within: "1s",
			want:   []string{"wait for etcd: timed out after 1s", "etcd exited with code 2", "  I am slow", "Waiting for it: kube-apiserver."},
		},
		"API server alone": {
			pods:   []fakePod{{apiServerName, []string{"Error: unknown flag: --bad"}}, {managerName, []string{"no API server"}}, {"etcd", nil}},
			within: "1m",
			want:   []string{"wait for kube-apiserver: waiting does not help", "Remove the flag from the extra_args of kube-apiserver", "Waiting for it: kube-controller-manager."},
			not:    "etcd",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := kubeapitest.NewFake(t)
			socket, refs := podsOf(t, tt.pods...)
			diags := waitFor(t, fake, map[string]cty.Value{"cri_socket": socket, "pods": refs, "within": cty.StringVal(tt.within)}).Try(t).Diagnostics
			if len(diags) != 1 {
				t.Fatalf("got %+v, want one problem", diags)
			}
			text := diags[0].Summary + "\n" + diags[0].Detail
			for _, want := range tt.want {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in:\n%s", want, text)
				}
			}
			if tt.not != "" && strings.Contains(text, tt.not) {
				t.Errorf("%q in:\n%s", tt.not, text)
			}
			if diags[0].Permanent != (tt.within == "1m") {
				t.Errorf("permanent is %v", diags[0].Permanent)
			}
		})
	}
}

// TestWaitTellsEveryCause has two that would each never come up.
func TestWaitTellsEveryCause(t *testing.T) {
	t.Parallel()
	socket, refs := podsOf(t, fakePod{apiServerName, []string{"Error: unknown flag: --bad"}}, fakePod{"etcd", []string{"flag provided but not defined: -bad"}})
	diags := waitFor(t, kubeapitest.NewFake(t), map[string]cty.Value{"cri_socket": socket, "pods": refs}).Try(t).Diagnostics
	if len(diags) != 2 || !strings.HasPrefix(diags[0].Summary, "wait for etcd") || !strings.HasPrefix(diags[1].Summary, "wait for kube-apiserver") {
		t.Errorf("got %+v, want etcd, then the API server", diags)
	}
}

// TestWaitSaysWhatItWaitsFor waits longer than the vigil is silent.
func TestWaitSaysWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0") // never answers
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	var said bytes.Buffer
	ctx := zerolog.New(zerolog.SyncWriter(&said)).WithContext(t.Context())
	h := &health{
		pool: newPool(t), kubeconfig: kubeapitest.NewFake(t).Admin, within: (sayEvery + 1) * lookEvery,
		components: []componentConfig{{Name: schedulerName, URL: "https://" + silent.Addr().String() + "/livez"}},
	}
	if err := h.Render(ctx); err == nil {
		t.Fatal("got no error")
	}
	if !strings.Contains(said.String(), "waiting for kube-scheduler: ") {
		t.Errorf("it said:\n%s", &said)
	}
}
