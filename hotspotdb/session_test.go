package hotspotdb

import (
	"errors"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestSegments(t *testing.T) {
	clock := newFakeClock()
	fs := vfs.NewMem()
	o := memOptions(fs)
	o.Now = clock.Now
	db := mustOpen(t, o)
	update := func(fn func(*Tx) error) error { return db.Update(t.Context(), fn) }
	var s Segment
	must(t, update(func(tx *Tx) (err error) {
		s, err = tx.OpenSegment(Segment{Username: "u", Account: 7, MAC: "3a:71:b4:e9:f7:99", InputOctetsFrom: 100, InputOctetsTo: 100})
		return err
	}))
	day := clock.Now()
	clock.Add(time.Minute)
	must(t, update(func(tx *Tx) error {
		return tx.UpdateSegment(s.ID, func(s *Segment) error { s.InputOctetsTo, s.OutputOctetsTo, s.SessionTimeTo = 150, 20, 60; return nil })
	}))
	must(t, update(func(tx *Tx) error { // an old report comes late
		return tx.UpdateSegment(s.ID, func(s *Segment) error { s.InputOctetsTo, s.InputOctetsFrom, s.Account = 120, 0, 8; return nil })
	}))
	got, err := db.Segment(s.ID)
	must(t, err)
	if got.InputOctetsTo != 150 || got.InputOctetsFrom != 100 || got.Account != 7 || !got.Active() || got.MAC != "3A-71-B4-E9-F7-99" || got.Origin != db.ID() {
		t.Errorf("segment %+v", got)
	}
	usage := func(want Usage) {
		t.Helper()
		if u, err := db.Usage(7, day, day.Add(24*time.Hour)); err != nil || u != want {
			t.Errorf("usage %+v, %v, expected %+v", u, err, want)
		}
		if u, err := db.Usage(7, time.Unix(0, 0), day.Add(24*time.Hour)); err != nil || u != want {
			t.Errorf("usage by a scan %+v, %v, expected %+v", u, err, want)
		}
	}
	usage(Usage{InputOctets: 50, OutputOctets: 20, SessionTime: 60})
	if n := db.Statistics(); n.Sessions != 1 || n.SessionsActive != 1 {
		t.Errorf("%+v", n)
	}
	must(t, update(func(tx *Tx) error { return tx.CloseSegment(s.ID, "User-Request", clock.Now()) }))
	must(t, update(func(tx *Tx) error { return tx.CloseSegment(s.ID, "Admin-Reset", clock.Now().Add(time.Hour)) }))
	got, err = db.Segment(s.ID)
	must(t, err)
	if got.TerminateCause != "User-Request" || !got.Stop.Equal(clock.Now()) {
		t.Errorf("closed %+v", got)
	}
	must(t, update(func(tx *Tx) error { // the last report comes after the stop
		return tx.UpdateSegment(s.ID, func(s *Segment) error { s.InputOctetsTo, s.Stop = 160, time.Time{}; return nil })
	}))
	usage(Usage{InputOctets: 60, OutputOctets: 20, SessionTime: 60})
	clock.Add(24 * time.Hour)
	must(t, update(func(tx *Tx) error {
		_, err := tx.OpenSegment(Segment{Username: "v", Account: 7, OutputOctetsTo: 5})
		return err
	}))
	usage(Usage{InputOctets: 60, OutputOctets: 20, SessionTime: 60}) // another day
	yes, no := true, false
	for _, c := range []struct {
		f    SegmentFilter
		want int
	}{{SegmentFilter{}, 2}, {SegmentFilter{Active: &yes}, 1}, {SegmentFilter{Active: &no}, 1}, {SegmentFilter{Username: "u"}, 1},
		{SegmentFilter{Since: clock.Now()}, 1}, {SegmentFilter{Limit: 1}, 1}, {SegmentFilter{Username: "u", Active: &yes}, 0}} {
		if list, err := db.Segments(t.Context(), c.f); err != nil || len(list) != c.want {
			t.Errorf("%+v: %d segments, %v", c.f, len(list), err)
		}
	}
	list, err := db.Segments(t.Context(), SegmentFilter{})
	must(t, err)
	if list[0].Username != "v" {
		t.Error("not the newest first")
	}
	want := db.Statistics()
	must(t, db.Close())
	db = mustOpen(t, o)
	if got := db.Statistics(); got != want || got.SessionsActive != 1 {
		t.Errorf("after opening again %+v, before %+v", got, want)
	}
}

func TestSegmentOfAnotherBox(t *testing.T) {
	a, b := openMem(t), openMem(t)
	var s Segment
	must(t, a.Update(t.Context(), func(tx *Tx) (err error) {
		s, err = tx.OpenSegment(Segment{Username: "u", Account: 1, InputOctetsTo: 9})
		return err
	}))
	exchange(t, a, b, Sessions)
	if err := b.Update(t.Context(), func(tx *Tx) error { return tx.CloseSegment(s.ID, "x", time.Now()) }); !errors.Is(err, ErrReadOnly) {
		t.Errorf("closed on another box: %v", err)
	}
	if n := b.Statistics(); n.SessionsActive != 1 || n.Sessions != 1 {
		t.Errorf("relayed: %+v", n)
	}
	must(t, a.Update(t.Context(), func(tx *Tx) error { return tx.CloseSegment(s.ID, "x", time.Now()) }))
	exchange(t, a, b, Sessions)
	if n := b.Statistics(); n.SessionsActive != 0 || n.Sessions != 1 {
		t.Errorf("relayed after the stop: %+v", n)
	}
	if u, err := b.Usage(1, time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)); err != nil || u.InputOctets != 9 {
		t.Errorf("usage on another box %+v, %v", u, err)
	}
	must(t, a.Update(t.Context(), func(tx *Tx) error { return tx.Delete(Sessions, SegmentKey(s.ID)) }))
	exchange(t, a, b, Sessions)
	if n := b.Statistics(); n.Sessions != 0 {
		t.Errorf("relayed after deletion: %+v", n)
	}
}

func TestSticky(t *testing.T) {
	db := openMem(t)
	update := func(fn func(*Tx) error) error { return db.Update(t.Context(), fn) }
	must(t, update(func(tx *Tx) error {
		return tx.BindSticky(Binding{MAC: "3a71b4e9f799", Username: "u", Hotspot: "lobby", Mode: StickyLast, Days: 3})
	}))
	must(t, update(func(tx *Tx) error {
		return tx.UpdateSticky("3A-71-B4-E9-F7-99", "lobby", func(b *Binding) error { b.Days, b.Hotspot = 9, "moved"; return nil })
	}))
	list, err := db.Stickies()
	must(t, err)
	if len(list) != 1 || list[0].Days != 9 || list[0].Hotspot != "lobby" || list[0].MAC != "3A-71-B4-E9-F7-99" || list[0].Mode != StickyLast {
		t.Errorf("bindings %+v", list)
	}
	if err := update(func(tx *Tx) error { return tx.DeleteSticky("3a71b4e9f799", "bar") }); !errors.Is(err, ErrNotFound) {
		t.Errorf("another hotspot: %v", err)
	}
	must(t, update(func(tx *Tx) error { return tx.DeleteSticky("3a71b4e9f799", "lobby") }))
	if db.Statistics().Sticky != 0 {
		t.Errorf("%+v", db.Statistics())
	}
	if err := update(func(tx *Tx) error { return tx.BindSticky(Binding{MAC: "x", Username: "u", Hotspot: "l"}) }); !errors.Is(err, ErrInvalid) {
		t.Errorf("bad MAC: %v", err)
	}
}
