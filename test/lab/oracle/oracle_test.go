package oracle

import (
	"strings"
	"testing"
	"time"
)

func read(t *testing.T, values map[string]any) Facts {
	t.Helper()
	r := reader{facts: Facts{}, now: time.Unix(1_800_000_000, 0), names: strings.NewReplacer()}
	for name, value := range values {
		r.add(name, value)
	}
	return r.facts
}

func TestDiff(t *testing.T) {
	now := time.Unix(1_800_000_000, 0).UTC()
	want := read(t, map[string]any{
		"object A x: ": map[string]any{
			"gone": "1", "same": []any{"a", "b"}, "text": "config:\n  mode: a\n", "ends": now.Add(24 * time.Hour).Format(time.RFC3339),
		},
	})
	got := read(t, map[string]any{
		"object A x: ": map[string]any{
			"more": map[string]any{}, "same": []any{"a", "b"}, "text": "config:\n  mode: b\n", "ends": now.Add(24*time.Hour - time.Minute).Format(time.RFC3339),
		},
	})
	var all []string
	differences := Diff(want, got)
	for _, d := range differences {
		all = append(all, d.Fact+"="+d.Want+"/"+d.Got)
	}
	if got, want := strings.Join(all, "\n"), "object A x: .gone=1/(absent)\nobject A x: .more=(absent)/{}\nobject A x: .text.config.mode=a/b"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	forbidden, idle := Judge(differences, []Allowed{{Fact: `object A x: \.(gone|more)`}, {Fact: `object A`}})
	if len(forbidden) != 1 || forbidden[0].Got != "b" {
		t.Errorf("forbidden are %v, want that of the mode", forbidden)
	}
	if len(idle) != 1 || idle[0].Fact != "object A" {
		t.Errorf("idle are %v, want the pattern that fits no whole name", idle)
	}
}

func TestSecretValue(t *testing.T) {
	for name, tt := range map[string]struct{ key, encoded, want string }{
		"random part": {"token-secret", "MDEyMzQ1Njc4OWFiY2RlZg==", "(random)"},
		"wrong shape": {"token-secret", "c2hvcnQ=", "short"},
		"plain":       {"usage-bootstrap-signing", "dHJ1ZQ==", "true"},
		"ciphertext":  {"ca.key", "//8=", "(binary)"},
		"not encoded": {"x", "!", "(no Base64)"},
	} {
		if got := secretValue(tt.key, tt.encoded); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

// A date is compared by days, whatever the time of day.
func TestTimeless(t *testing.T) {
	for name, tt := range map[string]struct{ now, text, want string }{
		"today, early":   {"2026-11-20T00:05:00Z", "2026-11-20", "in 0 days"},
		"today, late":    {"2026-11-20T23:55:00Z", "2026-11-20", "in 0 days"},
		"in a year":      {"2026-11-20T12:15:00Z", "2027-11-20", "in 365 days"},
		"soon":           {"2026-11-20T12:15:00Z", "2026-11-20T14:14:00Z", "in 2h0m0s"},
		"no time":        {"2026-11-20T12:15:00Z", "v1.36.3", "v1.36.3"},
		"no text at all": {"2026-11-20T12:15:00Z", "\xff", "(binary)"},
	} {
		now, err := time.Parse(time.RFC3339, tt.now)
		if err != nil {
			t.Fatal(err)
		}
		r := reader{now: now}
		if got := r.timeless(tt.text); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}
