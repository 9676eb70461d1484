package acct

import (
	"errors"
	"slices"
	"testing"
	"time"

	"mbox/hotspotdb"
	"mbox/modules/aaa/policy"
)

// What is left becomes more while a session goes on: its NAS is told, once; what becomes less is no news for it.
func TestNewLimitsAreTold(t *testing.T) {
	b := newTestBox(t)
	limits := policy.Limits{HasTotal: true, TotalOctets: 1000, SessionTimeout: time.Hour, DownKbps: 512}
	b.rules.verdict = func(hotspotdb.Segment) policy.Verdict { return policy.Verdict{Limits: limits} }
	seconds := uint32(0)
	report := func(want int, what string) {
		t.Helper()
		seconds += 60
		b.clock.add(time.Minute)
		b.report(at(InterimUpdate, "1", seconds, 5, 5))
		b.clock.add(gather)
		b.tick()
		b.settleNAS()
		if len(b.nas.renewed) != want {
			t.Fatalf("%s: the NAS was told %d times, want %d", what, len(b.nas.renewed), want)
		}
	}
	b.report(at(Start, "1", 0, 0, 0))
	report(0, "what it was told at login")
	limits.TotalOctets = 900
	report(0, "less traffic")
	limits.SessionTimeout += 10 * time.Second
	report(0, "clocks that differ")
	limits.TotalOctets = 5000
	report(1, "a purchase")
	if got := b.nas.renewed[0]; got.TotalOctets != 5000 || got.DownKbps != 512 {
		t.Errorf("told %+v", got)
	}
	report(1, "the same again")
	limits.DownKbps = 256
	report(2, "another rate")
	limits.SessionTimeout = 2 * time.Hour
	report(3, "more time")
	limits.HasTotal, limits.TotalOctets = false, 0
	report(4, "no quota any more")
}

// A NAS that does not answer is told again for a while; one that refuses is not.
func TestNewLimitsAreTriedAgain(t *testing.T) {
	for _, c := range []struct {
		answer error
		want   int
	}{{errors.New("no answer"), renewTries}, {ErrRefused, 1}} {
		b := newTestBox(t)
		limits := policy.Limits{HasTotal: true, TotalOctets: 1000}
		b.rules.verdict = func(hotspotdb.Segment) policy.Verdict { return policy.Verdict{Limits: limits} }
		b.nas.obeys = func(int) error { return c.answer }
		b.report(at(Start, "1", 0, 0, 0))
		b.clock.add(gather)
		b.tick()
		limits.TotalOctets = 2000
		var when []time.Duration
		b.report(at(InterimUpdate, "1", 60, 5, 5))
		for range 200 {
			told := len(b.nas.renewed)
			b.clock.add(500 * time.Millisecond)
			b.tick()
			b.settleNAS()
			if len(b.nas.renewed) > told {
				when = append(when, b.clock.ran())
			}
		}
		if len(b.nas.renewed) != c.want || !slices.IsSorted(when) {
			t.Errorf("%v: told %d times, want %d", c.answer, len(b.nas.renewed), c.want)
		}
		if active := b.db.ActiveOf(7); len(active) != 1 {
			t.Errorf("%v: %d sessions go on", c.answer, len(active))
		}
	}
}

// What somebody buys is looked at at once, not at the next report.
func TestPurchaseIsJudgedAtOnce(t *testing.T) {
	b := newTestBox(t)
	judged := make(chan uint64, 16)
	b.rules.verdict = func(s hotspotdb.Segment) policy.Verdict {
		judged <- s.Account
		return policy.Verdict{}
	}
	var id uint64
	edit := func(fn func(*hotspotdb.Tx) error) {
		t.Helper()
		if err := b.db.UpdateHere(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
	}
	edit(func(tx *hotspotdb.Tx) error {
		a, err := tx.AddAccount(hotspotdb.Account{Username: "alice"}, "", "test")
		id = a.ID
		return err
	})
	r := at(Start, "1", 0, 0, 0)
	r.Account = id
	b.report(r)
	b.running(t)
	if got := <-judged; got != id {
		t.Fatalf("judged %d", got)
	}
	edit(func(tx *hotspotdb.Tx) error {
		_, err := tx.AddPurchase(hotspotdb.Purchase{Account: id, Username: "alice", Octets: 1000})
		return err
	})
	select {
	case got := <-judged:
		if got != id {
			t.Errorf("judged %d", got)
		}
	case <-time.After(20 * time.Second):
		t.Error("nobody looked at the session")
	}
}
