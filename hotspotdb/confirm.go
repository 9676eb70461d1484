package hotspotdb

import (
	"context"
	"errors"
	"fmt"
)

// ErrUnconfirmed says that a write is stored and durable here, but that fewer other boxes than are asked for have said in time
// that they have stored it too. It need not be made again.
var ErrUnconfirmed = errors.New("stored here, but not confirmed")

// Confirm waits until a commit is held by as many other boxes as are asked for. Its error wraps ErrUnconfirmed.
type Confirm func(ctx context.Context, c Commit) error

// Commit is what a local write has stored.
type Commit struct {
	Seq      uint64    // the last sequence that it took
	Ahead    bool      // its stamps are so far ahead of the clock that peers would set it aside, or refuse it
	Datasets []Dataset // of which it changed records, in the order of Datasets(); the audit is not asked for

	db      *DB
	index   *index
	records []recordID
}

// SetConfirm makes every Update wait, once it is durable here, for confirm to return; nil ends that. It does not hold up other
// writers: each waits by itself.
func (db *DB) SetConfirm(confirm Confirm) {
	if confirm == nil {
		db.confirm.Store(nil)
		return
	}
	db.confirm.Store(&confirm)
}

// Update runs fn as one transaction and returns once it is durable, or with fn's error, and then nothing of it is stored.
// fn runs in the committer: it must be quick, must not wait, and must not call other methods of the database that write.
// If storing failed after fn ran, the error wraps ErrNoSpace (nothing is stored) or the error that ended all writing. With
// SetConfirm it also waits for other boxes; an error that wraps ErrUnconfirmed means that all of it is stored.
func (db *DB) Update(ctx context.Context, fn func(*Tx) error) error {
	confirm := db.confirm.Load()
	if confirm == nil {
		return db.UpdateHere(ctx, fn)
	}
	var c Commit
	err := db.UpdateHere(ctx, func(tx *Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		c = tx.commit()
		return nil
	})
	if err != nil || len(c.records) == 0 {
		return err
	}
	if c.Ahead {
		return fmt.Errorf("%w: it replaces a version from the future, which other boxes do not take yet", ErrUnconfirmed)
	}
	return (*confirm)(ctx, c)
}

// commit lists what the transaction has staged.
func (tx *Tx) commit() Commit {
	c := Commit{db: tx.db, index: tx.db.index, Seq: tx.g.next}
	var changed [Audit + 1]bool
	for _, o := range tx.g.ops[tx.ops:] {
		c.records = append(c.records, recordID{o.ds, o.hash})
		changed[o.ds] = true
		c.Ahead = c.Ahead || o.clock > tx.wall+2*uint64(maxAhead.Microseconds())
	}
	for _, ds := range Datasets() {
		if changed[ds] {
			c.Datasets = append(c.Datasets, ds)
		}
	}
	return c
}

// Newest is the highest sequence at which one of the commit's records of a dataset stands now. A feed that was read up to there
// has brought each of them, as the commit left it or newer; one that was only read up to the commit's own sequence may
// not have, because a change that is not durable yet has moved a record on.
func (c *Commit) Newest(ds Dataset) uint64 {
	c.db.mu.RLock()
	defer c.db.mu.RUnlock()
	if c.db.index != c.index { // the digest key was changed, and with it the names of records
		return c.db.index.datasets[ds].head
	}
	var newest uint64
	for _, id := range c.records {
		if id.ds != ds {
			continue
		}
		if r := c.index.datasets[ds].get(id.hash); r != nil {
			newest = max(newest, r.seq)
		}
	}
	return newest
}
