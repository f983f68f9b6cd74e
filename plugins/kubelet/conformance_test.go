package kubelet

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeconfig"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk/sdktest"
)

// hosts gives each directory of a conformance case a kubelet of its own.
type hosts struct {
	t       *testing.T
	units   string
	healthz func(string) string
	fleet   *kubeapitest.Fleet
}

func (h hosts) unit(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(h.units, hex.EncodeToString(sum[:8]))
}

func (h hosts) pem(dir string) string { return dir + "/pki/kubelet-client-current.pem" }

// observe tells whether the kubelet runs.
func (h hosts) observe(dir string) (string, error) {
	s, err := fakeServices{}.read(h.unit(dir))
	return s.Active, err
}

// common are the arguments of all types with a service.
func (h hosts) common(dir string) map[string]any {
	unit := h.unit(dir)
	return map[string]any{
		"kubeconfig": dir + "/kubelet.conf", "client_certificate": h.pem(dir), "unit": unit, "healthz": h.healthz(unit), "within": 20 * time.Second,
	}
}

// setup writes what a kubelet finds: its configuration, and a kubeconfig that is
// not rotated yet.
func (h hosts) setup(dir string) error {
	h.t.Helper()
	writeFile(h.t, dir+"/config.yaml", "kind: KubeletConfiguration\n")
	authority := phasetest.NewAuthority(h.t, filepath.Join(h.units, filepath.Base(h.unit(dir))+"-ca"))
	base := h.unit(dir) + "-client"
	authority.Write(h.t, base)
	cert, key := readFile(h.t, base+".crt"), readFile(h.t, base+".key")
	writeKubeconfig(h.t, dir+"/kubelet.conf", kubeconfig.Config{CA: []byte(readFile(h.t, h.unit(dir)+"-ca.crt")), ClientCert: []byte(cert), ClientKey: []byte(key)})
	state := fakeState{Files: map[string]string{h.pem(dir): cert + key}}
	state.Name, state.Load, state.Active = h.unit(dir), "loaded", "inactive"
	return state.write()
}

// setupStarted has a kubelet that runs already.
func (h hosts) setupStarted(dir string) error {
	if err := h.setup(dir); err != nil {
		return err
	}
	return fakeServices{}.Restart(h.t.Context(), h.unit(dir))
}

func (h hosts) setupJoin(dir string) error {
	h.t.Helper()
	writeFile(h.t, dir+"/config.yaml", "kind: KubeletConfiguration\n")
	fake := h.fleet.Of(dir)
	j := joined{fake: fake, admin: parseKubeconfig(h.t, fake.Admin), conf: dir + "/kubelet.conf", pem: h.pem(dir), unit: h.unit(dir)}
	j.kubelet(h.t, fakeState{Files: j.identity(h.t)})
	return nil
}

func TestConformance(t *testing.T) {
	h := hosts{t: t, units: t.TempDir(), healthz: kubelets(t), fleet: kubeapitest.NewFleet(t, nil)}
	with := func(dir string, more map[string]any) map[string]any {
		config := h.common(dir)
		for name, value := range more {
			config[name] = value
		}
		return config
	}
	const onlyRecord = "only the record knows which directories were made"
	sdktest.Run(t, specOn(fakeHost()),
		sdktest.Case{Type: "config", SkipUndoWithoutRecord: onlyRecord, Config: func(dir string) map[string]any {
			return map[string]any{
				"dir": dir + "/kubelet", "taints": []any{map[string]any{"key": "a", "effect": "NoSchedule"}},
				"configuration": "maxPods: 50\nstaticPodPath: " + dir + "/manifests\n",
			}
		}},
		sdktest.Case{Type: "start", Setup: h.setup, Observe: h.observe, Config: func(dir string) map[string]any {
			return with(dir, map[string]any{"config": dir + "/config.yaml"})
		}},
		sdktest.Case{
			Type: "finalize", Setup: h.setupStarted, Observe: h.observe, Config: h.common,
			SkipUndo: "the old certificate may have ended; the file belongs to another phase",
		},
		sdktest.Case{
			Type: "bootstrap", Setup: h.setupJoin, Observe: h.observe, Secrets: []string{testToken}, SkipUndoWithoutRecord: onlyRecord,
			Config: func(dir string) map[string]any {
				fake := h.fleet.Of(dir)
				ca := parseKubeconfig(t, fake.Admin).CA
				return with(dir, map[string]any{
					"config": dir + "/config.yaml", "server": fake.Server, "ca": string(ca), "token": testToken,
					"ca_file": dir + "/etc/ca.crt", "bootstrap_kubeconfig": dir + "/bootstrap-kubelet.conf",
				})
			},
		},
	)
}
