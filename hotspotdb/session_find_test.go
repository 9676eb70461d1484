package hotspotdb

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// openClocked is a database whose running time is that of a clock.
func openClocked(t *testing.T, fs vfs.FS, clock *fakeClock) *DB {
	t.Helper()
	opened := clock.Now()
	o := memOptions(fs)
	o.Now, o.Elapsed = clock.Now, func() time.Duration { return clock.Now().Sub(opened) }
	return mustOpen(t, o)
}

func openSegment(t *testing.T, db *DB, s Segment) Segment {
	t.Helper()
	must(t, db.UpdateHere(t.Context(), func(tx *Tx) (err error) {
		s, err = tx.OpenSegment(s)
		return err
	}))
	return s
}

// found lists the ids that FindSegments finds.
func found(t *testing.T, db *DB, nas, session string) (ids []uint64) {
	t.Helper()
	must(t, db.UpdateHere(t.Context(), func(tx *Tx) error {
		ids = nil
		list, err := tx.FindSegments(nas, session)
		for _, s := range list {
			ids = append(ids, s.ID)
		}
		return err
	}))
	return ids
}

func TestFindSegments(t *testing.T) {
	clock, fs := newFakeClock(), vfs.NewMem()
	db := openClocked(t, fs, clock)
	one := openSegment(t, db, Segment{NAS: "ap", AcctSessionID: "1", Username: "u", Account: 7, MultiSessionID: "m"})
	clock.Add(time.Minute)
	two := openSegment(t, db, Segment{NAS: "ap", AcctSessionID: "1", Username: "v", Account: 7, MultiSessionID: "n"})
	openSegment(t, db, Segment{NAS: "ap1", AcctSessionID: "", Username: "v"})
	openSegment(t, db, Segment{NAS: "a", AcctSessionID: "p1", Username: "v"})
	check := func(when string, want ...uint64) {
		t.Helper()
		if got := found(t, db, "ap", "1"); !slices.Equal(got, want) {
			t.Errorf("%s: found %v, expected %v", when, got, want)
		}
	}
	check("both", two.ID, one.ID)
	must(t, db.UpdateHere(t.Context(), func(tx *Tx) error { return tx.CloseSegment(one.ID, "x", clock.Now()) }))
	check("one is closed", two.ID, one.ID)
	must(t, db.SetDigestKey(key16(9)))
	check("under another key", two.ID, one.ID)
	must(t, db.Close())
	db = openClocked(t, fs, clock)
	check("after opening again", two.ID, one.ID)
	clock.Add(keepClosed + time.Second)
	openSegment(t, db, Segment{NAS: "other", AcctSessionID: "1"})
	check("later", two.ID)
	if n := len(db.index.sessions.refs); n != 4 {
		t.Errorf("%d are in memory, expected the 4 that go on", n)
	}
	must(t, db.UpdateHere(t.Context(), func(tx *Tx) error { return tx.Delete(Sessions, SegmentKey(two.ID)) }))
	check("deleted")
	must(t, db.Close())
	db = openClocked(t, fs, clock)
	check("what is old is not loaded")
}

// A transaction finds what the ones before it in the same commit have staged, and nothing of one that failed.
func TestFindSegmentsOfTheSameCommit(t *testing.T) {
	db := openMem(t)
	failed := errors.New("failed")
	g := db.newGroup()
	run := func(fn func(*Tx) error) error {
		j := &job{run: fn, durable: true, done: make(chan struct{})}
		g.run(j)
		return j.err
	}
	db.queue.turn.Lock()
	defer db.queue.turn.Unlock()
	open := func(tx *Tx) error {
		_, err := tx.OpenSegment(Segment{NAS: "ap", AcctSessionID: "1", Account: 7, InputOctetsTo: 5})
		return err
	}
	must(t, run(open))
	if err := run(func(tx *Tx) error { return errors.Join(open(tx), failed) }); !errors.Is(err, failed) {
		t.Fatal(err)
	}
	if err := run(func(tx *Tx) error {
		list, err := tx.FindSegments("ap", "1")
		must(t, err)
		u, err := tx.Usage(7, time.Now(), time.Now().Add(time.Hour))
		if len(list) != 1 || u.InputOctets != 5 {
			t.Errorf("found %d segments, usage %+v", len(list), u)
		}
		if d, heard := tx.Silent(list[0].ID); d != 0 || !heard {
			t.Errorf("silent for %v, heard %v", d, heard)
		}
		return errors.Join(err, failed)
	}); !errors.Is(err, failed) {
		t.Fatal(err)
	}
	g.abandon(failed)
}

