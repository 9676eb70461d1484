package acct

import (
	"time"

	"mbox/hotspotdb"
	"mbox/modules/aaa/policy"
)

// gather is how long a judgement waits for others that are due with it: Run is then woken for many at once.
const gather = 50 * time.Millisecond

// served is what memory holds of a session that this box serves. Accounting.mu guards it.
type served struct {
	node    node[*served]
	id      uint64 // of its segment
	name    name
	client  string // of whom it counts as open
	account uint64
	heard   time.Duration // running time
	judge   time.Duration // running time at which to judge it; never
	gone    string        // the NAS says that it is not there any more: why it ended
	closing bool          // Run is closing it

	limits *policy.Limits // what its NAS goes by; nil: not known yet
	asked  int            // how often it was told of others in vain
	asking bool           // it has not answered yet
}

// next is when something has to be done about it.
func (s *served) next(stale time.Duration) time.Duration { return min(s.judge, s.heard+stale) }

// follow brings memory in line with what a report comes to. It is called in the transaction, so that two reports of one
// session are followed in the order in which they are stored, and before anybody hears of it.
func (a *Accounting) follow(r *Request, c *change) {
	now := a.ran()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range c.closed {
		a.drop(id)
	}
	if c.ended {
		a.settle(name{r.NAS, r.SessionID}, now)
	}
	switch {
	case c.segment.ID == 0:
	case c.segment.Active():
		before := a.due.next()
		a.serve(&c.segment, r.client(), now-r.delay(), now+gather)
		if a.due.next() < before {
			a.signal()
		}
	default:
		a.drop(c.segment.ID)
	}
}

// serve notes that something was heard of a segment of this box, which is to be judged at an instant. It needs mu.
func (a *Accounting) serve(segment *hotspotdb.Segment, client string, heard, judge time.Duration) {
	s := a.live[segment.ID]
	if s == nil {
		s = &served{id: segment.ID, name: nameOf(segment), client: client, account: segment.Account, heard: heard, judge: never}
		s.node.value = s
		a.live[s.id] = s
		a.held[client]++
		if a.guests[s.account] == nil {
			a.guests[s.account] = map[uint64]*served{}
		}
		a.guests[s.account][s.id] = s
	}
	s.heard = max(s.heard, heard)
	if a.policy != nil {
		s.judge = min(s.judge, judge)
	}
	a.due.set(&s.node, s.next(a.staleAfter()))
}

// drop forgets a segment that does not go on. It needs mu.
func (a *Accounting) drop(id uint64) {
	s := a.live[id]
	if s == nil {
		return
	}
	a.due.remove(&s.node)
	delete(a.live, id)
	if a.held[s.client]--; a.held[s.client] == 0 {
		delete(a.held, s.client)
	}
	if delete(a.guests[s.account], id); len(a.guests[s.account]) == 0 {
		delete(a.guests, s.account)
	}
}

// resync brings memory in line with the database, after a transaction that follow was told of was not committed.
func (a *Accounting) resync(ids ...uint64) {
	now := a.ran()
	for _, id := range ids {
		s, err := a.db.Segment(id)
		a.mu.Lock()
		if err == nil && s.Active() && a.mine(&s) {
			a.serve(&s, s.NAS, now, now)
		} else {
			a.drop(id)
		}
		a.mu.Unlock()
	}
}
