package sync

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"slices"
	stdsync "sync"
	"sync/atomic"
	"time"

	"mbox/hotspotdb"
	"mbox/modules/sync/peer"
)

// acknowledge is the line `mbox sync acknowledge`: a write is confirmed to its writer once so many other boxes have stored it
// durably.
type acknowledge struct {
	Required int
	From     []string // host names or keys of boxes; empty: any
	Timeout  time.Duration
	Degrade  bool // after a timeout confirm without the others until they have caught up; otherwise report each write
}

// names says whether a box is one of those whose word counts. A host name is what a box says of itself.
func (a *acknowledge) names(v *voter) bool {
	return len(a.From) == 0 || slices.Contains(a.From, v.session.Hostname) || slices.Contains(a.From, keyPrefix+v.session.BoxID)
}

const keyPrefix = "sha256:"

// waitsFor says whether writers wait for this very box, and not for any of many.
func (q *quorum) waitsFor(s *peer.Session) bool {
	a := q.asked.Load()
	return a != nil && len(a.From) > 0 && a.names(&voter{session: s})
}

// quorum confirms writes. What peers have stored is known from their acknowledgements alone: a position that a peer subscribes
// with may not be durable there yet.
type quorum struct {
	db      *hotspotdb.DB
	record  func(AcknowledgeStatus) // puts a change of the state into the log
	stop    <-chan struct{}         // the box is stopping
	changed chan struct{}           // signals that news has something

	asked atomic.Pointer[acknowledge] // nil: nobody asks for confirmations

	mu       stdsync.Mutex      // guards what follows
	boxes    map[string]*ballot // connected, by box id
	tallies  [hotspotdb.Audit + 1]tally
	upset    chan struct{} // closed, and replaced, when what writers wait for has changed
	degraded degradation
	marks    []mark
	shown    AcknowledgeStatus   // state and since as they were last noted
	news     []AcknowledgeStatus // changes that are not recorded yet
	lost     uint64              // writes that were not confirmed since the line was configured
	end      context.CancelFunc
}

// voter is one connection of a peer.
type voter struct {
	session *peer.Session
	stored  [hotspotdb.Audit + 1]atomic.Uint64
}

func newQuorum(db *hotspotdb.DB, record func(AcknowledgeStatus), stop <-chan struct{}) *quorum {
	q := &quorum{
		db: db, record: record, stop: stop, changed: make(chan struct{}, 1), boxes: map[string]*ballot{}, upset: make(chan struct{}),
	}
	for _, ds := range hotspotdb.Datasets() {
		q.tallies[ds].dataset = ds
	}
	return q
}

// join counts a connection in until leave is called. What it returns is to be told what the peer acknowledges; as long as nobody
// asks for confirmations that costs one store.
func (q *quorum) join(s *peer.Session) (stored func(ds hotspotdb.Dataset, seq uint64)) {
	v := &voter{session: s}
	q.mu.Lock()
	defer q.mu.Unlock()
	b := q.boxes[s.BoxID]
	if b == nil {
		b = &ballot{}
		q.boxes[s.BoxID] = b
	}
	b.voters = append(b.voters, v)
	q.enfranchise(b)
	return func(ds hotspotdb.Dataset, seq uint64) { q.stored(v, b, ds, seq) }
}

// enfranchise is called with q.mu held.
func (q *quorum) enfranchise(b *ballot) {
	a := q.asked.Load()
	b.counts = a != nil && slices.ContainsFunc(b.voters, a.names)
}

func (q *quorum) leave(s *peer.Session) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b := q.boxes[s.BoxID]
	if b == nil {
		return
	}
	b.voters = slices.DeleteFunc(b.voters, func(v *voter) bool { return v.session == s })
	if len(b.voters) == 0 {
		delete(q.boxes, s.BoxID)
	}
	if q.asked.Load() != nil {
		q.recount()
		q.note(time.Now())
	}
}

