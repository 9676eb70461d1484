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
	first, last time.Time
}

func lockoutKey(addr netip.Addr) netip.Addr {
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
	f, ok := l.failures[lockoutKey(addr)]
	if !ok || f.count < LockoutAttempts {
		return 0
	}
	return max(0, LockoutTime-l.Now().Sub(f.last))
}

// Failed counts a failure, or an attempt that may become one.
func (l *Lockout) Failed(addr netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key, now := lockoutKey(addr), l.Now()
	if l.failures == nil {
		l.failures = make(map[netip.Addr]*failure)
	}
	f := l.failures[key]
	if f == nil || now.Sub(f.last) > LockoutTime || f.count < LockoutAttempts && now.Sub(f.first) > LockoutTime {
		l.forgetOld(now)
		f = &failure{first: now}
		l.failures[key] = f
	}
	f.count++
	f.last = now
}

// forgetOld keeps the table bounded: old entries go, and if an attacker fills it from many addresses, the table starts anew.
func (l *Lockout) forgetOld(now time.Time) {
	if len(l.failures) < maxLockoutEntries {
		return
	}
	for key, f := range l.failures {
		if now.Sub(f.last) > LockoutTime {
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

// Succeeded takes back the one attempt that was counted before it was made. Earlier failures stay: who knows one password
// must not get more guesses at another.
func (l *Lockout) Succeeded(addr netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.failures[lockoutKey(addr)]; f != nil {
		f.count--
	}
}
