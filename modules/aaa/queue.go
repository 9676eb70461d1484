package aaa

import (
	"net/netip"
	"sync"
)

const (
	// What may wait for its turn, in packets: of one address, of one client line, and altogether. An address may have 256
	// requests in flight from each of its ports (RFC 2865 section 3); what is more than this waits in vain, because its
	// client will have asked again before its turn.
	maxOfSource = 256
	maxOfClient = 1024
	maxQueued   = 8192
	// reserve is kept beyond maxQueued for addresses that have nothing waiting, so that those who flood do not keep out
	// those who do not.
	reserve = 2048
)

// queue holds what was read and not yet served, and serves it with a bounded number of workers. Clients take turns, and the
// addresses of a client take turns within its turn: one that floods makes only its own requests wait, and is the only one to
// lose some.
type queue struct {
	kind    kind
	serve   func(*request)
	workers int  // at most
	share   int  // of them, at most so many for one client: what one waits for must not stop all
	inline  bool // who reads a request serves it himself while nobody else is at work

	mu      sync.Mutex // guards what follows, and the lanes of this kind of every client
	work    sync.Cond  // there is something to serve, or the queue was closed
	turns   fifo[*lane]
	queued  int
	started int
	idle    int
	waking  bool // somebody was woken or started and has not begun yet; then he sees to the next
	aloof   bool // see setAloof
	closed  bool
	running sync.WaitGroup
	spare   []*source
}

// lane is what waits of one client.
type lane struct {
	sources map[netip.Addr]*source
	turns   fifo[*source]
	queued  int
	serving int
	listed  bool // in queue.turns
}

// source is what waits of one address.
type source struct {
	addr    netip.Addr
	waiting fifo[*request]
}

func newQueue(k kind, workers int, serve func(*request)) *queue {
	q := &queue{kind: k, serve: serve, workers: workers, share: max(1, workers-workers/4)}
	q.work.L = &q.mu
	return q
}

// push takes requests that were read together, and returns those for which there is no room. If attend is true the caller counts as
// a worker until leave, and is to call help.
func (q *queue) push(list []*request) (left []*request, attend bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, r := range list {
		if !q.enqueue(r) {
			left = append(left, r)
		}
	}
	if q.inline && !q.aloof && q.queued == 1 && q.turns.len() == 1 && q.started == q.idle {
		q.started++
		return left, true
	}
	q.rouse()
	return left, false
}

// leave ends what push began.
func (q *queue) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.started--
	q.rouse()
}

// setAloof says whether those who read do nothing else for now.
func (q *queue) setAloof(aloof bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.aloof = aloof
}

func (q *queue) enqueue(r *request) bool {
	l := &r.client.lanes[q.kind]
	s := l.sources[r.from.Addr()]
	switch {
	case q.closed, l.queued >= maxOfClient, s != nil && s.waiting.len() >= maxOfSource:
		return false
	case q.queued >= maxQueued && (s != nil || q.queued >= maxQueued+reserve):
		return false
	}
	if s == nil {
		s = q.newSource(l, r.from.Addr())
	}
	s.waiting.push(r)
	l.queued++
	q.queued++
	q.list(l)
	return true
}

func (q *queue) newSource(l *lane, addr netip.Addr) *source {
	s := &source{}
	if n := len(q.spare); n > 0 {
		s, q.spare = q.spare[n-1], q.spare[:n-1]
	}
	s.addr = addr
	if l.sources == nil {
		l.sources = map[netip.Addr]*source{}
	}
	l.sources[addr] = s
	l.turns.push(s)
	return s
}

// list gives a lane a place among those whose turn will come.
func (q *queue) list(l *lane) {
	if l.listed || l.queued == 0 || l.serving >= q.share {
		return
	}
	l.listed = true
	q.turns.push(l)
}

// rouse gets one more worker, if there is something to do. They come one by one: while one is on his way, those who work are
// likely to have done it.
func (q *queue) rouse() {
	switch {
	case q.waking || q.turns.len() == 0:
	case q.idle > 0:
		q.waking = true
		q.work.Signal()
	case q.started < q.workers:
		q.waking = true
		q.started++
		q.running.Go(q.run)
	}
}

// run is one worker.
func (q *queue) run() {
	for q.wait() {
		q.help()
	}
}

// wait returns when there is something to serve; false when the queue is closed and empty.
func (q *queue) wait() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waking = false
	for q.turns.len() == 0 {
		if q.closed {
			return false
		}
		q.idle++
		q.work.Wait()
		q.idle--
		q.waking = false
	}
	return true
}

// help serves what waits until nothing is left.
func (q *queue) help() {
	for r := q.next(nil); r != nil; r = q.next(r) {
		q.serve(r)
	}
}

// next returns what is to be served after done, which may be nil; nil if nothing waits.
func (q *queue) next(done *request) (r *request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if done != nil {
		l := &done.client.lanes[q.kind]
		l.serving--
		q.list(l)
		done.free()
	}
	if q.turns.len() > 0 {
		r = q.take()
	}
	q.rouse()
	return r
}

// take serves the lane whose turn it is.
func (q *queue) take() *request {
	l := q.turns.pop()
	l.listed = false
	s := l.turns.pop()
	r := s.waiting.pop()
	if s.waiting.len() > 0 {
		l.turns.push(s)
	} else {
		delete(l.sources, s.addr)
		if len(q.spare) < maxOfSource {
			q.spare = append(q.spare, s)
		}
	}
	l.queued--
	l.serving++
	q.queued--
	q.list(l)
	return r
}

// depth is how much waits.
func (q *queue) depth() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.queued
}

// close ends the workers once what waits is served; nothing more is taken.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.work.Broadcast()
	q.mu.Unlock()
	q.running.Wait()
}

// fifo is a queue in a ring that grows as it must and is used again.
type fifo[T any] struct {
	ring  []T
	first int
	n     int
}

func (f *fifo[T]) len() int { return f.n }

func (f *fifo[T]) push(v T) {
	if f.n == len(f.ring) {
		grown := make([]T, max(4, 2*f.n))
		for i := range f.n {
			grown[i] = f.ring[(f.first+i)%len(f.ring)]
		}
		f.ring, f.first = grown, 0
	}
	f.ring[(f.first+f.n)%len(f.ring)] = v
	f.n++
}

func (f *fifo[T]) pop() T {
	v := f.ring[f.first]
	var none T
	f.ring[f.first] = none
	f.first = (f.first + 1) % len(f.ring)
	f.n--
	return v
}
