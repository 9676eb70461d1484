package hotspotdb

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options say where a database lives and what it may use.
type Options struct {
	Dir       string
	DigestKey [16]byte // of the replication domain; sums are comparable only under one key
	Sealer    Sealer   // nil: passwords can neither be set nor read
	ReadOnly  bool

	Now   func() time.Time // nil: time.Now
	Built time.Time        // while Now is before it, no change is set aside or refused for being ahead

	Elapsed   func() time.Duration // running time, by a clock that nobody sets; nil: since Open
	Retention time.Duration        // tombstones are kept for so long after they were stored here; 0: 180 days
	Upkeep    time.Duration        // how often what is too old is removed; 0: every hour

	FreeSpace  func() (uint64, error) // octets free where Dir lies, asked before each group of writes; nil: the file system, asked seldom while there is plenty
	Reserve    uint64                 // writes that would leave less free fail with ErrNoSpace; 0: 64 MiB
	CacheBytes int64                  // 0: 64 MiB

	FS    vfs.FS      // nil: the operating system's
	Fatal func(error) // called once when the storage cannot go on; nil: log and panic
	Log   *slog.Logger
}

// Sealer encrypts the passwords of guests. aad is the account's id in 8 bytes, so that a sealed password cannot be moved
// to another account.
type Sealer interface {
	Seal(plain, aad []byte) ([]byte, error)
	Open(sealed, aad []byte) ([]byte, error)
}

const (
	defaultRetention = 180 * day
	defaultUpkeep    = time.Hour

	defaultReserve = 64 << 20
	defaultCache   = 64 << 20
	memTableSize   = 32 << 20
	maxAhead       = 60 * time.Second     // a stamp further ahead of this clock is set aside,
	maxFuture      = 400 * 24 * time.Hour // and one even further is not taken at all
)

func (o Options) withDefaults() (Options, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Elapsed == nil {
		opened := time.Now()
		o.Elapsed = func() time.Duration { return time.Since(opened) }
	}
	if o.Retention == 0 {
		o.Retention = defaultRetention
	}
	if o.Retention < 0 || o.Retention >= maxMarks*day {
		return o, fmt.Errorf("%w retention of %s", ErrInvalid, o.Retention)
	}
	if o.Upkeep == 0 {
		o.Upkeep = defaultUpkeep
	}
	if o.Reserve == 0 {
		o.Reserve = defaultReserve
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = defaultCache
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.FS == nil {
		o.FS = vfs.Default
		dir, err := filepath.Abs(o.Dir)
		if err != nil {
			return o, fmt.Errorf("open database %s: %w", o.Dir, err)
		}
		o.Dir = dir
	}
	if o.FreeSpace == nil {
		o.FreeSpace = func() (uint64, error) {
			usage, err := o.FS.GetDiskUsage(o.Dir)
			return usage.AvailBytes, err
		}
	}
	return o, nil
}

// engine returns the options of the storage engine. Memory: the cache, at most four memtables, the index.
func (db *DB) engine(readOnly bool) *pebble.Options {
	opts := &pebble.Options{
		FS:                          zeroAhead{db.opts.FS},
		Lock:                        db.lock,
		ReadOnly:                    readOnly,
		CacheSize:                   db.opts.CacheBytes,
		MemTableSize:                memTableSize,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       32,
		LBaseMaxBytes:               64 << 20,
		FormatMajorVersion:          pebble.FormatNewest,
		Logger:                      engineLog{db, readOnly},
		EventListener: &pebble.EventListener{
			// The default is to end the process. Who reads the block gets the error.
			DataCorruption: func(info pebble.DataCorruptionInfo) {
				db.noticeDamage(info.Path, info.Details)
			},
			BackgroundError: func(err error) {
				db.opts.Log.Error("hotspot database cannot tidy up", "err", err)
				select {
				case db.flushFailed <- err:
				default:
				}
				if db.opening.Load() {
					select {} // it would try again for ever; openEngine gives up
				}
			},
		},
	}
	opts.Levels[0].BlockSize = 16 << 10 // a feed reads in order; point reads come from the cache
	return opts
}

// engineLog passes the storage engine's log on, and its fatal errors to Options.Fatal.
type engineLog struct {
	db      *DB
	reading bool // a store that is opened for reading: its errors only refuse it
}

func (l engineLog) Infof(format string, args ...any) {
	l.db.opts.Log.Debug(fmt.Sprintf(format, args...), "part", "storage")
}

func (l engineLog) Errorf(format string, args ...any) {
	l.db.opts.Log.Error(fmt.Sprintf(format, args...), "part", "storage")
}

func (l engineLog) Fatalf(format string, args ...any) {
	err := fmt.Errorf("storage of %s: %s", l.db.opts.Dir, fmt.Sprintf(format, args...))
	if l.reading {
		panic(err) // contained in DB.read
	}
	l.db.fail(err)
	select {} // the engine expects not to go on: behind a failed sync it would remove what it takes for stored elsewhere
}
