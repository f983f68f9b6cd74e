// Package kubeadm turns a configuration file of kubeadm into values for the
// variables of the pipeline init.hcl.
//
// It reads kubeadm.k8s.io/v1beta4 and v1beta3 and knows every field of them: what
// it cannot carry over is a warning with its place and the reason, and so is what
// kubeadm would not know either. The configurations of the kubelet and of
// kube-proxy are carried over as they are written.
//
// It does not fill in what a file leaves out: the defaults are those of the
// pipeline. Nor does it check values that the pipeline checks.
package kubeadm

import (
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"go.yaml.in/yaml/v3"
)

// Options say how to import.
type Options struct {
	// Secrets carries over bootstrap tokens and the certificate key. Without it each
	// is a warning.
	Secrets bool
}

// Result is what came of a file.
type Result struct {
	// Text is a file of variables; nil if there are errors.
	Text []byte
	// Shown is the source with stars in the place of secrets, to be quoted in
	// messages. It is as long as the source.
	Shown []byte
	// Diagnostics are in the order of the file.
	Diagnostics hcl.Diagnostics
}

// Import reads the text of a file of that name.
func Import(source []byte, file string, opts Options) Result {
	r := &reader{file: file, opts: opts, source: source, vars: object{}, shared: map[string]object{}}
	r.read()
	r.finish()
	result := Result{Shown: masked(source)}
	slices.SortStableFunc(r.diags, func(a, b *hcl.Diagnostic) int { return a.Subject.Start.Line - b.Subject.Start.Line })
	result.Diagnostics = r.diags
	if !r.diags.HasErrors() {
		result.Text = r.write(filepath.Base(file))
	}
	return result
}

// object is the value of a variable, or all variables, while it is put together.
type object map[string]cty.Value

// reader is one import at work.
type reader struct {
	file   string
	opts   Options
	source []byte
	diags  hcl.Diagnostics

	vars object
	// shared are variables that several places of the file say something of.
	shared map[string]object
	texts  []rawText // configurations of components

	off   []string        // addons whose phases are skipped
	kinds map[string]bool // seen so far
	old   bool            // the present document is of v1beta3
}

// rawText is a document that a variable holds as it is written.
type rawText struct{ name, text string }

// part returns a variable that is put together from several places.
func (r *reader) part(name string) object {
	if r.shared[name] == nil {
		r.shared[name] = object{}
	}
	return r.shared[name]
}

// secretRule is what bootstrap tokens and certificate keys look like.
const secretRule = `\b[a-z0-9]{6}\.[a-z0-9]{16}\b|\b[0-9A-Fa-f]{64}\b`

func masked(source []byte) []byte {
	return regexp.MustCompile(secretRule).ReplaceAllFunc(source, func(secret []byte) []byte {
		return bytes.Repeat([]byte("*"), len(secret))
	})
}

func (r *reader) problem(severity hcl.DiagnosticSeverity, n *yaml.Node, summary, detail string, args ...any) {
	r.diags = append(r.diags, &hcl.Diagnostic{
		Severity: severity, Summary: summary, Detail: fmt.Sprintf(detail, args...), Subject: r.place(n).Ptr(),
	})
}

func (r *reader) fail(n *yaml.Node, detail string, args ...any) {
	r.problem(hcl.DiagError, n, "Invalid kubeadm configuration", detail, args...)
}

func (r *reader) warn(n *yaml.Node, detail string, args ...any) {
	r.problem(hcl.DiagWarning, n, "Not carried over", detail, args...)
}

// place is where a node stands, at most to the end of its line.
func (r *reader) place(n *yaml.Node) hcl.Range {
	offset := 0
	for range n.Line - 1 {
		end := bytes.IndexByte(r.source[offset:], '\n')
		if end < 0 {
			break
		}
		offset += end + 1
	}
	line, _, _ := bytes.Cut(r.source[offset:], []byte("\n"))
	line = bytes.TrimRight(line, "\r")
	start := 0
	for range n.Column - 1 { // which counts characters
		_, size := utf8.DecodeRune(line[start:])
		start += size
	}
	end := start + len(n.Value)
	if n.Value == "" || end > len(line) {
		end = len(line)
	}
	at := func(column int) hcl.Pos { return hcl.Pos{Line: n.Line, Column: column + 1, Byte: offset + column} }
	return hcl.Range{Filename: r.file, Start: at(start), End: at(end)}
}
