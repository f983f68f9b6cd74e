package etcd

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/sdk"
)

func TestParseSettings(t *testing.T) {
	good := `{"endpoints":["https://a:2379"],"ca_file":"ca","cert_file":"/abs/cert","key_file":"keys/key"}`
	tests := map[string]struct {
		text, want string
	}{
		"good":         {good, ""},
		"no JSON":      {"endpoints = []", "invalid character"},
		"misspelt":     {`{"endpoint":[]}`, `unknown field "endpoint"`},
		"no endpoints": {`{}`, "endpoints: want at least one"},
		"plain HTTP":   {strings.Replace(good, "https", "http", 1), `endpoint "http://a:2379": want a URL such as "https://10.0.0.5:2379"`},
		"with a path":  {strings.Replace(good, "2379", "2379/x", 1), "want a URL"},
		"no key":       {strings.Replace(good, "keys/key", "", 1), "key_file: must be set"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, err := parseSettings([]byte(tt.text), "/etc/x")
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
				return
			}
			if err != nil || s.CAFile != "/etc/x/ca" || s.CertFile != "/abs/cert" || s.KeyFile != "/etc/x/keys/key" {
				t.Errorf("got %+v, %v", s, err)
			}
		})
	}
}

func TestSettingsIn(t *testing.T) {
	empty, first, second := t.TempDir(), t.TempDir(), t.TempDir()
	for dir, host := range map[string]string{first: "first", second: "second"} {
		write(t, filepath.Join(dir, fileName), `{"endpoints":["https://`+host+`:2379"],"ca_file":"a","cert_file":"b","key_file":"c"}`)
	}
	s, err := settingsIn([]string{empty, first, second})
	if err != nil || s.Endpoints[0] != "https://first:2379" {
		t.Errorf("got %+v, %v, want the first", s, err)
	}
	_, err = settingsIn([]string{empty})
	var hint *sdk.HintError
	if err == nil || err.Error() != "find settings: there is no "+filepath.Join(empty, fileName) || !errors.As(err, &hint) {
		t.Errorf("got %v, want a hint", err)
	}
	write(t, filepath.Join(empty, fileName), "{")
	if _, err := settingsIn([]string{empty}); err == nil || !strings.HasPrefix(err.Error(), "read settings "+empty) {
		t.Errorf("got %v, want it to name the file", err)
	}
}

// TestProgramFindsSettings is what a user does who wrote none.
func TestProgramFindsSettings(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	if _, err := findSettings(); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "clusterflow", fileName)) {
		t.Errorf("got %v, want the path in the config directory", err)
	}
}

func FuzzParseSettings(f *testing.F) {
	f.Add([]byte(`{"endpoints":["https://a:2379"],"ca_file":"a","cert_file":"b","key_file":"c"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseSettings(data, "/etc/x")
		if err == nil && (len(s.Endpoints) == 0 || !filepath.IsAbs(s.CAFile)) {
			t.Errorf("accepted %+v", s)
		}
	})
}
