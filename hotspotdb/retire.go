package hotspotdb

import (
	"context"
	"fmt"
)

// retireChunk bounds how many entries one transaction deletes.
const retireChunk = 1000

// Retire deletes exactly the versions that are listed by their sequences: those of a box that was away for so long that the
// deletions which it missed are forgotten everywhere. Unlike any other deletion its stamp is the deleted version's, plus one
// microsecond: it loses against whatever somebody made since. It is a change like any other, so that followers of this
// box hear of it. What may have expired by age is removed without a trace. It returns how many records went.
func (db *DB) Retire(ctx context.Context, ds Dataset, list []uint64) (int, error) {
	var expiring []uint64
	done := 0
	for len(list) > 0 {
		chunk := list[:min(len(list), retireChunk)]
		list = list[len(chunk):]
		n := 0
		err := db.UpdateHere(ctx, func(tx *Tx) error {
			n = 0
			for _, seq := range chunk {
				gone, old, err := tx.retire(ds, seq)
				if err != nil {
					return err
				}
				if gone {
					n++
				}
				if old {
					expiring = append(expiring, seq)
				}
			}
			return nil
		})
		if err != nil {
			return done, fmt.Errorf("delete what was deleted elsewhere long ago: %w", err)
		}
		done += n
	}
	if len(expiring) == 0 {
		return done, nil
	}
	n, err := db.Forget(ctx, ds, expiring)
	return done + n, err
}

func (tx *Tx) retire(ds Dataset, seq uint64) (gone, expiring bool, err error) {
	old, _, err := tx.db.changeAt(ds, seq)
	if isNotFound(err) {
		return false, false, nil // replaced meanwhile
	}
	if err != nil {
		return false, false, err
	}
	r, op, found := tx.find(ds, tx.db.hasher.key(old.Key))
	switch {
	case !found || r.seq != seq || old.Deleted || isErasure(old.Key):
		return false, false, nil
	case tx.db.Expiring(old):
		return false, true, nil
	}
	c := Change{Key: old.Key, Stamp: Stamp{r.clock + 1, tx.db.id}, Deleted: true, Base: tx.stamp(r)}
	if versioned(old.Key[0]) { // the same vector: who edited that version knew all that this deletion knows
		if c.Version, err = tx.vector(ds, r, op); err != nil {
			return false, false, err
		}
	}
	var in incoming
	if err := in.admit(tx.db.index, &tx.db.hasher, ds, AppendChange(nil, &c)); err != nil {
		return false, false, err
	}
	return true, false, tx.store(&in, Source{})
}

// vector reads the version vector of a stored change.
func (tx *Tx) vector(ds Dataset, r record, op int32) (Vector, error) {
	raw, err := tx.load(ds, r, op)
	if err != nil {
		return nil, err
	}
	return decodeVector(raw)
}
