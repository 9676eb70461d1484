package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"

	"mbox/modules"
)

// Engine is what a session needs of the engine.
type Engine interface {
	Book() *modules.Book
	Commit(ctx context.Context, actor modules.Actor, change func(candidate *modules.Tree) error) error
}

// end is the operator's side of a session.
type end interface {
	io.Writer // text with \n at the end of lines
	Interactive() bool
	Size() Size // zero: the output is no screen
	Confirm(ctx context.Context, question string) (bool, error)
	ReadSecret(ctx context.Context, prompt string) (string, error)
	Interruptible(ctx context.Context) (context.Context, func())
}

// Outcome says what became of a line.
type Outcome int

const (
	Done    Outcome = iota
	Refused         // the operator's mistake; nothing was changed
	Failed          // the box could not do it, or the operator interrupted it
)

// Result is what Execute says of a line.
type Result struct {
	Outcome Outcome
	Secret  bool // the line held a secret in clear
}

// userLevel and fullLevel are the privilege of user mode and of `enable`.
const (
	userLevel = 1
	fullLevel = 15
)

// Session is one operator's conversation with the box. It is used by one goroutine at a time.
type Session struct {
	server   *Server
	end      end
	tty      *TTY // the end, if it is one
	actor    modules.Actor
	config   bool            // in a configuration mode
	contexts []*modules.Node // open contexts, outermost first
	history  history
	length   int // `terminal length`; follow: the window's
	width    int // `terminal width`; 0: the window's
	closed   bool
}

// follow makes the session use the window's own length.
const follow = -1

// NewSession begins a conversation; the actor's level says with which privilege.
func (s *Server) NewSession(actor modules.Actor, end end) *Session {
	tty, _ := end.(*TTY)
	return &Session{server: s, end: end, tty: tty, actor: actor, length: follow}
}

// Closed says whether the operator has left.
func (s *Session) Closed() bool { return s.closed }

// Prompt is what stands before the line that is typed.
func (s *Session) Prompt() string {
	host := "mbox"
	if s.server.Hostname != nil {
		host = string(printable([]byte(s.server.Hostname())))
	}
	switch {
	case len(s.contexts) > 0:
		return fmt.Sprintf("%s(config-%s)#", host, printable([]byte(s.contexts[len(s.contexts)-1].ModeName())))
	case s.config:
		return host + "(config)#"
	case s.actor.Level > userLevel:
		return host + "#"
	}
	return host + ">"
}

// parsed is a line that the grammar understood.
type parsed struct {
	match modules.Match
	pipe  pipeline
}

// Execute runs one line and prints what came of it. Empty lines and comments do nothing.
func (s *Session) Execute(ctx context.Context, line string) Result {
	line = strings.TrimSuffix(line, "\r")
	if text := strings.TrimSpace(line); text == "" || text[0] == '!' {
		return Result{}
	}
	if asked, ok := strings.CutSuffix(line, "?"); ok && s.tty == nil && !insideQuotes(asked) {
		io.WriteString(s.end, s.Help(asked))
		return Result{}
	}
	ctx, stop := s.end.Interruptible(ctx)
	defer stop()
	p, err := s.parse(line)
	s.remember(line, p, err)
	if err == nil {
		err = s.run(ctx, p)
	}
	return Result{Outcome: s.answer(ctx, line, p.match, err), Secret: p.match.Secret}
}

func (s *Session) parse(line string) (p parsed, err error) {
	command, offset := cutDo(line)
	if s.config && offset == 0 {
		p.match, err = s.server.Engine.Book().ParseStatement(s.contexts, line)
		return p, err
	}
	body, filters, isPipe := cutPipe(command)
	p.match, err = s.server.Engine.Book().ParseCommand(s.actor.Level, body)
	if err == nil && isPipe {
		p.pipe, err = parsePipeline(filters, columns(body)+1)
	}
	return p, behindDo(err, line[:offset])
}

