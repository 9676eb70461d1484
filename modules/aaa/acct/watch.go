package acct

import (
	"context"
	"encoding/binary"

	"mbox/hotspotdb"
)

// watch hears of segments that others close or write, of accounts that were changed or bought something, and of who was erased.
func (a *Accounting) watch(ctx context.Context) error {
	datasets := []hotspotdb.Dataset{hotspotdb.Users, hotspotdb.Sessions, hotspotdb.Vouchers}
	return a.db.Watch(ctx, datasets, a.from, func(e hotspotdb.Event) error {
		if len(e.Key) != 9 {
			return nil
		}
		id := binary.BigEndian.Uint64(e.Key[1:])
		switch local := e.Source.Kind == hotspotdb.Local; {
		case e.Key[0] == hotspotdb.KindErasure, e.Key[0] == hotspotdb.KindErasureToo:
			a.erased(id)
		case e.Key[0] == hotspotdb.KindAccess, e.Key[0] == hotspotdb.KindUse:
			a.changed(id)
		case e.Key[0] == hotspotdb.KindPurchase:
			a.changed(e.Buyer())
		case e.Key[0] != hotspotdb.KindSegment:
		case local && e.Stopped() && a.serves(id):
			a.closedByOthers(id)
		case !local && a.db.Shared(id):
			return a.heardElsewhere(ctx, id)
		}
		return nil
	})
}

func (a *Accounting) serves(id uint64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.live[id] != nil
}

// closedByOthers has the NAS told of a session that another room closed: its account was disabled, deleted, or has expired.
// What this package closes it does not serve any more when that is heard of.
func (a *Accounting) closedByOthers(id uint64) {
	segment, err := a.db.Segment(id)
	if err != nil {
		segment = hotspotdb.Segment{} // it was erased: its NAS and name are known
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.live[id]
	if s == nil || s.closing {
		return
	}
	a.drop(id)
	if err != nil {
		segment.NAS, segment.AcctSessionID = s.name.nas, s.name.session
	}
	a.end(&segment, segment.TerminateCause, whyClosed, false)
}

// erased has the NAS of an erased person told.
func (a *Accounting) erased(account uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, s := range a.guests[account] {
		a.drop(id)
		a.end(&hotspotdb.Segment{ID: id, NAS: s.name.nas, AcctSessionID: s.name.session, Account: account}, causeAdminReset, whyErased, true)
	}
}

// changed has the sessions of an account judged that was changed.
func (a *Accounting) changed(account uint64) {
	now, stale := a.ran(), a.staleAfter()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.guests[account] {
		if a.policy == nil || s.node.index == 0 {
			continue
		}
		s.judge = now
		a.due.set(&s.node, s.next(stale))
		a.signal()
	}
}
