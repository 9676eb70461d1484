package logging

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Debugging is bounded, because a box that is busy talking does nothing else.
const (
	// MaxDebugRate is how many debug messages of one module are let through in a second.
	MaxDebugRate = 100
	// DefaultDebugTime is when debugging switches itself off.
	DefaultDebugTime = 15 * time.Minute
	maxDebugMinutes  = 24 * 60
)

// debugSession is debugging of one module, from `debug` to its end.
type debugSession struct {
	by    string
	since time.Time
	until time.Time
}

// startDebug switches debugging of a module on, or lengthens it.
func (h *Hub) startDebug(name, by string, now time.Time, length time.Duration) {
	if h.speaker(name).debug.Swap(&debugSession{by: by, since: now, until: now.Add(length)}) == nil {
		h.debugged.Add(1)
	}
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// stopDebug switches debugging of a module off, and says whether it was on.
func (h *Hub) stopDebug(name string) bool {
	s, known := h.known(name)
	if !known || s.debug.Swap(nil) == nil {
		return false
	}
	h.debugged.Add(-1)
	h.tellMissed(s, s.limit.flush())
	return true
}

// limiter lets MaxDebugRate messages through in each second.
type limiter struct {
	mu     sync.Mutex // guards what follows
	begun  time.Time  // this second
	passed int
	missed uint64
}

// take says whether a message may pass, and how many were held back before this second.
func (l *limiter) take(now time.Time) (pass bool, missed uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if since := now.Sub(l.begun); since >= time.Second || since < 0 {
		missed, l.begun, l.passed, l.missed = l.missed, now, 0, 0
	}
	if l.passed == MaxDebugRate {
		l.missed++
		return false, missed
	}
	l.passed++
	return true, missed
}

// due takes the count of what was held back, once its second is over.
func (l *limiter) due(now time.Time) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.begun) < time.Second {
		return 0
	}
	n := l.missed
	l.missed = 0
	return n
}

func (l *limiter) flush() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.missed
	l.missed = 0
	return n
}

// allowDebug says whether a debug message is let through.
func (h *Hub) allowDebug(s *speaker, now time.Time) bool {
	if !s.debugging() {
		return false
	}
	pass, missed := s.limit.take(now)
	h.tellMissed(s, missed)
	return pass
}

// tellMissed says where messages were held back.
func (h *Hub) tellMissed(s *speaker, missed uint64) {
	if missed == 0 {
		return
	}
	h.mu.Lock()
	h.suppressed += missed
	h.mu.Unlock()
	h.publish(&Entry{
		Time: time.Now(), Severity: debugging, Facility: "LOGGING", Mnemonic: "SUPPRESSED", Module: s.name,
		Message: fmt.Sprintf("suppressed %d debug messages of %s: more than %d in a second", missed, s.name, MaxDebugRate),
	})
}

// watchDebug tells of what the rate limit held back, and ends debugging whose time is over.
func (m *Module) watchDebug(ctx context.Context) {
	hub := m.deps.Hub
	for ctx.Err() == nil {
		if hub.debugged.Load() == 0 { // else it is on since before a reload
			select {
			case <-ctx.Done():
				return
			case <-hub.wake:
			}
		}
		tick := time.NewTicker(time.Second)
		for hub.debugged.Load() > 0 && ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case <-tick.C:
				m.checkDebug(m.deps.Now())
			}
		}
		tick.Stop()
	}
}

// checkDebug looks once.
func (m *Module) checkDebug(now time.Time) {
	hub := m.deps.Hub
	for _, name := range hub.names() {
		s := hub.speaker(name)
		hub.tellMissed(s, s.limit.due(now))
		if d := s.debug.Load(); d != nil && !now.Before(d.until) && hub.stopDebug(name) {
			m.log.Info(fmt.Sprintf("%%LOGGING-5-DEBUGOFF: debugging of %s has ended by itself after %v", name,
				d.until.Sub(d.since).Round(time.Second)))
		}
	}
}
