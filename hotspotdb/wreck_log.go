package hotspotdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/batchrepr"
)

// The log of the storage engine consists of blocks of chunks; no chunk crosses from one block to the next. A record, which
// is a batch, is one chunk or several.
const (
	logBlock     = 32 << 10
	maxLogRecord = 256 << 20
)

// A chunk is CRC-32C (masked, 4 bytes), length (2), kind (1), in newer forms the log's number (4) and how far it was synced
// (8), and the payload. Kinds are full, first, middle and last of a record, four for each form.
const (
	legacyChunk     = 7
	recyclableChunk = 11
	syncedChunk     = 19
)

var chunkHeaders = [...]int{legacyChunk, recyclableChunk, syncedChunk}

const (
	chunkFull = iota
	chunkFirst
	chunkMiddle
	chunkLast
	chunkKinds
)

// logReader goes through a log chunk by chunk and passes by what is broken.
type logReader struct {
	number uint32
	take   func(item) error
	record []byte // the chunks of a record that goes on
	open   bool   // record is one whose beginning was good
	hole   int    // bytes passed by since the last good chunk,
	lost   int    // and before it: damage, because something follows
	ended  bool   // by the engine itself
}

// log reads what is left of a log.
func (w *wreck) log(name string, take func(item) error) (err error) {
	number, err := strconv.ParseUint(strings.SplitN(strings.TrimSuffix(name, ".log"), "-", 2)[0], 10, 64)
	if err != nil {
		return fmt.Errorf("not the name of a log: %w", err)
	}
	file, err := w.fs.Open(w.fs.PathJoin(w.dir, name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	l := &logReader{number: uint32(number), take: take}
	block := make([]byte, logBlock)
	for {
		n, err := io.ReadFull(file, block)
		if takeErr := l.block(block[:n]); takeErr != nil {
			return takeErr
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return l.verdict(name == w.newestLog)
		case err != nil:
			return err
		}
	}
}

// verdict says what is wrong with the log; nil if nothing is known to be.
func (l *logReader) verdict(newest bool) error {
	switch {
	case l.lost > 0:
		return fmt.Errorf("%d bytes in the middle cannot be read", l.lost)
	case !l.ended && !newest: // the newest ends where the box did
		return errors.New("its end is missing")
	}
	return nil
}

// block reads one block. Behind a chunk whose bytes are broken it goes on where its length says; if that leads nowhere, the
// rest of the block is passed by.
func (l *logReader) block(b []byte) error {
	for len(b) >= legacyChunk {
		kind := int(b[6]) - 1
		if kind < 0 || kind >= chunkKinds*len(chunkHeaders) {
			break
		}
		header := chunkHeaders[kind/chunkKinds]
		size := header + int(binary.LittleEndian.Uint16(b[4:]))
		if size > len(b) {
			break
		}
		if header > legacyChunk && binary.LittleEndian.Uint32(b[7:]) != l.number {
			l.ended = l.ended || binary.LittleEndian.Uint32(b[7:]) == l.number+1 // how the engine ends a log
			break
		}
		if binary.LittleEndian.Uint32(b) != chunkSum(b[6:size]) {
			l.hole += size
			l.open = false
		} else {
			l.lost += l.hole
			l.hole = 0
			if err := l.chunk(kind%chunkKinds, b[header:size]); err != nil {
				return err
			}
		}
		b = b[size:]
	}
	for _, c := range b {
		if c != 0 { // not the padding at the end of a block
			l.hole += len(b)
			l.open = false
			break
		}
	}
	return nil
}

// chunk adds a chunk to its record.
func (l *logReader) chunk(kind int, payload []byte) error {
	switch {
	case kind == chunkFull || kind == chunkFirst:
		l.record, l.open = append(l.record[:0], payload...), true
	case !l.open:
		l.lost += len(payload)
		return nil
	default:
		l.record = append(l.record, payload...)
	}
	if len(l.record) > maxLogRecord {
		l.open = false
		return nil
	}
	if kind == chunkFirst || kind == chunkMiddle {
		return nil
	}
	l.open = false
	return takeBatch(l.record, l.take)
}

// chunkSum is the engine's checksum: CRC-32C, rotated and shifted so that it differs from that of data which holds it.
func chunkSum(b []byte) uint32 {
	c := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
	return (c>>15 | c<<17) + 0xa282ead8
}

// takeBatch reads one batch as the engine wrote it. Its checksum was right, so that what cannot be read is of a kind that is
// not ours.
func takeBatch(batch []byte, take func(item) error) error {
	for r := batchrepr.Read(batch); ; {
		kind, key, value, ok, err := r.Next()
		if err != nil || !ok {
			return nil
		}
		if isSet(kind) || isDeletion(kind) {
			if err := take(item{key, value, isDeletion(kind)}); err != nil {
				return err
			}
		}
	}
}
