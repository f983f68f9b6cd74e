package expand

import (
	"testing"
)

// FuzzVarFile feeds any text to the reader of variable files.
func FuzzVarFile(f *testing.F) {
	for _, seed := range []string{
		"", "name = \"cp1\"\n", "a = [1, { b = true }]\nc = upper(\"x\")\n", "name {\n}\n", "a = var.b\n", "a = 1\na = 2\n", "a = ((((1\n", "a = \"\xff\"\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		vars, diags := ParseVarFile([]byte(text), "x.hclvars")
		if diags.HasErrors() {
			if diags.Error() == "" {
				t.Errorf("an error that says nothing: %+v", diags)
			}
			return
		}
		for name, in := range vars {
			if in.Range == nil || in.NameRange == nil || in.Source == "" {
				t.Errorf("%s has no place: %+v", name, in)
			}
		}
	})
}

// FuzzDurations feeds any text to timeout and backoff.
func FuzzDurations(f *testing.F) {
	for _, seed := range []string{"1s..30s", "5s", "90m", "0s", "-1s", "1s..", "..1s", "2s..1s", "1h30m .. 2h", "9223372036854775807ns", "1e9h", "5 minutes"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := duration(text); (err == nil) != (d > 0) {
			t.Errorf("duration(%q) = %v, %v", text, d, err)
		}
		low, high, err := backoffRange(text)
		if (err == nil) != (low > 0 && high >= low) {
			t.Errorf("backoffRange(%q) = %v, %v, %v", text, low, high, err)
		}
	})
}