// behindDo makes the column of an error count from the start of the line, `do` included.
func behindDo(err error, before string) error {
	var wrong *modules.LineError
	if !errors.As(err, &wrong) || before == "" {
		return err
	}
	moved := *wrong
	moved.Column += columns(before)
	return &moved
}

// cutDo returns the command behind any `do`, and where it begins.
func cutDo(line string) (command string, offset int) {
	for {
		rest := strings.TrimLeft(line[offset:], " \t")
		after, ok := strings.CutPrefix(rest, "do")
		if !ok || after == "" || (after[0] != ' ' && after[0] != '\t') {
			return line[offset:], offset
		}
		offset = len(line) - len(after)
	}
}

// remember keeps a line for the history without the secrets that it may hold.
func (s *Session) remember(line string, p parsed, err error) {
	switch {
	case err != nil:
		line = s.server.Engine.Book().MaskLine(line)
	case p.match.Secret:
		line = p.match.Line
	}
	if line = strings.TrimSpace(line); len(line) <= modules.MaxLine {
		s.history.add(string(printable([]byte(line))))
	}
}

func (s *Session) run(ctx context.Context, p parsed) error {
	if p.match.Command == nil {
		return s.configure(ctx, p.match)
	}
	view, err := s.call(ctx, p.match)
	if view != nil {
		if ctx.Err() != nil { // `reload` ends the session, and still says that it does
			ctx = context.WithoutCancel(ctx)
		}
		if showErr := s.show(ctx, view, p.pipe); err == nil {
			err = showErr
		}
	}
	return err
}

// call runs a command. One that panics fails, and the box lives on.
func (s *Session) call(ctx context.Context, m modules.Match) (view modules.View, err error) {
	terminal := &terminal{end: s.end}
	defer terminal.Close()
	defer recoverAs(&err)
	call := modules.Call{Values: m.Values, Actor: s.actor, Terminal: terminal, Line: m.Line}
	if s.server.Files != nil {
		call.Files = s.server.Files(s.actor)
	}
	s.log().Debug("command", "line", m.Line)
	return m.Command.Run(context.WithValue(ctx, sessionKey{}, s), call)
}

// recoverAs turns a panic into an error that carries its stack, for the log.
func recoverAs(err *error) {
	if cause := recover(); cause != nil {
		*err = fmt.Errorf("internal error: %v\n%s", cause, debug.Stack())
	}
}

// configure makes one configuration line one transaction.
func (s *Session) configure(ctx context.Context, m modules.Match) error {
	if !m.Negated && m.Statement.Normalize != nil {
		values, err := m.Statement.Normalize(m.Values)
		if err != nil {
			return err
		}
		m.Values = values
	}
	var node *modules.Node
	err := s.server.Engine.Commit(ctx, s.actor, func(candidate *modules.Tree) (err error) {
		if m.Negated {
			return candidate.Remove(s.contexts, m)
		}
		node, err = candidate.Set(s.contexts, m)
		return err
	})
	if err != nil {
		return err
	}
	s.contexts = slices.Clone(s.contexts[:len(s.contexts)-m.Climbed])
	s.log().Info("configuration changed", "context", s.Prompt(), "line", m.Line)
	if node != nil && m.Statement.Mode != "" {
		s.contexts = append(s.contexts, node)
	}
	return nil
}

func (s *Session) log() *slog.Logger {
	log := s.server.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return log.With("user", s.actor.Name, "from", s.actor.From)
}

// viewWidth is the width that views are laid out for; 0 is unlimited.
func (s *Session) viewWidth() int {
	switch {
	case s.width > 0:
		return s.width
	case s.tty != nil:
		return clampWidth(s.end.Size().Width)
	}
	return s.end.Size().Width
}

// editWidth is the width that the line editor draws for.
func (s *Session) editWidth() int { return clampWidth(s.viewWidth()) }

// pageLength is how many rows a page has; 0 is no paging.
func (s *Session) pageLength() int {
	switch height := s.end.Size().Height; {
	case s.tty == nil || s.length == 0:
		return 0
	case s.length > 0:
		return s.length
	case height <= 0:
		return defaultHeight
	default:
		return height
	}
}
