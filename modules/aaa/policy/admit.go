package policy

import (
	"math"
	"time"

	"mbox/hotspotdb"
)

// admit decides whether somebody who proved who he is may have a session now, and computes its limits.
func (p *Policy) admit(who identity, a *attempt) (Limits, Reason, error) {
	if reason := who.state.barred(a.At); reason != OK {
		return Limits{}, reason, nil
	}
	r, reason, err := p.rulesOf(&who.state)
	if err != nil || reason != OK {
		return Limits{}, reason, err
	}
	if reason := r.place(a.hotspot, a.NAS); reason != OK {
		return Limits{}, reason, nil
	}
	left, err := p.budgetsOf(p.db, who.ID, &r.rules, a.At)
	if err != nil {
		return Limits{}, "", err
	}
	limits, reason := p.limits(&who.state, &r, left, progress{at: a.At})
	if reason != OK {
		return Limits{}, reason, nil
	}
	if r.simultaneous.set && uint64(inUse(p.db.ActiveOf(who.ID), a.mac)) >= r.simultaneous.n {
		return Limits{}, SimultaneousUse, nil
	}
	return limits, OK, nil
}

// inUse counts the devices that an account is used on, other than the one with an address: a device whose old session
// is still open, because its end was not heard of, replaces it. Where a device is not known, its session stands for it: all
// segments of one session, at whichever box, have one multi-session id.
func inUse(active []hotspotdb.Segment, mac string) int {
	seen := map[string]bool{}
	for i := range active {
		if s := &active[i]; mac == "" || s.MAC != mac {
			seen[deviceOf(s)] = true
		}
	}
	return len(seen)
}

func deviceOf(s *hotspotdb.Segment) string {
	if s.MAC != "" {
		return s.MAC
	}
	return "session " + s.MultiSessionID
}

// progress is how far a session is.
type progress struct {
	at      time.Time
	octets  uint64
	elapsed time.Duration
}

// limits computes the limits of a session, counted from its beginning. A reason other than OK says which one it has reached.
func (p *Policy) limits(s *state, r *allowances, left budgets, now progress) (Limits, Reason) {
	l := Limits{
		IdleTimeout: r.idle, UpKbps: r.up, DownKbps: r.down, RedirectURL: r.redirect,
		SimultaneousUse: int(r.simultaneous.n), HasSimultaneous: r.simultaneous.set, Attributes: r.attributes,
	}
	room := left.octets.Left()
	if r.traffic.set {
		room = min(room, less(r.traffic.n, now.octets))
	}
	if room == 0 {
		return Limits{}, TrafficQuota
	}
	if l.HasTotal = r.traffic.set || left.octets.Limited; l.HasTotal {
		l.TotalOctets = more(now.octets, room)
	}
	remaining, reason := p.remaining(s, r, left, now)
	if reason != OK {
		return Limits{}, reason
	}
	if remaining != forever {
		l.SessionTimeout = (now.elapsed + remaining).Truncate(time.Second)
	}
	return l, OK
}

const forever = time.Duration(math.MaxInt64)

// remaining is how long a session may go on; forever if nothing ends it. Less than a second is nothing.
func (p *Policy) remaining(s *state, r *allowances, left budgets, now progress) (time.Duration, Reason) {
	least := forever
	for _, end := range []struct {
		in     func() time.Duration
		reason Reason
	}{
		{func() time.Duration { return untilExpiry(s, now.at) }, expiryReason(s)},
		{func() time.Duration { return p.untilHours(r.hours, now.at) }, LoginTime},
		{func() time.Duration { return secondsLeft(left.seconds) }, TimeQuota},
		{func() time.Duration { return timeoutLeft(r.session, now.elapsed) }, SessionTimeout},
	} {
		in := end.in()
		if in < time.Second {
			return 0, end.reason
		}
		least = min(least, in)
	}
	return least, OK
}

func untilExpiry(s *state, at time.Time) time.Duration {
	if s.expires.IsZero() {
		return forever
	}
	return s.expires.Sub(at)
}

func expiryReason(s *state) Reason {
	if s.voucher {
		return VoucherExpired
	}
	return Expired
}

// untilHours is how long Login-Time lets a session go on, by the box's clock on the wall.
func (p *Policy) untilHours(hours *hotspotdb.LoginTime, at time.Time) time.Duration {
	if hours == nil {
		return forever
	}
	end := hours.Until(at.In(p.location()))
	switch {
	case end.IsZero():
		return 0
	case end.Sub(at) > 7*24*time.Hour:
		return forever
	}
	return end.Sub(at)
}

func secondsLeft(b Budget) time.Duration {
	const most = uint64(math.MaxInt64 / int64(time.Second))
	if !b.Limited || b.Left() > most {
		return forever
	}
	return time.Duration(b.Left()) * time.Second
}

func timeoutLeft(timeout, elapsed time.Duration) time.Duration {
	if timeout == 0 {
		return forever
	}
	return timeout - elapsed
}
