package sync

import (
	"fmt"
	"testing"

	"mbox/configstore"
)

func TestHistoriesOfDatabasesNotSeenForLongestMakeRoom(t *testing.T) {
	state := configstore.OpenMemory("test").State("memory")
	key := func(db int, ds string) string { return fmt.Sprintf("history/%032x/%s", db, ds) }
	put := func(r *remembered, db int) {
		t.Helper()
		for _, ds := range []string{"users", "sessions"} {
			if err := r.Put(key(db, ds), []byte{byte(db)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	known := func(db int) bool {
		_, users, _ := state.Get(key(db, "users"))
		_, sessions, _ := state.Get(key(db, "sessions"))
		if users != sessions {
			t.Fatalf("half of database %d is known", db)
		}
		return users
	}
	if err := state.Put("paused", []byte("x")); err != nil {
		t.Fatal(err)
	}
	r, err := newRemembered(state, 20)
	if err != nil {
		t.Fatal(err)
	}
	for db := range 10 {
		put(r, db)
	}
	put(r, 0) // seen again
	for db := 10; db < 15; db++ {
		put(r, db)
	}
	for db, want := range map[int]bool{0: true, 1: false, 5: false, 6: true, 9: true, 10: true, 14: true} {
		if known(db) != want {
			t.Errorf("database %d: known %v", db, !want)
		}
	}
	if _, found, _ := state.Get("paused"); !found {
		t.Error("something else was forgotten")
	}

	// After a restart those that were not seen since go first.
	if r, err = newRemembered(state, 20); err != nil {
		t.Fatal(err)
	}
	put(r, 0)
	for db := 20; db < 29; db++ {
		put(r, db)
	}
	if !known(0) || known(14) || !known(28) {
		t.Error("what was seen after the restart did not stay")
	}
	if err := r.Delete(key(28, "users")); err != nil {
		t.Fatal(err)
	}
	if r.entries != 19 {
		t.Errorf("%d entries are counted", r.entries)
	}
}
