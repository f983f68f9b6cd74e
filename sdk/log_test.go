package sdk

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestParseLog(t *testing.T) {
	tests := map[string]struct {
		line string
		want Log
	}{
		"plain":                          {"hello\r\n", Log{Level: "info", Message: "hello"}},
		"empty":                          {"", Log{Level: "info"}},
		"zerolog":                        {`{"level":"warn","time":"x","message":"m","n":1234567,"ok":true,"list":[1,2],"none":null}`, Log{Level: "warn", Message: "m", Fields: map[string]string{"n": "1234567", "ok": "true", "list": "[1,2]", "none": "null"}}},
		"hclog":                          {`{"@level":"debug","@message":"m","@timestamp":"x","@module":"p"}`, Log{Level: "debug", Message: "m", Fields: map[string]string{"@module": "p"}}},
		"no text where text is expected": {`{"@message":5,"@level":[],"@timestamp":{}}`, Log{Level: "info", Message: "5"}},
		"fatal":                          {`{"level":"fatal","message":"m"}`, Log{Level: "error", Message: "m"}},
		"broken JSON":                    {`{"level":`, Log{Level: "info", Message: `{"level":`}},
		"JSON, no log":                   {`[1]`, Log{Level: "info", Message: "[1]"}},
		"invalid UTF-8":                  {"a\xffb", Log{Level: "info", Message: "a\uFFFDb"}},
		"too long":                       {strings.Repeat("x", MaxLogLine+1), Log{Level: "info", Message: strings.Repeat("x", MaxLogLine) + " …"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, ParseLog([]byte(tt.line), "")); diff != "" {
				t.Errorf("difference (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzParseLog(f *testing.F) {
	for _, seed := range []string{
		"", "text", `{"@message":5}`, `{"level":"warn","message":"m","a":{"b":[1]}}`, "{\"\xff\":\"\xfe\"}", `{"a":"\ud800"}`,
	} {
		f.Add([]byte(seed))
	}
	levels := " trace debug info warn error "
	f.Fuzz(func(t *testing.T, line []byte) {
		before := string(line)
		log := ParseLog(line, "stderr")
		if string(line) != before {
			t.Error("the line was changed")
		}
		if !strings.Contains(levels, " "+log.Level+" ") || log.Stream != "stderr" {
			t.Errorf("got level %q, stream %q", log.Level, log.Stream)
		}
		for key, value := range log.Fields {
			if !utf8.ValidString(key) || !utf8.ValidString(value) {
				t.Errorf("field %q=%q is not UTF-8", key, value)
			}
		}
		if !utf8.ValidString(log.Message) || len(log.Message) > 4*MaxLogLine {
			t.Errorf("message of %d bytes: %q", len(log.Message), log.Message)
		}
	})
}
