package hotspotdb

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Versions of the layout on disk. A store with a greater one is left alone. A database is made in the first, and becomes
// one of the second when entries are removed from it without a tombstone: see docs/adr/0007.
const (
	firstFormat   = 1
	formatVersion = 2
)

// Open opens the database in o.Dir, or makes one there unless o.ReadOnly.
//
// The files are first opened for reading, and read from end to end; only a store that is whole is then opened for
// writing. ErrInUse, ErrDamaged and ErrFuture leave them as they were.
func Open(o Options) (*DB, error) {
	askSeldom := o.FreeSpace == nil
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	db := &DB{
		opts:      o,
		views:     map[*View]struct{}{},
		groups:    make(chan *group, 64),
		asideWake: make(chan struct{}, 1),

		flushFailed: make(chan error, 1),
	}
	db.failed.happened = make(chan struct{})
	db.reset(o.DigestKey)
	db.queue.init()
	db.attempts.wake = make(chan struct{}, 1)
	db.durable.init()
	db.upkeep.init(o.Elapsed())
	db.space = spaceCheck{free: o.FreeSpace, reserve: o.Reserve}
	if askSeldom {
		db.space.elapsed = o.Elapsed
	}
	if err := db.open(); err != nil {
		return nil, fmt.Errorf("open database %s: %w", o.Dir, err)
	}
	return db, nil
}

func (db *DB) reset(digestKey [16]byte) {
	db.index = newIndex(digestKey)
	db.index.sessions.begin(&db.opts)
	db.hasher = newHasher(digestKey)
	db.origins = newOrigins()
	db.positions = map[positionID]Position{}
	db.asides = map[recordID]aside{}
	db.conflicts, db.conflictsOn, db.conflictBytes = map[u128]struct{}{}, map[u128]int{}, 0
	db.setConflicts(nil)
}

// makeDir makes a directory whose name survives a power cut.
func makeDir(fs vfs.FS, dir string) error {
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	parent, err := fs.OpenDir(fs.PathDir(dir))
	if err != nil {
		return err
	}
	return errors.Join(parent.Sync(), parent.Close())
}

func (db *DB) open() (err error) {
	if !db.opts.ReadOnly {
		if err := makeDir(db.opts.FS, db.opts.Dir); err != nil {
			return err
		}
	}
	if _, err := db.opts.FS.Stat(db.opts.Dir); err != nil {
		return err
	}
	if db.lock, err = pebble.LockDirectory(db.opts.Dir, db.opts.FS); err != nil {
		return lockError(err)
	}
	defer func() {
		if err != nil {
			if db.engn != nil {
				err = errors.Join(err, db.engn.Close())
			}
			if !db.stuck.Load() { // or another opening would find the engine still at work
				err = errors.Join(err, db.lock.Close())
			}
		}
	}()
	exists, err := db.exists()
	if err != nil {
		return err
	}
	if !exists && db.opts.ReadOnly {
		return fmt.Errorf("%w: no database there", ErrNotFound)
	}
	if exists {
		if err := db.read(); err != nil {
			return err
		}
	}
	tail := db.checkMark()
	if db.opts.ReadOnly {
		return nil
	}
	if err := db.begin(); err != nil {
		return err
	}
	db.startMark(tail)
	return nil
}

func lockError(err error) error {
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) || strings.Contains(err.Error(), "held by current process") {
		return fmt.Errorf("%w (%v)", ErrInUse, err)
	}
	return err
}

// exists tells a fresh folder from one that has lost the file which names the others: that must not become a new database.
func (db *DB) exists() (bool, error) {
	desc, err := pebble.Peek(db.opts.Dir, db.opts.FS)
	if err != nil {
		return false, damaged(err)
	}
	if desc.Exists {
		return true, nil
	}
	names, err := db.opts.FS.List(db.opts.Dir)
	if err != nil {
		return false, err
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".sst") {
			return false, fmt.Errorf("%w: data but no manifest", ErrDamaged)
		}
	}
	return false, nil
}

