package shell

import (
	"context"
	"time"

	"mbox/modules"
)

const (
	lineSyntax    = "line KIND [FIRST [LAST]]"
	timeoutSyntax = "exec-timeout MINUTES [SECONDS]"
	aliasSyntax   = "alias exec NAME LINE"
)

// Kinds of lines.
const (
	consoleLine = "console"
	remoteLine  = "vty"
)

// defaultTimeout is that of IOS.
const defaultTimeout = 10 * time.Minute

// Lines is the module of what is configured of sessions: how long they may be idle, and aliases. Sessions read the
// running configuration themselves, so there is nothing to apply.
func Lines() modules.Module { return lineSettings{} }

type lineSettings struct{}

func (lineSettings) Name() string { return "line" }

func (lineSettings) Grammar() modules.Grammar {
	kinds := []modules.Candidate{{Text: consoleLine, Help: "The console of the box"}, {Text: remoteLine, Help: "Sessions from elsewhere, such as SSH"}}
	return modules.Grammar{
		Statements: []modules.Statement{
			{Syntax: aliasSyntax, Help: "A short name for a command", Key: []string{"NAME"},
				Words: map[string]string{"alias": "A short name for a command", "exec": "A command of user and privileged mode"},
				Args: map[string]modules.Type{"NAME": modules.Word("The short name", parseAlias),
					"LINE": modules.Line("The command; what is typed behind the name is put behind it")}},
			{Syntax: lineSyntax, Help: "Settings of sessions", Key: []string{"KIND"}, Mode: "line", Normalize: anyNumber,
				Args: map[string]modules.Type{"KIND": modules.Enum("Kind of session", kinds...),
					"FIRST": modules.Int(0, 999, "First line; all lines of a kind have the same settings"),
					"LAST":  modules.Int(0, 999, "Last line")}},
			{In: lineSyntax, Syntax: timeoutSyntax, Help: "End a session that types nothing for so long; 0 0 never",
				Args: map[string]modules.Type{"MINUTES": modules.Int(0, 35791, "Minutes"), "SECONDS": modules.Int(0, 2147483, "Seconds")}},
		},
		Commands: []modules.Command{
			{Syntax: "show aliases", Help: "Short names for commands", Words: showWord, Level: userLevel, Result: aliasesView{}, Run: in(showAliases)},
		},
	}
}

// anyNumber accepts `line vty 0 4` from other systems; the numbers mean nothing here.
func anyNumber(v modules.Values) (modules.Values, error) {
	v = v.Clone()
	delete(v, "FIRST")
	delete(v, "LAST")
	return v, nil
}

// settings are what the running configuration says of sessions.
type settings struct {
	tree    *modules.Tree
	timeout map[string]time.Duration // by kind of line
	aliases map[string]string
}

// settings reads the running configuration, once for each.
func (s *Server) settings() *settings {
	tree := s.Engine.Running()
	if have := s.read.Load(); have != nil && have.tree == tree {
		return have
	}
	next := &settings{tree: tree, timeout: map[string]time.Duration{}, aliases: map[string]string{}}
	for _, n := range tree.All(aliasSyntax) {
		next.aliases[modules.Get[string](n.Values, "NAME")] = modules.Get[string](n.Values, "LINE")
	}
	for _, n := range tree.All(lineSyntax) {
		for _, t := range n.All(timeoutSyntax) {
			next.timeout[modules.Get[string](n.Values, "KIND")] = time.Duration(modules.Get[int](t.Values, "MINUTES"))*time.Minute +
				time.Duration(modules.Get[int](t.Values, "SECONDS"))*time.Second
		}
	}
	s.read.Store(next)
	return next
}

// execTimeout is how long this session may be idle; 0 is for ever.
func (s *Session) execTimeout() time.Duration {
	kind := remoteLine
	if s.actor.From == consoleFrom {
		kind = consoleLine
	}
	if limit, set := s.server.settings().timeout[kind]; set {
		return limit
	}
	return defaultTimeout
}

func showAliases(_ context.Context, s *Session, _ modules.Call) (modules.View, error) {
	return viewAliases(s.server.settings().aliases), nil
}
