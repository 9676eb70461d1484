package hotspotdb

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// FindSegments lists the segments of what a NAS called by one Acct-Session-Id, the newest first: those that are active, and
// those that closed here within 48 hours of running time. A NAS may have used the id for several sessions.
func (tx *Tx) FindSegments(nas, acctSessionID string) ([]Segment, error) {
	name := tx.db.index.claims.sessionName([]byte(nas), []byte(acctSessionID))
	ids := tx.db.index.sessions.named[name]
	if staged := tx.g.named[name]; len(staged) > 0 {
		ids = slices.Concat(ids, staged)
	}
	var found []Segment
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			continue
		}
		s, err := tx.Segment(id)
		switch {
		case errors.Is(err, ErrNotFound) || err == nil && (s.NAS != nas || s.AcctSessionID != acctSessionID):
		case err != nil:
			return nil, fmt.Errorf("find session %s of %s: %w", acctSessionID, nas, err)
		default:
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b Segment) int { return b.compareAge(&a) })
	return found, nil
}

// compareAge orders the segments of one name: those of a session by their number, sessions by their start.
func (s *Segment) compareAge(o *Segment) int {
	if s.MultiSessionID == o.MultiSessionID {
		return cmp.Or(cmp.Compare(s.Number, o.Number), s.Updated.Compare(o.Updated), cmp.Compare(s.ID, o.ID))
	}
	return cmp.Or(s.Start.Compare(o.Start), s.Updated.Compare(o.Updated), cmp.Compare(s.ID, o.ID))
}

// Silent is for how long the counters of a segment have stayed as they are here, by running time. If heard is false it is
// longer: nothing was heard here since the database was opened, or another box was.
func (tx *Tx) Silent(id uint64) (d time.Duration, heard bool) {
	if _, op, found := tx.find(Sessions, tx.db.hasher.key(SegmentKey(id))); found && op >= 0 && tx.db.index.sessions.refs[id].level != tx.g.ops[op].traits.session.level {
		return 0, true
	}
	return tx.db.index.sessions.silent(id)
}

// Seq is the sequence of the last change that the transaction sees, its own included. What it saw survives a power cut once
// Durable() >= Seq.
func (tx *Tx) Seq() uint64 { return tx.g.next }

// ActiveAt lists the active segments of a NAS, those of all boxes, in no order.
func (db *DB) ActiveAt(nas string) ([]Segment, error) {
	db.mu.RLock()
	set := db.index.sessions.nases[db.index.claims.hash([]byte(nas))]
	ids := make([]uint64, 0, len(set))
	for id := range set {
		ids = append(ids, id)
	}
	db.mu.RUnlock()
	var active []Segment
	for _, id := range ids {
		s, err := db.Segment(id)
		switch {
		case errors.Is(err, ErrNotFound):
		case err != nil:
			return nil, fmt.Errorf("sessions of %s: %w", nas, err)
		case s.Active() && s.NAS == nas:
			active = append(active, s)
		}
	}
	return active, nil
}

// SetSilence says after how much running time without a report a session counts as over, although nobody closed it: the box
// that served it may be gone. 0, the default: never.
func (db *DB) SetSilence(d time.Duration) { db.silence.Store(int64(d)) }

// ActiveOf lists the sessions of an account that go on, at all boxes, the newest first: one segment for each, the newest.
// A session whose box has not been heard of for longer than SetSilence says is not among them.
func (db *DB) ActiveOf(account uint64) []Segment {
	active := []Segment{}
	for _, ref := range db.activeRefs(account) {
		s, err := db.Segment(ref.id)
		if err != nil || !s.Active() || s.Account != account {
			db.noteUnread(err)
			continue
		}
		if !db.superseded(&s, ref.others) {
			active = append(active, s)
		}
	}
	return newest(active, 0)
}

type activeRef struct {
	id     uint64
	others []uint64 // segments of the same name
}

func (db *DB) activeRefs(account uint64) []activeRef {
	db.mu.RLock()
	defer db.mu.RUnlock()
	x := &db.index.sessions
	silence := time.Duration(db.silence.Load())
	var refs []activeRef
	for _, id := range x.accounts[account] {
		if d, _ := x.silent(id); silence > 0 && d >= silence {
			continue
		}
		ref := activeRef{id: id}
		if named := x.named[x.refs[id].name]; len(named) > 1 {
			ref.others = slices.Clone(named)
		}
		refs = append(refs, ref)
	}
	return refs
}

// superseded says whether a later segment of the same name has taken the session over, or ended it.
func (db *DB) superseded(s *Segment, others []uint64) bool {
	for _, id := range others {
		if id == s.ID {
			continue
		}
		o, err := db.Segment(id)
		if err != nil {
			db.noteUnread(err)
			continue
		}
		if o.NAS == s.NAS && o.AcctSessionID == s.AcctSessionID && o.compareAge(s) > 0 {
			return true
		}
	}
	return false
}

// noteUnread logs why a session is left out, unless it has just gone.
func (db *DB) noteUnread(err error) {
	if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrClosed) {
		db.opts.Log.Error("leave a session out of a list", "err", err)
	}
}

// noteSession makes the rest of the group find a segment that was staged. What was taken back is not found when it is read.
func (g *group) noteSession(o *op) {
	switch t := &o.traits; {
	case o.removed():
	case t.flags&flagSegment != 0:
		if ids := g.named[t.session.name]; !slices.Contains(ids, t.id) {
			g.named[t.session.name] = append(ids, t.id)
		}
	case t.flags&flagUsage != 0:
		ref := usageRef{int64(t.claim), o.hash}
		if refs := g.usages[t.id]; !slices.Contains(refs, ref) {
			g.usages[t.id] = append(refs, ref)
		}
	}
}

// Shared says whether there is another segment of the same name as this one.
func (db *DB) Shared(segment uint64) bool {
	db.mu.RLock()
	defer db.mu.RUnlock()
	x := &db.index.sessions
	ref, known := x.refs[segment]
	return known && len(x.named[ref.name]) > 1
}

// Stopped says whether an event is that a session segment has stopped.
func (e *Event) Stopped() bool {
	var c Change
	return len(e.Key) == 9 && e.Key[0] == KindSegment && c.decode(e.Change) == nil && lastVarint(c.Body, fieldStop) != 0
}
