package live

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for name, tt := range map[string]struct{ got, want string }{
		"short":               {fit("phase.a", 10), "phase.a   "},
		"exact":               {fit("phase.abcd", 10), "phase.abcd"},
		"long":                {fit(`phase.images["a:v1"]`, 12), `phas…"a:v1"]`},
		"wide":                {fit("日本語日本語", 8), "日…本語 "},
		"marks":               {fit("e\u0301e\u0301e\u0301e\u0301e\u0301", 4), "e\u0301…e\u0301e\u0301"},
		"clean":               {clean(" a\x1b[2J\tb\nc"), "a\ufffd[2J b …"},
		"clean joiners":       {clean("👩\u200d🚀 ❤\ufe0f \u2028x"), "👩🚀 ❤ x"},
		"clean direction":     {clean("a\u202eb"), "a\ufffdb"},
		"clean nonsense":      {clean("a\xff\x9bb"), "a\ufffd\ufffdb"},
		"cut":                 {render([]span{{dim, "ab"}, {red, "cdef"}, {"", "gh"}}, 5, false).text, "abcd…"},
		"cut color":           {render([]span{{dim, "ab"}, {red, "cdef"}, {"", "gh"}}, 5, true).text, "\x1b[2mab\x1b[0m\x1b[31mcd\x1b[0m…"},
		"cut before":          {render([]span{{dim, "abcdef"}, {red, "gh"}}, 5, true).text, "\x1b[2mabcd\x1b[0m…"},
		"cut wide":            {render([]span{{"", "日本語"}}, 4, false).text, "日…"},
		"lines":               {strings.Join(lastLines("a\r\n\n \nb\nc\td\n", 2), "|"), "b|c d"},
		"bar":                 {bar(1, 2), "[======------] "},
		"bar beyond":          {bar(3, 2), "[============] "},
		"bar below":           {bar(-1, 2), "[------------] "},
		"bar huge":            {bar(1<<62, 1<<62+1), "[============] "},
		"bar without a total": {bar(3, 0), ""},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.got != tt.want {
				t.Errorf("got %q, want %q", tt.got, tt.want)
			}
		})
	}
}

func TestColumns(t *testing.T) {
	for text, want := range map[string]int{
		"abc": 3, "é": 1, "e\u0301": 1, "日本": 4, "🚀": 2, "…": 1, "\ufffd": 1, "ｱ": 1, "Ａ": 2, "Ж": 1, "": 0,
	} {
		if got := columns(text); got != want {
			t.Errorf("columns of %q: got %d, want %d", text, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, seed := range []string{"phase.a", "日本語\u0301", "a\x1b[2Jb\r\n\x9b\u009b", "👩\u200d🚀", "\ufe0f", "e\u0301\u0301"} {
		f.Add(seed, 7, 3)
	}
	f.Fuzz(func(t *testing.T, text string, cols, first int) {
		cols = 1 + (cols&0xff)%200
		text = clean(text)
		harmless(t, text)
		if got := fit(text, cols); columns(got) != cols {
			t.Errorf("fit %q: got %q, %d columns, want %d", text, got, columns(got), cols)
		}
		if got := head(text, cols); columns(got) > cols || !strings.HasPrefix(text, got) {
			t.Errorf("head of %q: got %q", text, got)
		}
		if got := tail(text, cols); columns(got) > cols || !strings.HasSuffix(text, got) {
			t.Errorf("tail of %q: got %q", text, got)
		}
		runes := []rune(text)
		i := max(0, min(first, len(runes)))
		l := render([]span{{dim, string(runes[:i])}, {red, string(runes[i:])}}, cols, true)
		harmless(t, l.plain)
		if columns(l.plain) > cols || l.rows(cols) != 1 {
			t.Errorf("line of %q: got %q in %d columns", text, l.plain, cols)
		}
		term := newEmulator(cols+1, 10)
		if _, err := term.Write([]byte(l.text + "\n")); err != nil || strings.Join(term.lines(), "\n") != strings.TrimRight(l.plain, " ") {
			t.Errorf("on a terminal: got %q, %v, want %q", term.lines(), err, l.plain)
		}
	})
}

func harmless(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			t.Errorf("%U in %q", r, text)
		}
	}
	if !utf8.ValidString(text) {
		t.Errorf("not valid: %q", text)
	}
}
