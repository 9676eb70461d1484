package hotspotdb

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Restore is Import for a box that has a database: who was erased in this one is erased in the other, although the export
// is older and still has him.
func (db *DB) Restore(ctx context.Context, dir string, r io.Reader) error {
	erased, err := db.erasures(ctx)
	if err != nil {
		return fmt.Errorf("restore into %s: list the erased accounts: %w", dir, err)
	}
	return importWith(ctx, dir, r, erased)
}

// erasedRecord is the record of an erasure, as its origin encoded it.
type erasedRecord struct {
	ds  Dataset
	raw []byte
}

func (db *DB) erasures(ctx context.Context) (list []erasedRecord, err error) {
	view := db.View()
	defer view.Close()
	db.mu.RLock()
	some := len(db.index.erased) > 0
	db.mu.RUnlock()
	if !some {
		return nil, nil
	}
	for _, ds := range erasureDatasets {
		err := view.Scan(ds, 0, view.Seq, func(e Entry) (bool, error) {
			var c Change
			if err := c.decode(e.Change); err != nil {
				return false, err
			}
			if isErasure(c.Key) {
				list = append(list, erasedRecord{ds, append([]byte{}, e.Change...)})
			}
			return true, ctx.Err()
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// eraseIn repeats erasures in a database that is not open.
func eraseIn(ctx context.Context, dir string, erased []erasedRecord) (err error) {
	db, err := Open(Options{Dir: dir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.UpdateHere(ctx, func(tx *Tx) error {
		for _, e := range erased {
			var in incoming
			if err := in.admit(tx.db.index, &tx.db.hasher, e.ds, e.raw); err != nil {
				return err
			}
			if err := tx.merge(&in, Source{}, &Result{}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("repeat erasures: %w", err)
	}
	return db.Upkeep(ctx)
}
