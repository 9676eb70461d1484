package hotspotdb

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"

	"github.com/cockroachdb/pebble/v2"
)

// An export is the magic, then a frame for each key of the store in order: the length of the key (4 bytes, big endian; 0
// ends the frames), the key, the length of the value (4 bytes), the value; then the number of frames (8 bytes) and the
// SHA-256 of everything before.
const exportMagic = "MBOXHSD1"

// Export writes a consistent dump: id, incarnations, entries with their headers, positions, what is set aside and the
// conflicts. Everything in it is durable here, and no change after it began is in it.
func (db *DB) Export(ctx context.Context, w io.Writer) error {
	if err := db.export(ctx, w); err != nil {
		return fmt.Errorf("export database %s: %w", db.opts.Dir, err)
	}
	return nil
}

func (db *DB) export(ctx context.Context, w io.Writer) error {
	view := db.View()
	defer view.Close()
	if err := view.enter(); err != nil {
		return err
	}
	defer db.gate.leave()
	if !db.opts.ReadOnly { // an empty transaction with a durable end: what the view has is durable then
		if err := db.Flush(ctx); err != nil {
			return err
		}
	}
	out := newExporter(w)
	out.write([]byte(exportMagic))
	err := scanPrefixes(view.snapshot, func(key, value []byte) error {
		if out.frames++; out.frames%1024 == 0 {
			if db.gate.isClosed() {
				return ErrClosed
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		out.bytes(key)
		out.bytes(value)
		return out.err
	})
	if err != nil {
		return err
	}
	return out.finish()
}

// scanPrefixes reads all that belongs to a database.
func scanPrefixes(from pebble.Reader, take func(key, value []byte) error) error {
	for _, tag := range []byte{tagAside, tagConflict, tagMeta, tagPosition, tagRecord} {
		if err := scanPrefix(from, []byte{tag}, take); err != nil {
			return err
		}
	}
	return nil
}

// Flush returns once everything that was applied before is durable.
func (db *DB) Flush(ctx context.Context) error {
	return db.do(ctx, &job{durable: true, run: func(tx *Tx) error { return tx.batch.LogData(nil, nil) }})
}

type exporter struct {
	w      *bufio.Writer
	sum    hash.Hash
	frames uint64
	err    error
	size   [8]byte
}

func newExporter(w io.Writer) *exporter {
	return &exporter{w: bufio.NewWriterSize(w, 256<<10), sum: sha256.New()}
}

func (e *exporter) write(b []byte) {
	if e.err == nil {
		e.sum.Write(b)
		_, e.err = e.w.Write(b)
	}
}

func (e *exporter) bytes(b []byte) {
	binary.BigEndian.PutUint32(e.size[:4], uint32(len(b)))
	e.write(e.size[:4])
	e.write(b)
}

func (e *exporter) finish() error {
	e.bytes(nil)
	binary.BigEndian.PutUint64(e.size[:], e.frames)
	e.write(e.size[:])
	e.write(e.sum.Sum(nil))
	if e.err != nil {
		return e.err
	}
	return e.w.Flush()
}
