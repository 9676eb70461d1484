package hotspotdb

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// session stores a segment of a session of so many hours, closed unless it goes on, and its usage.
func (b *agingBox) session(account uint64, goesOn bool) uint64 {
	b.t.Helper()
	var id uint64
	must(b.t, b.Update(context.Background(), func(tx *Tx) error {
		s, err := tx.OpenSegment(Segment{Account: account, Username: fmt.Sprint("guest", account), Start: tx.now.Add(-time.Hour), Updated: tx.now, InputOctetsTo: 7})
		if err == nil && !goesOn {
			err = tx.CloseSegment(s.ID, "User-Request", tx.now)
		}
		id = s.ID
		return err
	}))
	return id
}

// TestHistoryExpires: closed segments go when they are older than the history, to the day; what goes on stays, and so does what was used in all.
func TestHistoryExpires(t *testing.T) {
	b := newAgingBox(t)
	b.SetHistory(30)
	b.run(time.Hour)
	b.session(1, false)
	b.session(1, true)
	b.run(29 * day)
	if n := b.Counts(Sessions); n != (Counts{Live: 3}) {
		t.Fatalf("within the history: %+v", n)
	}
	b.run(3 * day)
	if n := b.Counts(Sessions); n != (Counts{Live: 2}) || b.Statistics().SessionsActive != 1 {
		t.Errorf("beyond the history: %+v", n)
	}
	if u, err := b.Usage(1, time.Time{}, newYear.AddDate(1, 0, 0)); err != nil || u != (Usage{InputOctets: 14}) {
		t.Errorf("usage %+v, %v", u, err)
	}
	checkIndex(t, b.DB)
	if b.Horizon() != b.clock.Now().UTC().Truncate(day).Add(-30*day) || b.Floor(Sessions) != 0 {
		t.Errorf("horizon %s, floor %d", b.Horizon(), b.Floor(Sessions))
	}
}

// TestBindingsExpire: a binding goes when its end is older than the history; one without an end, or prolonged, stays.
func TestBindingsExpire(t *testing.T) {
	b := newAgingBox(t)
	b.SetHistory(30)
	b.run(time.Hour)
	bind := func(mac string, until time.Time) {
		must(t, b.Update(t.Context(), func(tx *Tx) error {
			return tx.BindSticky(Binding{MAC: mac, Username: "alice", Account: 1, Hotspot: "lobby", Days: 7, Expires: until})
		}))
	}
	week := b.clock.Now().Add(7 * day)
	bind("02-00-00-00-00-01", week)
	bind("02-00-00-00-00-02", week)
	bind("02-00-00-00-00-03", time.Time{})
	feed := feedOf(t, b.DB, Sticky, 0)
	feed.From = dbID(3)
	b.run(30 * day)
	bind("02-00-00-00-00-02", b.clock.Now().Add(7*day))
	if n := b.Counts(Sticky); n.Live != 3 {
		t.Fatalf("within the history: %+v", n)
	}
	b.run(9 * day)
	list, err := b.Stickies()
	if err != nil || len(list) != 2 || list[0].MAC != "02-00-00-00-00-02" || list[1].MAC != "02-00-00-00-00-03" || b.Statistics().Sticky != 2 ||
		b.Counts(Sticky).Tombstones != 0 {
		t.Errorf("beyond the history: %+v, %v, %+v", list, err, b.Counts(Sticky))
	}
	if r, err := b.Apply(t.Context(), feed); err != nil || r.Stored != 0 {
		t.Errorf("a peer still has it: %+v, %v", r, err)
	}
	checkIndex(t, b.DB)
}

// TestPurchasesThatWereUsedStayUsed: what was bought years ago is not there again because nobody remembers its use.
func TestPurchasesThatWereUsedStayUsed(t *testing.T) {
	b := newAgingBox(t)
	b.SetHistory(30)
	b.run(time.Hour)
	b.session(1, false)
	b.session(2, false)
	must(t, b.Update(t.Context(), func(tx *Tx) error { return tx.ChargePurchased(1, tx.now, 5, 3) }))
	b.run(60 * day)
	for account, want := range map[uint64]Usage{1: {InputOctets: 7, PurchasedOctets: 5, PurchasedTime: 3}, 2: {InputOctets: 7}} {
		if u, err := b.Usage(account, time.Unix(0, 0), newYear.AddDate(1, 0, 0)); err != nil || u != want {
			t.Errorf("account %d: usage %+v, %v, want %+v", account, u, err, want)
		}
	}
	checkIndex(t, b.DB)
}

