package sync

import (
	"net/netip"
	stdsync "sync"
	"time"

	"mbox/modules/sync/auth"
)

// A peer that may claim vouchers has been given them all, so it has nothing to guess; a box that does so nevertheless has a
// list of its own, or is not what it should be. Limits are kept by address, not by key: keys cost nothing.

const (
	// claimEvery and claimBurst are a festival's gate: some hundred guests who log in at once, behind one peer.
	claimEvery = time.Second / 200
	claimBurst = 1000
	// guessEvery and guessBurst bound claims of vouchers that are not known here. There are honest ones: of a batch that has just
	// been deleted. With codes of 54 bits nobody finds one by 360 guesses an hour.
	guessEvery = 10 * time.Second
	guessBurst = 20
	// maxVisitors bounds the addresses that are remembered; idleVisitor is when one has its whole allowance again anyhow.
	maxVisitors = 8192
	idleVisitor = guessBurst * guessEvery
)

// verdict is what becomes of a claim.
type verdict int

const (
	admitted verdict = iota
	guessed
	tooOften
	guessesTooOften
)

// allowance is what may be done, burst times at once and then once in a while (the generic cell rate algorithm of ATM's
// traffic control). The zero value has all of it.
type allowance struct{ whole time.Time } // when all of it will have come back

func (a *allowance) left(now time.Time, every time.Duration, burst int) bool {
	return a.whole.Sub(now) <= time.Duration(burst-1)*every
}

func (a *allowance) take(now time.Time, every time.Duration) {
	if a.whole.Before(now) {
		a.whole = now
	}
	a.whole = a.whole.Add(every)
}

type visitor struct {
	mu              stdsync.Mutex // one claim of an address is looked up at a time, so that guesses are counted before the next one
	claims, guesses allowance     // guarded by mu
	seen            time.Time     // guarded by visitors.mu
}

// visitors are the addresses that have claimed vouchers lately. The zero value is ready.
type visitors struct {
	mu   stdsync.Mutex // guards what follows
	list map[netip.Addr]*visitor
}

// admit judges a claim from an address; known looks the voucher up, if it may be.
func (v *visitors) admit(from netip.Addr, known func() bool) verdict {
	now := time.Now()
	who := v.find(auth.Host(from), now)
	if who == nil {
		return tooOften
	}
	who.mu.Lock()
	defer who.mu.Unlock()
	if !who.claims.left(now, claimEvery, claimBurst) {
		return tooOften
	}
	who.claims.take(now, claimEvery)
	switch {
	case !who.guesses.left(now, guessEvery, guessBurst):
		return guessesTooOften
	case known():
		return admitted
	}
	who.guesses.take(now, guessEvery)
	return guessed
}

// find is nil if there are too many addresses.
func (v *visitors) find(host netip.Addr, now time.Time) *visitor {
	v.mu.Lock()
	defer v.mu.Unlock()
	who := v.list[host]
	if who == nil {
		if len(v.list) >= maxVisitors {
			v.dropIdle(now)
		}
		if len(v.list) >= maxVisitors {
			return nil
		}
		if v.list == nil {
			v.list = map[netip.Addr]*visitor{}
		}
		who = &visitor{}
		v.list[host] = who
	}
	who.seen = now
	return who
}

// dropIdle is called with v.mu held.
func (v *visitors) dropIdle(now time.Time) {
	for host, who := range v.list {
		if now.Sub(who.seen) > idleVisitor {
			delete(v.list, host)
		}
	}
}
