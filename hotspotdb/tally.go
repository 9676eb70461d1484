package hotspotdb

import (
	"encoding/binary"
	"fmt"
)

// tally is how many records there are and the sum of their sequences. It is written with each group, and compared with what
// is read at the next start: a log that vanished from among others leaves a hole that neither the storage engine nor the mark
// notices.
type tally struct {
	last  uint64 // the database's highest sequence when it was written
	count uint64
	sum   uint64 // modulo 2^64
}

const tallyName = "tally"

func (t *tally) add(seq uint64)  { t.count, t.sum = t.count+1, t.sum+seq }
func (t *tally) take(seq uint64) { t.count, t.sum = t.count-1, t.sum-seq }

func (t tally) encode() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 24), t.last)
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, t.count), t.sum)
}

// decodeTally is false for nothing, which a database has that was written before tallies were kept.
func decodeTally(b []byte) (tally, bool) {
	if len(b) != 24 {
		return tally{}, false
	}
	return tally{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:])}, true
}

// checkTally compares the records that were read with those that were written. A tally that is older than the last record was
// left by a version that kept none.
func (db *DB) checkTally() error {
	value, err := db.getMeta(tallyName)
	if err != nil {
		return err
	}
	written, kept := decodeTally(value)
	if !kept || written.last != db.last || written == db.tally {
		return nil
	}
	if written.count > db.tally.count {
		return fmt.Errorf("%w: %d of %d records are missing", ErrDamaged, written.count-db.tally.count, written.count)
	}
	return fmt.Errorf("%w: %d records were written, and %d others are there", ErrDamaged, written.count, db.tally.count)
}
