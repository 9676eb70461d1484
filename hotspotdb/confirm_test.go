package hotspotdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestConfirmSeesLocalWritesOnly: every Update of a writer, with what it has stored and durable by then; nothing that is internal,
// fails or writes nothing.
func TestConfirmSeesLocalWritesOnly(t *testing.T) {
	db := openMem(t)
	var seen []Commit
	db.SetConfirm(func(_ context.Context, c Commit) error {
		if db.Durable() < c.Seq {
			t.Errorf("asked to confirm %d when %d is durable", c.Seq, db.Durable())
		}
		seen = append(seen, c)
		return nil
	})
	must(t, db.Update(t.Context(), func(tx *Tx) error {
		return errors.Join(tx.Put(Users, SelfKey(1), nil), tx.Put(Profiles, ProfileKey("gold"), appendBytes(nil, 1, []byte("gold"))))
	}))
	boom := errors.New("boom")
	if err := db.Update(t.Context(), func(tx *Tx) error { return errors.Join(tx.Put(Users, SelfKey(2), nil), boom) }); !errors.Is(err, boom) {
		t.Error(err)
	}
	must(t, db.Update(t.Context(), func(*Tx) error { return nil }))
	must(t, db.UpdateHere(t.Context(), func(tx *Tx) error { return tx.Put(Users, SelfKey(3), nil) }))
	must(t, db.SetPosition(t.Context(), dbID(1), Users, Position{1, 5}))
	applyOne(t, db, Users, change("a", 5, dbID(1), ""))
	if _, err := db.Rehome(t.Context(), dbID(1), Users, Position{1, 0}); err != nil {
		t.Error(err)
	}
	if len(seen) != 1 || !slices.Equal(seen[0].Datasets, []Dataset{Profiles, Users}) || seen[0].Seq != 2 {
		t.Errorf("asked to confirm %+v", seen)
	}
	db.SetConfirm(func(context.Context, Commit) error { return fmt.Errorf("%w by nobody", ErrUnconfirmed) })
	if err := db.Update(t.Context(), func(tx *Tx) error { return tx.Put(Users, SelfKey(4), nil) }); !errors.Is(err, ErrUnconfirmed) {
		t.Error(err)
	}
	if _, err := db.Get(Users, SelfKey(4)); err != nil {
		t.Errorf("an unconfirmed write is not stored: %v", err)
	}
	db.SetConfirm(nil)
	must(t, db.Update(t.Context(), func(tx *Tx) error { return tx.Put(Users, SelfKey(5), nil) }))
}

// TestConfirmHoldsUpNobodyElse: a writer who waits for other boxes is not in the way of the next.
func TestConfirmHoldsUpNobodyElse(t *testing.T) {
	db := openMem(t)
	release, waiting := make(chan struct{}), make(chan struct{})
	db.SetConfirm(func(context.Context, Commit) error {
		close(waiting)
		<-release
		return nil
	})
	first := make(chan error, 1)
	go func() {
		first <- db.Update(context.Background(), func(tx *Tx) error { return tx.Put(Users, SelfKey(1), nil) })
	}()
	<-waiting
	db.SetConfirm(nil)
	must(t, db.Update(t.Context(), func(tx *Tx) error { return tx.Put(Users, SelfKey(2), nil) }))
	close(release)
	must(t, <-first)
}

// TestNewestFollowsTheRecord: a feed that is read up to a commit's own sequence may miss a record that has moved on.
func TestNewestFollowsTheRecord(t *testing.T) {
	db := mustOpen(t, memOptions(vfs.NewMem()))
	var c Commit
	db.SetConfirm(func(_ context.Context, got Commit) error { c = got; return nil })
	must(t, db.Update(t.Context(), func(tx *Tx) error {
		return errors.Join(tx.Put(Users, SelfKey(1), nil), tx.Put(Sessions, []byte("x"), nil))
	}))
	db.SetConfirm(nil)
	if n, m := c.Newest(Users), c.Newest(Sessions); n != 1 || m != 2 {
		t.Errorf("at first %d and %d", n, m)
	}
	must(t, db.Update(t.Context(), func(tx *Tx) error { return errors.Join(tx.Put(Users, SelfKey(7), nil), tx.Delete(Users, SelfKey(1))) }))
	if n, m := c.Newest(Users), c.Newest(Sessions); n != 4 || m != 2 {
		t.Errorf("after a deletion %d and %d", n, m)
	}
	must(t, db.Update(t.Context(), func(tx *Tx) error { return tx.Put(Users, SelfKey(8), nil) }))
	must(t, db.SetDigestKey([16]byte{9}))
	if n := c.Newest(Users); n != 5 {
		t.Errorf("under another digest key %d", n)
	}
	if n := c.Newest(Profiles); n != 0 {
		t.Errorf("of a dataset that it did not change %d", n)
	}
}
