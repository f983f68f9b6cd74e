package kubelet

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk"
)

func TestCheckCertificate(t *testing.T) {
	dir := t.TempDir()
	phasetest.NewAuthority(t, dir+"/ca").Write(t, dir+"/client")
	phasetest.NewAuthority(t, dir+"/other")
	pair := readFile(t, dir+"/client.crt") + readFile(t, dir+"/client.key")
	tests := map[string]struct {
		text, ca  string
		after     time.Duration // from now
		want      string
		permanent bool
	}{
		"good":          {text: pair, ca: "ca"},
		"ended":         {text: pair, ca: "ca", after: 2 * time.Hour, want: "the client certificate has ended: "},
		"not yet":       {text: pair, ca: "ca", after: -time.Hour, want: "expired or is not yet valid"},
		"other cluster": {text: pair, ca: "other", want: "it is not of this cluster", permanent: true},
		"no key":        {text: readFile(t, dir+"/client.crt"), ca: "ca", want: "found a certificate rather than a key"},
		"empty":         {ca: "ca", want: "failed to find any PEM data"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "current.pem")
			writeFile(t, path, tt.text)
			err := checkCertificate(path, []byte(readFile(t, dir+"/"+tt.ca+".crt")), time.Now().Add(tt.after))
			var permanent *sdk.PermanentError
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) || errors.As(err, &permanent) != tt.permanent {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	if err := checkCertificate(dir+"/none", nil, time.Now()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent: got %v", err)
	}
}

func TestRemoveCertificates(t *testing.T) {
	dir := t.TempDir() + "/pki"
	for _, name := range []string{
		"kubelet-client-2026.pem", "kubelet-server-current.pem", "kubelet-client.key.tmp", "kubelet.crt", "kubelet.key",
		".kubelet-client-2026.pem.clusterflow-1", "apiserver.crt",
	} {
		writeFile(t, filepath.Join(dir, name), "")
	}
	if err := os.Symlink(dir+"/kubelet-client-2026.pem", dir+"/kubelet-client-current.pem"); err != nil {
		t.Fatal(err)
	}
	if err := removeCertificates(dir); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	names := make([]string, len(entries))
	for i := range entries {
		names[i] = entries[i].Name()
	}
	if err != nil || !slices.Equal(names, []string{"apiserver.crt"}) {
		t.Errorf("left: %q, %v", names, err)
	}
	if err := removeCertificates(dir + "/none"); err != nil {
		t.Errorf("no directory: %v", err)
	}
}
