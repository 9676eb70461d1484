package hotspotdb

import (
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestSetAside(t *testing.T) {
	clock, fs := newFakeClock(), vfs.NewCrashableMem()
	o := memOptions(fs)
	o.Now = clock.Now
	db := mustOpen(t, o)
	now := clock.micros()
	minute := uint64(time.Minute.Microseconds())
	put(t, db, "x", "old")
	b := Batch{Dataset: Users, From: dbID(1), Kind: Above, Position: Position{1, 3}, Seqs: []uint64{1, 2, 3}, Changes: [][]byte{
		change("x", now+3*minute, dbID(1), "future"),
		change("x", now+2*minute, dbID(1), "sooner"), // would lose against the one before
		change("y", now+minute, dbID(1), "just in time"),
	}}
	r, err := db.Apply(t.Context(), b)
	must(t, err)
	if r.SetAside != 1 || r.Ignored != 1 || r.Stored != 1 || db.SetAsideCount() != 1 {
		t.Fatalf("result %+v, %d set aside", r, db.SetAsideCount())
	}
	if db.Position(dbID(1), Users).Seq != 3 {
		t.Error("the position does not advance over what is set aside")
	}
	if r, err = db.Apply(t.Context(), b); err != nil || r.Ignored != 3 || db.SetAsideCount() != 1 {
		t.Errorf("applied again: %+v, %v", r, err)
	}
	must(t, db.Flush(t.Context()))
	o.FS = fs.CrashClone(vfs.CrashCloneCfg{})
	must(t, db.Close())
	db = mustOpen(t, o)
	if db.SetAsideCount() != 1 {
		t.Fatalf("%d set aside after a crash", db.SetAsideCount())
	}
	if n, err := db.mergeDue(t.Context()); n != 0 || err != nil {
		t.Fatalf("%d merged before their time (%v)", n, err)
	}
	clock.Add(2 * time.Minute)
	if n, err := db.mergeDue(t.Context()); n != 1 || err != nil {
		t.Fatalf("%d merged when the time had come (%v)", n, err)
	}
	c, err := db.Get(Users, []byte("x"))
	must(t, err)
	if string(c.Body) != "future" || db.SetAsideCount() != 0 {
		t.Errorf("merged to %q, %d set aside", c.Body, db.SetAsideCount())
	}
	e := feedOf(t, db, Users, 0)
	if len(e.Changes) != 2 {
		t.Errorf("%d entries", len(e.Changes))
	}
}

// TestSetAsideIsMergedByItself waits for the database's own goroutine.
func TestSetAsideIsMergedByItself(t *testing.T) {
	clock := newFakeClock()
	o := memOptions(vfs.NewMem())
	o.Now = clock.Now
	db := mustOpen(t, o)
	r := applyOne(t, db, Users, change("x", clock.micros()+61e6, dbID(1), "later"))
	if r.SetAside != 1 {
		t.Fatalf("result %+v", r)
	}
	clock.Add(time.Minute)
	if _, err := db.Wait(t.Context(), r.Seq); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Get(Users, []byte("x")); err != nil || db.SetAsideCount() != 0 {
		t.Errorf("%v, %d set aside", err, db.SetAsideCount())
	}
}

// TestClockBeforeBuildDate: a box that does not know the time sets nothing aside, and its own writes still win.
func TestClockBeforeBuildDate(t *testing.T) {
	clock := newFakeClock()
	o := memOptions(vfs.NewMem())
	o.Now, o.Built = clock.Now, clock.Now().Add(time.Hour)
	db := mustOpen(t, o)
	ahead := clock.micros() + uint64((24 * time.Hour).Microseconds())
	if r := applyOne(t, db, Users, change("x", ahead, dbID(1), "")); r.Stored != 1 {
		t.Fatalf("result %+v", r)
	}
	put(t, db, "x", "mine")
	c, err := db.Get(Users, []byte("x"))
	must(t, err)
	if c.Stamp.Clock != ahead+1 {
		t.Errorf("clock %d, expected one more than %d", c.Stamp.Clock, ahead)
	}
}
