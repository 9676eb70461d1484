package shell

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"mbox/modules"
)

// errCleared is the cause of a session's end when another operator cleared its line.
var errCleared = errors.New("the line was cleared")

// SessionInfo describes one session that is open.
type SessionInfo struct {
	Line     int           // from 1; Actor.Line of what it does
	Name     string        // account, or "console"
	From     string        // "console", or an address
	Level    int           // privilege, 0-15
	Mode     string        // "exec", "config", "config-if-eth0"
	Since    time.Time     // when it began
	Idle     time.Duration // since the last key or line
	Terminal bool          // a person at a terminal, not a program
}

// register holds the sessions that are open.
type register struct {
	mu   sync.Mutex // guards open
	open map[int]*entry
}

// entry is an open session as others see it.
type entry struct {
	tty *TTY // nil: a program
	end context.CancelCauseFunc

	mu   sync.Mutex // guards all below
	info SessionInfo
	used time.Time // when a program's last line began
}

// add gives a session the smallest number that is free.
func (r *register) add(actor modules.Actor, tty *TTY, end context.CancelCauseFunc) *entry {
	now := time.Now()
	e := &entry{tty: tty, end: end, used: now, info: SessionInfo{
		Name: actor.Name, From: actor.From, Level: actor.Level, Mode: execMode, Since: now, Terminal: tty != nil,
	}}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open == nil {
		r.open = map[int]*entry{}
	}
	line := 1
	for r.open[line] != nil {
		line++
	}
	e.info.Line = line
	r.open[line] = e
	return e
}

func (r *register) remove(line int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, line)
}

func (r *register) get(line int) *entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open[line]
}

func (r *register) all() []*entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]*entry, 0, len(r.open))
	for _, e := range r.open {
		all = append(all, e)
	}
	return all
}

// note records where the session is, for others.
func (e *entry) note(level int, mode string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.info.Level, e.info.Mode = level, mode
	e.used = time.Now()
}

func (e *entry) describe() SessionInfo {
	e.mu.Lock()
	defer e.mu.Unlock()
	info, used := e.info, e.used
	if e.tty != nil {
		used = e.tty.keys.lastKey()
	}
	info.Idle = max(time.Since(used), 0)
	return info
}

// begin opens a session: it has a number and stands in the register until done is called, which must be.
func (s *Server) begin(ctx context.Context, actor modules.Actor, end end) (_ context.Context, session *Session, done func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	tty, _ := end.(*TTY)
	e := s.sessions.add(actor, tty, cancel)
	actor.Line = e.info.Line
	session = s.NewSession(actor, end)
	session.entry = e
	return ctx, session, func() {
		session.unmonitor()
		s.sessions.remove(actor.Line)
		cancel(nil)
		if s.Left != nil {
			s.Left(session.actor)
		}
	}
}

// Sessions lists the open sessions by their number.
func (s *Server) Sessions() []SessionInfo {
	all := s.sessions.all()
	out := make([]SessionInfo, len(all))
	for i, e := range all {
		out[i] = e.describe()
	}
	slices.SortFunc(out, func(a, b SessionInfo) int { return a.Line - b.Line })
	return out
}

// Clear ends the session on a line, and what it runs. It does not wait for that. It is an *Error if there is none.
func (s *Server) Clear(line int) error {
	e := s.sessions.get(line)
	if e == nil {
		return &modules.Error{Message: fmt.Sprintf("Nobody is on line %d", line), Hint: "who lists the lines"}
	}
	e.end(errCleared)
	return nil
}

// Announce shows a message on the terminal of every person, above the line being typed. It does not wait for terminals.
func (s *Server) Announce(text string) {
	for _, e := range s.sessions.all() {
		if e.tty != nil {
			e.tty.notify(text)
		}
	}
}
