package hotspotdb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// upkeep removes what is too old, and what belonged to persons who were erased. One goroutine does it, once in
// Options.Upkeep and when it is woken; docs/adr/0007 has the rules.
type upkeep struct {
	mu       sync.Mutex // one at a time; guards calendar, elapsed, looked and expired
	calendar calendar
	elapsed  time.Duration // Options.Elapsed at the last look
	looked   bool          // since the start
	expired  int64         // the horizon up to which history was removed

	days    atomic.Int64 // history is kept for so many; 0: for ever
	horizon atomic.Int64 // Unix seconds; history that ended before it is not taken any more; 0: none
	unswept atomic.Bool  // somebody was erased
	keep    atomic.Pointer[func() map[Dataset]uint64]
	wake    chan struct{}
}

func (u *upkeep) init(elapsed time.Duration) {
	u.wake, u.elapsed = make(chan struct{}, 1), elapsed
}

func (u *upkeep) signal() {
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

func (db *DB) upkeepLoop(ctx context.Context) {
	ticker := time.NewTicker(db.opts.Upkeep)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-db.upkeep.wake:
		}
		if err := db.Upkeep(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, ErrClosed) {
			db.opts.Log.Error("cannot remove what is too old", "err", err)
		}
	}
}

// Upkeep does at once what is else done in the course of an hour: it removes what is left of erased accounts, history
// that has expired, and, once SetKeep was called, tombstones.
func (db *DB) Upkeep(ctx context.Context) error {
	if db.opts.ReadOnly {
		return fmt.Errorf("upkeep: %w", ErrReadOnly)
	}
	u := &db.upkeep
	u.mu.Lock()
	defer u.mu.Unlock()
	_, err := db.sweep(ctx)
	if err == nil {
		err = db.look(ctx)
	}
	if err == nil {
		err = db.expire(ctx)
	}
	keep := u.keep.Load()
	if err != nil || keep == nil {
		return err
	}
	_, err = db.purge(ctx, (*keep)())
	return err
}

// look brings calendar and horizon up to date. It needs upkeep.mu.
func (db *DB) look(ctx context.Context) error {
	u := &db.upkeep
	now, elapsed := db.opts.Now(), db.opts.Elapsed()
	ran := elapsed - u.elapsed
	next := u.calendar
	next.marks = append([]dayMark{}, next.marks...)
	known := !now.Before(db.opts.Built) // else nobody has set the clock since the start
	err := db.UpdateHere(ctx, func(tx *Tx) error {
		if known {
			next.look(now, ran, !u.looked, tx.db.last, db.retentionDays())
		} else {
			next.ran += max(ran, 0)
		}
		return tx.batch.Set(metaKey(calendarName), next.encode(), nil)
	})
	if err != nil {
		return fmt.Errorf("note what day it is: %w", err)
	}
	u.calendar, u.elapsed = next, elapsed
	if known {
		u.looked = true
		db.moveHorizon(now)
	}
	return nil
}

const calendarName = "calendar"

func (db *DB) readCalendar() error {
	value, err := db.getMeta(calendarName)
	if err != nil || value == nil {
		return err
	}
	db.upkeep.calendar, err = decodeCalendar(value)
	return err
}

func (db *DB) retentionDays() int { return int(db.opts.Retention / day) }
