package sync

import (
	"context"
	"errors"
	"slices"
	"time"

	"mbox/hotspotdb"
)

// sequences is a position in each dataset.
type sequences [hotspotdb.Audit + 1]uint64

// degradation is the state of `degrade` after a timeout: writes are confirmed by this box alone until the others hold all of them.
type degradation struct {
	active bool
	// near: the others were so close behind that a write would be confirmed in time. Writes wait again, so that they can
	// catch up with all that was not confirmed although there are always new ones.
	near bool
	owed sequences // what was not confirmed
	// goal is what was owed at goalAt; when the others reach it tells how far behind they are.
	goal   sequences
	goalAt time.Time
}

// stands says whether writes are confirmed by this box alone, and if so whether they wait again nevertheless.
func (q *quorum) stands() (alone, near bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.degraded.active, q.degraded.near
}

// broken says why a write that was waiting need not wait any longer; nil: only what is asked for has changed.
func (q *quorum) broken() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.degraded.active {
		return errDegraded
	}
	return nil
}

// unconfirmed notes a write that is only here. With `degrade`, the first that was not confirmed in time is the last that waits.
func (q *quorum) unconfirmed(a *acknowledge, c *hotspotdb.Commit, cause error) {
	var owed sequences
	for _, ds := range c.Datasets {
		owed[ds] = c.Newest(ds)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lost++
	if !a.Degrade || q.asked.Load() != a {
		return
	}
	d := &q.degraded
	for ds := range owed {
		d.owed[ds] = max(d.owed[ds], owed[ds])
	}
	if errors.Is(cause, errNotInTime) && (!d.active || d.near) {
		q.degrade(time.Now())
		q.note(d.goalAt)
	}
}

// degrade makes writes wait no more. It is called with q.mu held.
func (q *quorum) degrade(now time.Time) {
	d := &q.degraded
	d.active, d.near = true, false
	d.goal, d.goalAt = d.owed, now
	q.upsetWriters()
}

// catchUp ends the degradation when the others hold everything. It is called with q.mu held.
func (q *quorum) catchUp(a *acknowledge, now time.Time) {
	d := &q.degraded
	switch {
	case !d.active:
	case q.hold(a, &d.owed):
		*d = degradation{}
		q.note(now)
	case q.hold(a, &d.goal):
		d.near = now.Sub(d.goalAt) <= a.Timeout
		d.goal, d.goalAt = d.owed, now
	}
}

// hold says whether as many boxes as are asked for have stored all of it.
func (q *quorum) hold(a *acknowledge, all *sequences) bool {
	for _, ds := range hotspotdb.Datasets() {
		if q.tallies[ds].reached(a.Required) < all[ds] {
			return false
		}
	}
	return true
}

func (q *quorum) upsetWriters() {
	close(q.upset)
	q.upset = make(chan struct{})
}

// configure begins, changes or ends the asking for confirmations. run is what starts a goroutine of the module.
func (q *quorum) configure(ctx context.Context, a *acknowledge, run func(func())) {
	q.mu.Lock()
	defer q.mu.Unlock()
	old := q.asked.Load()
	if same(old, a) {
		return
	}
	if q.end != nil {
		q.end()
		q.end = nil
	}
	q.asked.Store(a)
	q.degraded, q.marks, q.shown, q.lost = degradation{}, nil, AcknowledgeStatus{}, 0
	q.recount()
	q.upsetWriters()
	if a == nil {
		q.db.SetConfirm(nil)
		return
	}
	q.db.SetConfirm(q.confirm)
	q.note(time.Now())
	ctx, q.end = context.WithCancel(ctx)
	run(func() { q.watch(ctx) })
}

func same(a, b *acknowledge) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Required == b.Required && a.Timeout == b.Timeout && a.Degrade == b.Degrade && slices.Equal(a.From, b.From)
}
