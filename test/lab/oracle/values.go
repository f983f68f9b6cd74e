package oracle

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// reader makes facts of values.
type reader struct {
	facts Facts
	now   time.Time
	known map[string]string // text of a certificate: the name of its file
	names *strings.Replacer // random parts of names: what they stand for
}

// add takes value apart: what has parts becomes a fact for each, and texts that
// hold YAML, PEM or Base64 of these have parts.
func (r *reader) add(name string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, part := range v {
			r.add(name+"."+r.names.Replace(key), part)
		}
		if len(v) == 0 {
			r.facts[name] = "{}"
		}
	case []any:
		for i, part := range v {
			r.add(fmt.Sprintf("%s[%d]", name, i), part)
		}
		if len(v) == 0 {
			r.facts[name] = "[]"
		}
	case string:
		r.addText(name, v)
	default:
		r.facts[name] = fmt.Sprint(v)
	}
}

func (r *reader) addText(name, text string) {
	plain := text
	if decoded, err := base64.StdEncoding.DecodeString(text); err == nil && strings.HasPrefix(string(decoded), "-----BEGIN") {
		plain = string(decoded)
	}
	if block, _ := pem.Decode([]byte(plain)); block != nil {
		r.addPEM(name, plain)
		return
	}
	if strings.Contains(text, "\n") {
		var parts map[string]any
		if err := yaml.Unmarshal([]byte(text), &parts); err == nil && len(parts) > 0 {
			r.add(name, parts)
			return
		}
	}
	r.facts[name] = r.names.Replace(r.timeless(text))
}

// timeless is text, or how far away the time is that it names: a time to ten
// minutes, a date in days.
func (r *reader) timeless(text string) string {
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return "in " + at.Sub(r.now).Round(10*time.Minute).String()
	}
	const day = 24 * time.Hour
	if at, err := time.Parse(time.DateOnly, text); err == nil {
		return fmt.Sprintf("in %d days", at.Sub(r.now.Truncate(day))/day)
	}
	if !utf8.ValidString(text) {
		return "(binary)"
	}
	return text
}

// tokenShape is that of the random fields of a bootstrap token.
func tokenShape(field string) *regexp.Regexp {
	switch field {
	case "token-id":
		return regexp.MustCompile(`^[a-z0-9]{6}$`)
	case "token-secret":
		return regexp.MustCompile(`^[a-z0-9]{16}$`)
	}
	return nil
}

// secretValue is what counts of a field of a Secret, in Base64.
func secretValue(key, encoded string) string {
	plain, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "(no Base64)"
	}
	shape := tokenShape(key)
	switch {
	case !utf8.Valid(plain):
		return "(binary)"
	case shape != nil && shape.Match(plain):
		return "(random)"
	}
	return string(plain)
}
