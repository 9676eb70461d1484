package acct

import (
	"time"

	"mbox/hotspotdb"
)

// stepped is by how much the box's clock must have been wrong for the beginning of a session to be corrected: the session time
// of the NAS is believed over it. A report may be late by less.
const stepped = 2 * time.Minute

// advance brings a session that is known up to date.
func (a *Accounting) advance(tx *hotspotdb.Tx, r *Request, s *session) (change, error) {
	last := s.last()
	now, when := r.level(s.known, s.silent)
	more := now != s.known
	ended := r.Status == Stop
	goesOn := when > 0 && !s.reused && a.goesOn(r)
	switch {
	case r.Status == Start:
		return a.start(tx, r, s)
	case last.Active() && a.mine(last):
		return a.amend(tx, r, s, now, when)
	case !more && (!last.Active() || !ended):
		return a.nothing(last, ended), nil // all of it is known, here or elsewhere
	case !last.Active() && a.mine(last) && !goesOn:
		return a.amend(tx, r, s, now, when)
	}
	return a.proceed(tx, r, s, now, goesOn || last.Active() && !s.reused)
}

// nothing is what a report comes to that says nothing new.
func (a *Accounting) nothing(last *hotspotdb.Segment, ended bool) change {
	c := change{ended: ended}
	if a.mine(last) {
		c.segment = *last
	}
	return c
}

// goesOn says whether a session that was closed by a box, not by its NAS, goes on after all: nothing was heard of it for long,
// and now something is. It does not if its NAS has begun anew since, or is about to end it because it was told to.
func (a *Accounting) goesOn(r *Request) bool { return r.boot != before && !a.isEnding(r) }

// start notes that the Start of a session was heard.
func (a *Accounting) start(tx *hotspotdb.Tx, r *Request, s *session) (change, error) {
	last := s.last()
	if !a.mine(last) || s.started() {
		return a.nothing(last, false), nil
	}
	c := change{wrote: true}
	err := tx.UpdateSegment(last.ID, func(s *hotspotdb.Segment) error {
		updated := s.Updated
		s.Started = true
		if s.NASStart == 0 {
			s.NASStart = r.nasStart()
		}
		complete(s, r)
		s.Updated = updated.Add(time.Microsecond)
		c.segment = *s
		return nil
	})
	return c, err
}

// amend raises the counters of a segment of this box, and closes it if the NAS says so.
func (a *Accounting) amend(tx *hotspotdb.Tx, r *Request, s *session, now level, when order) (change, error) {
	last := s.last()
	ended := r.Status == Stop
	if now = now.join(levelOf(last)); now == levelOf(last) && !(ended && last.Active()) {
		return a.nothing(last, ended), nil
	}
	c := change{wrote: true, ended: ended, segment: *last}
	next := &c.segment
	complete(next, r)
	next.InputOctetsTo, next.OutputOctetsTo, next.SessionTimeTo = now.input, now.output, now.time
	next.Updated = r.at()
	if next.NASStart == 0 {
		next.NASStart = r.nasStart()
	}
	correct(next, r, when)
	if ended && next.Active() {
		next.Stop, next.TerminateCause = r.at(), a.causeOf(r)
		c.closed = []uint64{next.ID}
	}
	holdElsewhere(next, s.segments)
	if err := a.charge(tx, last, next); err != nil {
		return c, err
	}
	return c, tx.UpdateSegment(next.ID, func(stored *hotspotdb.Segment) error {
		*stored = *next
		return nil
	})
}

// correct moves the beginning of a session that was dated by a clock that was set since.
func correct(s *hotspotdb.Segment, r *Request, when order) {
	if s.Number != 1 || s.SessionTimeFrom != 0 || when <= 0 || !r.HasSessionTime || !s.Active() {
		return
	}
	if start := r.at().Add(-time.Duration(r.SessionTime) * time.Second); start.Sub(s.Start).Abs() > stepped {
		s.Start = start
	}
}
