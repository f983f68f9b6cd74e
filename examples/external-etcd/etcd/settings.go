package etcd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/clusterflow/clusterflow/sdk"
)

// fileName is the settings file. It is looked for beside the plugin, then in
// $XDG_CONFIG_HOME/clusterflow.
const fileName = "external-etcd.json"

// Settings say where etcd is. They are in a file, because the pipeline says
// nothing of it and a plugin gets only a few environment variables:
//
//	{
//	  "endpoints": ["https://etcd-1.internal:2379", "https://etcd-2.internal:2379"],
//	  "ca_file":   "ca.crt",
//	  "cert_file": "apiserver-etcd-client.crt",
//	  "key_file":  "apiserver-etcd-client.key"
//	}
//
// Relative paths are relative to the file.
type Settings struct {
	Endpoints []string `json:"endpoints"`
	CAFile    string   `json:"ca_file"`
	CertFile  string   `json:"cert_file"`
	KeyFile   string   `json:"key_file"`
}

// findSettings reads the first settings file that is there.
func findSettings() (Settings, error) {
	program, err := os.Executable()
	if err != nil {
		return Settings{}, fmt.Errorf("find settings: %w", err)
	}
	dirs := []string{filepath.Dir(program)}
	if dir, err := os.UserConfigDir(); err == nil {
		dirs = append(dirs, filepath.Join(dir, "clusterflow"))
	}
	return settingsIn(dirs)
}

func settingsIn(dirs []string) (Settings, error) {
	var tried []string
	for _, dir := range dirs {
		path := filepath.Join(dir, fileName)
		data, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			tried = append(tried, path)
			continue
		case err != nil:
			return Settings{}, fmt.Errorf("read settings: %w", err)
		}
		s, err := parseSettings(data, dir)
		if err != nil {
			return Settings{}, sdk.Permanent(fmt.Errorf("read settings %s: %w", path, err))
		}
		return s, nil
	}
	return Settings{}, sdk.Permanent(sdk.Hint(fmt.Errorf("find settings: there is no %s", strings.Join(tried, " and no ")),
		`Say where etcd is: {"endpoints": ["https://HOST:2379"], "ca_file": "…", "cert_file": "…", "key_file": "…"}`))
}

func parseSettings(data []byte, dir string) (Settings, error) {
	var s Settings
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		return Settings{}, err
	}
	if len(s.Endpoints) == 0 {
		return Settings{}, errors.New("endpoints: want at least one")
	}
	for _, e := range s.Endpoints {
		if u, err := url.Parse(e); err != nil || u.Scheme != "https" || u.Host == "" || u.Path != "" {
			return Settings{}, fmt.Errorf(`endpoint %q: want a URL such as "https://10.0.0.5:2379"`, e)
		}
	}
	for _, f := range []struct {
		name string
		path *string
	}{{"ca_file", &s.CAFile}, {"cert_file", &s.CertFile}, {"key_file", &s.KeyFile}} {
		if *f.path == "" {
			return Settings{}, fmt.Errorf("%s: must be set", f.name)
		}
		if !filepath.IsAbs(*f.path) {
			*f.path = filepath.Join(dir, *f.path)
		}
	}
	return s, nil
}
