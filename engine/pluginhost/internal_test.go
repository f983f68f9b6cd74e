//go:build linux

package pluginhost

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/sdktest/echo"
)

func TestCheckDescription(t *testing.T) {
	describe := func(change func(*sdk.Description)) sdk.Description {
		d, err := sdk.Direct(echo.Spec()).Describe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		change(&d)
		return d
	}
	tests := map[string]struct {
		change func(*sdk.Description)
		want   string
	}{
		"good":       {change: func(*sdk.Description) {}},
		"other name": {change: func(d *sdk.Description) { d.Name = "ecko" }, want: `the plugin calls itself "ecko", not "echo"`},
		"no types":   {change: func(d *sdk.Description) { d.Types = nil }, want: `plugin "echo": no phase types`},
		"reserved": {
			change: func(d *sdk.Description) {
				d.Types[0].Config = []sdk.Attribute{{Name: "for_each", Type: cty.String, Doc: "x"}}
			},
			want: `type "say": attribute "for_each" is reserved by the pipeline language`,
		},
		"reserved output": {
			change: func(d *sdk.Description) {
				d.Types[0].Outputs = []sdk.Attribute{{Name: "status", Type: cty.String, Doc: "x"}}
			},
			want: `type "say": output "status" is reserved by the pipeline language`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := checkDescription("echo", describe(tt.change))
			if tt.want == "" && err == nil {
				return
			}
			if got, want := fmt.Sprint(err), "check description: "+tt.want; got != want {
				t.Errorf("got %q\nwant %q", got, want)
			}
		})
	}
}

func TestLines(t *testing.T) {
	long := strings.Repeat("x", 3*sdk.MaxLogLine)
	tests := map[string]struct {
		chunks, want []string
	}{
		"whole":    {[]string{"a\nb\n"}, []string{"a", "b"}},
		"pieces":   {[]string{"a", "b\nc", "\n"}, []string{"ab", "c"}},
		"no end":   {[]string{"a\nb"}, []string{"a", "b"}},
		"empty":    {[]string{"\n\n"}, []string{"", ""}},
		"too long": {[]string{long, long + "\nnext\n"}, []string{long[:sdk.MaxLogLine+1], "next"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			l := &lines{emit: func(line []byte) { got = append(got, string(line)) }}
			for _, c := range tt.chunks {
				if n, err := l.Write([]byte(c)); n != len(c) || err != nil {
					t.Fatalf("write: got %d, %v", n, err)
				}
			}
			l.flush()
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestTail(t *testing.T) {
	var last, crash tail
	for i := range 50 {
		last.add(sdk.Log{Message: fmt.Sprint(i)})
		if i == 10 {
			crash.add(sdk.Log{Message: "panic: boom"})
		}
		crash.add(sdk.Log{Message: fmt.Sprint(i)})
	}
	if got := last.get(); len(got) != tailLines || got[0] != "30" || got[19] != "49" {
		t.Errorf("last lines: got %v", got)
	}
	if got := crash.get(); len(got) != tailLines || got[0] != "panic: boom" || got[1] != "10" {
		t.Errorf("panic: got %v", got)
	}
}

func TestRunDirSweep(t *testing.T) {
	base := t.TempDir()
	living, err := openRunDir(base)
	if err != nil {
		t.Fatal(err)
	}
	dead := filepath.Join(base, enginePrefix+"dead", "plugin-dir1")
	if err := os.MkdirAll(dead, 0o700); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(base, "other")
	if err := os.Mkdir(other, 0o700); err != nil {
		t.Fatal(err)
	}
	second, err := openRunDir(base)
	if err != nil {
		t.Fatal(err)
	}
	got, err := filepath.Glob(base + "/*")
	want := []string{living.path, second.path, other}
	slices.Sort(want)
	if !slices.Equal(got, want) || err != nil {
		t.Errorf("got %v, %v\nwant %v", got, err, want)
	}
	if err := os.MkdirAll(dead, 0o700); err != nil {
		t.Fatal(err)
	}
	host, err := New(Options{RunDir: base})
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if got, err := filepath.Glob(base + "/*"); !slices.Equal(got, want) || err != nil {
		t.Errorf("after a host that started nothing: got %v, %v\nwant %v", got, err, want)
	}
	for _, d := range []*runDir{living, second} {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	}
}

func TestRunDirRefused(t *testing.T) {
	open := filepath.Join(t.TempDir(), "x")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ path, want string }{
		"too long": {path: "/tmp/" + strings.Repeat("x", 100), want: "bytes too long to hold unix sockets"},
		"open":     {path: open, want: "others can write to it (mode 0777)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := openRunDir(tt.path); !strings.Contains(fmt.Sprint(err), tt.want) {
				t.Errorf("got error %v, want %q in it", err, tt.want)
			}
		})
	}
}
