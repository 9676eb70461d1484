package policy

import (
	"errors"
	"testing"
	"time"

	"mbox/hotspotdb"
)

// What operators are shown is what a login is given.
func TestStandings(t *testing.T) {
	w := newWorld(t)
	alice := w.user("alice", func(a *hotspotdb.Account) {
		a.Attributes = attributes("CS-Total-MB-Daily", "100", "CS-Total-MB-Monthly", "1000", "Max-Weekly-Session", "3600")
	})
	w.buy(alice.ID, 50*mb, 600)
	w.used(alice.ID, 120*mb, 1000)
	octets, seconds, reason, err := w.p.Standings(alice.ID, w.now())
	w.must(err)
	want := []FreeQuota{
		{Daily, 100 * mb, 100 * mb, time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)},
		{Monthly, 1000 * mb, 100 * mb, time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)},
	}
	if len(octets.Free) != 2 || octets.Free[0] != want[0] || octets.Free[1] != want[1] || octets.Bought != 50*mb || octets.Taken != 20*mb || reason != OK {
		t.Errorf("octets %+v, %s", octets, reason)
	}
	if len(seconds.Free) != 1 || seconds.Free[0].Used != 1000 || seconds.Left() != 3200 || !seconds.Free[0].Resets.Equal(time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("seconds %+v", seconds)
	}
	d := w.pap("alice", "wonderland")
	if d.Limits.TotalOctets != octets.Left() || d.Limits.SessionTimeout != time.Duration(seconds.Left())*time.Second {
		t.Errorf("a login gets %+v, and %d octets and %d s are shown", d.Limits, octets.Left(), seconds.Left())
	}
	w.edit("alice", func(e *hotspotdb.AccountEdit) { e.Disabled = true })
	if _, _, reason, err := w.p.Standings(alice.ID, w.now()); reason != Disabled || err != nil {
		t.Errorf("reason %s, %v", reason, err)
	}
	if _, _, _, err := w.p.Standings(12345, w.now()); !errors.Is(err, hotspotdb.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
}
