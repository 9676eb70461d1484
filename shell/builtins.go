package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

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
	return modules.Grammar{Commands: slices.Concat(configureCommands(), candidateCommands(), terminalCommands(), lineCommands(), manualCommands(), []modules.Command{
		{Syntax: "enable [LEVEL]", Help: "Turn on privileged commands", Args: map[string]modules.Type{"LEVEL": level}, Pinned: true,
			Run: in(enable)},
		{Syntax: "disable [LEVEL]", Help: "Turn off privileged commands", Args: map[string]modules.Type{"LEVEL": level}, Pinned: true,
			Run: in(disable)},
		{Syntax: "do LINE", Help: "Run a command without leaving configuration mode", ConfigOnly: true,
			Args: map[string]modules.Type{"LINE": modules.Line("Command to run")}, Run: in(doInFull)},
		{Syntax: "quit", Help: "End the session", Pinned: true, Run: in(logout)},
		{Syntax: "logout", Help: "End the session", Pinned: true, Run: in(logout)},
		{Syntax: "show privilege", Help: "Privilege level of this session", Words: showWord, Result: privilege{}, Run: in(showPrivilege)},
	})}
}

func logout(_ context.Context, s *Session, _ modules.Call) (modules.View, error) {
	s.closed = true
	return nil, nil
}

// doInFull is reached by an abbreviation only: the session takes `do` off before it parses.
func doInFull(context.Context, *Session, modules.Call) (modules.View, error) {
	return nil, &modules.Error{Message: "do cannot be abbreviated", Hint: "type do in full, then the command"}
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
