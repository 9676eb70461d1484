package hotspotdb

import (
	"context"
	"errors"
	"fmt"
)

// rehomeChunk bounds how many entries one transaction moves.
const rehomeChunk = 2000

var errMoved = errors.New("entry has moved")

// Rehome is called when the database from has forgotten what it sent after the position after: it was restored from a
// backup, or a relay lost what it had not synced. Entries that came from it later become Local ones at the end of the
// feed, the same change as before, so that they can be returned to it, and the position becomes after. It returns how many
// entries moved. It works in chunks; the position is set last, so that a Rehome that was cut off is repeated.
func (db *DB) Rehome(ctx context.Context, from DatabaseID, ds Dataset, after Position) (int, error) {
	moved := 0
	view := db.View()
	defer view.Close()
	var chunk []uint64
	flush := func() error {
		n, err := db.rehome(ctx, from, ds, after.Seq, chunk)
		moved += n
		chunk = chunk[:0]
		return err
	}
	err := view.Scan(ds, 0, view.Seq, func(e Entry) (bool, error) {
		if lostBy(e.Source, from, after.Seq) {
			chunk = append(chunk, e.Seq)
		}
		if len(chunk) < rehomeChunk {
			return true, nil
		}
		return true, flush()
	})
	if err == nil {
		err = flush()
	}
	if err == nil {
		err = db.UpdateHere(ctx, func(tx *Tx) error {
			return errors.Join(tx.rehomeAsides(from, ds, after.Seq), tx.setPosition(from, ds, after))
		})
	}
	if err != nil {
		return moved, fmt.Errorf("keep what %s has forgotten of %s: %w", from, ds, err)
	}
	return moved, nil
}

func lostBy(s Source, from DatabaseID, after uint64) bool {
	return s.Kind != Local && s.Database == from && s.Seq > after
}

// rehome moves entries, unless a newer version has replaced them since they were listed.
func (db *DB) rehome(ctx context.Context, from DatabaseID, ds Dataset, after uint64, seqs []uint64) (int, error) {
	moved := 0
	if len(seqs) == 0 {
		return 0, nil
	}
	err := db.UpdateHere(ctx, func(tx *Tx) error {
		moved = 0
		for _, seq := range seqs {
			switch err := tx.rehome(from, ds, after, seq); {
			case err == nil:
				moved++
			case !errors.Is(err, errMoved):
				return err
			}
		}
		return nil
	})
	if err != nil {
		moved = 0
	}
	return moved, err
}

func (tx *Tx) rehome(from DatabaseID, ds Dataset, after, seq uint64) error {
	value, closer, err := tx.db.engn.Get(recordKey(ds, seq))
	if isNotFound(err) {
		return errMoved
	}
	if err != nil {
		return err
	}
	defer closer.Close()
	source, _, raw, err := parseHeader(value)
	if err != nil {
		return err
	}
	var in incoming
	if err := in.prepare(tx.db.index, &tx.db.hasher, ds, raw); err != nil {
		return err
	}
	current, _, found := tx.find(ds, in.hash)
	if !found || current.seq != seq || !lostBy(source, from, after) {
		return errMoved
	}
	return tx.store(&in, Source{})
}

// rehomeAsides makes Local what was set aside: it is to be returned as well once it is merged.
func (tx *Tx) rehomeAsides(from DatabaseID, ds Dataset, after uint64) error {
	return scanPrefix(tx.db.engn, []byte{tagAside}, func(key, value []byte) error {
		in, number, source, raw, err := parseAside(key, value)
		if err != nil || in != ds || !lostBy(source, from, after) {
			return err
		}
		var c Change
		if err := c.decode(raw); err != nil {
			return err
		}
		if tx.db.asides[recordID{ds, tx.db.hasher.key(c.Key)}].number != number {
			return nil // the group has replaced it already
		}
		local := make([]byte, 1+localHeader, 1+localHeader+len(raw))
		local[0] = byte(ds)
		putHeader(local[1:], Source{}, tx.wall)
		return tx.batch.Set(key, append(local, raw...), nil)
	})
}
