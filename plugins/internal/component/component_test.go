package component

import (
	"slices"
	"testing"
)

func TestArgs(t *testing.T) {
	defaults := map[string]string{"secure-port": "6443", "allow-privileged": "true", "cluster-signing-key-file": ""}
	tests := map[string]struct {
		extra []Flag
		want  []string
	}{
		"no extra": {nil, []string{"--allow-privileged=true", "--cluster-signing-key-file=", "--secure-port=6443"}},
		"override goes to the end": {
			[]Flag{{"v", "2"}, {"allow-privileged", "false"}},
			[]string{"--cluster-signing-key-file=", "--secure-port=6443", "--v=2", "--allow-privileged=false"},
		},
		"repeated": {
			[]Flag{{"secure-port", "1"}, {"secure-port", "2"}},
			[]string{"--allow-privileged=true", "--cluster-signing-key-file=", "--secure-port=1", "--secure-port=2"},
		},
		"value with an equals sign": {
			[]Flag{{"feature-gates", "A=true"}},
			[]string{"--allow-privileged=true", "--cluster-signing-key-file=", "--secure-port=6443", "--feature-gates=A=true"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Args(defaults, tt.extra); !slices.Equal(got, tt.want) {
				t.Errorf("got %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestLast(t *testing.T) {
	flags := []Flag{{"v", "1"}, {"v", "2"}}
	if v, given := Last(flags, "v"); v != "2" || !given {
		t.Errorf("v: got %q, %v, want the last value", v, given)
	}
	if v, given := Last(flags, "vmodule"); v != "" || given {
		t.Errorf("vmodule: got %q, %v, want none", v, given)
	}
}
