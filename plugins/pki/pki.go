// Package pki is the plugin that makes a cluster's certificate authorities,
// certificates, key pairs and kubeconfig files, as kubeadm makes them, and shares
// them among control-plane nodes, as kubeadm does.
//
// What is there already is compared with what is wanted. A certificate or
// kubeconfig that differs, or runs out soon, is made anew, and the plan says why.
// A certificate authority is never replaced: one that is broken or expired is an
// error. An authority whose key is kept elsewhere is accepted as long as all that
// it has to sign is there.
//
// Keys never leave their files, but encrypted to be shared: no record, plan or log
// holds one.
package pki

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// Spec declares the plugin.
func Spec() sdk.Spec {
	pool := kubeapi.NewPool() // the plugin's phases share connections
	return sdk.Spec{
		Name: "pki", Version: "dev",
		Doc:   "Certificate authorities, certificates, key pairs and kubeconfig files, as kubeadm makes and shares them.",
		Types: []sdk.Type{caType(), certType(), keyPairType(), kubeconfigType(), uploadType(pool), downloadType(pool)},
	}
}

// signer is a certificate authority as a phase config names it: the outputs of a
// pki.ca phase, or two paths.
type signer struct {
	Cert string `cf:"cert,required"`
	Key  string `cf:"key,required"`
}

// pair is where a certificate and its key are. It is part of resources, so its
// fields are recorded.
type pair struct {
	CertFile string `json:"cert"`
	KeyFile  string `json:"key"`
	// Dirs are the directories that were made for the files.
	Dirs []string `json:"dirs,omitempty"`
}

func pairIn(dir, base string) pair {
	return pair{CertFile: filepath.Join(dir, base+".crt"), KeyFile: filepath.Join(dir, base+".key")}
}

// validBase refuses base names that would leave the directory.
func validBase(base string) error {
	if base == "" || !filepath.IsLocal(base) || strings.HasSuffix(base, "/") {
		return fmt.Errorf(`base %q: want a file name without extension, such as "apiserver" or "etcd/server"`, base)
	}
	return nil
}

func validPeriod(name string, d time.Duration) error {
	if d <= 0 {
		return fmt.Errorf("%s %s: want a positive duration", name, d)
	}
	return nil
}

// usageNames are the values that usages takes.
func usageNames() []string { return []string{"server", "client"} }

func validUsages(usages []string) error {
	if len(usages) == 0 {
		return errors.New(`usages: want "server", "client" or both`)
	}
	for _, u := range usages {
		if !slices.Contains(usageNames(), u) {
			return fmt.Errorf(`usages: %q is neither "server" nor "client"`, u)
		}
	}
	return nil
}

// recall reads what an earlier run recorded of a resource. made is false for one
// that was there before, and for none.
func recall[T any](r resource.Record, id resource.ID) (state T, made bool) {
	entry, ok := r.Find(id)
	if !ok || json.Unmarshal(entry.State, &state) != nil {
		return state, false
	}
	return state, entry.Made
}
