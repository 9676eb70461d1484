package shell

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"mbox/modules"
)

// Configurer changes the configuration.
type Configurer interface {
	Change(ctx context.Context, actor modules.Actor, o modules.Options, change func(candidate *modules.Tree) error) error
	MayChange(actor modules.Actor) error
	Lock(actor modules.Actor) error
	Unlock(actor modules.Actor)
	Arm(ctx context.Context, actor modules.Actor, timer time.Duration) error

	OpenCandidate(name string, actor modules.Actor) error
	EditCandidate(name string, change func(candidate *modules.Tree) error) error
	Candidate(name string) (*modules.Tree, []modules.Difference, error)
	CommitCandidate(ctx context.Context, actor modules.Actor, name string, o modules.Options) error
	AbortCandidate(name string) error
}

// editing is how a session configures.
type editing struct {
	candidate string // configuration session that its lines go to; empty: they take effect at once
	locked    bool   // it has the configuration to itself
	force     bool   // also what would end it
}

// exitSyntax is the command that leaves a context.
const exitSyntax = "exit"

// configureCommands lead into configuration, and out of it.
func configureCommands() []modules.Command {
	words := map[string]string{
		"configure": "Change the configuration", "terminal": "Configure from the terminal",
		"exclusive": "Keep others from changing the configuration meanwhile", "force": "Without asking where it may end this session",
		"revert": "Undo changes that are not confirmed", "timer": "Undo what is not confirmed in time",
		"session": "Prepare changes, and commit them together",
	}
	command := func(c modules.Command) modules.Command {
		c.Words, c.Level, c.Pinned = words, fullLevel, true
		return c
	}
	return []modules.Command{
		command(modules.Command{Syntax: "configure [terminal]", Help: "Enter configuration mode", Run: in(configureTerminal)}),
		command(modules.Command{Syntax: "configure terminal exclusive", Help: "Enter configuration mode and keep others out of it", Run: in(configureExclusive)}),
		command(modules.Command{Syntax: "configure terminal force", Help: "Enter configuration mode; lines that end this session are not asked about", Run: in(configureForce)}),
		command(modules.Command{Syntax: "configure terminal revert timer MINUTES", Help: "Enter configuration mode; what is not confirmed in time is undone",
			Args: map[string]modules.Type{"MINUTES": modules.Timer()}, Run: in(configureRevert)}),
		command(modules.Command{Syntax: "configure session NAME", Help: "Prepare changes in a configuration of your own, to commit them together",
			Args: map[string]modules.Type{"NAME": modules.CandidateName()}, Run: in(configureSession)}),
		{Syntax: exitSyntax, Help: "Leave this mode, or the session", InConfig: true, Pinned: true, Run: in(leave)},
		{Syntax: "end", Help: "Leave configuration mode", ConfigOnly: true, Run: in(leaveAll)},
	}
}

func configureTerminal(_ context.Context, s *Session, _ modules.Call) (modules.View, error) {
	if err := s.server.Engine.MayChange(s.actor); err != nil {
		return nil, err
	}
	return s.enterConfig(), nil
}

// enterConfig enters configuration mode, or stays there.
func (s *Session) enterConfig() modules.View {
	if s.config {
		return nil // by `do configure`
	}
	s.config = true
	if s.tty == nil {
		return nil
	}
	return modules.Text("Enter configuration commands, one per line.  End with CNTL/Z.\n")
}

func configureExclusive(_ context.Context, s *Session, _ modules.Call) (modules.View, error) {
	if err := s.server.Engine.Lock(s.actor); err != nil {
		return nil, err
	}
	s.editing.locked = true
	return s.enterConfig(), nil
}

func configureForce(_ context.Context, s *Session, _ modules.Call) (modules.View, error) {
	if err := s.server.Engine.MayChange(s.actor); err != nil {
		return nil, err
	}
	s.editing.force = true
	return s.enterConfig(), nil
}

func configureRevert(ctx context.Context, s *Session, call modules.Call) (modules.View, error) {
	if err := s.server.Engine.Arm(ctx, s.actor, modules.TimerOf(call.Values)); err != nil {
		return nil, err
	}
	return s.enterConfig(), nil
}

func configureSession(_ context.Context, s *Session, call modules.Call) (modules.View, error) {
	if s.config {
		return nil, &modules.Error{Message: "This session configures already", Hint: "Type end first"}
	}
	name := modules.Get[string](call.Values, "NAME")
	if err := s.server.Engine.OpenCandidate(name, s.actor); err != nil {
		return nil, err
	}
	s.config, s.editing.candidate = true, name
	return nil, nil
}

func leave(_ context.Context, s *Session, _ modules.Call) (modules.View, error) {
	switch {
	case len(s.contexts) > 0:
		s.contexts = s.contexts[:len(s.contexts)-1]
	case s.config:
		s.leaveConfig()
	default:
		s.closed = true
	}
	return nil, nil
}

func leaveAll(_ context.Context, s *Session, _ modules.Call) (modules.View, error) {
	s.leaveConfig()
	return nil, nil
}

// leaveConfig goes back to exec mode. A configuration session stays as it is.
func (s *Session) leaveConfig() {
	if s.editing.locked {
		s.server.Engine.Unlock(s.actor)
	}
	s.config, s.contexts, s.editing = false, nil, editing{}
}

// configMode is what the prompt calls configuration mode.
func (s *Session) configMode() string {
	if s.editing.candidate != "" {
		return "config-s-" + s.editing.candidate
	}
	return "config"
}

