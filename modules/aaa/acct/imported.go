package acct

import (
	"net/netip"
	"slices"
	"time"

	"mbox/hotspotdb"
)

// A session that was open at another server when its records were imported is stored as one that has ended. Its NAS, which asks
// this box now, goes on to report it, from where its counters are: it goes on from what was imported, or that would count twice.

// otherClock is by how much the clock of another server may differ from this box's, or that server was behind with what it wrote.
const otherClock = 10 * time.Minute

// imported finds the session that a report goes on with, which is not known by the name of its NAS; nil if there is none. list has
// those that are.
func (a *Accounting) imported(tx *hotspotdb.Tx, r *Request, owner *guest, list []session) (*session, error) {
	if owner.account == 0 || r.Status == Start || r.boot == after {
		return nil, nil
	}
	for _, nas := range r.otherNames() {
		segments, err := tx.FindSegments(nas, r.SessionID)
		if err != nil {
			return nil, err
		}
		for _, s := range sessionsOf(segments, tx.Silent) {
			if s.last().Past() && s.last().Account == owner.account && !knows(list, s.last()) && r.goesOnWith(&s) {
				s.last().NAS, s.last().Limits, s.last().Started = r.NAS, owner.limits, true // the other server heard its Start
				return &s, nil
			}
		}
	}
	return nil, nil
}

// otherNames is what another server may have called the NAS of a report.
func (r *Request) otherNames() []string {
	names := []string{r.NAS}
	for _, addr := range []netip.Addr{r.Source, r.NASAddress} {
		if name := addr.Unmap().String(); addr.IsValid() && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// knows says whether a session has gone on here already.
func knows(list []session, s *hotspotdb.Segment) bool {
	return slices.ContainsFunc(list, func(o session) bool {
		return slices.ContainsFunc(o.segments, func(here hotspotdb.Segment) bool { return here.ID != s.ID && here.MultiSessionID == s.MultiSessionID })
	})
}

// goesOnWith says whether a report may be of an imported session of the same account: its counters have not begun anew since,
// and it began before that was last heard of. The name that the account was reported under may have another form there.
func (r *Request) goesOnWith(s *session) bool {
	if differ(r.MAC, s.last().MAC) {
		return false
	}
	if !r.HasSessionTime {
		return true
	}
	age := r.delay() + time.Duration(r.SessionTime)*time.Second
	return uint64(r.SessionTime) >= s.known.time && age+otherClock >= r.quiet(s)
}
