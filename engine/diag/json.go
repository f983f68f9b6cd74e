package diag

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/hashicorp/hcl/v2"
)

// Line is a diagnostic as a line of JSON.
type Line struct {
	Type     string `json:"type"` // always "diagnostic"
	Severity string `json:"severity"`
	Summary  string `json:"summary"`
	Detail   string `json:"detail,omitempty"`
	Range    *Range `json:"range,omitempty"`
	// Block is the head of the block around, such as `phase "pki.ca" "ca"`.
	Block string `json:"block,omitempty"`
	// Code is the first source line of the range.
	Code string `json:"code,omitempty"`
}

// Range is a place in a source file. Lines and columns count from 1, bytes from 0;
// End is behind the last character.
type Range struct {
	File  string   `json:"file"`
	Start Position `json:"start"`
	End   Position `json:"end"`
}

// Position is a point in a source file.
type Position struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

// WriteJSON writes one JSON object for each diagnostic, each on a line of its own.
// There is no error, as nothing could be done about one.
func WriteJSON(w io.Writer, files map[string]*hcl.File, diags hcl.Diagnostics) {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, d := range diags {
		_ = enc.Encode(line(files, d))
	}
}

func line(files map[string]*hcl.File, d *hcl.Diagnostic) Line {
	l := Line{Type: "diagnostic", Severity: "error", Summary: d.Summary, Detail: d.Detail}
	if d.Severity == hcl.DiagWarning {
		l.Severity = "warning"
	}
	if d.Subject == nil {
		return l
	}
	l.Range = &Range{File: d.Subject.Filename, Start: Position(d.Subject.Start), End: Position(d.Subject.End)}
	file := files[d.Subject.Filename]
	if file == nil {
		return l
	}
	l.Block = blockAt(file, d.Subject.Start.Byte)
	lines := bytes.Split(file.Bytes, []byte("\n"))
	if n := d.Subject.Start.Line; n >= 1 && n <= len(lines) {
		l.Code = string(bytes.TrimRight(lines[n-1], "\r"))
	}
	return l
}
