//go:build linux

package pluginhost_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/clusterflow/clusterflow/engine/pluginhost"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/sdktest/echo"
)

func TestShipped(t *testing.T) {
	d, err := sdk.Direct(echo.Spec()).Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	shipped := func(o *pluginhost.Options) {
		o.Shipped = map[string]sdk.Description{}
		for _, name := range []string{"echo", "absent", "foreign", "broken"} {
			named := d
			named.Name = name
			o.Shipped[name] = named
		}
	}
	h := newHost(t, shipped)
	for name, content := range map[string]string{"foreign": "\xcf\xfa\xed\xfe not for Linux", "broken": "#!/bin/false\n"} {
		if err := os.WriteFile(filepath.Join(h.bin, "clusterflow-plugin-"+name), []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	found, err := h.List()
	if want := (pluginhost.Found{Name: "absent"}); err != nil || len(found) != 4 || found[0] != want {
		t.Errorf("List: got %v, %v, want %v first of four", found, err, want)
	}
	for name, tt := range map[string]struct {
		ref              pluginhost.Ref
		known, elsewhere bool
	}{
		"it runs here":        {ref: pluginhost.Ref{Name: "echo"}, known: true},
		"not there":           {ref: pluginhost.Ref{Name: "absent"}, known: true, elsewhere: true},
		"for another system":  {ref: pluginhost.Ref{Name: "foreign"}, known: true, elsewhere: true},
		"broken":              {ref: pluginhost.Ref{Name: "broken"}},
		"not shipped":         {ref: pluginhost.Ref{Name: "strange"}},
		"named by the author": {ref: pluginhost.Ref{Name: "absent", Source: "/nowhere/absent"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := h.Describe(t.Context(), tt.ref)
			if (err == nil) != tt.known || tt.known && got.Name != tt.ref.Name {
				t.Errorf("Describe: got %q, %v, want known %v", got.Name, err, tt.known)
			}
			if err := h.Elsewhere(tt.ref); errors.Is(err, pluginhost.ErrElsewhere) != tt.elsewhere {
				t.Errorf("Elsewhere: got %v, want %v", err, tt.elsewhere)
			}
		})
	}
}
