package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"strings"

	"mbox/modules"
)

// Engine is what a session needs of the engine.
type Engine interface {
	Book() *modules.Book
	Running() *modules.Tree
	Configurer
}

// end is the operator's side of a session.
type end interface {
	io.Writer // text with \n at the end of lines
	Interactive() bool
	Size() Size // zero: the output is no screen
	Confirm(ctx context.Context, question string) (bool, error)
	YesNo(ctx context.Context, question string) (bool, error)
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
	editing  editing
	history  history
	length   int // `terminal length`; follow: the window's
	width    int // `terminal width`; 0: the window's
	closed   bool

	entry     *entry // in the server's register; nil: not in it
	monitored func() // ends `terminal monitor`; nil: it is off
	refused   refusals
	pending   *modules.Continuation // a text of several lines that is being typed

	chunk      int                      // how many lines the next batch may have
	normalized map[string]modules.Match // lines of a batch that was refused, by their text
	lost       int                      // lines of a batch that an interrupt ended
}

// execMode is what SessionInfo calls user and privileged mode.
const execMode = "exec"

// follow makes the session use the window's own length.
const follow = -1

// NewSession begins a conversation; the actor's level says with which privilege.
func (s *Server) NewSession(actor modules.Actor, end end) *Session {
	tty, _ := end.(*TTY)
	return &Session{server: s, end: end, tty: tty, actor: actor, length: follow, chunk: maxBatch}
}

// Closed says whether the operator has left.
func (s *Session) Closed() bool { return s.closed }

// Prompt is what stands before the line that is typed.
func (s *Session) Prompt() string {
	host := "mbox"
	if s.server.Hostname != nil {
		host = string(printable([]byte(s.server.Hostname())))
	}
	switch mode := s.mode(); {
	case s.Unfinished():
		return ""
	case mode != execMode:
		return host + "(" + mode + ")#"
	case s.actor.Level > userLevel:
		return host + "#"
	}
	return host + ">"
}

// mode is where the session is: "exec", "config" or, in a context, "config-" and its name.
func (s *Session) mode() string {
	switch {
	case len(s.contexts) > 0:
		return s.configMode() + "-" + string(printable([]byte(s.contexts[len(s.contexts)-1].ModeName())))
	case s.config:
		return s.configMode()
	}
	return execMode
}

// parsed is a line that the grammar understood.
type parsed struct {
	match modules.Match
	pipe  pipeline
	piped bool // through a pipe, `| json` too
}

// Execute runs one line and prints what came of it. Empty lines and comments do nothing.
func (s *Session) Execute(ctx context.Context, line string) Result {
	line = strings.TrimSuffix(line, "\r")
	inside := s.Unfinished()
	line, more, err := s.continues(line)
	if more {
		return Result{}
	}
	if err != nil {
		return Result{Outcome: s.answer(ctx, line, modules.Match{}, err)}
	}
	if text := strings.TrimSpace(line); text == "" || text[0] == '!' {
		return Result{}
	}
	if asked, ok := strings.CutSuffix(line, "?"); ok && !inside && s.tty == nil && !insideQuotes(asked) {
		io.WriteString(s.end, s.Help(asked))
		return Result{}
	}
	ctx, stop := s.end.Interruptible(ctx)
	defer stop()
	if s.entry != nil {
		s.entry.note(s.actor.Level, s.mode())
		defer func() { s.entry.note(s.actor.Level, s.mode()) }()
	}
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
		if err == nil {
			err = s.checkAlias(p.match)
		}
		return p, err
	}
	if expanded := s.expand(command); expanded != command {
		p, err = s.parseCommand(expanded)
		if err != nil {
			err = &aliasError{line: expanded, err: err}
		}
		return p, err
	}
	p, err = s.parseCommand(command)
	return p, behindDo(err, line[:offset])
}

// parseCommand reads a command and the pipes behind it.
func (s *Session) parseCommand(line string) (p parsed, err error) {
	body, filters, isPipe := cutPipe(line)
	p.piped = isPipe
	p.match, err = s.server.Engine.Book().ParseCommand(s.actor.Level, body)
	if err == nil && isPipe {
		p.pipe, err = parsePipeline(filters, columns(body)+1)
		if err == nil {
			err = p.pipe.file.allowed(s.actor.Level)
		}
	}
	return p, err
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
		line = s.masked(line)
	case p.match.Secret:
		line = p.match.Line
	}
	if line = strings.TrimSpace(line); len(line) <= modules.MaxLine {
		s.history.add(string(printable([]byte(line))))
	}
}

func (s *Session) run(ctx context.Context, p parsed) error {
	if p.match.Command == nil {
		defer s.server.retime()
		if err := s.configure(ctx, p.match); err != nil {
			return err
		}
		s.note(p.match)
		return nil
	}
	view, err := s.call(ctx, p)
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
func (s *Session) call(ctx context.Context, p parsed) (view modules.View, err error) {
	terminal := &terminal{end: s.end}
	defer terminal.Close()
	defer recoverAs(&err)
	m := p.match
	call := modules.Call{Values: m.Values, Actor: s.actor, Terminal: terminal, Line: m.Line, Piped: p.piped}
	call.Files = s.files()
	s.log().Debug("command", "line", m.Line)
	return m.Command.Run(context.WithValue(ctx, sessionKey{}, s), call)
}

// files is the file area as this session may use it; nil: there is none.
func (s *Session) files() modules.Files {
	if s.server.Files == nil {
		return nil
	}
	return s.server.Files(s.actor)
}

// recoverAs turns a panic into an error that carries its stack, for the log.
func recoverAs(err *error) {
	if cause := recover(); cause != nil {
		*err = fmt.Errorf("internal error: %v\n%s", cause, debug.Stack())
	}
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
