package policy

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"mbox/hotspotdb"
)

// Causes of the end of a session, RFC 2866 section 5.10.
const (
	causeAdminReset     = "Admin-Reset"
	causeSessionTimeout = "Session-Timeout"
)

// Cause is the Acct-Terminate-Cause of a session that is ended for a reason.
func (r Reason) Cause() string {
	switch r {
	case OK:
		return ""
	case Expired, VoucherExpired, LoginTime, TrafficQuota, TimeQuota, SessionTimeout:
		return causeSessionTimeout
	}
	return causeAdminReset
}

// Judge says whether a session may go on. It is asked when something was heard of the session, when its account has changed,
// and at the time that the last verdict named. Nobody's session goes on.
func (p *Policy) Judge(_ context.Context, s hotspotdb.Segment) (Verdict, error) {
	if s.Account == 0 {
		return Verdict{Reason: OK}, nil
	}
	at := p.now()
	limits, reason, err := p.judge(&s, at)
	if err != nil {
		return Verdict{}, err
	}
	if reason != OK {
		return Verdict{End: true, Cause: reason.Cause(), Reason: reason}, nil
	}
	v := Verdict{Reason: OK, Limits: limits}
	if limits.SessionTimeout > 0 {
		v.Next = at.Add(limits.SessionTimeout - progressOf(&s, at).elapsed)
	}
	return v, nil
}

func (p *Policy) judge(s *hotspotdb.Segment, at time.Time) (Limits, Reason, error) {
	who, err := p.stateOf(s.Account)
	if errors.Is(err, hotspotdb.ErrNotFound) {
		return Limits{}, Deleted, nil
	}
	if err != nil {
		return Limits{}, "", err
	}
	if reason := who.barred(at); reason != OK {
		return Limits{}, reason, nil
	}
	r, reason, err := p.rulesOf(&who)
	if err != nil || reason != OK {
		return Limits{}, reason, err
	}
	hotspot := s.Hotspot
	if hotspot == "" {
		hotspot = s.NAS
	}
	if reason := r.place(hotspot, s.NAS); reason != OK {
		return Limits{}, reason, nil
	}
	if r.simultaneous.set && !amongFirst(p.db.ActiveOf(s.Account), s, r.simultaneous.n) {
		return Limits{}, SimultaneousUse, nil
	}
	left, err := p.budgetsOf(p.db, s.Account, &r.rules, at)
	if err != nil {
		return Limits{}, "", err
	}
	limits, reason := p.limits(&who, &r, left, progressOf(s, at))
	return limits, reason, nil
}

// maxUnheard is how much time since the last report is added to what a session has had: the clock may have been set.
const maxUnheard = 15 * time.Minute

func progressOf(s *hotspotdb.Segment, at time.Time) progress {
	unheard := max(0, min(at.Sub(s.Updated), maxUnheard))
	return progress{
		at: at, octets: more(s.InputOctetsTo, s.OutputOctetsTo),
		elapsed: time.Duration(s.SessionTimeTo)*time.Second + unheard,
	}
}

// amongFirst says whether a session belongs to one of the first n devices of its account, by when they began: all boxes come to the
// same devices. A session that is not among the active ones has been replaced, and does not count.
func amongFirst(active []hotspotdb.Segment, s *hotspotdb.Segment, n uint64) bool {
	slices.SortFunc(active, func(a, b hotspotdb.Segment) int {
		if c := a.Start.Compare(b.Start); c != 0 {
			return c
		}
		return strings.Compare(a.MultiSessionID, b.MultiSessionID)
	})
	before := map[string]bool{}
	for i := range active {
		device := deviceOf(&active[i])
		if device == deviceOf(s) {
			return uint64(len(before)) < n
		}
		before[device] = true
	}
	return true
}
