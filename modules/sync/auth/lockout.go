package auth

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// LockoutAttempts failures within LockoutTime lock an address out for LockoutTime. It is the address that is locked,
	// never the account: nobody on the guest network can lock the branches out by guessing.
	LockoutAttempts = 5
	LockoutTime     = 15 * time.Minute

	maxLockoutEntries = 10_000
)

// Lockout counts failed proofs for each address (IPv6: for each /64, which one host can fill).
type Lockout struct {
	Now func() time.Time

	mu       sync.Mutex // guards failures
	failures map[netip.Addr]*failure
}

type failure struct {
	count       int
	pending     int // attempts that are being made
	first, last time.Time
}

// Host is whom an address stands for: itself, or in IPv6 the /64 that one host can fill.
func Host(addr netip.Addr) netip.Addr {
	addr = addr.Unmap()
	if addr.Is6() {
		prefix, _ := addr.Prefix(64)
		return prefix.Addr()
	}
	return addr
}

// Locked says how long the address still has to wait; 0 if it may try.
func (l *Lockout) Locked(addr netip.Addr) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, ok := l.failures[Host(addr)]
	if !ok || f.count < LockoutAttempts {
		return 0
	}
	return max(0, LockoutTime-l.Now().Sub(f.last))
}

// Begin takes one of the attempts that the address has left, until end says whether it failed. busy means that other
// connections of the address, which may be many boxes behind one, are using all that are left: many guesses at once are not
// more guesses, and many honest boxes at once are no failures.
func (l *Lockout) Begin(addr netip.Addr) (end func(failed bool), busy bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.entry(Host(addr))
	if f.count+f.pending >= LockoutAttempts {
		return nil, true
	}
	f.pending++
	return func(failed bool) {
		l.mu.Lock()
		defer l.mu.Unlock()
		f.pending--
		if failed {
			f.fail(l.Now())
		}
	}, false
}

// Failed counts a failure.
func (l *Lockout) Failed(addr netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entry(Host(addr)).fail(l.Now())
}

func (f *failure) fail(now time.Time) {
	if f.count == 0 {
		f.first = now
	}
	f.count++
	f.last = now
}

// entry is called with mu held.
func (l *Lockout) entry(host netip.Addr) *failure {
	now := l.Now()
	if l.failures == nil {
		l.failures = make(map[netip.Addr]*failure)
	}
	f := l.failures[host]
	if f == nil {
		l.forgetOld(now)
		f = &failure{}
		l.failures[host] = f
	}
	if f.over(now) {
		f.count = 0
	}
	return f
}

// over says whether the failures are too old to count.
func (f *failure) over(now time.Time) bool {
	return now.Sub(f.last) > LockoutTime || f.count < LockoutAttempts && now.Sub(f.first) > LockoutTime
}

// forgetOld keeps the table bounded: old entries go, and if an attacker fills it from many addresses, the table starts anew.
func (l *Lockout) forgetOld(now time.Time) {
	if len(l.failures) < maxLockoutEntries {
		return
	}
	for key, f := range l.failures {
		if f.pending == 0 && f.over(now) {
			delete(l.failures, key)
		}
	}
	if len(l.failures) >= maxLockoutEntries {
		clear(l.failures)
	}
}

// Reset forgets all failures: the operator has changed something that may have caused them.
func (l *Lockout) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.failures)
}
