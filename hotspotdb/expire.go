package hotspotdb

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// SetHistory keeps closed session segments, usage, bindings that are over, audit entries and login attempts for so many days; 0 keeps them for ever. What ended before is
// removed, without a tombstone, and not taken from peers any more: every box of a domain should have the same days.
func (db *DB) SetHistory(days int) {
	if db.upkeep.days.Swap(int64(max(days, 0))) != int64(max(days, 0)) && !db.opts.ReadOnly {
		db.upkeep.signal()
	}
}

// HistoryDays is what SetHistory was told; 0 if history is kept for ever.
func (db *DB) HistoryDays() int { return int(db.upkeep.days.Load()) }

// Horizon is the instant before which history has expired; zero if history is kept for ever, or nothing is known of the
// clock yet.
func (db *DB) Horizon() time.Time {
	horizon := db.upkeep.horizon.Load()
	if horizon == 0 {
		return time.Time{}
	}
	return time.Unix(horizon, 0).UTC()
}

// horizonAt is the beginning of a UTC day: all boxes come to it within the same day. 0 if there is none.
func (u *upkeep) horizonAt(now time.Time) int64 {
	days := u.days.Load()
	if days == 0 {
		return 0
	}
	return now.UTC().Truncate(day).Add(-time.Duration(days) * day).Unix()
}

// moveHorizon needs upkeep.mu. While the clock is not believed the horizon stays where it is.
func (db *DB) moveHorizon(now time.Time) {
	u := &db.upkeep
	if horizon := u.horizonAt(now); horizon == 0 || u.calendar.believed() {
		u.horizon.Store(horizon)
	}
}

// firstInstant is before any of these boxes was made. What ended earlier was written by one whose clock was not set: nobody
// knows how old it is, so that it stays.
const firstInstant = 1_577_836_800 // 2020-01-01T00:00:00Z, Unix seconds

// fieldBoundUntil is expires_s of hotspotpb.Sticky.
const fieldBoundUntil = protowire.Number(9)

// ended is when a record of history ended, in Unix seconds; false if it did not, or is no history.
func ended(c *Change) (at int64, history bool) {
	switch {
	case c.Deleted:
		return 0, false
	case isUsage(c.Key):
		at = int64(usageStart(c.Key) + uint64(usagePeriod/time.Second))
	case c.Key[0] == KindSegment:
		at = int64(lastVarint(c.Body, fieldStop)) / 1e6
	case c.Key[0] == KindSticky:
		at = int64(lastVarint(c.Body, fieldBoundUntil))
	case c.Key[0] == KindAudit, c.Key[0] == KindAttempt:
		at = int64(lastVarint(c.Body, fieldAt)) / 1e6
	}
	return at, at >= firstInstant
}

// expired says whether a change is history of before the horizon.
func (db *DB) expired(c *Change) bool {
	horizon := db.upkeep.horizon.Load()
	if horizon == 0 {
		return false
	}
	at, history := ended(c)
	return history && at <= horizon
}

// Expiring says whether a change is about to go, is gone, or would be refused, here or on another box: history within a day of
// the horizon or beyond it, and what belongs to an erased account. That one box has it and another has not is no loss.
func (db *DB) Expiring(c Change) bool {
	if db.erased(&c) {
		return true
	}
	horizon := max(db.upkeep.horizon.Load(), db.upkeep.horizonAt(db.opts.Now()))
	if horizon == 0 {
		return false
	}
	at, history := ended(&c)
	return history && at <= horizon+int64(day/time.Second) && !db.lasts(&c)
}

// expire removes what the horizon has passed since the last time. It needs upkeep.mu.
func (db *DB) expire(ctx context.Context) error {
	horizon := db.upkeep.horizon.Load()
	if horizon == db.upkeep.expired {
		return nil
	}
	if horizon == 0 {
		db.upkeep.expired = 0
		return nil
	}
	g := db.gatherer(ctx)
	view := db.View()
	defer view.Close()
	var err error
	for _, ds := range []Dataset{Sessions, Sticky, Audit} {
		if err == nil {
			err = g.expire(view, ds)
		}
	}
	if err == nil {
		err = g.flush()
	}
	if err == nil {
		err = g.foldAll()
	}
	if g.removed > 0 {
		db.opts.Log.Info("history has expired", "before", db.Horizon(), "records", g.removed)
	}
	if err != nil {
		return fmt.Errorf("remove history before %s: %w", db.Horizon(), err)
	}
	db.upkeep.expired = horizon
	return nil
}

// expire takes what has expired in a dataset on the list.
func (g *gatherer) expire(view *View, ds Dataset) error {
	return view.Scan(ds, 0, view.Seq, func(e Entry) (bool, error) {
		var c Change
		if err := c.decode(e.Change); err != nil {
			return false, err
		}
		switch {
		case !g.db.expired(&c):
			return true, g.ctx.Err()
		case !isUsage(c.Key):
			return true, g.add(ds, e.Seq, &c, false)
		case !g.db.lasts(&c):
			g.folds[keyID(c.Key)] = true
		}
		return true, g.ctx.Err()
	})
}

// foldChunk bounds of how many accounts one transaction folds usage, so that writers need not wait for long.
const foldChunk = 50

// foldAll folds the usage of accounts of which days have expired.
func (g *gatherer) foldAll() error {
	for chunk := range slices.Chunk(slices.Collect(maps.Keys(g.folds)), foldChunk) {
		n := 0
		err := g.db.UpdateHere(g.ctx, func(tx *Tx) error {
			n = 0
			for _, account := range chunk {
				removed, err := tx.foldUsage(account)
				if n += removed; err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		g.removed += n
	}
	return nil
}
