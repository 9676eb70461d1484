package shell

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

const (
	pasteQuiet  = 300 * time.Millisecond // without a key: a paste is over
	minPaste    = 3                      // lines; below, everybody sees which was wrong
	maxRefusals = 20                     // that are listed
)

// paste numbers the lines that come in one go, marked as pasted or not, and tells in the end which of them were refused:
// the errors have scrolled away by then.
type paste struct {
	tty *TTY

	mu      sync.Mutex // guards all below
	lines   int
	refused []refusal
	total   int // of the refused
	timer   *time.Timer
	stopped bool
}

// refusal is a line that was not done.
type refusal struct {
	Number int    `json:"number"` // in its paste or file, from 1
	Line   string `json:"line"`   // what may be a secret is masked
}

func newPaste(tty *TTY) *paste {
	p := &paste{tty: tty}
	p.timer = time.AfterFunc(pasteQuiet, p.settle)
	return p
}

// add counts a line. masked is called for one that was not done.
func (p *paste) add(outcome Outcome, masked func() string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines++
	if outcome != Done {
		if p.total++; p.total <= maxRefusals {
			p.refused = append(p.refused, refusal{p.lines, masked()})
		}
	}
	if !p.stopped {
		p.timer.Reset(pasteQuiet)
	}
}

// settle ends a paste if no key has come for a while.
func (p *paste) settle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped || p.lines == 0 {
		return
	}
	if quiet := time.Since(p.tty.keys.lastTyped()); quiet < pasteQuiet || p.tty.keys.isPasting() {
		p.timer.Reset(max(pasteQuiet-quiet, pasteQuiet/4))
		return
	}
	if text := p.summary(); text != "" {
		p.tty.notify(text)
	}
	p.lines, p.refused, p.total = 0, nil, 0
}

// summary is empty if there is nothing to tell; the caller holds mu.
func (p *paste) summary() string {
	if p.total == 0 || p.lines < minPaste {
		return ""
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%% %d of %d lines were not done:\n", p.total, p.lines)
	for _, r := range p.refused {
		fmt.Fprintf(&out, "  line %d: %s\n", r.Number, r.Line)
	}
	if more := p.total - len(p.refused); more > 0 {
		fmt.Fprintf(&out, "  and %d more\n", more)
	}
	return out.String()
}

func (p *paste) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	p.timer.Stop()
}

// typedAhead are the lines that wait in the keyboard.
type typedAhead struct{ keys *keyboard }

func (t typedAhead) peek(limit int) []string { return t.keys.peekLines(limit) }
func (t typedAhead) take(n int)              { t.keys.dropLines(n) }
