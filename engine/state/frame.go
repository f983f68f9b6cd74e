package state

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"

	"github.com/clusterflow/clusterflow/sdk"
)

// A journal file is a line of text with its version, then frames:
//
//	length  uint32, little endian, of the payload
//	crc     uint32, little endian, CRC-32C of length and payload
//	payload JSON of one envelope
const (
	magic   = "clusterflow journal "
	version = 1
	// maxPayload bounds one record: more can only be damage.
	maxPayload = 64 << 20
	frameHead  = 8
)

// ErrVersion reports a journal that a newer clusterflow has written.
var ErrVersion = errors.New("written by a newer clusterflow")

// errNoJournal reports a file that is something else.
var errNoJournal = errors.New("not a clusterflow journal")

func fileHeader() []byte { return fmt.Appendf(nil, "%s%d\n", magic, version) }

// appendFrame appends the frame of r to buf.
func appendFrame(buf []byte, r Record) ([]byte, error) {
	var e envelope
	r.seal(&e)
	payload, err := json.Marshal(&e)
	if err != nil {
		return buf, fmt.Errorf("encode %T: %w", r, err)
	}
	if len(payload) > maxPayload {
		return buf, fmt.Errorf("encode %T: %d bytes are more than the %d that a record may have", r, len(payload), maxPayload)
	}
	head := binary.LittleEndian.AppendUint32(buf, uint32(len(payload)))
	crc := frameSum(head[len(buf):], payload)
	return append(binary.LittleEndian.AppendUint32(head, crc), payload...), nil
}

func frameSum(length, payload []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(length, table), table, payload)
}

// Damage is a part at the end of a journal that cannot be read.
type Damage struct {
	// Offset and Bytes are where it begins and how much it is.
	Offset, Bytes int64
	// Torn means that the last record is merely cut short, which is what a crash
	// in the middle of a write leaves.
	Torn bool
	// Kept is the file that holds the bytes since the journal was repaired. Empty
	// when it was opened for reading.
	Kept string
}

// String says what is wrong in one line.
func (d *Damage) String() string {
	what := "damaged record"
	if d.Torn {
		what = "record cut short"
	}
	text := fmt.Sprintf("%s at byte %d of the journal, %d bytes ignored", what, d.Offset, d.Bytes)
	if d.Kept != "" {
		text += ", kept in " + d.Kept
	}
	return text
}

// parse folds the journal in text, all of it or up to the first bad frame. It
// returns how many records were read. Its error is for files that must be left
// alone: no journal, or one of a newer version.
func parse(text []byte) (*State, int, error) {
	offset, err := parseHeader(text)
	if err != nil {
		return nil, 0, err
	}
	s, records := New(), 0
	for offset < len(text) {
		payload, torn := nextFrame(text[offset:])
		if payload == nil {
			s.Damage = &Damage{Offset: int64(offset), Bytes: int64(len(text) - offset), Torn: torn}
			break
		}
		r, err := openPayload(payload)
		if err != nil {
			return nil, records, fmt.Errorf("read record at byte %d: %w", offset, err)
		}
		s.Apply(r)
		records++
		offset += frameHead + len(payload)
	}
	return s, records, nil
}

func parseHeader(text []byte) (size int, err error) {
	line, _, found := bytes.Cut(text[:min(len(text), 64)], []byte("\n"))
	number, ok := bytes.CutPrefix(line, []byte(magic))
	if !found || !ok {
		return 0, sdk.Hint(errNoJournal, "move the file away to begin without a history; the host itself is then looked at")
	}
	got, err := strconv.ParseUint(string(number), 10, 32)
	switch {
	case err != nil || got == 0:
		return 0, sdk.Hint(errNoJournal, "move the file away to begin without a history; the host itself is then looked at")
	case got > version:
		return 0, sdk.Hint(fmt.Errorf("journal version %d, this program knows up to %d: %w", got, version, ErrVersion),
			"use the clusterflow that wrote it, or a newer one")
	}
	return len(line) + 1, nil
}

// nextFrame returns the payload of the frame that text begins with, or nil when
// it is bad; torn tells whether it might just be incomplete.
func nextFrame(text []byte) (payload []byte, torn bool) {
	if len(text) < frameHead {
		return nil, true
	}
	size := binary.LittleEndian.Uint32(text)
	if size == 0 || size > maxPayload {
		return nil, false
	}
	if uint64(len(text)) < frameHead+uint64(size) {
		return nil, true
	}
	payload = text[frameHead : frameHead+size]
	if binary.LittleEndian.Uint32(text[4:]) != frameSum(text[:4], payload) {
		return nil, false
	}
	return payload, false
}

// openPayload decodes a payload whose sum is right. What it does not understand
// is no damage, but news from a later version.
func openPayload(payload []byte) (Record, error) {
	var e envelope
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, sdk.Hint(fmt.Errorf("%w (%w)", ErrVersion, err), "use the clusterflow that wrote it, or a newer one")
	}
	r := e.open()
	if r == nil {
		return nil, sdk.Hint(fmt.Errorf("kind of record not known: %w", ErrVersion), "use the clusterflow that wrote it, or a newer one")
	}
	return r, nil
}