// configure makes one configuration line one transaction.
func (s *Session) configure(ctx context.Context, m modules.Match) error {
	e := edit{contexts: s.contexts}
	m, err := normalize(m)
	if err != nil {
		return err
	}
	err = s.change(ctx, func(candidate *modules.Tree) error {
		e.contexts = s.contexts // a change that was refused may be tried again
		return e.line(candidate, m)
	})
	if err == nil {
		s.contexts = e.contexts
	}
	return err
}

// normalize hashes or seals the secrets of a typed line.
func normalize(m modules.Match) (modules.Match, error) {
	if m.Negated || m.Statement.Normalize == nil {
		return m, nil
	}
	values, err := m.Statement.Normalize(m.Values)
	m.Values = values
	return m, err
}

// change makes a change where the session configures. What would end it is asked about.
func (s *Session) change(ctx context.Context, change func(candidate *modules.Tree) error) error {
	if s.editing.candidate != "" {
		return s.server.Engine.EditCandidate(s.editing.candidate, change)
	}
	return s.unlessCut(ctx, modules.Options{Force: s.editing.force}, func(o modules.Options) error {
		return s.server.Engine.Change(ctx, s.actor, o, change)
	})
}

// unlessCut tries a change, and asks a person before one that would end this session.
func (s *Session) unlessCut(ctx context.Context, o modules.Options, try func(modules.Options) error) error {
	err := try(o)
	if ask, cuts := modules.AskCut(err); cuts {
		terminal := &terminal{end: s.end}
		defer terminal.Close()
		if err = ask(ctx, terminal); err == nil {
			o.Force = true
			err = try(o)
		}
	}
	return err
}

// edit enters lines one after the other, as they are typed.
type edit struct{ contexts []*modules.Node }

// line enters one line and follows it into its context. contexts of before are left as they are.
func (e *edit) line(candidate *modules.Tree, m modules.Match) error {
	around := slices.Clone(e.contexts[:len(e.contexts)-m.Climbed])
	if m.Negated {
		if err := candidate.Remove(e.contexts, m); err != nil {
			return err
		}
		e.contexts = around
		return nil
	}
	node, err := candidate.Set(e.contexts, m)
	if err != nil {
		return err
	}
	if m.Statement.Mode != "" {
		around = append(around, node)
	}
	e.contexts = around
	return nil
}

// candidateCommands act on the configuration session that the operator is in.
func candidateCommands() []modules.Command {
	words := map[string]string{
		"commit": "Put the configuration session in force", "timer": "Undo it unless it is confirmed in time",
		"force": "Also where others changed the same lines, or where it may end this session",
		"abort": "Forget the configuration session", "show": "Show running system information",
		"session-config": "Configuration of the configuration session", "diffs": "What it changes",
	}
	return []modules.Command{
		{Syntax: "commit [timer MINUTES] [force]", Help: "Put the configuration session in force, all of it or nothing", ConfigOnly: true, Words: words,
			Args: map[string]modules.Type{"MINUTES": modules.Timer()}, Run: in(commit)},
		{Syntax: "abort", Help: "Forget the configuration session", ConfigOnly: true, Words: words, Run: in(abort)},
		{Syntax: "show session-config", Help: "Configuration of this configuration session", InConfig: true, Level: fullLevel, Words: words,
			Result: modules.ConfigText{}, Run: in(showCandidate)},
		{Syntax: "show session-config diffs", Help: "What this configuration session changes", InConfig: true, Level: fullLevel, Words: words,
			Result: modules.DiffView{}, Run: in(showCandidateDiffs)},
	}
}

// inCandidate is an *Error outside of a configuration session.
func (s *Session) inCandidate() error {
	if s.editing.candidate == "" {
		return &modules.Error{Message: "This is no configuration session", Hint: "configure session NAME begins one; elsewhere each line takes effect at once"}
	}
	return nil
}

func commit(ctx context.Context, s *Session, call modules.Call) (modules.View, error) {
	if err := s.inCandidate(); err != nil {
		return nil, err
	}
	o := modules.Options{Force: call.Values.Has("force"), Timer: modules.TimerOf(call.Values)}
	err := s.unlessCut(ctx, o, func(o modules.Options) error {
		return s.server.Engine.CommitCandidate(ctx, s.actor, s.editing.candidate, o)
	})
	var conflicts *modules.ConflictError
	if errors.As(err, &conflicts) {
		var hint strings.Builder
		for _, c := range conflicts.Conflicts {
			hint.WriteString(c.String() + "\n")
		}
		hint.WriteString("Change your lines, or type commit force to overwrite theirs")
		return nil, &modules.Error{Message: "Others changed the same lines meanwhile; nothing was changed", Hint: hint.String()}
	}
	if err != nil {
		return nil, err
	}
	s.leaveConfig()
	return nil, nil
}

func abort(_ context.Context, s *Session, _ modules.Call) (modules.View, error) {
	if err := s.inCandidate(); err != nil {
		return nil, err
	}
	if err := s.server.Engine.AbortCandidate(s.editing.candidate); err != nil {
		return nil, err
	}
	s.leaveConfig()
	return nil, nil
}

func showCandidate(_ context.Context, s *Session, _ modules.Call) (modules.View, error) {
	if err := s.inCandidate(); err != nil {
		return nil, err
	}
	tree, _, err := s.server.Engine.Candidate(s.editing.candidate)
	if err != nil {
		return nil, err
	}
	return modules.ViewConfig(tree.Text(false)), nil
}

func showCandidateDiffs(_ context.Context, s *Session, _ modules.Call) (modules.View, error) {
	if err := s.inCandidate(); err != nil {
		return nil, err
	}
	_, differences, err := s.server.Engine.Candidate(s.editing.candidate)
	if err != nil {
		return nil, err
	}
	return modules.ViewDiff(differences), nil
}
