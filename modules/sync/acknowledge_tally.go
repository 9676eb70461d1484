package sync

import (
	"cmp"
	"container/heap"
	"slices"

	"mbox/hotspotdb"
)

// ballot is what one box has stored durably of ours, over all its connections.
type ballot struct {
	counts bool // it is one of those that are asked for
	voters []*voter
	seq    [hotspotdb.Audit + 1]uint64
}

// recount takes the most that one of its connections has reported: they speak of one database.
func (b *ballot) recount(ds hotspotdb.Dataset) {
	b.seq[ds] = 0
	for _, v := range b.voters {
		b.seq[ds] = max(b.seq[ds], v.stored[ds].Load())
	}
}

// tally knows how far the number of boxes that is asked for have stored one dataset, and who waits for them to come further. An
// acknowledgement costs as much as boxes are asked for, however many are connected and however many writers wait.
type tally struct {
	dataset hotspotdb.Dataset
	leaders []*ballot // those that have stored most, the first the most; at most as many as are asked for
	waiting waiters
}

// reached is what all that are asked for have stored.
func (t *tally) reached(required int) uint64 {
	if required == 0 || len(t.leaders) < required {
		return 0
	}
	return t.leaders[required-1].seq[t.dataset]
}

// update takes in what a box has reported.
func (t *tally) update(b *ballot, required int, all map[string]*ballot) {
	before := b.seq[t.dataset]
	b.recount(t.dataset)
	if b.seq[t.dataset] < before { // it begins anew: another box may be ahead of it now
		t.recount(required, all)
		return
	}
	t.enter(b, required)
}

func (t *tally) recount(required int, all map[string]*ballot) {
	t.leaders = t.leaders[:0]
	for _, b := range all {
		t.enter(b, required)
	}
}

func (t *tally) enter(b *ballot, required int) {
	if !b.counts || b.seq[t.dataset] == 0 {
		return
	}
	if !slices.Contains(t.leaders, b) {
		if len(t.leaders) == required && b.seq[t.dataset] <= t.reached(required) {
			return
		}
		t.leaders = append(t.leaders, b)
	}
	slices.SortStableFunc(t.leaders, func(a, b *ballot) int { return cmp.Compare(b.seq[t.dataset], a.seq[t.dataset]) })
	t.leaders = t.leaders[:min(len(t.leaders), required)]
}

// wake ends the waiting for what is reached now.
func (t *tally) wake(required int) {
	reached := t.reached(required)
	for len(t.waiting) > 0 && t.waiting[0].seq <= reached {
		close(heap.Pop(&t.waiting).(*waiter).done)
	}
}

// waiter is one writer who waits for a sequence.
type waiter struct {
	seq  uint64
	done chan struct{} // closed when it is reached
	at   int           // its place in the heap; -1: taken out
}

// waiters is a heap (container/heap) with the lowest sequence first.
type waiters []*waiter

func (w waiters) Len() int           { return len(w) }
func (w waiters) Less(i, j int) bool { return w[i].seq < w[j].seq }
func (w waiters) Swap(i, j int)      { w[i], w[j] = w[j], w[i]; w[i].at, w[j].at = i, j }
func (w *waiters) Push(x any)        { x.(*waiter).at = len(*w); *w = append(*w, x.(*waiter)) }
func (w *waiters) Pop() any {
	last := (*w)[len(*w)-1]
	(*w)[len(*w)-1] = nil
	*w, last.at = (*w)[:len(*w)-1], -1
	return last
}

func (w *waiters) remove(x *waiter) {
	if x.at >= 0 {
		heap.Remove(w, x.at)
	}
}
