package hotspotdb

import (
	"context"
	"errors"
	"testing"
)

// A retired version is deleted by a stamp just above its own: an edit that somebody made after it wins, wherever they meet,
// and is no conflict; another copy of the same version loses everywhere.
func TestRetireDeletesExactlyOneVersion(t *testing.T) {
	a, b := openMem(t), openMem(t)
	put := func(db *DB, text string) {
		t.Helper()
		if err := db.Update(context.Background(), func(tx *Tx) error {
			return tx.PutProfile(Profile{Name: "gold", Description: text}, "test")
		}); err != nil {
			t.Fatal(err)
		}
	}
	put(a, "first")
	exchange(t, a, b, Profiles)
	put(b, "edited meanwhile")

	seq := a.Head(Profiles)
	n, err := a.Retire(context.Background(), Profiles, []uint64{seq, seq + 100})
	if err != nil || n != 1 {
		t.Fatalf("retired %d, %v; want 1", n, err)
	}
	if _, err := a.Profile("gold"); !errors.Is(err, ErrNotFound) {
		t.Fatalf("it is still there: %v", err)
	}
	if n, m := exchange(t, a, b, Profiles); n+m != 0 {
		t.Errorf("%d and %d conflicts", n, m)
	}
	for _, db := range []*DB{a, b} {
		p, err := db.Profile("gold")
		if err != nil || p.Description != "edited meanwhile" {
			t.Errorf("the edit made after it: %q, %v", p.Description, err)
		}
	}
	if n, err := a.Retire(context.Background(), Profiles, []uint64{seq}); n != 0 || err != nil {
		t.Errorf("a version that was replaced was retired: %d, %v", n, err)
	}
}
