package hotspotdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestConflictListIsBounded: the oldest conflicts go, also those that were found before the database was opened again.
func TestConflictListIsBounded(t *testing.T) {
	fs := vfs.NewMem()
	db := mustOpen(t, memOptions(fs))
	putSelf(t, db, SelfKey(1), "mine", "")
	lost := func(from, to int) (b Batch) {
		b = Batch{Dataset: Users, From: dbID(1), Kind: Below}
		for i := from; i < to; i++ {
			b.Seqs = append(b.Seqs, uint64(i))
			b.Changes = append(b.Changes, AppendChange(nil, &Change{
				Key: SelfKey(1), Stamp: Stamp{uint64(i), dbID(1)}, Body: appendBytes(nil, 2, []byte("lost")), Version: Vector{{uint64(i), 1}},
			}))
		}
		return b
	}
	check := func(oldest, newest int) {
		t.Helper()
		list := conflicts(t, db)
		if len(list) != maxConflicts || list[0].Loser.Stamp.Clock != uint64(oldest) || list[len(list)-1].Loser.Stamp.Clock != uint64(newest) {
			t.Errorf("%d conflicts from %d to %d", len(list), list[0].Loser.Stamp.Clock, list[len(list)-1].Loser.Stamp.Clock)
		}
	}
	r, err := db.Apply(t.Context(), lost(1, maxConflicts+6))
	must(t, err)
	if r.Conflicts != maxConflicts+5 {
		t.Errorf("result %+v", r)
	}
	check(6, maxConflicts+5)
	boom := errors.New("boom")
	err = db.Update(t.Context(), func(tx *Tx) error {
		for i := range 3 {
			c := Change{Key: SelfKey(1), Stamp: Stamp{uint64(maxConflicts + 50 + i), dbID(1)}}
			if err := tx.addConflict(Users, AppendChange(nil, &c), AppendChange(nil, &c), conflictEdit, &Result{}); err != nil {
				return err
			}
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	check(6, maxConflicts+5)
	if r, err = db.Apply(t.Context(), lost(6, maxConflicts+6)); err != nil || r.Conflicts != 0 {
		t.Errorf("listed again: %+v, %v", r, err)
	}
	must(t, db.Close())
	db = mustOpen(t, memOptions(fs))
	check(6, maxConflicts+5)
	_, err = db.Apply(t.Context(), lost(maxConflicts+6, maxConflicts+8))
	must(t, err)
	check(8, maxConflicts+7)
}

func manyOrigins(first, n int) Batch {
	b := Batch{Dataset: Users, From: dbID(1), Kind: Above, Position: Position{1, uint64(first + n)}}
	for i := range n {
		var id DatabaseID
		binary.BigEndian.PutUint32(id[:], uint32(first+i+1))
		b.Changes = append(b.Changes, change(fmt.Sprint("x", first+i), 5, id, ""), change(fmt.Sprint("y", first+i), 5, id, ""))
		b.Seqs = append(b.Seqs, 1, 2)
	}
	return b
}

func TestNewOriginsAreBounded(t *testing.T) {
	db := openMem(t)
	if _, err := db.Apply(t.Context(), manyOrigins(0, maxNewOrigins+1)); !errors.Is(err, ErrInvalid) || db.Head(Users) != 0 || len(db.origins.ids) != 0 {
		t.Errorf("error %v, head %d, %d origins", err, db.Head(Users), len(db.origins.ids))
	}
	for i := range 3 { // what is known already does not count
		b := manyOrigins(0, (i+1)*maxNewOrigins)
		if r, err := db.Apply(t.Context(), b); err != nil || r.Stored != 2*maxNewOrigins {
			t.Errorf("%+v, %v", r, err)
		}
	}
}

// TestFarFutureIsRefused: what could only be merged in years is dropped, the rest of its batch is not.
func TestFarFutureIsRefused(t *testing.T) {
	clock := newFakeClock()
	o := memOptions(vfs.NewMem())
	o.Now = clock.Now
	db := mustOpen(t, o)
	far := clock.micros() + uint64(maxFuture.Microseconds())
	b := Batch{Dataset: Users, From: dbID(1), Kind: Above, Position: Position{1, 4}, Seqs: []uint64{1, 2, 3, 4}, Changes: [][]byte{
		change("a", far, dbID(1), ""), change("b", far+1, dbID(1), ""), change("c", maxClock, dbID(1), ""), change("d", 5, dbID(1), ""),
	}}
	r, err := db.Apply(t.Context(), b)
	must(t, err)
	if r.Refused != 2 || r.SetAside != 1 || r.Stored != 1 || db.SetAsideCount() != 1 || db.Position(dbID(1), Users).Seq != 4 {
		t.Errorf("result %+v, %d set aside, position %v", r, db.SetAsideCount(), db.Position(dbID(1), Users))
	}
	o = memOptions(vfs.NewMem())
	o.Now, o.Built = clock.Now, clock.Now().Add(time.Hour)
	if r, err := mustOpen(t, o).Apply(t.Context(), b); err != nil || r.Stored != 4 {
		t.Errorf("on a box that does not know the time: %+v, %v", r, err)
	}
}

func TestSetAsideIsBounded(t *testing.T) {
	clock := newFakeClock()
	o := memOptions(vfs.NewMem())
	o.Now = clock.Now
	db := mustOpen(t, o)
	ahead := clock.micros() + 120e6
	b := Batch{Dataset: Users, From: dbID(1), Kind: Above, Position: Position{1, 9}}
	for i := range maxAsides + 7 {
		b.Changes, b.Seqs = append(b.Changes, change(fmt.Sprint("x", i), ahead, dbID(1), "")), append(b.Seqs, 1)
	}
	r, err := db.Apply(t.Context(), b)
	must(t, err)
	if r.SetAside != maxAsides || r.Refused != 7 || db.SetAsideCount() != maxAsides || db.Position(dbID(1), Users).Seq != 9 {
		t.Errorf("result %+v, %d set aside", r, db.SetAsideCount())
	}
	if r := applyOne(t, db, Users, change("x0", ahead+1, dbID(1), "newer")); r.SetAside != 1 || db.SetAsideCount() != maxAsides {
		t.Errorf("a newer version of one that is set aside: %+v", r)
	}
	clock.Add(3 * time.Minute)
	if _, err := db.mergeDue(t.Context()); err != nil || db.SetAsideCount() != 0 || db.Counts(Users).Live != maxAsides {
		t.Errorf("%v, %d set aside, %+v", err, db.SetAsideCount(), db.Counts(Users))
	}
}

// TestBadSetAsideIsDropped: what was set aside before it was checked, or is damaged, does not keep the rest from its turn.
func TestBadSetAsideIsDropped(t *testing.T) {
	clock := newFakeClock()
	o := memOptions(vfs.NewMem())
	o.Now = clock.Now
	db := mustOpen(t, o)
	ahead := clock.micros() + 120e6
	count(t, db, 100)
	key := UsageKey(7, db.ID(), clock.Now().UTC().Truncate(usagePeriod).Unix())
	must(t, db.Update(t.Context(), func(tx *Tx) error {
		for _, raw := range [][]byte{
			AppendChange(nil, &Change{Key: key, Stamp: Stamp{ahead, dbID(6)}, Body: usageBody(t, maxBody, counters{0, 1})}),
			AppendChange(nil, &Change{Key: SelfKey(1), Stamp: Stamp{ahead, dbID(6)}, Body: []byte{0xff}}),
		} {
			var in incoming
			if err := in.prepare(tx.db.index, &tx.db.hasher, map[bool]Dataset{true: Users, false: Sessions}[raw[2] == KindSelf], raw); err != nil {
				return err
			}
			if err := tx.setAside(&in, Source{Below, dbID(5), 1}, &Result{}); err != nil {
				return err
			}
		}
		return nil
	}))
	must(t, db.Update(t.Context(), func(tx *Tx) error { return tx.batch.Set(asideKey(ahead, 77), []byte{byte(Users), 0xff}, nil) }))
	// One that fits by itself, but not with the counters of the stored version.
	other := UsageKey(7, db.ID(), 0)
	storeUnchecked(t, db, Sessions, AppendChange(nil, &Change{Key: other, Stamp: Stamp{5, dbID(6)}, Body: usageBody(t, 0, counters{1 << 60})}))
	applyOne(t, db, Sessions, AppendChange(nil, &Change{Key: other, Stamp: Stamp{ahead, dbID(6)}, Body: usageBody(t, maxUsage, counters{0, 1})}))
	applyOne(t, db, Sessions, change("z", ahead+1, dbID(5), "honest"))
	clock.Add(10 * time.Minute)
	if _, err := db.mergeDue(t.Context()); err != nil || db.SetAsideCount() != 0 {
		t.Fatalf("%v, %d set aside", err, db.SetAsideCount())
	}
	if c, err := db.Get(Sessions, []byte("z")); err != nil || string(c.Body) != "honest" {
		t.Errorf("the honest change: %q, %v", c.Body, err)
	}
	if c, err := db.Get(Sessions, other); err != nil || countersOf(c.Body) != (counters{1 << 60, 1}) {
		t.Errorf("the usage: %v, %v", countersOf(c.Body), err)
	}
	if _, err := db.Get(Users, SelfKey(1)); !errors.Is(err, ErrNotFound) {
		t.Errorf("the bad change: %v", err)
	}
	n := 0
	must(t, scanPrefix(db.engn, []byte{tagAside}, func(_, _ []byte) error { n++; return nil }))
	if n != 0 {
		t.Errorf("%d are left in the store", n)
	}
}
