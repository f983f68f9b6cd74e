package config

import (
	"bytes"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// chunkSize is how much of a file is parsed at a time, in bytes. The parser makes
// a hundred bytes of each one, most of which are of no use once its blocks are
// decoded, and more than that when its list of tokens grows long.
const chunkSize = 8 << 10

// parseBlocks parses a text that is known to be UTF-8 and hands out its blocks, a
// part of the text at a time. It reports whether all of it is valid; if not, it
// has handed out what comes before the mistake.
//
// A part ends behind a line that may end a block. Whether it does shows when the
// part is parsed: the inside of a string or comment, or half of a block, is no
// valid text. Then the part was too short.
func parseBlocks(src []byte, name string, chunk int, decode func(*hclsyntax.Body)) (valid bool) {
	at := hcl.InitialPos
	for size := chunk; len(src) > 0; {
		part := src[:blocksEnd(src, size)]
		file, diags := hclsyntax.ParseConfig(part, name, at)
		if diags.HasErrors() {
			if len(part) == len(src) {
				return false
			}
			size = 2 * len(part)
			continue
		}
		body, ok := file.Body.(*hclsyntax.Body)
		if !ok {
			return false
		}
		decode(body)
		src, size = src[len(part):], chunk
		at.Byte += len(part)
		at.Line += bytes.Count(part, []byte("\n"))
	}
	return true
}

// blocksEnd returns where a part of at least size bytes ends: behind the first
// line from there on that is not indented and ends with a closing brace.
func blocksEnd(src []byte, size int) int {
	at := min(size, len(src))
	for line := range bytes.Lines(src[at:]) {
		begin := at
		at += len(line)
		first := line[0] != ' ' && line[0] != '\t' && src[begin-1] == '\n'
		if first && bytes.HasSuffix(bytes.TrimRight(line, "\r\n"), []byte("}")) {
			return at
		}
	}
	return len(src)
}
