package logging

import (
	"fmt"
	"sync"
)

// maxWaiting bounds what waits for one terminal.
const maxWaiting = 256

// monitor is one terminal that follows the log.
type monitor struct {
	queue chan waiting
	done  chan struct{}
	stop  func()

	mu      sync.Mutex // guards dropped
	dropped uint64
}

// waiting is a message for a terminal, and how many before it found no room.
type waiting struct {
	entry  *Entry
	missed uint64
}

// Subscribe calls write with each message of the monitor level, one at a time, as one line without a line end, until cancel
// is called or the box ends. A terminal that cannot follow misses messages and is told how many. write may block; it holds
// up nobody else. cancel returns at once and may be called from write.
func (m *Module) Subscribe(write func(line string)) (cancel func()) {
	s := &monitor{queue: make(chan waiting, maxWaiting), done: make(chan struct{})}
	s.stop = sync.OnceFunc(func() {
		m.deps.Hub.unsubscribe(s)
		close(s.done)
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed { // the box is stopping
		return func() {}
	}
	m.writers.Go(func() { s.run(func(e *Entry) { write(m.stamped(e)) }, write) })
	m.deps.Hub.subscribe(s)
	return s.stop
}

func (h *Hub) subscribe(s *monitor) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.monitors = append(h.monitors, s)
	h.widen()
}

func (h *Hub) unsubscribe(s *monitor) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, have := range h.monitors {
		if have == s {
			h.monitors = append(h.monitors[:i:i], h.monitors[i+1:]...)
			break
		}
	}
	h.widen()
}

// endMonitors ends all subscriptions.
func (h *Hub) endMonitors() {
	h.mu.Lock()
	all := append([]*monitor{}, h.monitors...)
	h.mu.Unlock()
	for _, s := range all {
		s.stop()
	}
}

// offer never waits.
func (s *monitor) offer(e *Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.queue <- waiting{e, s.dropped}:
		s.dropped = 0
	default:
		s.dropped++
	}
}

// missed takes the count of what found no room and has nothing behind it that could tell.
func (s *monitor) missed() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) > 0 {
		return 0
	}
	n := s.dropped
	s.dropped = 0
	return n
}

func (s *monitor) run(show func(*Entry), write func(string)) {
	tell := func(n uint64) {
		if n > 0 {
			write(fmt.Sprintf("%%LOGGING-4-DROPPED: %d messages were not shown: this terminal is too slow for them", n))
		}
	}
	for {
		select {
		case <-s.done:
			return
		case next := <-s.queue:
			tell(next.missed)
			show(next.entry)
		}
		tell(s.missed())
	}
}
