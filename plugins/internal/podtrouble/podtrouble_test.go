package podtrouble

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/clusterflow/clusterflow/plugins/internal/cri"
	"github.com/clusterflow/clusterflow/plugins/internal/cri/critest"
	"github.com/clusterflow/clusterflow/plugins/internal/staticpod"
	"github.com/clusterflow/clusterflow/sdk"
)

// TestExplain has the lines that components of Kubernetes 1.36 and etcd 3.6 print.
func TestExplain(t *testing.T) {
	for name, tt := range map[string]struct {
		log      []string
		cause    string
		hint     string
		hopeless bool
	}{
		"unknown flag": {
			[]string{"Error: unknown flag: --no-such-flag", ""},
			"unknown flag: --no-such-flag", "Remove the flag from the extra_args of kube-apiserver", true,
		},
		"etcd's unknown flag": {
			[]string{`{"level":"fatal","msg":"failed to verify flags","error":"flag provided but not defined: -no-such"}`},
			"-no-such", "extra_args of kube-apiserver", true,
		},
		"invalid argument": {
			[]string{`Error: invalid argument "x" for "--secure-port" flag: strconv.ParseInt`},
			"--secure-port", "Correct --secure-port in the extra_args", true,
		},
		"foreign address": {
			[]string{`{"level":"fatal","error":"listen tcp 192.0.2.7:2380: bind: cannot assign requested address"}`},
			"192.0.2.7:2380", "set advertise_address", true,
		},
		"port taken": {
			[]string{`failed to create listener: failed to listen on 0.0.0.0:6443: listen tcp 0.0.0.0:6443: bind: address already in use`},
			"6443", "ss -ltnp", false,
		},
		"image": {
			[]string{`E1120 pod_workers.go:1301] "Error syncing pod, skipping" err="failed to \"StartContainer\" for \"etcd\" with ErrImagePull: \"rpc error\""`},
			"ErrImagePull", "set image_repository", false,
		},
		"file": {
			[]string{`E run.go:72] "command failed" err="open /etc/kubernetes/audit.yaml: no such file or directory"`},
			"/etc/kubernetes/audit.yaml", "needs the file /etc/kubernetes/audit.yaml:", true,
		},
		"etcd away": {
			[]string{`W logging.go:55] [core] grpc: addrConn.createTransport failed to connect to {Addr: "127.0.0.1:2379"}. Err: connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:2379: connect: connection refused"`},
			"2379", "crictl ps -a --name etcd", false,
		},
		"no quorum": {
			[]string{`{"level":"info","logger":"raft","msg":"ddd67b312462fd7b [logterm: 2, index: 6] sent MsgPreVote request to 20841a002de00821 at term 2"}`, `{"msg":"Health check error"}`},
			"sent MsgPreVote request", "Fewer than half of the members", false,
		},
		"nothing known": {[]string{"I all is well"}, "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			f := Finding{Log: tt.log}
			f.explain("kube-apiserver")
			if !strings.Contains(f.Cause, tt.cause) || !strings.Contains(f.Hint, tt.hint) || f.Hopeless != tt.hopeless || (tt.cause == "") != (f.Cause == "") {
				t.Errorf("explain gave cause %q, hint %q, hopeless %v", f.Cause, f.Hint, f.Hopeless)
			}
			if len(f.Cause) > causeLength+len("……") {
				t.Errorf("cause is %d bytes long", len(f.Cause))
			}
		})
	}
}

