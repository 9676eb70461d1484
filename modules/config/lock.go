package config

import (
	"context"
	"fmt"
	"io"
	"time"

	"mbox/modules"
)

func (m *Module) lockCommands() []modules.Command {
	help := with(map[string]string{"lock": "Who keeps others from changing it", "sessions": "Changes that operators prepare"})
	return []modules.Command{
		{Syntax: "show configuration lock", Help: "Who keeps others from changing the configuration", Words: help, Level: 15, Result: lockView{}, Run: m.showLock},
		{Syntax: "clear configuration lock", Help: "Let everybody change the configuration again", Words: help, Level: 15, Result: modules.Said{}, Run: m.clearLock},
		{Syntax: "show configuration sessions", Help: "Changes that operators prepare", Words: help, Level: 15, Result: sessionsView{}, Run: m.showSessions},
	}
}

// lockView is the result of `show configuration lock`.
type lockView struct {
	Locked bool          `json:"locked"`
	Lock   *modules.Lock `json:"lock"`
}

func (m *Module) showLock(context.Context, modules.Call) (modules.View, error) {
	lock, locked := m.deps.Engine.Locked()
	if !locked {
		return lockView{}, nil
	}
	return lockView{true, &lock}, nil
}

// Text names who holds it.
func (v lockView) Text(w io.Writer, _ int) error {
	if !v.Locked {
		_, err := io.WriteString(w, "The configuration is not locked\n")
		return err
	}
	o := v.Lock.Owner
	_, err := fmt.Fprintf(w, "The configuration is locked by %s from %s (line %d) since %s\n", o.Name, o.From, o.Line, v.Lock.Since.Format("2006-01-02 15:04:05 MST"))
	return err
}

func (m *Module) clearLock(_ context.Context, call modules.Call) (modules.View, error) {
	lock, err := m.deps.Engine.ClearLock(call.Actor)
	if err != nil {
		return nil, err
	}
	m.deps.Announce(fmt.Sprintf("%%CONFIG: %s cleared the configuration lock of %s", call.Actor.Name, lock.Owner.Name))
	return modules.Said{Done: "The lock of " + lock.Owner.Name + " is cleared"}, nil
}

// sessionsView is the result of `show configuration sessions`.
type sessionsView struct {
	Sessions []modules.CandidateInfo `json:"sessions"`
}

func (m *Module) showSessions(context.Context, modules.Call) (modules.View, error) {
	return sessionsView{m.deps.Engine.Candidates()}, nil
}

var sessionColumns = []modules.Column{
	{Name: "Name", Min: 8}, {Name: "Begun by", Min: 6}, {Name: "From", Min: 7}, {Name: "Last change (UTC)", Min: 10}, {Name: "State"},
}

// Text says who began each, and whether there is something to commit.
func (v sessionsView) Text(w io.Writer, width int) error {
	if len(v.Sessions) == 0 {
		_, err := io.WriteString(w, "There are no configuration sessions\n")
		return err
	}
	var rows [][]string
	for _, s := range v.Sessions {
		state := "empty"
		if s.Changed {
			state = "pending"
		}
		rows = append(rows, []string{s.Name, s.Owner.Name, s.Owner.From, s.Used.UTC().Format(time.DateTime), state})
	}
	if err := (modules.Table{Columns: sessionColumns, Rows: modules.Rows(rows)}).Text(w, width); err != nil {
		return err
	}
	_, err := io.WriteString(w, "They are in memory: a restart of the box loses them\n")
	return err
}
