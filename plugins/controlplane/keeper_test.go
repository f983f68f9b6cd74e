package controlplane

import (
	"context"
	"slices"
	"strings"
	"testing"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/clusterflow/clusterflow/plugins/internal/cri"
	"github.com/clusterflow/clusterflow/plugins/internal/cri/critest"
	"github.com/clusterflow/clusterflow/plugins/internal/staticpod"
)

// fakeService notes what is done to the kubelet.
type fakeService struct{ calls []string }

func (f *fakeService) Stop(_ context.Context, name string) error {
	f.calls = append(f.calls, "stop "+name)
	return nil
}

func (f *fakeService) Restart(_ context.Context, name string) error {
	f.calls = append(f.calls, "restart "+name)
	return nil
}

func TestKeeper(t *testing.T) {
	alone := []string{`E kubelet.go:3516] "Unable to register mirror pod because node is not registered yet" err="node \"n1\" not found"`}
	etcd := []staticpod.Ref{{Name: "etcd", Digest: "new"}}
	for name, tt := range map[string]struct {
		journal []string
		stale   [][]staticpod.Ref // look by look
		service string
		removed string
	}{
		"kubelet without an API server": {alone, [][]staticpod.Ref{etcd, etcd, etcd, etcd}, "stop kubelet.service, restart kubelet.service", "RemovePodSandbox etcd-old"},
		"first look":                    {alone, [][]staticpod.Ref{etcd}, "", ""},
		"gone in between":               {alone, [][]staticpod.Ref{etcd, nil, etcd}, "", ""},
		"kubelet that will stop it":     {[]string{"all is well"}, [][]staticpod.Ref{etcd, etcd, etcd}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := critest.New(t)
			r.Set(func(s *critest.State) {
				for _, id := range []string{"etcd-old", "etcd-new", "kube-scheduler-old"} {
					component, digest := id[:strings.LastIndex(id, "-")], id[strings.LastIndex(id, "-")+1:]
					s.Sandboxes = append(s.Sandboxes, &runtimeapi.PodSandbox{
						Id: id, Labels: map[string]string{cri.LabelNamespace: systemNamespace, "component": component},
						Annotations: map[string]string{"kubernetes.io/config.source": "file", staticpod.AnnotationDigest: digest},
					})
				}
			})
			client, err := cri.Dial(r.Socket)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = client.Close() }()
			service := &fakeService{}
			k := keeper{runtime: client, service: service, journal: func(context.Context, string, int) ([]string, error) { return tt.journal, nil }}
			for _, stale := range tt.stale {
				k.release(t.Context(), stale)
			}
			if got := strings.Join(service.calls, ", "); got != tt.service {
				t.Errorf("kubelet: got %q, want %q", got, tt.service)
			}
			removed := slices.DeleteFunc(r.Calls(), func(call string) bool { return !strings.HasPrefix(call, "Remove") })
			if got := strings.Join(removed, ", "); got != tt.removed {
				t.Errorf("pods: got %q, want %q", got, tt.removed)
			}
		})
	}
}
