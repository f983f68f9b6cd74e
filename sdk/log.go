package sdk

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/rs/zerolog"
)

// MaxLogLine is how much of one log line is kept, in bytes.
const MaxLogLine = 16 << 10

// ParseLog turns a line that a plugin or its child printed into a [Log]. JSON
// lines of zerolog and hclog give level, message and fields; anything else is a
// message as it is. Any input is accepted; long lines are cut at [MaxLogLine].
func ParseLog(line []byte, stream string) Log { return parseLog(line, stream) }

func parseLog(line []byte, stream string) Log {
	line = bytes.TrimRight(line, "\r\n")
	if len(line) > MaxLogLine {
		line = append(bytes.Clone(line[:MaxLogLine]), " …"...)
	}
	var raw map[string]json.RawMessage
	if len(line) == 0 || line[0] != '{' || json.Unmarshal(line, &raw) != nil {
		return Log{Level: "info", Message: validText(string(line)), Stream: stream}
	}
	log := Log{Level: "info", Stream: stream}
	for key, value := range raw {
		text := plainText(value)
		switch key {
		case zerolog.LevelFieldName, "@level":
			log.Level = level(text)
		case zerolog.MessageFieldName, "@message":
			log.Message = text
		case zerolog.TimestampFieldName, "@timestamp":
		default:
			if log.Fields == nil {
				log.Fields = map[string]string{}
			}
			log.Fields[key] = text
		}
	}
	return log
}

// plainText is the content of a JSON string, and any other JSON as it is written.
func plainText(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil && string(value) != "null" {
		return text
	}
	return validText(string(value))
}

// validText makes a text fit to cross the wire, where strings are UTF-8.
func validText(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func level(text string) string {
	switch l := strings.ToLower(text); l {
	case "trace", "debug", "info", "warn", "error":
		return l
	case "fatal", "panic":
		return "error"
	default:
		return "info"
	}
}
