package hotspotdb

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"path"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// wreck reads what can still be read of a store whose files are damaged: each table and each log by itself, without the
// files that say how they belong together. What was replaced is sorted out by the deletions that are found, and what
// is left of it by merging, where the newer version wins.
type wreck struct {
	fs      vfs.FS
	dir     string
	tables  sstable.ReaderOptions
	deleted map[string]struct{} // keys that were taken out
	highest uint64              // sequence that was seen
	id      DatabaseID          // zero if it cannot be read
	tally   tally               // the newest that was seen
	seen    map[uint64]uint64   // a bit for each record up to it that was found: files may hold one twice
	report  Salvaged
	// newestLog need not have an end.
	newestLog string
	again     bool // it was all looked through once: what is wrong is known
}

// item is one write of a key, valid during the call that gets it.
type item struct {
	key, value []byte
	deletion   bool
}

// errTaken carries an error of who takes items through the code that reads them.
type errTaken struct{ error }

func (e errTaken) Unwrap() error { return e.error }

// counted is an error over a file of which it is known how many writes cannot be read.
type counted struct{ error }

func (e counted) Unwrap() error { return e.error }

// openWreck looks through all files.
func (db *DB) openWreck(ctx context.Context, dir string) (*wreck, error) {
	opts := db.engine(true)
	opts.EnsureDefaults()
	w := &wreck{fs: db.opts.FS, dir: dir, tables: opts.MakeReaderOptions(), deleted: map[string]struct{}{}, seen: map[uint64]uint64{}}
	err := w.scan(ctx, func(i item) error {
		if i.deletion {
			w.deleted[string(i.key)] = struct{}{}
		}
		if i.key[0] == tagRecord && len(i.key) == recordKeyLen {
			_, seq, err := parseRecordKey(i.key)
			if err != nil {
				return nil // of a dataset that this version does not know
			}
			w.highest = max(w.highest, seq)
		}
		if string(i.key) == string(metaKey("id")) && len(i.value) == len(w.id) {
			copy(w.id[:], i.value)
		}
		if string(i.key) == string(metaKey(tallyName)) {
			if t, good := decodeTally(i.value); good && t.last >= w.tally.last {
				w.tally = t
			}
		}
		return nil
	})
	return w, err
}

// live calls take with everything that was not taken out.
func (w *wreck) live(ctx context.Context, take func(key, value []byte) error) error {
	w.again = true
	return w.scan(ctx, func(i item) error {
		if _, gone := w.deleted[string(i.key)]; gone || i.deletion {
			return nil
		}
		return take(i.key, i.value)
	})
}

// scan calls take with every write in every file.
func (w *wreck) scan(ctx context.Context, take func(item) error) error {
	names, err := w.fs.List(w.dir)
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		if path.Ext(name) == ".log" {
			w.newestLog = name
		}
	}
	taken := func(i item) error {
		if len(i.key) == 0 {
			return nil
		}
		if err := errors.Join(ctx.Err(), take(i)); err != nil {
			return errTaken{err}
		}
		return nil
	}
	for _, name := range names {
		read := w.log
		switch path.Ext(name) {
		case ".sst":
			read = w.table
		case ".log":
		default:
			continue
		}
		var stop errTaken
		if err := w.contained(name, read, taken); errors.As(err, &stop) {
			return stop.error
		} else if err != nil {
			w.broken(name, err)
		}
	}
	return nil
}

// contained turns a panic over a damaged file into its error.
func (w *wreck) contained(name string, read func(string, func(item) error) error, take func(item) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return read(name, take)
}

// broken notes what is wrong with a file. Only of a table whose properties can be read is it known how much it held.
func (w *wreck) broken(name string, err error) {
	if !w.again {
		w.report.Uncounted = w.report.Uncounted || !errors.As(err, new(counted))
		w.report.Broken = append(w.report.Broken, name+": "+strings.SplitN(err.Error(), "\n", 2)[0])
	}
}

// absent is how many records were written, and neither replaced nor found by live.
func (w *wreck) absent() int {
	found := 0
	for _, b := range w.seen {
		found += bits.OnesCount64(b)
	}
	return max(0, int(w.tally.count)-found)
}

// missed counts writes that cannot be read.
func (w *wreck) missed(n int) {
	if !w.again {
		w.report.Unreadable += n
	}
}

func isDeletion(kind pebble.InternalKeyKind) bool {
	return kind == pebble.InternalKeyKindSingleDelete || kind == pebble.InternalKeyKindDelete || kind == pebble.InternalKeyKindDeleteSized
}

func isSet(kind pebble.InternalKeyKind) bool {
	return kind == pebble.InternalKeyKindSet || kind == pebble.InternalKeyKindSetWithDelete
}
