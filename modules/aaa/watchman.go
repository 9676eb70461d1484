package aaa

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	// attention is how long a socket may go unread while who reads it serves; twice that at most. The kernel keeps what comes meanwhile.
	// Rounds each millisecond were measured to cost a fifth of the logins.
	attention = 10 * time.Millisecond
	// aloofRounds is for how many rounds those who read do nothing else after one of them was held up: others are likely to be.
	// After as many without work the watchman sleeps.
	aloofRounds = 100
)

// watchman sees to it that sockets are read while those who read them serve. He makes rounds as long as there is traffic: a timer for
// each request would cost more than the request.
type watchman struct {
	m     *Module
	queue *queue
	awake atomic.Bool
	bell  chan struct{}
	seen  map[*socket]uint64 // turns as they were in the round before
}

func newWatchman(m *Module, q *queue) *watchman {
	return &watchman{m: m, queue: q, bell: make(chan struct{}, 1), seen: map[*socket]uint64{}}
}

// wake has rounds made.
func (w *watchman) wake() {
	if !w.awake.Load() && w.awake.CompareAndSwap(false, true) {
		w.bell <- struct{}{} // there is room: nobody else rings until he sleeps again
	}
}

// run makes the rounds until ctx ends.
func (w *watchman) run(ctx context.Context) error {
	tick := time.NewTicker(attention)
	defer tick.Stop()
	for {
		tick.Stop()
		select {
		case <-ctx.Done():
			return nil
		case <-w.bell:
		}
		tick.Reset(attention)
		for quiet := 0; quiet < aloofRounds; quiet++ {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
			if w.round() {
				quiet = 0
			}
		}
		w.queue.setAloof(false)
		w.awake.Store(false)
		if w.round() { // somebody began just before
			w.wake()
		}
	}
}

// round has sockets read whose readers serve since the round before. It says whether those who read have served since then.
func (w *watchman) round() (work bool) {
	w.m.mu.Lock()
	defer w.m.mu.Unlock()
	if len(w.seen) > len(w.m.sockets) { // some were closed
		clear(w.seen)
	}
	for _, s := range w.m.sockets {
		turn := s.turn.Load()
		if turn%2 == 1 && turn == w.seen[s] && s.turn.CompareAndSwap(turn, turn+1) {
			w.queue.setAloof(true)
			w.m.readers.Go(func() { w.m.receive(s) })
		}
		if turn != w.seen[s] {
			w.seen[s], work = turn, true
		}
	}
	return work
}
