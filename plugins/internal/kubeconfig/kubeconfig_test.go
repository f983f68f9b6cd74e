package kubeconfig

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
)

func TestEncode(t *testing.T) {
	tests := map[string]Config{
		"certificate": {
			Cluster: "kubernetes", Server: "https://10.99.0.11:6443", CA: []byte("ca\n"),
			User: "kubernetes-admin", ClientCert: []byte("cert\n"), ClientKey: []byte("key\n"),
		},
		"files": {
			Cluster: "kubernetes", Server: "https://[fd00::1]:6443", CAFile: "/etc/kubernetes/pki/ca.crt",
			User: "system:node:n1", ClientCertFile: "/var/lib/kubelet/pki/kubelet-client-current.pem",
			ClientKeyFile: "/var/lib/kubelet/pki/kubelet-client-current.pem",
		},
		"token": {Cluster: "kubernetes", Server: "https://10.99.0.11:6443", CA: []byte("ca\n"), User: "tls-bootstrap-token-user", Token: "abcdef.0123456789abcdef"},
	}
	for name, config := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := config.Encode()
			if err != nil {
				t.Fatal(err)
			}
			phasetest.Golden(t, name+".yaml", string(got))
			back, err := Parse(got)
			if err != nil || !reflect.DeepEqual(back, config) {
				t.Errorf("Parse: got %+v, %v, want %+v", back, err, config)
			}
		})
	}
}

func TestParse(t *testing.T) {
	tests := map[string]struct{ file, want string }{
		"empty":       {"", "no current-context"},
		"not YAML":    {"{", "read kubeconfig: "},
		"a list":      {"- a", "read kubeconfig: "},
		"no context":  {"current-context: a\n", `current-context "a": no context of that name`},
		"no cluster":  {"current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n", `context "a": no cluster "c"`},
		"no user":     {"current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\nclusters: [{name: c}]\n", `context "a": no user "u"`},
		"bad base64":  {"clusters: [{name: c, cluster: {certificate-authority-data: '%'}}]\n", "illegal base64"},
		"other first": {`{"current-context":"a","contexts":[{"name":"b"},{"name":"a"}],"clusters":[{"name":""}],"users":[{"name":""}]}`, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(tt.file))
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatalf("goldens: %v, %v", files, err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		config, err := Parse(data)
		if err != nil {
			return
		}
		out, err := config.Encode()
		if err != nil {
			t.Fatalf("encode %+v: %v", config, err)
		}
		if back, err := Parse(out); err != nil || !cmp.Equal(back, config, cmp.Transformer("bytes", func(b []byte) string { return string(b) })) {
			t.Errorf("got %+v, %v back, want %+v", back, err, config)
		}
	})
}
