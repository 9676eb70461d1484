package hotspotdb

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// logs makes a database whose changes are in several logs, because no table can be written, and returns its files as after
// kill -9.
func logs(t *testing.T, n int) string {
	t.Helper()
	noTables := errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpCreate && strings.HasSuffix(op.Path, ".sst") {
			return syscall.ENOSPC
		}
		return nil
	}))
	dir := filepath.Join(t.TempDir(), "db")
	db := mustOpen(t, Options{Dir: dir, DigestKey: key16(7)})
	put(t, db, "first", "")
	must(t, db.Close())
	db = mustOpen(t, Options{Dir: dir, DigestKey: key16(7), FS: noTables})
	for i := range n {
		put(t, db, fmt.Sprint("x", i), strings.Repeat("y", 4000))
	}
	return asKilled(t, dir)
}

// A log that vanished from among others is noticed although the last change is there, and what is missing is counted.
func TestHoleInTheMiddle(t *testing.T) {
	const n = 1000
	dir := logs(t, n)
	names, err := filepath.Glob(filepath.Join(dir, "*.log"))
	must(t, err)
	slices.Sort(names)
	if len(names) < 3 {
		t.Fatalf("only %v", names)
	}
	must(t, os.Remove(names[len(names)-2]))
	before := readAll(t, dir)
	_, err = Open(Options{Dir: dir, DigestKey: key16(7)})
	if !errors.Is(err, ErrDamaged) || !strings.Contains(fmt.Sprint(err), fmt.Sprintf("of %d records are missing", n+1)) {
		t.Fatalf("opened: %v", err)
	}
	checkUntouched(t, dir, before)
	_, got := salvageOf(t, dir)
	if got.Stored == n+1 || got.Stored+got.Unreadable != n+1 || got.Missing != 0 {
		t.Errorf("%+v", got)
	}
}

// What an engine below us loses or brings back is noticed in the same way.
func TestRecordsThatCameAndWent(t *testing.T) {
	for name, change := range map[string]func(*pebble.DB) error{
		"went": func(e *pebble.DB) error { return e.Delete(recordKey(Users, 5), pebble.Sync) },
		"came": func(e *pebble.DB) error {
			raw := append(make([]byte, headerLen(Source{})), AppendChange(nil, &Change{Key: []byte("y"), Stamp: Stamp{1, dbID(3)}})...)
			putHeader(raw, Source{}, 1)
			return e.Set(recordKey(Profiles, 5), raw, pebble.Sync)
		},
	} {
		dir := filled(t, 10)
		engine, err := pebble.Open(dir, &pebble.Options{Logger: quietLog{}, FormatMajorVersion: pebble.FormatNewest})
		must(t, err)
		must(t, change(engine))
		must(t, engine.Close())
		if _, err := Open(Options{Dir: dir, DigestKey: key16(7)}); !errors.Is(err, ErrDamaged) {
			t.Errorf("a record that %s: %v", name, err)
		}
	}
}

// A database from before tallies were kept, or that such a version has written to since, opens.
func TestTallyOfAnOlderVersion(t *testing.T) {
	for _, value := range [][]byte{nil, tally{last: 3, count: 2, sum: 5}.encode()} {
		dir := filled(t, 10)
		engine, err := pebble.Open(dir, &pebble.Options{Logger: quietLog{}, FormatMajorVersion: pebble.FormatNewest})
		must(t, err)
		if value == nil {
			must(t, engine.Delete(metaKey(tallyName), pebble.Sync))
		} else {
			must(t, engine.Set(metaKey(tallyName), value, pebble.Sync))
		}
		must(t, engine.Close())
		db := mustOpen(t, Options{Dir: dir, DigestKey: key16(7)})
		put(t, db, "new", "")
		must(t, db.Close())
		must(t, mustOpen(t, Options{Dir: dir, DigestKey: key16(7)}).Close())
	}
}
