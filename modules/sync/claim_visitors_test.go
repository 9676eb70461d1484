package sync

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

func TestVisitorsAreLimitedByAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var v visitors
		yes, no := func() bool { return true }, func() bool { return false }
		one, other := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
		for i := range guessBurst {
			if got := v.admit(one, no); got != guessed {
				t.Fatalf("guess %d: %d", i, got)
			}
		}
		if got := v.admit(one, yes); got != guessesTooOften {
			t.Errorf("a right code after %d guesses: %d", guessBurst, got)
		}
		if got := v.admit(other, yes); got != admitted {
			t.Errorf("another address: %d", got)
		}
		time.Sleep(guessEvery)
		if v.admit(one, yes) != admitted || v.admit(one, no) != guessed || v.admit(one, yes) != guessesTooOften {
			t.Error("one guess comes back after its time, and no more")
		}
		for range claimBurst {
			v.admit(other, yes)
		}
		if got := v.admit(other, yes); got != tooOften {
			t.Errorf("after %d claims at once: %d", claimBurst, got)
		}
		time.Sleep(time.Second)
		if got := v.admit(other, yes); got != admitted {
			t.Errorf("a second later: %d", got)
		}
	})
}

// Addresses that come and go do not fill the memory, nor does a crowd of them push out those that have guessed.
func TestVisitorsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var v visitors
		no := func() bool { return false }
		guesser := netip.MustParseAddr("192.0.2.1")
		for range guessBurst {
			v.admit(guesser, no)
		}
		addr := netip.MustParseAddr("10.0.0.0")
		for range 2 * maxVisitors {
			v.admit(addr, no)
			addr = addr.Next()
		}
		if n := len(v.list); n != maxVisitors {
			t.Errorf("%d addresses are remembered", n)
		}
		if got := v.admit(guesser, no); got != guessesTooOften {
			t.Errorf("the first one was forgotten: %d", got)
		}
		time.Sleep(idleVisitor + time.Second)
		if v.admit(addr, no); len(v.list) != 1 {
			t.Errorf("%d addresses are remembered after a pause", len(v.list))
		}
	})
}
