package hotspotdb

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
)

// damaged says of an error over files whether they are damaged. A disk or a system that fails now may do better at the
// next start: what the operating system refuses is passed on as it is.
func damaged(err error) error {
	var refused syscall.Errno
	// These come from files that are not there, or not what they should be.
	ofFiles := []syscall.Errno{syscall.ENOENT, syscall.ENOTDIR, syscall.EISDIR, syscall.EINVAL}
	if errors.As(err, &refused) && !slices.Contains(ofFiles, refused) || errors.Is(err, ErrDamaged) {
		return err
	}
	return fmt.Errorf("%w: %v", ErrDamaged, err)
}

// damagedBy is damaged for what recover returned.
func damagedBy(panicked any) error {
	if err, ok := panicked.(error); ok {
		return damaged(err)
	}
	return fmt.Errorf("%w: %v", ErrDamaged, panicked)
}

// Damage is the first damage that was noticed since the database was opened; nil if there was none. What lies in other
// blocks can be used; the next Open refuses the store with ErrDamaged.
func (db *DB) Damage() error {
	if err := db.damage.Load(); err != nil {
		return *err
	}
	return nil
}

func (db *DB) noticeDamage(file string, err error) {
	err = fmt.Errorf("%w: %s: %v", ErrDamaged, file, err)
	if db.damage.CompareAndSwap(nil, &err) {
		db.opts.Log.Error("the hotspot database is damaged", "err", err)
	}
}

// syncLog asks whether the disk still takes anything. On one that does not, the storage engine must not begin a new log:
// it does not survive the failure of that.
func (db *DB) syncLog() error {
	synced := make(chan error, 1)
	go func() { synced <- db.engn.LogData(nil, pebble.Sync) }()
	select {
	case err := <-synced:
		if err != nil {
			db.fail(fmt.Errorf("sync the log of %s: %w", db.opts.Dir, err))
		}
		return err
	case <-db.failed.happened:
		return db.failed.get()
	}
}

// flushTables moves what is in the log into tables. It gives up when the engine cannot write them, which would try for
// ever; the log still has everything.
func (db *DB) flushTables() error {
	select {
	case <-db.flushFailed: // an earlier one
	default:
	}
	flushed, err := db.engn.AsyncFlush()
	if err != nil {
		return err
	}
	select {
	case <-flushed:
		return nil
	case err := <-db.flushFailed:
		return fmt.Errorf("write tables: %w", err)
	case <-db.failed.happened:
		return db.failed.get()
	}
}

// openEngine opens the store for writing. The storage engine moves the log into tables as it does, and on a full disk would
// try that for ever: then it is left where it stands, with its lock, until the process ends.
func (db *DB) openEngine() error {
	type result struct {
		engine *pebble.DB
		err    error
	}
	opened := make(chan result, 1)
	db.opening.Store(true)
	go func() {
		engine, err := pebble.Open(db.opts.Dir, db.engine(false))
		opened <- result{engine, err}
	}()
	select {
	case r := <-opened:
		db.opening.Store(false)
		if db.engn = r.engine; r.err != nil {
			return damaged(r.err)
		}
		return nil
	case err := <-db.flushFailed:
		db.stuck.Store(true)
		return fmt.Errorf("write tables: %w", err)
	}
}
