package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"mbox/modules"
)

// Builtins is the module of the words that act on the session itself: modes, privilege, terminal, history. They are in
// the one grammar, so that they abbreviate, complete and clash as all others do. They run in sessions only.
func Builtins() modules.Module { return builtins{} }

type builtins struct{}

func (builtins) Name() string { return "shell" }

type sessionKey struct{}

// errNoSession is for callers that run a builtin elsewhere, such as an API.
var errNoSession = errors.New("works in a session of the shell only")

// in makes a command of what acts on a session.
func in(run func(context.Context, *Session, modules.Call) (modules.View, error)) func(context.Context, modules.Call) (modules.View, error) {
	return func(ctx context.Context, call modules.Call) (modules.View, error) {
		session, ok := ctx.Value(sessionKey{}).(*Session)
		if !ok {
			return nil, errNoSession
		}
		return run(ctx, session, call)
	}
}

func (builtins) Grammar() modules.Grammar {
	level := modules.Int(0, fullLevel, "Privilege level")
	return modules.Grammar{Commands: []modules.Command{
		{Syntax: "enable [LEVEL]", Help: "Turn on privileged commands", Args: map[string]modules.Type{"LEVEL": level}, Run: in(enable)},
		{Syntax: "disable [LEVEL]", Help: "Turn off privileged commands", Args: map[string]modules.Type{"LEVEL": level}, Run: in(disable)},
		{Syntax: "configure [terminal]", Help: "Enter configuration mode", Level: fullLevel,
			Words: map[string]string{"terminal": "Configure from the terminal"}, Run: in(configureTerminal)},
		{Syntax: "exit", Help: "Leave this mode, or the session", InConfig: true, Run: in(leave)},
		{Syntax: "end", Help: "Leave configuration mode", ConfigOnly: true, Run: in(leaveAll)},
		{Syntax: "do LINE", Help: "Run a command without leaving configuration mode", ConfigOnly: true,
			Args: map[string]modules.Type{"LINE": modules.Line("Command to run")}, Run: in(doInFull)},
		{Syntax: "help", Help: "Describe how to get help", InConfig: true, Run: in(describeHelp)},
		{Syntax: "quit", Help: "End the session", Run: in(logout)},
		{Syntax: "logout", Help: "End the session", Run: in(logout)},
		{Syntax: "terminal length ROWS", Help: "Rows of a page; 0 shows everything without a stop",
			Words: map[string]string{"terminal": "Settings of this terminal"},
			Args:  map[string]modules.Type{"ROWS": modules.Int(0, 512, "Rows of a page; 0 for no pages")}, Run: in(terminalLength)},
		{Syntax: "terminal width COLUMNS", Help: "Columns of a line; 0 follows the window",
			Words: map[string]string{"terminal": "Settings of this terminal"},
			Args:  map[string]modules.Type{"COLUMNS": modules.Int(0, 512, "Columns of a line; 0 follows the window")}, Run: in(terminalWidth)},
		{Syntax: "show history", Help: "Lines typed in this session", Words: map[string]string{"show": "Show what the box knows"}, Run: in(showHistory)},
		{Syntax: "show privilege", Help: "Privilege level of this session", Words: map[string]string{"show": "Show what the box knows"}, Run: in(showPrivilege)},
	}}
}

func enable(ctx context.Context, s *Session, call modules.Call) (modules.View, error) {
	level := fullLevel
	if call.Values.Has("LEVEL") {
		level = modules.Get[int](call.Values, "LEVEL")
	}
	if level > s.actor.Level && s.server.EnableSet != nil && s.server.EnableSet() {
		if err := s.askEnable(ctx, call.Terminal); err != nil {
			return nil, err
		}
	}
	s.actor.Level = level
	return nil, nil
}

// askEnable gives a person three tries. A script has one: its next lines are not passwords.
func (s *Session) askEnable(ctx context.Context, terminal modules.Terminal) error {
	tries := 1
	if terminal.Interactive() {
		tries = 3
	}
	for range tries {
		secret, err := terminal.ReadSecret(ctx, "Enter enable password: ")
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if s.server.Enable != nil && s.server.Enable(secret) == nil {
			return nil
		}
	}
	s.log().Warn("enable refused")
	return &modules.Error{Message: "Bad secrets"}
}

func disable(_ context.Context, s *Session, call modules.Call) (modules.View, error) {
	level := userLevel
	if call.Values.Has("LEVEL") {
		level = modules.Get[int](call.Values, "LEVEL")
	}
	if level > s.actor.Level {
		return nil, &modules.Error{Message: "New privilege level must be less than the current one", Hint: "enable raises it"}
	}
	s.actor.Level = level
	return nil, nil
}

func configureTerminal(_ context.Context, s *Session, call modules.Call) (modules.View, error) {
	if s.config {
		return nil, nil // by `do configure`
	}
	s.config = true
	if s.tty == nil {
		return nil, nil
	}
	return modules.Text("Enter configuration commands, one per line.  End with CNTL/Z.\n"), nil
}

func leave(ctx context.Context, s *Session, call modules.Call) (modules.View, error) {
	switch {
	case len(s.contexts) > 0:
		s.contexts = s.contexts[:len(s.contexts)-1]
	case s.config:
		s.config = false
	default:
		s.closed = true
	}
	return nil, nil
}

func leaveAll(_ context.Context, s *Session, _ modules.Call) (modules.View, error) {
	s.leaveConfig()
	return nil, nil
}

func (s *Session) leaveConfig() { s.config, s.contexts = false, nil }

func logout(_ context.Context, s *Session, _ modules.Call) (modules.View, error) {
	s.closed = true
	return nil, nil
}

// doInFull is reached by an abbreviation only: the session takes `do` off before it parses.
func doInFull(context.Context, *Session, modules.Call) (modules.View, error) {
	return nil, &modules.Error{Message: "do cannot be abbreviated", Hint: "type do in full, then the command"}
}

func describeHelp(context.Context, *Session, modules.Call) (modules.View, error) {
	return modules.Text(strings.TrimLeft(`
Type ? at any point of a line to see what may stand there:
  show ?    what may follow show
  sh?       the words that begin with sh
Tab completes a word. Words may be shortened as long as they are unique: sh ver.
Behind a show command, | include REGEXP shows the lines that match, | json the data.
no LINE takes a configuration line back; do COMMAND runs a command while configuring.
Ctrl-V ? types a question mark, Ctrl-Z leaves configuration mode, Ctrl-C stops a command.
`, "\n")), nil
}

func terminalLength(_ context.Context, s *Session, call modules.Call) (modules.View, error) {
	s.length = modules.Get[int](call.Values, "ROWS")
	return nil, nil
}

func terminalWidth(_ context.Context, s *Session, call modules.Call) (modules.View, error) {
	s.width = modules.Get[int](call.Values, "COLUMNS")
	return nil, nil
}

func showHistory(_ context.Context, s *Session, _ modules.Call) (modules.View, error) {
	return s.history, nil
}

func showPrivilege(_ context.Context, s *Session, _ modules.Call) (modules.View, error) {
	return privilege{Level: s.actor.Level}, nil
}

type privilege struct {
	Level int `json:"level"`
}

func (p privilege) Text(w io.Writer, _ int) error {
	_, err := fmt.Fprintf(w, "Current privilege level is %d\n", p.Level)
	return err
}
