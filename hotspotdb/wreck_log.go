package hotspotdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/batchrepr"
	walrecord "github.com/cockroachdb/pebble/v2/record"
)

// The log of the storage engine consists of blocks; no chunk crosses from one to the next.
const (
	logBlock  = 32 << 10
	logWindow = 8 << 20 // how much of a log is read on from a block behind damage, at most: more than one record has
)

// log reads what is left of a log. Behind a chunk that cannot be read it goes on at the next block.
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
	info, err := file.Stat()
	if err != nil {
		return err
	}
	size, at, hole, lost := info.Size(), int64(0), int64(0), int64(0)
	for window := size; at < size; window = logWindow {
		if at > 0 && !startsChunk(file, at, number) {
			at += logBlock
			continue
		}
		good, found, err := w.records(io.NewSectionReader(file, at, min(window, size-at)), number, take)
		if err != nil {
			return err
		}
		if found && at > 0 {
			lost += at - hole // it is damage only if something follows it
		}
		if found || at == 0 {
			hole = at + good
		}
		at += (good/logBlock + 1) * logBlock
	}
	if lost > 0 {
		return fmt.Errorf("%d bytes in the middle cannot be read", lost)
	}
	return nil
}

// records reads records until one cannot be read, and returns how many bytes they took.
func (w *wreck) records(file io.Reader, number uint64, take func(item) error) (good int64, found bool, err error) {
	r := newLogReader(walrecord.NewReader, file, number)
	for {
		next, err := r.Next()
		if err != nil {
			return good, found, nil // the end, or damage: the same from here
		}
		batch, err := io.ReadAll(next)
		if err != nil {
			return good, found, nil // as above
		}
		good, found = r.Offset(), true
		if err := takeBatch(batch, take); err != nil {
			return good, found, err
		}
	}
}

// takeBatch reads one batch as the engine wrote it.
func takeBatch(batch []byte, take func(item) error) error {
	for r := batchrepr.Read(batch); ; {
		kind, key, value, ok, err := r.Next()
		if err != nil || !ok {
			return nil // its checksum was right: it is of a kind that is not ours
		}
		if isSet(kind) || isDeletion(kind) {
			if err := take(item{key, value, isDeletion(kind)}); err != nil {
				return err
			}
		}
	}
}

// newLogReader calls record.NewReader, whose second argument has a type that cannot be named here.
func newLogReader[N ~uint64](open func(io.Reader, N) *walrecord.Reader, r io.Reader, number uint64) *walrecord.Reader {
	return open(r, N(number))
}

// startsChunk says whether a block begins with what may be a chunk of this log.
func startsChunk(file io.ReaderAt, at int64, number uint64) bool {
	const legacy, recyclable, synced = 4, 8, 12 // the highest kinds of chunks with each form of header
	var header [11]byte                         // CRC 4, length 2, kind 1, and but for legacy the log's number 4
	if n, _ := file.ReadAt(header[:], at); n < len(header) {
		return false
	}
	length, kind := binary.LittleEndian.Uint16(header[4:]), header[6]
	switch {
	case kind == 0 || kind > synced || length > logBlock:
		return false
	case kind <= legacy:
		return length > 0
	}
	return binary.LittleEndian.Uint32(header[7:]) == uint32(number)
}
