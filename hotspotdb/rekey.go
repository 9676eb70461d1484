package hotspotdb

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// SetDigestKey makes sums comparable with another replication domain: index and sums are built again. Reading goes on in
// the meantime, writing waits for it. The key itself is not stored here.
func (db *DB) SetDigestKey(key [16]byte) error {
	if db.opts.ReadOnly {
		return ErrReadOnly
	}
	j := &job{run: func(*Tx) error { return db.rekey(key) }, alone: true}
	if err := db.do(context.Background(), j); err != nil {
		return fmt.Errorf("change the digest key: %w", err)
	}
	return nil
}

// rekey runs in the committer.
func (db *DB) rekey(key [16]byte) error {
	x := newIndex(key)
	for _, ds := range Datasets() {
		x.datasets[ds].head = db.life.tops[ds]
	}
	x.sessions.begin(&db.opts)
	x.sessions.loading = true
	if _, err := db.loadRecords(db.engn, x, db.origins); err != nil {
		return err
	}
	x.sessions.loading = false
	h := newHasher(key)
	asides := map[recordID]aside{}
	err := scanPrefix(db.engn, []byte{tagAside}, func(k, value []byte) error {
		ds, number, _, raw, err := parseAside(k, value)
		if err != nil {
			return err
		}
		var c Change
		if err := c.decode(raw); err != nil {
			return err
		}
		asides[recordID{ds, h.key(c.Key)}] = aside{c.Stamp.Clock, c.Stamp.Origin, number}
		return nil
	})
	if err != nil {
		return err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	x.sessions.inherit(&db.index.sessions)
	db.index, db.hasher, db.asides = x, h, asides
	return nil
}

func isNotFound(err error) bool { return errors.Is(err, pebble.ErrNotFound) }
