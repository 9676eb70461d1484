package acct

import (
	"context"
	"fmt"
	"slices"
	"time"

	"mbox/hotspotdb"
)

// side is where something lies beside the last boot of a NAS that this box heard of.
type side int8

const (
	unknown side = iota // no boot was heard of, or the report does not say when its session began
	before
	after
)

// placeBoot notes on which side of the last boot of its NAS the session of a report began.
func (a *Accounting) placeBoot(r *Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	boot, known := a.boots[r.NAS]
	if !known || !r.HasSessionTime && r.Status != Start {
		return
	}
	r.boot = after
	if began := a.ran() - r.delay() - time.Duration(r.SessionTime)*time.Second; began+sameStart < boot {
		r.boot = before
	}
}

// bootChunk bounds how many sessions are closed in one transaction.
const bootChunk = 500

// reboot closes what a NAS had before it began anew, or before it goes down (Accounting-On and Accounting-Off, RFC 2866
// section 5.1). Counters stay where they were reported last.
func (a *Accounting) reboot(ctx context.Context, r *Request) error {
	again := a.noteBoot(r)
	active, err := a.db.ActiveAt(r.NAS)
	if err != nil {
		return fmt.Errorf("record %s of %s: %w", r.Status, r.NAS, err)
	}
	closed := 0
	for chunk := range slices.Chunk(active, bootChunk) {
		n, err := a.closeBefore(ctx, r, chunk)
		if err != nil {
			return fmt.Errorf("record %s of %s: %w", r.Status, r.NAS, err)
		}
		closed += n
	}
	if again && closed == 0 {
		return nil // it says so over and over
	}
	a.log.InfoContext(ctx, "a NAS begins anew or goes down", "nas", r.NAS, "report", r.Status.String(), "sessions_closed", closed)
	return nil
}

const (
	// maxBoots bounds the NAS whose boots are remembered: behind a client that is a network there may be ever new ones.
	maxBoots = 1 << 15
	// bootNews is how long after a boot another one is worth a line in the log.
	bootNews = time.Minute
)

// noteBoot notes when a NAS began anew, and says whether it did so a moment ago.
func (a *Accounting) noteBoot(r *Request) (again bool) {
	at := a.ran() - r.delay()
	a.mu.Lock()
	defer a.mu.Unlock()
	last, known := a.boots[r.NAS]
	if !known && len(a.boots) >= maxBoots {
		for nas := range a.boots { // any: what is forgotten also stands with the sessions
			delete(a.boots, nas)
			break
		}
	}
	a.boots[r.NAS] = max(last, at)
	return known && at-last < bootNews
}

// closeBefore closes those of some sessions that began before a boot.
func (a *Accounting) closeBefore(ctx context.Context, r *Request, list []hotspotdb.Segment) (n int, err error) {
	var ids []uint64
	err = a.db.UpdateHere(ctx, func(tx *hotspotdb.Tx) error {
		n, ids = 0, ids[:0]
		for i := range list {
			if r.precedes(&list[i]) {
				continue
			}
			id, err := a.closeAtBoot(tx, r, &list[i])
			if err != nil {
				return err
			}
			if id != 0 {
				ids, n = append(ids, id), n+1
			}
		}
		a.followBoot(ids, list)
		return nil
	})
	if err != nil {
		a.resync(ids...)
	}
	return n, err
}

// followBoot is follow for segments that a boot closes.
func (a *Accounting) followBoot(ids []uint64, list []hotspotdb.Segment) {
	now := a.ran()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range ids {
		a.drop(id)
	}
	for i := range list {
		a.settle(nameOf(&list[i]), now)
	}
}

// precedes says whether a boot that was reported late, or once more, was before a session that is there now.
func (r *Request) precedes(s *hotspotdb.Segment) bool {
	if s.NASStart != 0 && !r.EventTimestamp.IsZero() {
		later := time.Duration(s.NASStart-r.EventTimestamp.Unix()) * time.Second
		late := r.at().Sub(began(s)) + later // so late the report would be
		return later >= 0 && later < maxLate && late.Abs() < maxLate
	}
	return r.delay() > 0 && began(s).After(r.at().Add(-2*time.Second)) // whole seconds are what is told
}

// maxLate is how late a report of a boot may come, by the clock of its NAS: one that has just begun anew may not know the time.
const maxLate = 10 * time.Minute

// closeAtBoot closes a session, if it still goes on as it was listed. One that another box served ends by a segment of this
// one, because nobody else may be there to close it.
func (a *Accounting) closeAtBoot(tx *hotspotdb.Tx, r *Request, listed *hotspotdb.Segment) (closed uint64, err error) {
	segments, err := tx.FindSegments(listed.NAS, listed.AcctSessionID)
	if err != nil {
		return 0, err
	}
	for _, s := range sessionsOf(segments, tx.Silent) {
		if !slices.ContainsFunc(s.segments, func(o hotspotdb.Segment) bool { return o.ID == listed.ID && o.Active() }) {
			continue
		}
		if a.mine(listed) {
			return listed.ID, tx.CloseSegment(listed.ID, causeReboot, r.at())
		}
		if s.last().ID != listed.ID {
			return 0, nil // it was taken over
		}
		_, err := a.proceed(tx, r, &s, s.known, false)
		return 0, err
	}
	return 0, nil
}
