package acct

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"mbox/hotspotdb"
)

// Two boxes count one session when its NAS moves from one to the other: the second from where the first had come, as far as
// it knew. What it did not know it counts again. When the two hear of each other, the segment that comes later in the
// order of the session notes how much of its range the others hold, and counts that no more. The order never changes,
// and ranges only grow, so that every box comes to the same, and no byte is lost or counted twice.

// later orders the segments of a session: by their numbers, and where two boxes gave the same by the ids.
func later(a, b *hotspotdb.Segment) bool {
	return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.ID, b.ID)) > 0
}

// holdElsewhere notes in a segment what the ones before it hold of its range.
func holdElsewhere(s *hotspotdb.Segment, session []hotspotdb.Segment) {
	var input, output, seconds []stretch
	for i := range session {
		if o := &session[i]; o.ID != s.ID && later(s, o) {
			input = append(input, stretch{o.InputOctetsFrom, o.InputOctetsTo})
			output = append(output, stretch{o.OutputOctetsFrom, o.OutputOctetsTo})
			seconds = append(seconds, stretch{o.SessionTimeFrom, o.SessionTimeTo})
		}
	}
	s.InputOctetsElsewhere = max(s.InputOctetsElsewhere, stretch{s.InputOctetsFrom, s.InputOctetsTo}.coveredBy(input))
	s.OutputOctetsElsewhere = max(s.OutputOctetsElsewhere, stretch{s.OutputOctetsFrom, s.OutputOctetsTo}.coveredBy(output))
	s.SessionTimeElsewhere = max(s.SessionTimeElsewhere, stretch{s.SessionTimeFrom, s.SessionTimeTo}.coveredBy(seconds))
}

// stretch is a range of a counter.
type stretch struct{ from, to uint64 }

// coveredBy is how much of a range lies in the union of others.
func (s stretch) coveredBy(others []stretch) (n uint64) {
	slices.SortFunc(others, func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
	done := s.from
	for _, o := range others {
		from, to := max(o.from, done), min(o.to, s.to)
		if from < to {
			n += to - from
			done = to
		}
	}
	return n
}

// heardElsewhere brings the segments of this box in line with one of another box that has just become known.
func (a *Accounting) heardElsewhere(ctx context.Context, id uint64) error {
	other, err := a.db.Segment(id)
	if errors.Is(err, hotspotdb.ErrNotFound) {
		return nil
	}
	if err != nil || a.mine(&other) {
		return err
	}
	var closed []uint64
	err = a.db.UpdateHere(ctx, func(tx *hotspotdb.Tx) error {
		closed = nil
		segments, err := tx.FindSegments(other.NAS, other.AcctSessionID)
		if err != nil {
			return err
		}
		for _, s := range sessionsOf(segments, tx.Silent) {
			for i := range s.segments {
				own := &s.segments[i]
				if !a.mine(own) {
					continue
				}
				superseded := own.Active() && i > 0
				if err := a.reconcile(tx, own, s.segments, superseded); err != nil {
					return err
				}
				if superseded {
					closed = append(closed, own.ID)
				}
			}
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, id := range closed {
			a.drop(id)
		}
		return nil
	})
	if errors.Is(err, hotspotdb.ErrErased) {
		return nil
	}
	if err != nil {
		a.resync(closed...)
		return fmt.Errorf("reconcile session %q of %s with another box: %w", other.AcctSessionID, other.NAS, err)
	}
	return nil
}

// reconcile amends a segment of this box, if there is anything to amend. superseded: a later segment goes on with the session.
func (a *Accounting) reconcile(tx *hotspotdb.Tx, own *hotspotdb.Segment, session []hotspotdb.Segment, superseded bool) error {
	next := *own
	holdElsewhere(&next, session)
	if superseded {
		next.Stop, next.TerminateCause = own.Updated, causeTakenOver
	}
	if next.InputOctetsElsewhere == own.InputOctetsElsewhere && next.OutputOctetsElsewhere == own.OutputOctetsElsewhere &&
		next.SessionTimeElsewhere == own.SessionTimeElsewhere && !superseded {
		return nil
	}
	return tx.UpdateSegment(own.ID, func(s *hotspotdb.Segment) error {
		updated := s.Updated
		*s = next
		s.Updated = updated.Add(time.Microsecond) // what it counted twice, it counted then
		return nil
	})
}
