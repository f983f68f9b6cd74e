//go:build lab

package tests

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
)

const (
	webReplicas = 4
	webReady    = 3 // at any time
	webEvery    = 200 * time.Millisecond
)

// webManifest is a Deployment on the workers, a part of it on each, and its budget.
const webManifest = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: web}}}
      containers: [{name: pause, image: "registry.k8s.io/pause:3.10.2"}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 3, selector: {matchLabels: {app: web}}}
`

// deployment watches how many of its pods are ready.
type deployment struct {
	client *http.Client
	url    string
	cancel context.CancelFunc
	ended  chan struct{}

	looks, failed int
	fewest        int
	why           string // what the pods were when the fewest were ready
	err           error
}

// deploy makes the Deployment, and follows it until wantKept by what the API server of h tells client.
func deploy(ctx context.Context, t *testing.T, h *lab.Host, client *http.Client) *deployment {
	t.Helper()
	if err := h.Put(ctx, "/root/web.yaml", 0o600, strings.NewReader(webManifest)); err != nil {
		t.Fatal(err)
	}
	run(t, h, "kubectl", "apply", "-f", "/root/web.yaml")
	run(t, h, "kubectl", "rollout", "status", "deployment/web", "--timeout=2m")
	watched, cancel := context.WithCancel(t.Context())
	d := &deployment{
		client: client, url: "https://" + h.IP + ":6443/api/v1/namespaces/default/pods?labelSelector=app%3Dweb",
		cancel: cancel, ended: make(chan struct{}), fewest: webReplicas,
	}
	go d.watch(watched)
	t.Cleanup(d.stop)
	return d
}

func (d *deployment) stop() {
	d.cancel()
	<-d.ended
}

func (d *deployment) watch(ctx context.Context) {
	defer close(d.ended)
	tick := time.NewTicker(webEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		pods, err := d.pods(context.WithoutCancel(ctx))
		d.looks++
		if err != nil {
			d.failed, d.err = d.failed+1, err
			continue
		}
		ready, what := 0, ""
		for _, p := range pods {
			what += " " + p.String()
			if p.ready() {
				ready++
			}
		}
		if ready < d.fewest {
			d.fewest, d.why = ready, time.Now().Format("15:04:05.000")+what
		}
	}
}

// wantKept demands that enough pods were ready all the time, and none was restarted.
func (d *deployment) wantKept(t *testing.T) {
	t.Helper()
	d.stop()
	t.Logf("Deployment: %d looks, never fewer than %d of %d pods ready %s", d.looks, d.fewest, webReplicas, d.why)
	if d.looks == 0 || d.failed > 0 || d.fewest < webReady {
		t.Errorf("Deployment: %d looks, %d failed (%v); %d pods were ready, want %d at any time: %s", d.looks, d.failed, d.err, d.fewest, webReady, d.why)
	}
	pods, err := d.pods(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pods {
		if p.restarts() > 0 {
			t.Errorf("restarted: %s", p)
		}
	}
}

// webPod is a pod as the API shows it.
type webPod struct {
	Metadata struct{ Name, DeletionTimestamp string }
	Spec     struct{ NodeName string }
	Status   struct {
		Conditions        []struct{ Type, Status string }
		ContainerStatuses []struct{ RestartCount int }
	}
}

func (d *deployment) pods(ctx context.Context) ([]webPod, error) {
	body, err := get(ctx, d.client, d.url)
	if err != nil {
		return nil, err
	}
	var list struct{ Items []webPod }
	err = json.Unmarshal(body, &list)
	return list.Items, err
}

func (p webPod) ready() bool {
	for _, c := range p.Status.Conditions {
		if c.Type == "Ready" && c.Status == "True" {
			return p.Metadata.DeletionTimestamp == ""
		}
	}
	return false
}

func (p webPod) restarts() (n int) {
	for _, c := range p.Status.ContainerStatuses {
		n += c.RestartCount
	}
	return n
}

func (p webPod) String() string {
	state := "unready"
	if p.ready() {
		state = "ready"
	}
	return p.Metadata.Name + " on " + p.Spec.NodeName + " " + state
}