func TestActiveOf(t *testing.T) {
	clock := newFakeClock()
	db := openClocked(t, vfs.NewMem(), clock)
	active := func(want ...uint64) {
		t.Helper()
		var got []uint64
		for _, s := range db.ActiveOf(7) {
			got = append(got, s.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("active %v, expected %v", got, want)
		}
	}
	active()
	first := openSegment(t, db, Segment{NAS: "ap", AcctSessionID: "1", Account: 7, MultiSessionID: "m", Number: 1})
	openSegment(t, db, Segment{NAS: "ap", AcctSessionID: "9", Account: 8})
	clock.Add(time.Second)
	second := openSegment(t, db, Segment{NAS: "ap", AcctSessionID: "2", Account: 7, MultiSessionID: "n", Number: 1})
	active(second.ID, first.ID)
	clock.Add(time.Second)
	taken := openSegment(t, db, Segment{NAS: "ap", AcctSessionID: "1", Account: 7, MultiSessionID: "m", Number: 2})
	active(taken.ID, second.ID)
	must(t, db.UpdateHere(t.Context(), func(tx *Tx) error { return tx.CloseSegment(taken.ID, "x", clock.Now()) }))
	active(second.ID) // the first segment was never closed
	db.SetSilence(time.Minute)
	clock.Add(58 * time.Second)
	active(second.ID)
	must(t, db.UpdateHere(t.Context(), func(tx *Tx) error { // nothing new
		return tx.UpdateSegment(second.ID, func(s *Segment) error { s.IPAddress = "10.0.0.1"; return nil })
	}))
	clock.Add(time.Second)
	active()
	must(t, db.UpdateHere(t.Context(), func(tx *Tx) error {
		return tx.UpdateSegment(second.ID, func(s *Segment) error { s.OutputOctetsTo = 1; return nil })
	}))
	active(second.ID)
	if list, err := db.ActiveAt("ap"); err != nil || len(list) != 3 {
		t.Errorf("%d at the NAS, %v", len(list), err)
	}
	if db.Shared(second.ID) || !db.Shared(first.ID) {
		t.Error("what shares a name")
	}
}

// What others hold of a segment is not counted, by the segment and by the account; usage never goes back where it is stored.
func TestElsewhere(t *testing.T) {
	db := openMem(t)
	now := time.Now()
	s := openSegment(t, db, Segment{Account: 7, InputOctetsFrom: 100, InputOctetsTo: 160, SessionTimeTo: 60, InputOctetsElsewhere: 9})
	usage := func(octets, seconds uint64) {
		t.Helper()
		u, err := db.Usage(7, now, now.Add(time.Hour))
		if err != nil || u.InputOctets != octets || u.SessionTime != seconds {
			t.Errorf("usage %+v, %v, expected %d octets, %d s", u, err, octets, seconds)
		}
	}
	edit := func(fn func(*Segment)) {
		t.Helper()
		must(t, db.UpdateHere(t.Context(), func(tx *Tx) error {
			return tx.UpdateSegment(s.ID, func(s *Segment) error { fn(s); return nil })
		}))
	}
	usage(60, 60)
	edit(func(s *Segment) { s.InputOctetsElsewhere, s.SessionTimeElsewhere = 20, 60 })
	usage(40, 0)
	edit(func(s *Segment) { s.InputOctetsElsewhere, s.InputOctetsTo = 5, 170 })
	usage(50, 0)
	edit(func(s *Segment) { s.InputOctetsElsewhere = 1000 })
	usage(0, 0)
	got, err := db.Segment(s.ID)
	if err != nil || got.InputOctets() != 0 || got.InputOctetsElsewhere != 70 || got.SessionTime() != 0 {
		t.Errorf("segment %+v, %v", got, err)
	}
	wild := Segment{InputOctetsFrom: 9, InputOctetsTo: 3, OutputOctetsTo: 5, OutputOctetsElsewhere: 8}
	if wild.InputOctets() != 0 || wild.OutputOctets() != 0 {
		t.Error("a segment that a peer made up counts")
	}
}

func TestUsageDay(t *testing.T) {
	db := openMem(t)
	four := func(at time.Time) time.Time { // at 04:00
		return at.Add(-4 * time.Hour).UTC().Truncate(day).Add(4 * time.Hour)
	}
	db.SetUsageDay(four)
	noon := time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)
	for hour, octets := range map[int]uint64{-9: 1, -7: 10, 0: 100, 15: 1000, 16: 10_000} {
		at := noon.Add(time.Duration(hour) * time.Hour)
		openSegment(t, db, Segment{Account: 7, Start: at, InputOctetsTo: octets})
	}
	for to, want := range map[time.Duration]uint64{0: 1110, 24 * time.Hour: 11110} {
		if u, err := db.Usage(7, noon, noon.Add(to)); err != nil || u.InputOctets != want {
			t.Errorf("usage %+v, %v, expected %d", u, err, want)
		}
	}
	if u, err := db.Usage(7, noon.Add(-8*time.Hour-time.Second), noon); err != nil || u.InputOctets != 1111 {
		t.Errorf("usage of the day before as well %+v, %v", u, err)
	}
	db.SetUsageDay(nil)
	if got := db.UsageDay(noon); !got.Equal(noon.Truncate(day)) {
		t.Errorf("the day began at %v", got)
	}
}

