package config

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/lang"
)

// MaxFileSize is the largest source file that is read, in bytes. Real pipelines
// have some ten kilobytes.
const MaxFileSize = 4 << 20

// OS is the file system of the machine. Unlike os.DirFS it takes any path, as a
// user types it.
type OS struct{}

// Open implements [fs.FS].
func (OS) Open(name string) (fs.File, error) { return os.Open(name) }

// ReadFile reads a regular file of at most [MaxFileSize] bytes. It is also what
// the functions of the language read files with.
func ReadFile(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, &fs.PathError{Op: "read", Path: name, Err: errIsDir}
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "read", Path: name, Err: errIrregular}
	}
	src, err := io.ReadAll(io.LimitReader(f, MaxFileSize+1))
	if err == nil && len(src) > MaxFileSize {
		err = &fs.PathError{Op: "read", Path: name, Err: errTooLarge}
	}
	return src, err
}

var (
	errIsDir     = errors.New("is a directory")
	errIrregular = errors.New("is no regular file")
	errTooLarge  = errors.New("is larger than 4 MiB")
)

// file reads, parses and decodes one file, and returns how many blocks are in it.
// at is where it was asked for; it is empty for the root. ok is false if it cannot
// be read or is no valid text.
func (l *loader) file(d *decoder, name string, at *hcl.Range) (blocks int, ok bool) {
	src, err := ReadFile(l.fsys, name)
	if err != nil {
		l.report(readProblem(name, err, at))
		return 0, false
	}
	before := len(d.diags)
	if !checkText(src, name).HasErrors() && parseBlocks(src, name, chunkSize, func(body *hclsyntax.Body) {
		blocks += len(body.Blocks)
		d.body(body)
	}) {
		l.files[name] = &hcl.File{Bytes: src, Nav: heads(src, name)}
		return blocks, true
	}
	d.diags = d.diags[:before] // what a part of it means does not count
	file, diags := Parse(src, name)
	l.files[name] = file
	l.report(diags)
	return 0, false
}

// navigator knows the head of the block around a place in a file.
type navigator func() any

// heads parses a text again when a mistake is to be shown in it: the tree of a
// large pipeline takes more memory than all else that is kept of it.
func heads(src []byte, name string) navigator {
	return sync.OnceValue(func() any {
		file, _ := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
		return file.Nav
	})
}

// ContextString is what package diag asks for.
func (n navigator) ContextString(offset int) string {
	nav, ok := n().(interface{ ContextString(offset int) string })
	if !ok {
		return ""
	}
	return nav.ContextString(offset)
}

// Parse checks the syntax of a source file, and nothing else. The file is there
// also with errors, to show them in.
func Parse(src []byte, name string) (*hcl.File, hcl.Diagnostics) {
	if diags := checkText(src, name); diags.HasErrors() {
		return &hcl.File{Bytes: src}, diags
	}
	file, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	if file == nil {
		file = &hcl.File{Bytes: src}
	}
	if diags.HasErrors() {
		return file, firstSyntaxErrors(diags)
	}
	return file, nil
}

// checkText refuses what must not be given to the parser.
func checkText(src []byte, name string) hcl.Diagnostics {
	if !utf8.Valid(src) {
		return diag.Errorf(invalidUTF8At(name, src), "Invalid text",
			"The file %s is not valid UTF-8 from here on. Save it as UTF-8; a binary file may have been given by mistake.", name)
	}
	if problem := lang.CheckNesting(src, name); problem != nil {
		return hcl.Diagnostics{problem}
	}
	return nil
}

// firstSyntaxErrors leaves out what follows from a string that does not end: the
// parser then takes code for text.
func firstSyntaxErrors(diags hcl.Diagnostics) hcl.Diagnostics {
	for i, d := range diags {
		if d.Summary == "Invalid multi-line string" || d.Summary == "Unterminated template string" {
			return diags[:i+1]
		}
	}
	return diags
}

// readProblem says why a file cannot be read, and what to give instead.
func readProblem(name string, err error, at *hcl.Range) hcl.Diagnostics {
	d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Cannot read file", Subject: at}
	switch {
	case errors.Is(err, errIsDir):
		d.Detail = name + " is a directory. Give the root file in it, such as " + strings.TrimSuffix(name, "/") + "/init.hcl."
	case errors.Is(err, errTooLarge):
		d.Detail = name + " is larger than 4 MiB, so it is hardly a pipeline."
	case errors.Is(err, fs.ErrNotExist):
		d.Detail = "There is no file " + name + "."
	default:
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		d.Detail = name + ": " + err.Error() + "."
	}
	return hcl.Diagnostics{d}
}

// invalidUTF8At finds the first byte that is no UTF-8.
func invalidUTF8At(name string, src []byte) hcl.Range {
	pos := hcl.InitialPos
	for pos.Byte < len(src) {
		r, size := utf8.DecodeRune(src[pos.Byte:])
		if r == utf8.RuneError && size <= 1 {
			break
		}
		pos.Byte += size
		pos.Column++
		if r == '\n' {
			pos.Line, pos.Column = pos.Line+1, 1
		}
	}
	end := pos
	end.Byte, end.Column = pos.Byte+1, pos.Column+1
	return hcl.Range{Filename: name, Start: pos, End: end}
}
