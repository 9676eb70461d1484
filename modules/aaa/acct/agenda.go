package acct

import (
	"container/heap"
	"math"
	"time"
)

// agenda says what is due when, by running time. A thing is on it at most once.
type agenda[T any] struct{ nodes nodes[T] }

// node is the place of a thing on an agenda.
type node[T any] struct {
	due   time.Duration
	index int // counted from 1; 0: not on the agenda
	value T
}

// never is later than anything.
const never = time.Duration(math.MaxInt64)

// set puts a thing on the agenda, or moves it.
func (a *agenda[T]) set(n *node[T], due time.Duration) {
	n.due = due
	if n.index == 0 {
		heap.Push(&a.nodes, n)
	} else {
		heap.Fix(&a.nodes, n.index-1)
	}
}

func (a *agenda[T]) remove(n *node[T]) {
	if n.index != 0 {
		heap.Remove(&a.nodes, n.index-1)
	}
}

// next is when the first thing is due.
func (a *agenda[T]) next() time.Duration {
	if len(a.nodes) == 0 {
		return never
	}
	return a.nodes[0].due
}

// pop takes the first thing off if it is due.
func (a *agenda[T]) pop(now time.Duration) (value T, found bool) {
	if len(a.nodes) == 0 || a.nodes[0].due > now {
		return value, false
	}
	return heap.Pop(&a.nodes).(*node[T]).value, true
}

type nodes[T any] []*node[T]

func (h nodes[T]) Len() int           { return len(h) }
func (h nodes[T]) Less(i, j int) bool { return h[i].due < h[j].due }
func (h nodes[T]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i+1, j+1
}

func (h *nodes[T]) Push(x any) {
	n := x.(*node[T])
	*h = append(*h, n)
	n.index = len(*h)
}

func (h *nodes[T]) Pop() any {
	last := len(*h) - 1
	n := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	n.index = 0
	return n
}
