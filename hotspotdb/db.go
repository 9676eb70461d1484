package hotspotdb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// DB is an open database. All methods are safe for concurrent use.
//
// One goroutine, the committer, makes every change; another, the syncer, waits for the disk. See commit.go.
type DB struct {
	opts   Options
	id     DatabaseID
	lock   *pebble.Lock
	engn   *pebble.DB
	space  spaceCheck
	gate   gate
	failed failure
	mark   mark
	loss   Loss // set by Open only
	damage atomic.Pointer[error]
	// flushFailed gets why the engine could not write a table, which it tries again and again.
	flushFailed chan error
	opening     atomic.Bool // the engine is being opened for writing
	stuck       atomic.Bool // and was given up
	// confirm is what Update waits for beside its own disk; nil: nothing.
	confirm atomic.Pointer[Confirm]

	// mu orders commits and views: the committer holds it while it changes index, positions and engine together.
	mu        sync.RWMutex
	index     *index
	history   []Incarnation
	last      uint64 // highest sequence applied
	positions map[positionID]Position
	life      life
	tally     tally

	guests guests      // decoded records
	hashed atomic.Bool // passwords are kept as hashes

	silence  atomic.Int64                              // see SetSilence; nanoseconds
	usageDay atomic.Pointer[func(time.Time) time.Time] // see SetUsageDay; nil: UTC days

	viewsMu sync.Mutex // guards views
	views   map[*View]struct{}

	// Used by the committer only, once the database is open.
	hasher        hasher
	origins       *origins
	asides        map[recordID]aside
	asideNumber   uint64
	conflicts     map[u128]struct{} // fingerprints of what is on the conflict list
	conflictNum   uint64
	conflictList  []listedConflict // the oldest first
	conflictsOn   map[u128]int     // how many are listed for a record
	conflictBytes int

	asideCount    atomic.Int64
	conflictCount atomic.Int64

	spare     spare
	attempts  attempts
	queue     queue
	groups    chan *group
	unsettled atomic.Int64 // groups that were handed to the syncer
	syncing   sync.Mutex   // held while groups are settled: they are settled in their order
	durable   durability
	asideWake chan struct{}
	upkeep    upkeep
	stop      context.CancelFunc
	workers   sync.WaitGroup
}

// recordID names a record in memory.
type recordID struct {
	ds   Dataset
	hash keyHash
}

type positionID struct {
	from DatabaseID
	ds   Dataset
}

// failure is the first fatal error of the storage. Afterwards nothing is written.
type failure struct {
	once     sync.Once
	err      atomic.Pointer[error]
	happened chan struct{} // closed once err is set
}

func (f *failure) get() error {
	if err := f.err.Load(); err != nil {
		return *err
	}
	return nil
}

// fail ends all writing and everybody's waiting for it.
func (db *DB) fail(err error) {
	db.failed.once.Do(func() {
		db.failed.err.Store(&err)
		close(db.failed.happened)
		db.durable.end(err)
		if db.opts.Fatal != nil {
			db.opts.Fatal(err)
			return
		}
		db.opts.Log.Error("hotspot database failed", "err", err)
		panic(err)
	})
}

// ID names the database for its whole life.
func (db *DB) ID() DatabaseID { return db.id }

// Head is the highest sequence of a dataset, durable or not; 0 if it is empty.
func (db *DB) Head(ds Dataset) uint64 {
	db.mu.RLock()
	defer db.mu.RUnlock()
	return db.index.datasets[ds].head
}

// Counts says how many records a dataset holds.
func (db *DB) Counts(ds Dataset) Counts {
	db.mu.RLock()
	defer db.mu.RUnlock()
	return db.index.datasets[ds].counts
}

// BucketOf is the bucket of a key under the present digest key.
func (db *DB) BucketOf(key []byte) int {
	db.mu.RLock()
	h := newHasher(db.index.digestKey)
	db.mu.RUnlock()
	return h.key(key).bucket()
}

// BucketChanged is the sequence of the last change in a bucket; 0 if it is empty.
func (db *DB) BucketChanged(ds Dataset, bucket int) uint64 {
	db.mu.RLock()
	defer db.mu.RUnlock()
	return db.index.datasets[ds].changed[bucket]
}

// Disk is how many octets the database takes on disk.
func (db *DB) Disk() int64 {
	if db.gate.enter() != nil {
		return 0
	}
	defer db.gate.leave()
	return int64(db.engn.Metrics().DiskSpaceUsage())
}

// Close waits for what is being written and read, makes all of it durable and closes the files. If the storage has failed it
// returns that error at once: the storage engine may be stuck for ever, and its files are closed with the process.
func (db *DB) Close() error {
	closed := make(chan error, 1)
	go func() { closed <- db.close() }()
	select {
	case err := <-closed:
		if failed := db.failed.get(); failed == nil || errors.Is(err, ErrClosed) {
			return err
		}
	case <-db.failed.happened:
	}
	return fmt.Errorf("close database %s: %w", db.opts.Dir, db.failed.get())
}

func (db *DB) close() error {
	if !db.opts.ReadOnly && db.failed.get() == nil {
		if err := db.storeAttempts(context.Background()); err != nil && !errors.Is(err, ErrClosed) {
			db.opts.Log.Error("cannot store login attempts", "err", err)
		}
	}
	if !db.gate.close() {
		return ErrClosed
	}
	if db.stop != nil {
		db.stop()
		db.queue.close()
	}
	db.workers.Wait()
	db.durable.end(ErrClosed)
	var err error
	for view := range db.views {
		err = errors.Join(err, view.snapshot.Close())
	}
	if !db.opts.ReadOnly && db.failed.get() == nil {
		// Damage in the last blocks of a log cannot be told from a power cut; in a table it can.
		flushErr := db.syncLog()
		if flushErr == nil {
			flushErr = db.flushTables()
		}
		if flushErr != nil {
			db.opts.Log.Warn("the hotspot database is closed with a log", "err", flushErr)
		}
	}
	err = errors.Join(err, db.engn.Close(), db.mark.close(), db.lock.Close())
	if err != nil {
		return fmt.Errorf("close database %s: %w", db.opts.Dir, err)
	}
	return nil
}
