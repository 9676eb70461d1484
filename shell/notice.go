package shell

import (
	"context"
	"fmt"
	"strings"
	"sync"
)

// maxNotices bounds what waits to be shown on a terminal that does not keep up, in bytes.
const maxNotices = 64 << 10

// notices are messages for a person that nobody asked for: announcements, and log lines of `terminal monitor`. Whoever
// has one only leaves it here, so that a terminal that hangs holds nobody up.
type notices struct {
	mu      sync.Mutex // guards waiting, dropped
	waiting strings.Builder
	dropped int
	changed chan struct{} // has room for one

	turn    sync.Mutex // held by whoever shows them, and guards editing: the editor draws between two turns only
	editing bool       // a line is being typed, and only the editor's goroutine may draw
}

func newNotices() *notices { return &notices{changed: make(chan struct{}, 1)} }

func (n *notices) add(text string) {
	text = printableText(strings.TrimRight(text, "\n")) + "\n"
	n.mu.Lock()
	if n.waiting.Len()+len(text) > maxNotices {
		n.dropped++
	} else {
		n.waiting.WriteString(text)
	}
	n.mu.Unlock()
	select {
	case n.changed <- struct{}{}:
	default: // it was said
	}
}

// take returns what waits, lines with their ends.
func (n *notices) take() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	text := n.waiting.String()
	if n.dropped > 0 {
		text += fmt.Sprintf("%% %d messages were left out\n", n.dropped)
	}
	n.waiting.Reset()
	n.dropped = 0
	return text
}

// setEditing says whose turn it is to draw, after what waits has been shown.
func (n *notices) setEditing(editing bool, show func(text string)) {
	n.turn.Lock()
	defer n.turn.Unlock()
	if text := n.take(); text != "" {
		show(text)
	}
	n.editing = editing
}

// notify leaves a message for the person.
func (t *TTY) notify(text string) { t.notices.add(text) }

// herald shows notices until ctx ends. While a line is typed it only wakes the editor.
func (t *TTY) herald(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.notices.changed:
			t.showNotices()
		}
	}
}

func (t *TTY) showNotices() {
	t.notices.turn.Lock()
	defer t.notices.turn.Unlock()
	if t.notices.editing {
		t.keys.poke()
		return
	}
	if text := t.notices.take(); text != "" {
		t.out.Notice(text)
	}
}

// unmonitor ends `terminal monitor`.
func (s *Session) unmonitor() {
	if s.monitored != nil {
		s.monitored()
		s.monitored = nil
	}
}

// monitor shows log lines on the terminal until unmonitor.
func (s *Session) monitor() {
	s.unmonitor()
	s.monitored = s.server.Monitor(s.tty.notify)
}
