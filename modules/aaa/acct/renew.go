package acct

import (
	"context"
	"errors"
	"time"

	"mbox/hotspotdb"
	"mbox/modules/aaa/policy"
)

// A NAS was told at login how much a session may use, for how long and how fast. When that becomes more while the session goes
// on, because something was bought, a quota began anew or a profile was changed, it is told again: or it would end the session
// too early. What becomes less is enforced here, report by report.

// renewal is a session whose NAS was told other limits and has not answered.
type renewal struct {
	served *served
	limits policy.Limits
}

const (
	// renewTries is how often a NAS that does not answer is told. The next renewal begins anew.
	renewTries = 5
	// timeSlack is less than what is worth telling: the session's time is the NAS's, what is left of it our clock's.
	timeSlack = time.Minute
)

// renew has the NAS told of limits, if it must know. It needs mu.
func (a *Accounting) renew(ctx context.Context, s *served, segment *hotspotdb.Segment, limits policy.Limits) {
	switch {
	case s.limits == nil: // what it was told at login, a moment ago, or before this box was started
		s.limits = &limits
		return
	case s.asking || !mustTell(s.limits, &limits):
		return
	case !a.mayAsk(s.name.nas):
		a.judgeAt(s, a.ran()+soonest)
		return
	}
	a.asks(s.name.nas)
	s.asking = true
	nas, of := a.reach(), *segment
	r := &renewal{s, limits}
	go func() { // results has room for all; Run waits for them
		a.results <- result{renewal: r, err: nas.ChangeOfAuthorization(ctx, of, r.limits)}
	}()
}

// mustTell says whether a NAS that goes by old limits would end a session too early under new ones, or pass its traffic at another
// rate.
func mustTell(old, now *policy.Limits) bool {
	return old.UpKbps != now.UpKbps || old.DownKbps != now.DownKbps || old.IdleTimeout != now.IdleTimeout ||
		old.HasTotal && (!now.HasTotal || now.TotalOctets > old.TotalOctets) ||
		old.SessionTimeout != 0 && (now.SessionTimeout == 0 || now.SessionTimeout > old.SessionTimeout+timeSlack)
}

// renewed acts on what a NAS said to other limits, or that it said nothing. One that refuses keeps to the old ones.
func (a *Accounting) renewed(ctx context.Context, r *renewal, err error) {
	now, s := a.ran(), r.served
	a.mu.Lock()
	defer a.mu.Unlock()
	a.unask(s.name.nas, err)
	s.asking = false
	if a.live[s.id] != s || ctx.Err() != nil {
		return
	}
	log := a.log.With("nas", s.name.nas, "session", s.name.session)
	switch {
	case err == nil:
		log.InfoContext(ctx, "a NAS was told new limits of a session")
	case !errors.Is(err, ErrRefused) && s.asked+1 < renewTries:
		s.asked++
		a.judgeAt(s, now+retryAfter(s.asked))
		return
	default:
		log.WarnContext(ctx, "a NAS does not take new limits of a session; they hold from its next login", "error", err)
	}
	s.limits, s.asked = &r.limits, 0
}
