package sync_test

import (
	"fmt"
	"testing"

	"mbox/boxtest"
	"mbox/boxtest/wire"
	"mbox/hotspotdb"
)

// A link that breaks again and again within one long run of batches costs little more than one that holds: each connection
// goes on behind the last batch that was stored, and does not start over.
func TestBrokenCatchUpGoesOn(t *testing.T) {
	const accounts, breaks = 30_000, 3
	whole, _ := catchUpOver(t, accounts, func(*wire.Wire) {})
	total, connections := catchUpOver(t, accounts, func(w *wire.Wire) {
		for i := range breaks {
			from := w.Bytes(wire.Down)
			boxtest.Eventually(t, fmt.Sprintf("part %d of the catch-up passes", i), func() bool { return w.Bytes(wire.Down)-from >= whole/(breaks+1) })
			w.Cut()
		}
	})
	ratio := float64(total) / float64(whole)
	t.Logf("%d bytes without a break; %d over %d connections: %.2f times", whole, total, connections, ratio)
	if connections < breaks+1 {
		t.Errorf("only %d connections: the link did not break within the catch-up", connections)
	}
	// Starting over each time would be 1/4 + 2/4 + 3/4 + 1 = 2.5 times; a break may cost the batch that was on its way.
	if ratio > 1.4 {
		t.Errorf("a catch-up with %d breaks moved %.2f times the bytes", breaks, ratio)
	}
}

// catchUpOver lets a follower that was away catch up while trouble happens to its link, and returns the bytes that were
// delivered to it, and the connections that it took.
func catchUpOver(t *testing.T, accounts int, trouble func(*wire.Wire)) (bytes, connections int64) {
	lan := boxtest.NewLAN(t)
	primary, follower := lan.Box("primary"), lan.Box("follower")
	primary.Must(fmt.Sprintf("mbox sync allow %s", follower.Addr))
	w := wire.New(t, primary.ListenAddr())
	const rate = 40_000_000 // bits per second, so that a break comes in time
	w.Shape(wire.Link{Rate: rate})
	primary.Add("first", 1)
	line := fmt.Sprintf("mbox sync primary %s port %d username mboxadmin password %s", w.Addr().Addr(), w.Addr().Port(), boxtest.Password)
	follower.Must(line)
	equal := func() bool { return primary.Digest(hotspotdb.Users) == follower.Digest(hotspotdb.Users) }
	boxtest.Eventually(t, "the first record", equal)

	follower.Must("no mbox sync primary " + w.Addr().Addr().String())
	primary.Add("guest", accounts)
	from, before := w.Bytes(wire.Down), w.Accepted()
	follower.Must(line)
	trouble(w)
	boxtest.Eventually(t, "the catch-up", equal)
	return w.Bytes(wire.Down) - from, w.Accepted() - before
}
