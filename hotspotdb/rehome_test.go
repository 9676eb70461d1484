package hotspotdb

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestHistory(t *testing.T) {
	o := memOptions(vfs.NewMem())
	var id DatabaseID
	var before []Incarnation
	for i := range 100 {
		db := mustOpen(t, o)
		history := db.History()
		last := history[len(history)-1]
		if i > 0 && db.ID() != id {
			t.Fatal("the database has another id")
		}
		if len(history) > keepEmpty+3 {
			t.Fatalf("%d incarnations after %d openings, two of which wrote", len(history), i+1)
		}
		for _, old := range before {
			if old.ID == last.ID {
				t.Fatal("an incarnation came twice")
			}
		}
		id, before = db.ID(), history
		if i == 2 || i == 20 {
			put(t, db, "x", fmt.Sprint(i))
			if p := db.PositionAt(db.Head(Users)); p.Incarnation != last.ID {
				t.Errorf("position %v, incarnation %d", p, last.ID)
			}
		}
		if i == 99 { // both incarnations that gave out a sequence are there, and a position in them is known
			if p := db.PositionAt(1); p.Seq != 1 || p.Incarnation == db.PositionAt(2).Incarnation || p.Incarnation == 0 {
				t.Errorf("position 1 is %v", p)
			}
			if db.PositionAt(0) != (Position{}) {
				t.Errorf("position 0 is %v", db.PositionAt(0))
			}
			if last.First != 3 {
				t.Errorf("the last incarnation begins at %d", last.First)
			}
		}
		must(t, db.Close())
	}
}

func TestRehome(t *testing.T) {
	fs := vfs.NewCrashableMem()
	a, b := mustOpen(t, memOptions(fs)), openMem(t)
	put(t, a, "kept", "1")
	image := fs.CrashClone(vfs.CrashCloneCfg{})
	for i := range 10 {
		put(t, a, fmt.Sprintf("forgotten%d", i), "2")
	}
	_, err := b.Apply(t.Context(), feedOf(t, a, Users, 0))
	must(t, err)
	put(t, b, "own", "3")
	_, err = b.Apply(t.Context(), Batch{ // from a third box
		Dataset: Users, From: dbID(9), Kind: Above, Changes: [][]byte{change("other", 5, dbID(9), "4")}, Seqs: []uint64{99},
	})
	must(t, err)
	want := total(b, Users)
	must(t, a.Close())
	a = mustOpen(t, memOptions(image))
	after := a.PositionAt(1)

	n, err := b.Rehome(t.Context(), a.ID(), Users, after)
	must(t, err)
	if n != 10 || b.Position(a.ID(), Users) != after || total(b, Users) != want {
		t.Errorf("%d entries moved, position %v", n, b.Position(a.ID(), Users))
	}
	back := Batch{Dataset: Users, From: b.ID(), Kind: Below}
	v := b.View()
	defer v.Close()
	must(t, v.Scan(Users, 0, v.Seq, func(e Entry) (bool, error) {
		if e.Source.Database != a.ID() { // a feed does not return what came from its reader
			back.Changes = append(back.Changes, append([]byte{}, e.Change...))
			back.Seqs = append(back.Seqs, e.Seq)
		}
		return true, nil
	}))
	if len(back.Changes) != 12 {
		t.Errorf("%d changes go back", len(back.Changes))
	}
	_, err = a.Apply(t.Context(), back)
	must(t, err)
	if total(a, Users) != want {
		t.Error("after the return the boxes do not hold the same")
	}
	if n, err := b.Rehome(t.Context(), a.ID(), Users, after); n != 0 || err != nil {
		t.Errorf("repeated: %d entries moved (%v)", n, err)
	}
}

// TestRehomeCutOff: until all entries are Local the position stays, so that Rehome is repeated.
func TestRehomeCutOff(t *testing.T) {
	db := openMem(t)
	changes := randomBatch(3*rehomeChunk, Users, 20)
	seqs := make([]uint64, len(changes))
	for i := range seqs {
		seqs[i] = uint64(i + 1)
	}
	before := Position{1, uint64(len(changes))}
	_, err := db.Apply(t.Context(), Batch{Dataset: Users, From: dbID(1), Kind: Above, Position: before, Changes: changes, Seqs: seqs})
	must(t, err)
	release := holdCommitter(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { _, err := db.Rehome(ctx, dbID(1), Users, Position{}); done <- err }()
	waitQueued(db, 1)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled Rehome: %v", err)
	}
	release()
	if db.Position(dbID(1), Users) != before {
		t.Error("the position was set although entries are left")
	}
	after := Position{1, 10}
	n, err := db.Rehome(t.Context(), dbID(1), Users, after)
	must(t, err)
	if n != len(changes)-10 || db.Position(dbID(1), Users) != after || db.DurablePosition(dbID(1), Users) != after {
		t.Errorf("%d moved, position %v", n, db.Position(dbID(1), Users))
	}
}

// TestRehomeSetAside: what was set aside and then forgotten by its sender is Local when its time comes.
func TestRehomeSetAside(t *testing.T) {
	clock := newFakeClock()
	o := memOptions(vfs.NewMem())
	o.Now = clock.Now
	db := mustOpen(t, o)
	_, err := db.Apply(t.Context(), Batch{
		Dataset: Users, From: dbID(1), Kind: Above, Position: Position{1, 9}, Seqs: []uint64{4, 9},
		Changes: [][]byte{change("kept", clock.micros()+1e9, dbID(1), ""), change("lost", clock.micros()+1e9, dbID(1), "")},
	})
	must(t, err)
	_, err = db.Rehome(t.Context(), dbID(1), Users, Position{1, 4})
	must(t, err)
	clock.Add(time.Hour)
	if n, err := db.mergeDue(t.Context()); n != 2 || err != nil {
		t.Fatalf("%d merged (%v)", n, err)
	}
	v := db.View()
	defer v.Close()
	must(t, v.Scan(Users, 0, v.Seq, func(e Entry) (bool, error) {
		c, err := e.Decode()
		if want := string(c.Key) == "lost"; (e.Source.Kind == Local) != want {
			t.Errorf("%s has source %+v", c.Key, e.Source)
		}
		return true, err
	}))
}
