package api

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// lockoutAttempts failed logins within lockoutTime lock an address out for lockoutTime. It is the address that is locked,
	// never the user: nobody can lock a program out by guessing its secret from elsewhere.
	lockoutAttempts = 5
	lockoutTime     = 15 * time.Minute
	// maxSources bounds the addresses that are remembered.
	maxSources = 4096
)

// hostOf is whom an address stands for: itself, or in IPv6 the /64 that one host can fill.
func hostOf(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		prefix, _ := addr.Prefix(64)
		return prefix.Addr()
	}
	return addr
}

// lockout counts failed logins by address. Times are since start, by a clock that nobody sets. A restart forgets.
type lockout struct {
	now   func() time.Time
	start time.Time

	mu      sync.Mutex // guards sources
	sources map[netip.Addr]*source
}

// source is an address from which logins failed.
type source struct {
	failed  []time.Duration // oldest first
	pending int             // attempts that are being made
	blocked time.Duration   // until then; 0: not
}

func newLockout(now func() time.Time) *lockout {
	return &lockout{now: now, start: now(), sources: map[netip.Addr]*source{}}
}

// begin takes one of the attempts that an address has left, until end says whether it failed. If there is none, wait says
// for how long. Many attempts at once are not more attempts.
func (l *lockout) begin(from netip.Addr) (end func(failed bool), wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now().Sub(l.start)
	s := l.source(hostOf(from), now)
	s.forget(now)
	switch {
	case s.blocked > now:
		return nil, s.blocked - now
	case len(s.failed)+s.pending >= lockoutAttempts:
		return nil, time.Second
	}
	s.pending++
	return func(failed bool) {
		l.mu.Lock()
		defer l.mu.Unlock()
		s.pending--
		if !failed {
			return
		}
		now := l.now().Sub(l.start)
		if s.failed = append(s.failed, now); len(s.failed) >= lockoutAttempts {
			s.failed, s.blocked = nil, now+lockoutTime
		}
	}, 0
}

// forget drops what does not count any more.
func (s *source) forget(now time.Duration) {
	for len(s.failed) > 0 && now-s.failed[0] >= lockoutTime {
		s.failed = s.failed[1:]
	}
	if s.blocked <= now {
		s.blocked = 0
	}
}

// source is called with mu held.
func (l *lockout) source(host netip.Addr, now time.Duration) *source {
	if s := l.sources[host]; s != nil {
		return s
	}
	if len(l.sources) >= maxSources {
		l.evict(now)
	}
	s := &source{}
	l.sources[host] = s
	return s
}

// evict forgets all that does not count; if that is nobody, the address that has least to fear.
func (l *lockout) evict(now time.Duration) {
	var oldest netip.Addr
	var at time.Duration
	for host, s := range l.sources {
		s.forget(now)
		last := s.blocked
		if n := len(s.failed); n > 0 {
			last = max(last, s.failed[n-1])
		}
		switch {
		case s.pending > 0:
		case last == 0:
			delete(l.sources, host)
		case !oldest.IsValid() || last < at:
			oldest, at = host, last
		}
	}
	if len(l.sources) >= maxSources {
		delete(l.sources, oldest)
	}
}

// locked counts the addresses that are locked out.
func (l *lockout) locked() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now().Sub(l.start)
	for _, s := range l.sources {
		if s.blocked > now {
			n++
		}
	}
	return n
}