// TestMergeRefusesOldHistory: what has expired here is not taken from a peer that still has it, which is no error and no
// difference to be alarmed at; but for what somebody used last, which is.
func TestMergeRefusesOldHistory(t *testing.T) {
	a, b := newAgingBox(t), newAgingBox(t)
	b.clock = a.clock // one time for both
	b.o.Now = a.clock.Now
	b.reopen()
	b.SetHistory(30)
	b.run(time.Hour)
	open := a.session(1, true)
	before := feedOf(t, a.DB, Sessions, 0)
	_, err := b.Apply(t.Context(), before)
	must(t, err)
	must(t, a.Update(t.Context(), func(tx *Tx) error { return tx.CloseSegment(open, "x", tx.now) }))
	a.session(2, false)
	feed := feedOf(t, a.DB, Sessions, 0)
	b.run(32 * day)
	r, err := b.Apply(t.Context(), feed)
	if err != nil || r.Stored != 1 || r.Ignored != len(feed.Changes)-1 || r.Refused != 0 {
		t.Fatalf("result %+v, %v", r, err)
	}
	if got := b.Position(a.ID(), Sessions); got != feed.Position {
		t.Errorf("position %v, want %v", got, feed.Position)
	}
	if n := b.Counts(Sessions); n != (Counts{Live: 2}) || b.Statistics().SessionsActive != 0 {
		t.Errorf("the session that was open here: %+v", n)
	}
	checkIndex(t, b.DB)
	for _, raw := range feed.Changes {
		c, err := DecodeChange(raw)
		if err != nil || b.Expiring(c) == isUsage(c.Key) || a.Expiring(c) {
			t.Errorf("%x: expiring %v, where history is kept for ever %v, %v", c.Key, b.Expiring(c), a.Expiring(c), err)
		}
	}
}

// TestExpiringHasADayOfSlack: two boxes pass the horizon at slightly different moments.
func TestExpiringHasADayOfSlack(t *testing.T) {
	b := newAgingBox(t)
	b.SetHistory(30)
	b.run(time.Hour)
	segment := func(days int) Change {
		stop := b.clock.Now().UTC().Truncate(day).Add(-time.Duration(days) * day).UnixMicro()
		return Change{Key: SegmentKey(9), Body: appendVarint(nil, fieldStop, uint64(stop))}
	}
	for days, want := range map[int]bool{28: false, 29: true, 30: true, 31: true, 400: true} {
		if got := b.Expiring(segment(days)); got != want {
			t.Errorf("%d days ago: %v", days, got)
		}
	}
	unset := Change{Key: SegmentKey(9), Body: appendVarint(nil, fieldStop, 5)}
	goesOn := Change{Key: SegmentKey(9)}
	if b.Expiring(unset) || b.Expiring(goesOn) || b.expired(&unset) {
		t.Error("a session of 1970, or one that goes on, expires")
	}
	for _, kind := range []byte("ASPGKUE?") {
		b.Expiring(Change{Key: []byte{kind}}) // what a peer may send
	}
}

// TestWrongClockKeepsHistory: a clock that jumps removes nothing until it has gone on steadily for a week.
func TestWrongClockKeepsHistory(t *testing.T) {
	b := newAgingBox(t)
	b.SetHistory(30)
	b.run(time.Hour)
	b.session(1, false)
	horizon := b.Horizon()
	b.clock.Add(365 * day)
	b.run(time.Hour)
	b.reopen()
	b.SetHistory(30)
	b.run(time.Hour)
	if n := b.Counts(Sessions); n.Live != 2 || !b.Horizon().IsZero() && b.Horizon() != horizon {
		t.Fatalf("a year ahead: %+v, horizon %s", n, b.Horizon())
	}
	b.clock.Add(-365 * day)
	b.run(8 * day)
	if n := b.Counts(Sessions); n.Live != 2 || b.Horizon() == horizon || b.Horizon().IsZero() {
		t.Errorf("back again: %+v, horizon %s", n, b.Horizon())
	}
	b.run(31 * day)
	if n := b.Counts(Sessions); n.Live != 1 {
		t.Errorf("in the end: %+v", n)
	}
}

// TestHistoryIsSetAgain: shorter, for ever, and longer.
func TestHistoryIsSetAgain(t *testing.T) {
	b := newAgingBox(t)
	b.SetHistory(30)
	b.run(time.Hour)
	b.session(1, false)
	old := feedOf(t, b.DB, Sessions, 0)
	old.From = dbID(3)
	b.run(10 * day)
	b.SetHistory(5)
	must(t, b.Upkeep(t.Context()))
	if n := b.Counts(Sessions); n.Live != 1 {
		t.Fatalf("5 days: %+v", n)
	}
	b.SetHistory(0)
	must(t, b.Upkeep(t.Context()))
	if r, err := b.Apply(t.Context(), old); err != nil || r.Stored != 1 || !b.Horizon().IsZero() {
		t.Fatalf("for ever: %+v, %v, horizon %s", r, err, b.Horizon())
	}
	b.SetHistory(8)
	must(t, b.Upkeep(t.Context()))
	if n := b.Counts(Sessions); n.Live != 1 {
		t.Errorf("8 days: %+v", n)
	}
}