func (q *quorum) stored(v *voter, b *ballot, ds hotspotdb.Dataset, seq uint64) {
	v.stored[ds].Store(seq)
	a := q.asked.Load() // after the store: whoever begins to ask now counts it
	if a == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if a = q.asked.Load(); a == nil || !slices.Contains(b.voters, v) {
		return
	}
	t := &q.tallies[ds]
	t.update(b, a.Required, q.boxes)
	t.wake(a.Required)
	q.catchUp(a, time.Now())
}

// recount is called with q.mu held, after connections or the configuration have changed.
func (q *quorum) recount() {
	required := 0
	if a := q.asked.Load(); a != nil {
		required = a.Required
	}
	for _, b := range q.boxes {
		q.enfranchise(b)
		for _, ds := range hotspotdb.Datasets() {
			b.recount(ds)
		}
	}
	for _, ds := range hotspotdb.Datasets() {
		q.tallies[ds].recount(required, q.boxes)
		q.tallies[ds].wake(required)
	}
}

// Why the waiting for a confirmation ended.
var (
	errNotInTime = errors.New("not in time")
	errDegraded  = errors.New("confirmations are degraded")
	errStopped   = errors.New("the box is stopping")
)

// confirm waits until a commit is held by as many boxes as are asked for.
func (q *quorum) confirm(ctx context.Context, c hotspotdb.Commit) error {
	a := q.asked.Load()
	if a == nil {
		return nil
	}
	began := time.Now()
	alone, near := q.stands()
	if alone && !near {
		q.unconfirmed(a, &c, errDegraded)
		return nil
	}
	timer := time.NewTimer(a.Timeout)
	defer timer.Stop()
	for _, ds := range c.Datasets {
		if err := q.await(ctx, timer.C, &c, ds); err != nil {
			q.unconfirmed(a, &c, err)
			if alone { // that was said loudly when it began
				return nil
			}
			return refusal(a, time.Since(began), err)
		}
	}
	return nil
}

// await waits for one dataset of a commit. What is reached is looked at before where the records stand: see Commit.Newest.
func (q *quorum) await(ctx context.Context, timeout <-chan time.Time, c *hotspotdb.Commit, ds hotspotdb.Dataset) error {
	for {
		q.mu.Lock()
		a, t, upset := q.asked.Load(), &q.tallies[ds], q.upset
		if a == nil {
			q.mu.Unlock()
			return nil
		}
		reached := t.reached(a.Required)
		q.mu.Unlock()
		newest := c.Newest(ds)
		if newest <= reached {
			return nil
		}
		w := q.enqueue(t, newest)
		var err error
		select {
		case <-w.done:
		case <-upset:
			err = q.broken()
		case <-timeout:
			err = errNotInTime
		case <-ctx.Done():
			err = context.Cause(ctx)
		case <-q.stop:
			err = errStopped
		}
		q.dequeue(t, w)
		if err != nil {
			return err
		}
	}
}

func (q *quorum) enqueue(t *tally, seq uint64) *waiter {
	w := &waiter{seq: seq, done: make(chan struct{})}
	q.mu.Lock()
	defer q.mu.Unlock()
	heap.Push(&t.waiting, w)
	if a := q.asked.Load(); a != nil {
		t.wake(a.Required) // it may have been reached meanwhile
	}
	return w
}

func (q *quorum) dequeue(t *tally, w *waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t.waiting.remove(w)
}

// refusal tells the writer that the write is stored here only.
func refusal(a *acknowledge, waited time.Duration, cause error) error {
	boxes := plural(a.Required, "other box", "other boxes")
	const advice = "`show mbox sync status` says which box is missing"
	switch {
	case errors.Is(cause, errNotInTime):
		return fmt.Errorf("%w by %s within %d ms; %s", hotspotdb.ErrUnconfirmed, boxes, a.Timeout.Milliseconds(), advice)
	case errors.Is(cause, errDegraded):
		return fmt.Errorf("%w by %s: confirmations are degraded; %s", hotspotdb.ErrUnconfirmed, boxes, advice)
	}
	return fmt.Errorf("%w by %s: the wait ended after %d ms: %v", hotspotdb.ErrUnconfirmed, boxes, waited.Milliseconds(), cause)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