func TestLook(t *testing.T) {
	log := filepath.Join(t.TempDir(), "0.log")
	if err := os.WriteFile(log, []byte("2026-01-01T00:00:00.0Z stderr F Error: unknown flag: --bad\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	container := func(state runtimeapi.ContainerState) critest.Container {
		return critest.Container{SandboxID: "new", Status: &runtimeapi.ContainerStatus{
			Id: "c", State: state, ExitCode: 1, LogPath: log, Metadata: &runtimeapi.ContainerMetadata{Name: "kube-apiserver", Attempt: 2},
			Labels: map[string]string{cri.LabelNamespace: "kube-system", cri.LabelContainer: "kube-apiserver"},
		}}
	}
	restarted := container(runtimeapi.ContainerState_CONTAINER_RUNNING)
	restarted.Status.Id, restarted.Status.LogPath, restarted.Status.CreatedAt = "d", filepath.Join(t.TempDir(), "1.log"), 1
	stale := container(runtimeapi.ContainerState_CONTAINER_EXITED)
	stale.SandboxID = "old"
	journal := func(context.Context, string, int) ([]string, error) {
		return []string{"kubelet says nothing", `"Failed to pull image" image="mirror.example/kube-apiserver:v1" pod="kube-system/kube-apiserver-n1"`}, nil
	}
	for name, tt := range map[string]struct {
		state    critest.State
		journal  Journal
		want     []string
		hopeless bool
	}{
		"exited": {
			critest.State{Containers: []critest.Container{container(runtimeapi.ContainerState_CONTAINER_EXITED)}},
			journal,
			[]string{"exited with code 1, restarted 2 times", "Likely cause: Error: unknown flag: --bad", "Last log lines:\n  Error"},
			true,
		},
		"running": {
			critest.State{Containers: []critest.Container{container(runtimeapi.ContainerState_CONTAINER_RUNNING)}},
			journal,
			[]string{"kube-apiserver is running, restarted 2 times"},
			false,
		},
		"restarted just now": {
			critest.State{Containers: []critest.Container{container(runtimeapi.ContainerState_CONTAINER_EXITED), restarted}},
			journal,
			[]string{"kube-apiserver is running", "Likely cause: Error: unknown flag: --bad"},
			false,
		},
		"container of an older manifest": {
			critest.State{Containers: []critest.Container{stale}},
			journal,
			[]string{"there is no container of kube-apiserver"},
			false,
		},
		"no container": {
			critest.State{},
			journal,
			[]string{"there is no container of kube-apiserver", "set image_repository", "mirror.example/kube-apiserver:v1"},
			false,
		},
		"no container, no journal": {
			critest.State{},
			func(context.Context, string, int) ([]string, error) { return nil, errors.New("no systemd") },
			[]string{"the kubelet's journal cannot be read: no systemd", "systemctl status kubelet"},
			false,
		},
		"no container, nothing said": {
			critest.State{},
			func(context.Context, string, int) ([]string, error) { return nil, nil },
			[]string{"journalctl -u kubelet"},
			false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			runtime := critest.New(t)
			runtime.Set(func(s *critest.State) {
				s.Containers = tt.state.Containers
				for _, digest := range []string{"new", "old"} {
					s.Sandboxes = append(s.Sandboxes, &runtimeapi.PodSandbox{
						Id: digest, Labels: map[string]string{cri.LabelNamespace: "kube-system"},
						Annotations: map[string]string{staticpod.AnnotationDigest: digest},
					})
				}
			})
			client, err := cri.Dial(runtime.Socket)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = client.Close() })
			f := Looker{client, tt.journal}.Look(t.Context(), staticpod.Ref{Name: "kube-apiserver", Digest: "new"})
			if f.Hopeless != tt.hopeless {
				t.Errorf("hopeless is %v, want %v", f.Hopeless, tt.hopeless)
			}
			problem := sdk.Diagnose(f.Wrap(errors.New("not healthy")))[0]
			for _, want := range tt.want {
				if text := problem.Summary + "\n" + problem.Detail; !strings.Contains(text, want) {
					t.Errorf("no %q in:\n%s", want, text)
				}
			}
		})
	}
}

func TestLookWithoutRuntime(t *testing.T) {
	client, err := cri.Dial("unix://" + filepath.Join(t.TempDir(), "none.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	f := Looker{client, SystemJournal}.Look(t.Context(), staticpod.Ref{Name: "etcd"})
	if !strings.Contains(f.State, "does not answer") || f.Hint == "" {
		t.Errorf("got %+v", f)
	}
}