func TestChargePurchased(t *testing.T) {
	db := openMem(t)
	now := time.Now()
	for range 2 {
		must(t, db.UpdateHere(t.Context(), func(tx *Tx) error { return tx.ChargePurchased(7, now, 100, 5) }))
	}
	u, err := db.Usage(7, now, now.Add(time.Hour))
	if err != nil || u != (Usage{PurchasedOctets: 200, PurchasedTime: 10}) {
		t.Errorf("usage %+v, %v", u, err)
	}
	other := openMem(t)
	must(t, other.UpdateHere(t.Context(), func(tx *Tx) error { return tx.ChargePurchased(7, now, 1, 0) }))
	exchange(t, db, other, Sessions)
	for _, db := range []*DB{db, other} {
		if u, err := db.Usage(7, now, now.Add(time.Hour)); err != nil || u != (Usage{PurchasedOctets: 201, PurchasedTime: 10}) {
			t.Errorf("after they met %+v, %v", u, err)
		}
	}
}

// Sessions that come from elsewhere and ended long ago take no room, so that those that may go on are found among however many.
func TestOldSessionsAreNotIndexed(t *testing.T) {
	clock := newFakeClock()
	db := openClocked(t, vfs.NewMem(), clock)
	for i, ago := range []time.Duration{keepClosed + time.Minute, keepClosed - time.Minute} {
		stop := clock.Now().Add(-ago)
		must(t, db.Update(t.Context(), func(tx *Tx) error {
			_, err := tx.AddPastSegment(Segment{NAS: "ap", AcctSessionID: fmt.Sprint(i), Start: stop.Add(-time.Hour), Stop: stop})
			return err
		}))
	}
	if old, late := found(t, db, "ap", "0"), found(t, db, "ap", "1"); len(old) != 0 || len(late) != 1 || len(db.index.sessions.refs) != 1 {
		t.Errorf("found %v of long ago, %v of yesterday, %d are in memory", old, late, len(db.index.sessions.refs))
	}
}

// An id that a NAS gives to all its sessions does not make memory or searches grow.
func TestOneNameForAllSessions(t *testing.T) {
	db := openMem(t)
	for range 3 * maxNamed {
		openSegment(t, db, Segment{NAS: "ap", AcctSessionID: "0"})
	}
	if n := len(found(t, db, "ap", "0")); n != maxNamed {
		t.Errorf("%d are found", n)
	}
	if n := len(db.index.sessions.refs); n != 3*maxNamed {
		t.Errorf("%d are known", n)
	}
}

// The index holds what closed a short while ago, however many sessions there were.
func TestClosedSessionsAreForgotten(t *testing.T) {
	clock := newFakeClock()
	db := openClocked(t, vfs.NewMem(), clock)
	for i := range 5000 {
		must(t, db.UpdateHere(t.Context(), func(tx *Tx) error {
			s, err := tx.OpenSegment(Segment{NAS: "ap", AcctSessionID: fmt.Sprint(i), Account: 7})
			if err == nil {
				err = tx.CloseSegment(s.ID, "x", clock.Now())
			}
			return err
		}))
		clock.Add(time.Minute)
	}
	x := &db.index.sessions
	if want := int(keepClosed / time.Minute); len(x.refs) != want || len(x.named) != want || len(x.closed) > 2*want+1024 || len(x.accounts)+len(x.nases) != 0 {
		t.Errorf("%d segments, %d names, a list of %d, %d accounts, %d NAS", len(x.refs), len(x.named), len(x.closed), len(x.accounts), len(x.nases))
	}
}
