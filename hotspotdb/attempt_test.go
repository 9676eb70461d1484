package hotspotdb

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// paced is a database whose running time stands still until a test moves it.
func paced(t *testing.T) (*DB, *fakeClock, *atomic.Int64) {
	clock, ran := newFakeClock(), new(atomic.Int64)
	o := memOptions(vfs.NewMem())
	o.Now, o.Elapsed = clock.Now, func() time.Duration { return time.Duration(ran.Load()) }
	return mustOpen(t, o), clock, ran
}

func attemptsOf(t testing.TB, db *DB, f AttemptFilter) []Attempt {
	t.Helper()
	list, err := db.Attempts(ctxOf(t), f)
	must(t, err)
	return list
}

func TestAttempts(t *testing.T) {
	db, clock, _ := paced(t)
	anna := addAccount(t, db, Account{Username: "anna"}, "secret")
	since := clock.Now()
	db.RecordAttempt(Attempt{
		Username: "anna", Accepted: true, Reason: "ok", Reply: "Welcome", MAC: "020000000001", NAS: "ap1", Hotspot: "lobby", CalledStationID: "02-AA:Guest",
	})
	clock.Add(time.Second)
	db.RecordAttempt(Attempt{Username: "bea\x00\x1b[2J\xff" + strings.Repeat("x", 300), Reason: "unknown", Reply: "No such account", MAC: "no mac", NAS: "ap2", Account: 7})
	list := attemptsOf(t, db, AttemptFilter{})
	if len(list) != 2 || list[1] != (Attempt{
		At: since.UTC(), Username: "anna", Account: anna.ID, Accepted: true, Reason: "ok", Reply: "Welcome", MAC: phone, NAS: "ap1", Hotspot: "lobby",
		CalledStationID: "02-AA:Guest", Box: db.ID(),
	}) {
		t.Fatalf("%+v", list)
	}
	if got := list[0]; !strings.HasPrefix(got.Username, "bea??[2J?xxx") || len(got.Username) > maxUsername || got.MAC != "no mac" || got.Account != 7 {
		t.Errorf("%+v", got)
	}
	yes := true
	for i, c := range []struct {
		f    AttemptFilter
		want int
	}{
		{AttemptFilter{Username: "anna"}, 1}, {AttemptFilter{MAC: "02:00:00:00:00:01"}, 1}, {AttemptFilter{NAS: "ap2"}, 1},
		{AttemptFilter{Hotspot: "lobby"}, 1}, {AttemptFilter{Reply: "Welcome"}, 1}, {AttemptFilter{Accepted: &yes}, 1},
		{AttemptFilter{Since: since.Add(time.Second)}, 1}, {AttemptFilter{Until: since.Add(time.Second)}, 1}, {AttemptFilter{Limit: 1}, 1},
		{AttemptFilter{Username: "anna", NAS: "ap2"}, 0},
	} {
		if got := attemptsOf(t, db, c.f); len(got) != c.want {
			t.Errorf("filter %d: %d attempts", i, len(got))
		}
	}
	if _, err := db.Attempts(t.Context(), AttemptFilter{MAC: "x"}); err == nil {
		t.Error("a MAC address that is none")
	}
}

// TestAttemptsAreStoredByThemselves: nobody has to ask for them; a peer hears of them.
func TestAttemptsAreStoredByThemselves(t *testing.T) {
	db := openMem(t)
	db.RecordAttempt(Attempt{Username: "anna"})
	upto, err := db.Wait(t.Context(), 0)
	must(t, err)
	if db.Counts(Audit).Live != 1 || db.Durable() < upto {
		t.Errorf("%+v, durable up to %d", db.Counts(Audit), db.Durable())
	}
}

// TestAttemptsBeforeCloseAreKept: what waits is stored when the database is closed.
func TestAttemptsBeforeCloseAreKept(t *testing.T) {
	o := memOptions(vfs.NewMem())
	db := mustOpen(t, o)
	db.RecordAttempt(Attempt{Username: "anna"})
	must(t, db.Close())
	db.RecordAttempt(Attempt{Username: "late"})
	if list := attemptsOf(t, mustOpen(t, o), AttemptFilter{}); len(list) != 1 || list[0].Username != "anna" {
		t.Errorf("%+v", list)
	}
}

