package api

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits of requests. One program that reads without pause gets some 50 answers a second; what it does more is answered
// with 429, so that the box has time for guests.
const (
	userRate, userBurst = 50, 100
	hostRate, hostBurst = 100, 200
	authRate, authBurst = 1, 10 // logins of one address: each costs some 10 ms of a processor
)

// limits are the limiters of addresses and users.
type limits struct {
	mu    sync.Mutex // guards what follows
	hosts map[netip.Addr]*hostLimits
	users map[string]*userLimits
}

// userLimits are those of a user. scan is held while he reads a long list: one user takes one turn, so that others have theirs.
type userLimits struct {
	requests *rate.Limiter
	scan     chan struct{}
}

type hostLimits struct{ requests, logins *rate.Limiter }

func newLimits() *limits {
	return &limits{hosts: map[netip.Addr]*hostLimits{}, users: map[string]*userLimits{}}
}

// host takes a request of an address; wait says how long to wait first, 0 if it may go on.
func (l *limits) host(from netip.Addr, login bool, now time.Time) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := hostOf(from)
	h := l.hosts[key]
	if h == nil {
		l.evict(now)
		h = &hostLimits{rate.NewLimiter(hostRate, hostBurst), rate.NewLimiter(authRate, authBurst)}
		l.hosts[key] = h
	}
	if wait = take(h.requests, now); wait == 0 && login {
		wait = take(h.logins, now)
	}
	return wait
}

// user is the same for a user, of which there are no more than are configured.
func (l *limits) user(name string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return take(l.of(name).requests, now)
}

// of needs mu.
func (l *limits) of(name string) *userLimits {
	u := l.users[name]
	if u == nil {
		u = &userLimits{rate.NewLimiter(userRate, userBurst), make(chan struct{}, 1)}
		l.users[name] = u
	}
	return u
}

// turn is the user's own turn to read a long list.
func (l *limits) turn(name string) chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.of(name).scan
}

// take uses one token, or says when there will be one, and then uses none.
func take(l *rate.Limiter, now time.Time) time.Duration {
	r := l.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// evict makes room for addresses, many at a time because it looks at all of them: those go that have asked for nothing lately,
// and if they are too few, any. The caller holds mu.
func (l *limits) evict(now time.Time) {
	if len(l.hosts) < maxSources {
		return
	}
	for key, h := range l.hosts {
		if h.requests.TokensAt(now) >= hostBurst && h.logins.TokensAt(now) >= authBurst {
			delete(l.hosts, key)
		}
	}
	for key := range l.hosts {
		if len(l.hosts) <= maxSources*3/4 {
			return
		}
		delete(l.hosts, key)
	}
}

// keep forgets users that are not configured any more.
func (l *limits) keep(s *settings) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name := range l.users {
		if s.users[name] == nil {
			delete(l.users, name)
		}
	}
}