// read builds everything in memory from a store opened for reading, and leaves that open only for ReadOnly. It contains
// the panics of the storage engine over files that are not what they should be.
func (db *DB) read() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = damagedBy(r)
		}
	}()
	db.engn, err = pebble.Open(db.opts.Dir, db.engine(true))
	if err != nil {
		return damaged(err)
	}
	if err := db.readMeta(); err != nil {
		return err
	}
	if err := db.load(); err != nil {
		return err
	}
	db.durable.advance(db.durableState())
	if db.opts.ReadOnly {
		return nil
	}
	err = db.engn.Close()
	db.engn = nil
	return err
}

// begin opens the store for writing, appends this incarnation and starts the workers.
func (db *DB) begin() (err error) {
	if err := db.openEngine(); err != nil {
		return err
	}
	batch := db.engn.NewBatch()
	fresh := db.id.IsZero()
	if fresh {
		if _, err := rand.Read(db.id[:]); err != nil {
			return err
		}
		if err := errors.Join(
			batch.Set(metaKey("format"), binary.BigEndian.AppendUint32(nil, firstFormat), nil),
			batch.Set(metaKey("id"), db.id[:], nil),
		); err != nil {
			return err
		}
	}
	db.history = extendHistory(db.history, db.last)
	if err := batch.Set(metaKey("incarnations"), encodeHistory(db.history), nil); err != nil {
		return err
	}
	if err := batch.Commit(pebble.Sync); err != nil {
		return err
	}
	if fresh {
		// The engine begins the log of a new store in its oldest format, in which damage cannot be told from a power
		// cut. The next log is in the newest.
		if err := db.flushTables(); err != nil {
			return err
		}
	}
	db.durable.advance(db.durableState())
	ctx, cancel := context.WithCancel(context.Background())
	db.stop = cancel
	db.workers.Go(db.commitLoop)
	db.workers.Go(db.syncLoop)
	db.workers.Go(func() { db.asideLoop(ctx) })
	db.workers.Go(func() { db.upkeepLoop(ctx) })
	db.workers.Go(func() { db.attemptLoop(ctx) })
	if len(db.index.erased) > 0 {
		db.upkeep.unswept.Store(true)
		db.upkeep.signal()
	}
	return nil
}

func (db *DB) durableState() durableState {
	state := durableState{seq: db.last}
	for _, ds := range Datasets() {
		state.heads[ds] = db.index.datasets[ds].head
	}
	for id, position := range db.positions {
		state.positions = append(state.positions, positionOp{id, position})
	}
	return state
}

// readMeta reads what the database says of itself. A store that was made but never named is a fresh one.
func (db *DB) readMeta() error {
	format, err := db.getMeta("format")
	if err != nil {
		return err
	}
	if format == nil {
		return db.readFresh()
	}
	if len(format) != 4 {
		return fmt.Errorf("%w: format of %d bytes", ErrDamaged, len(format))
	}
	if v := binary.BigEndian.Uint32(format); v > formatVersion {
		return fmt.Errorf("%w: format %d, this one reads up to %d", ErrFuture, v, formatVersion)
	}
	id, err := db.getMeta("id")
	if err != nil {
		return err
	}
	if len(id) != len(db.id) {
		return fmt.Errorf("%w: id of %d bytes", ErrDamaged, len(id))
	}
	copy(db.id[:], id)
	history, err := db.getMeta("incarnations")
	if err != nil {
		return err
	}
	if db.history, err = decodeHistory(history); err != nil {
		return err
	}
	return errors.Join(db.readLife(), db.readCalendar())
}

// readFresh accepts a store without a name only if it holds nothing: the first opening was cut off.
func (db *DB) readFresh() error {
	iter, err := db.engn.NewIter(nil)
	if err != nil {
		return err
	}
	empty := !iter.First()
	if err := iter.Close(); err != nil {
		return damaged(err)
	}
	switch {
	case !empty:
		return fmt.Errorf("%w: no format version", ErrDamaged)
	case db.opts.ReadOnly:
		return fmt.Errorf("%w: no database there", ErrNotFound)
	}
	return nil
}

func (db *DB) getMeta(name string) ([]byte, error) {
	value, closer, err := db.engn.Get(metaKey(name))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, damaged(fmt.Errorf("read %s: %w", name, err))
	}
	defer closer.Close()
	return append([]byte{}, value...), nil
}