// TestAttemptsUnderFlood: of a flood 200 are stored in a second, 150 of them refused ones, so that those who are let in are
// still seen; the rest is counted. The next second has its own.
func TestAttemptsUnderFlood(t *testing.T) {
	db, _, ran := paced(t)
	var wg sync.WaitGroup
	for w := range 10 {
		wg.Go(func() {
			for i := range 100 {
				db.RecordAttempt(Attempt{Username: fmt.Sprint("guess", w, i)})
			}
		})
	}
	wg.Wait()
	for range 60 {
		db.RecordAttempt(Attempt{Username: "anna", Accepted: true})
	}
	if n := len(attemptsOf(t, db, AttemptFilter{})); n != maxAttemptsPerSecond || db.AttemptsDropped() != 1060-maxAttemptsPerSecond {
		t.Errorf("%d attempts, %d dropped", n, db.AttemptsDropped())
	}
	if n := len(attemptsOf(t, db, AttemptFilter{Username: "anna"})); n != maxAttemptsPerSecond-maxRefusedPerSecond {
		t.Errorf("%d accepted ones", n)
	}
	ran.Add(int64(time.Second))
	db.RecordAttempt(Attempt{Username: "bea"})
	if n := len(attemptsOf(t, db, AttemptFilter{Username: "bea"})); n != 1 {
		t.Errorf("%d in the next second", n)
	}
}

// TestAttemptRing: a ring that is full gives up its oldest, each half by itself, and goes on behind the newest after a restart.
func TestAttemptRing(t *testing.T) {
	o := memOptions(vfs.NewMem())
	db := mustOpen(t, o)
	fill := func(db *DB, from, n int, accepted bool) {
		must(t, db.UpdateHere(t.Context(), func(tx *Tx) error {
			q := &db.attempts
			for i := range n {
				a := Attempt{At: time.UnixMicro(int64(1e15 + from + i)), Username: fmt.Sprint(from + i), Accepted: accepted, Account: 1}
				if err := tx.putAttempt(&a, &q.next); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	fill(db, 0, 10, true)
	fill(db, 1000, attemptsInHalf+5, false)
	refused, accepted := false, true
	list := attemptsOf(t, db, AttemptFilter{Accepted: &refused})
	if len(list) != attemptsInHalf || list[len(list)-1].Username != "1005" {
		t.Fatalf("%d refused ones, the oldest is %s", len(list), list[len(list)-1].Username)
	}
	if n := len(attemptsOf(t, db, AttemptFilter{Accepted: &accepted})); n != 10 || db.Counts(Audit).Live != attemptsInHalf+10 {
		t.Errorf("%d accepted ones of 10, %d records", n, db.Counts(Audit).Live)
	}
	must(t, db.Close())
	db = mustOpen(t, o)
	db.RecordAttempt(Attempt{At: time.UnixMicro(2e15), Username: "after"})
	db.RecordAttempt(Attempt{At: time.UnixMicro(2e15), Username: "after", Accepted: true})
	list = attemptsOf(t, db, AttemptFilter{Accepted: &refused})
	if len(list) != attemptsInHalf || list[0].Username != "after" || list[len(list)-1].Username != "1006" {
		t.Errorf("after a restart %d, from %s to %s", len(list), list[0].Username, list[len(list)-1].Username)
	}
	if list = attemptsOf(t, db, AttemptFilter{Accepted: &accepted}); len(list) != 11 || list[10].Username != "0" {
		t.Errorf("after a restart %d accepted ones", len(list))
	}
}

// TestAttemptsOfTwoBoxes: each box has its own ring, and they merge.
func TestAttemptsOfTwoBoxes(t *testing.T) {
	a, b := openMem(t), openMem(t)
	for i, db := range []*DB{a, b} {
		for range 5 {
			db.RecordAttempt(Attempt{Username: fmt.Sprint("guest", i)})
		}
		attemptsOf(t, db, AttemptFilter{})
	}
	exchange(t, a, b, Audit)
	exchange(t, a, b, Audit)
	for _, db := range []*DB{a, b} {
		if n := len(attemptsOf(t, db, AttemptFilter{})); n != 10 || total(a, Audit) != total(b, Audit) {
			t.Errorf("%d attempts", n)
		}
	}
}

// TestAttemptOfAnErasedAccount: nothing is noted of him, and others are.
func TestAttemptOfAnErasedAccount(t *testing.T) {
	db := openMem(t)
	a := addAccount(t, db, Account{Username: "anna"}, "secret")
	_, err := db.Erase(t.Context(), a.ID)
	must(t, err)
	db.RecordAttempt(Attempt{Username: "anna", Account: a.ID})
	db.RecordAttempt(Attempt{Username: "bea"})
	if list := attemptsOf(t, db, AttemptFilter{}); len(list) != 1 || list[0].Username != "bea" {
		t.Errorf("%+v", list)
	}
}
