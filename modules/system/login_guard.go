package system

import (
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"mbox/modules"
)

const (
	// maxSources bounds the addresses whose failures are counted; beyond, the one that failed longest ago is forgotten.
	maxSources = 4096
	// quietFactor is how many times the failures of one address there must be from all of them before everybody is locked
	// out. On IOS it is 1: there any guest can lock out the operators.
	quietFactor = 10
	// hostBits6 is the prefix that one IPv6 customer has at least (RFC 6177): it is counted as one address.
	hostBits6 = 64
)

// guard counts failed logins and locks out. All times are the monotonic clock's, so that setting the box's clock neither
// frees nor locks anybody. A restart forgets.
type guard struct {
	*checker
	now func() time.Time
	log *slog.Logger

	mu       sync.Mutex // guards all below
	settings loginSettings
	start    time.Time
	sources  map[netip.Prefix]*source
	all      []time.Duration // failures that count for quiet mode, since start, oldest first
	quiet    time.Duration   // until then, since start; 0: not
	failures failureList
}

// source is an address from which logins failed. Times are since guard.start.
type source struct {
	failed  []time.Duration // oldest first
	blocked time.Duration   // until then; 0: not
}

func newGuard(now func() time.Time, log *slog.Logger) *guard {
	return &guard{checker: newChecker(), now: now, log: log, start: now(), sources: map[netip.Prefix]*source{}}
}

// configure takes new settings. What was counted stays; who is locked out stays so unless nobody is any more.
func (g *guard) configure(s loginSettings) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.settings = s
	if s.block == 0 {
		g.forgive()
	}
}

// sourceOf returns an address, and what counts as one with it; false for the console, which is never locked out.
func sourceOf(from string) (netip.Addr, netip.Prefix, bool) {
	addr, err := netip.ParseAddr(from)
	if err != nil {
		port, err := netip.ParseAddrPort(from)
		if err != nil {
			return netip.Addr{}, netip.Prefix{}, false
		}
		addr = port.Addr()
	}
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = hostBits6
	}
	prefix, err := addr.Prefix(bits)
	return addr, prefix, err == nil
}

// locks says whether an address can be locked out at all. The caller holds mu.
func (g *guard) locks(from netip.Addr) bool {
	return g.settings.block > 0 && !slices.ContainsFunc(g.settings.exempt, func(p netip.Prefix) bool { return p.Contains(from) })
}

// blocked returns a *BlockedError if nobody may log in from there now.
func (g *guard) blocked(from string) error {
	addr, key, counts := sourceOf(from)
	g.mu.Lock()
	defer g.mu.Unlock()
	if !counts || !g.locks(addr) {
		return nil
	}
	now := g.elapsed()
	until := g.quiet
	if s := g.sources[key]; s != nil {
		until = max(until, s.blocked)
	}
	if until > now {
		return &BlockedError{until - now}
	}
	return nil
}

// elapsed is the time since start, and the end of what is over by then. The caller holds mu.
func (g *guard) elapsed() time.Duration {
	now := g.now().Sub(g.start)
	if g.quiet > 0 && now >= g.quiet {
		g.quiet = 0
		g.log.Warn("%SEC_LOGIN-5-QUIET_MODE_OFF: quiet mode is over: the time has passed")
	}
	return now
}

// failed counts a failure, and locks out whom it is one too many for. An empty name is one that no account has.
func (g *guard) failed(name, from, reason string) {
	addr, key, counts := sourceOf(from)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failures.add(name, from, reason, g.now())
	if !counts || !g.locks(addr) {
		return
	}
	now := g.elapsed()
	s := g.source(key)
	if s.blocked > now {
		return // a key can be offered all the same; one address must not lock out everybody
	}
	s.failed = g.count(s.failed, now, g.settings.attempts)
	if len(s.failed) >= g.settings.attempts {
		s.failed, s.blocked = nil, now+g.settings.block
		g.log.Warn("%SEC_LOGIN-1-SOURCE_BLOCKED: no logins from there after too many failures", "from", key, "seconds", modules.WholeSeconds(g.settings.block))
	}
	if g.quiet > 0 {
		return
	}
	g.all = g.count(g.all, now, quietFactor*g.settings.attempts)
	if len(g.all) >= quietFactor*g.settings.attempts {
		g.all, g.quiet = nil, now+g.settings.block
		g.log.Warn("%SEC_LOGIN-1-QUIET_MODE_ON: logins are refused after too many failures from many addresses", "seconds",
			modules.WholeSeconds(g.settings.block), "but_for", g.settings.exempt)
	}
}

// count adds a failure to those within the time that counts; no more are kept than matter.
func (g *guard) count(failed []time.Duration, now time.Duration, most int) []time.Duration {
	failed = slices.DeleteFunc(failed, func(at time.Duration) bool { return now-at >= g.settings.within })
	failed = append(failed, now)
	return failed[max(0, len(failed)-most):]
}

// source returns the entry of an address. The caller holds mu.
func (g *guard) source(key netip.Prefix) *source {
	s := g.sources[key]
	if s == nil {
		if len(g.sources) >= maxSources {
			g.evict()
		}
		s = &source{}
		g.sources[key] = s
	}
	return s
}

// evict forgets the address that has least to fear: it failed, or was locked out, longest ago. The caller holds mu.
func (g *guard) evict() {
	var oldest netip.Prefix
	var at time.Duration
	for key, s := range g.sources {
		last := s.blocked
		if n := len(s.failed); n > 0 {
			last = max(last, s.failed[n-1])
		}
		if !oldest.IsValid() || last < at {
			oldest, at = key, last
		}
	}
	delete(g.sources, oldest)
}

// forgive lets everybody in again. The caller holds mu.
func (g *guard) forgive() {
	clear(g.sources)
	g.all, g.quiet = nil, 0
}
