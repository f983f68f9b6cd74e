package sdk

import (
	"bytes"
	"encoding/json"
	"fmt"
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
	var raw map[string]any
	if len(line) == 0 || line[0] != '{' || json.Unmarshal(line, &raw) != nil {
		return Log{Level: "info", Message: strings.ToValidUTF8(string(line), "\uFFFD"), Stream: stream}
	}
	log := Log{Level: "info", Stream: stream, Fields: map[string]string{}}
	for key, value := range raw {
		text, isString := value.(string)
		if !isString {
			text = fmt.Sprint(value)
		}
		switch key {
		case zerolog.LevelFieldName, "@level":
			log.Level = level(text)
		case zerolog.MessageFieldName, "@message":
			log.Message = text
		case zerolog.TimestampFieldName, "@timestamp":
		default:
			log.Fields[key] = text
		}
	}
	if len(log.Fields) == 0 {
		log.Fields = nil
	}
	return log
}

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
