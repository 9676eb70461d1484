package hotspotdb

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// PurgeOptions hold a purge back.
type PurgeOptions struct {
	// Keep has, for each dataset, a sequence above which tombstones stay, because a peer has not stored them yet. A
	// dataset that is not in it has no such limit.
	Keep map[Dataset]uint64
}

// PurgeResult says what became of tombstones that are old enough.
type PurgeResult struct {
	Purged int
	Kept   int // for peers
}

// SetKeep lets the database purge tombstones by itself; keep is asked for PurgeOptions.Keep each time. nil ends that.
func (db *DB) SetKeep(keep func() map[Dataset]uint64) {
	if keep == nil {
		db.upkeep.keep.Store(nil)
		return
	}
	db.upkeep.keep.Store(&keep)
}

// Purge removes the tombstones that were stored here longer than Options.Retention ago, and before as many different days
// on which this box was seen running. It works in chunks; writers do not wait for it.
func (db *DB) Purge(ctx context.Context, o PurgeOptions) (PurgeResult, error) {
	if db.opts.ReadOnly {
		return PurgeResult{}, fmt.Errorf("purge tombstones: %w", ErrReadOnly)
	}
	db.upkeep.mu.Lock()
	defer db.upkeep.mu.Unlock()
	if err := db.look(ctx); err != nil {
		return PurgeResult{}, err
	}
	return db.purge(ctx, o.Keep)
}

// purge needs upkeep.mu.
func (db *DB) purge(ctx context.Context, keep map[Dataset]uint64) (PurgeResult, error) {
	var result PurgeResult
	limit, found := db.upkeep.calendar.limit(db.retentionDays())
	if db.retentionDays() == 0 {
		limit, found = db.Durable(), true
	}
	if !found {
		return result, nil
	}
	p := purger{gatherer: db.gatherer(ctx), before: db.opts.Now().Add(-db.opts.Retention), result: &result}
	for _, ds := range Datasets() {
		p.upto = limit
		if most, limited := keep[ds]; limited {
			p.upto = min(limit, most)
		}
		err := p.purge(ds, limit)
		if result.Purged = p.removed; err != nil {
			return result, fmt.Errorf("purge tombstones of %s: %w", ds, err)
		}
	}
	if result.Purged > 0 || result.Kept > 0 {
		db.opts.Log.Info("purged tombstones", "purged", result.Purged, "kept_for_peers", result.Kept)
	}
	return result, nil
}

type purger struct {
	*gatherer
	before time.Time
	upto   uint64
	result *PurgeResult
}

// purge finds tombstones in memory, one bucket at a time, and reads only them.
func (p *purger) purge(ds Dataset, limit uint64) error {
	if p.db.Counts(ds).Tombstones == 0 {
		return nil
	}
	for bucket := range Buckets {
		for _, seq := range p.db.tombstones(ds, bucket, limit) {
			if err := p.consider(ds, seq); err != nil {
				return err
			}
		}
		if err := p.ctx.Err(); err != nil {
			return err
		}
	}
	return p.flush()
}

func (p *purger) consider(ds Dataset, seq uint64) error {
	c, stored, err := p.db.changeAt(ds, seq)
	switch {
	case isNotFound(err):
		return nil // replaced
	case err != nil:
		return err
	case !time.UnixMicro(int64(stored)).Before(p.before):
		return nil
	case seq > p.upto:
		p.result.Kept++
		return nil
	}
	return p.add(ds, seq, &c, true)
}

// tombstones lists the tombstones of a bucket up to a sequence.
func (db *DB) tombstones(ds Dataset, bucket int, upto uint64) []uint64 {
	db.mu.RLock()
	defer db.mu.RUnlock()
	var list []uint64
	for _, r := range db.index.datasets[ds].tables[bucket].slots {
		if r.seq != 0 && r.seq <= upto && r.flags&flagDeleted != 0 {
			list = append(list, r.seq)
		}
	}
	slices.Sort(list)
	return list
}

// Forgotten says whether a record that is not here may have been deleted so long ago that its tombstone was purged.
func (db *DB) Forgotten(ds Dataset, c Change) bool {
	return db.Floor(ds) > 0 && c.Stamp.Clock < uint64(max(0, db.opts.Now().Add(maxAhead-db.opts.Retention).UnixMicro()))
}
