package config

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"mbox/modules"
)

func (m *Module) replaceCommands() []modules.Command {
	return []modules.Command{{
		Syntax: "configure replace SOURCE [force] [revert timer MINUTES]",
		Help:   "Replace the whole configuration in force, in one change", Level: 15, Pinned: true,
		Words: with(map[string]string{
			"replace": "Replace the whole configuration in force", "revert": "Undo it unless it is confirmed",
			"timer": "Undo it unless it is confirmed in time", "force": "Without asking; bad lines are left out",
		}),
		Args:   map[string]modules.Type{"SOURCE": m.sourceType(), "MINUTES": modules.Timer()},
		Result: inputView{}, Run: m.replace,
	}}
}

func (m *Module) replace(ctx context.Context, call modules.Call) (modules.View, error) {
	s, err := m.source(call, modules.Get[string](call.Values, "SOURCE"))
	if err != nil {
		return nil, err
	}
	return m.input(ctx, call, s, modules.Options{What: "configure replace " + s.name, Timer: modules.TimerOf(call.Values)}, true)
}

func (m *Module) revertCommands() []modules.Command {
	help := with(map[string]string{
		"confirm": "Keep the change that waits to be confirmed", "revert": "Undo the change that waits to be confirmed",
		"now": "At once", "timer": "After that time from now, unless it is confirmed", "rollback": "The change that waits to be confirmed",
	})
	show := with(map[string]string{"rollback": "The change that waits to be confirmed", "timer": "How long there is to confirm it"})
	return []modules.Command{
		{Syntax: "configure confirm", Help: "Keep the change that waits to be confirmed", Words: help, Level: 15, Pinned: true, Result: modules.Said{}, Run: m.confirmChange},
		{Syntax: "configure revert now", Help: "Undo the change that waits to be confirmed", Words: help, Level: 15, Pinned: true, Result: modules.Said{}, Run: m.revertNow},
		{Syntax: "configure revert timer MINUTES", Help: "Set how long there is to confirm the change", Words: help, Level: 15, Pinned: true,
			Args: map[string]modules.Type{"MINUTES": modules.Timer()}, Result: modules.Said{}, Run: m.extend},
		{Syntax: "show archive config rollback timer", Help: "The change that waits to be confirmed", Words: show, Level: 15,
			Result: rollbackView{}, Run: m.showRollback, Support: "show archive config rollback timer"},
	}
}

func (m *Module) confirmChange(_ context.Context, call modules.Call) (modules.View, error) {
	if err := m.deps.Engine.Confirm(call.Actor); err != nil {
		return nil, err
	}
	return modules.Said{Done: "The change is confirmed. It is not saved: write memory does that"}, nil
}

func (m *Module) revertNow(_ context.Context, call modules.Call) (modules.View, error) {
	if err := m.deps.Engine.RevertNow(call.Actor); err != nil {
		return nil, err
	}
	return modules.Said{Done: "The configuration from before the change is in force"}, nil
}

func (m *Module) extend(_ context.Context, call modules.Call) (modules.View, error) {
	timer := modules.TimerOf(call.Values)
	if err := m.deps.Engine.Extend(call.Actor, timer); err != nil {
		return nil, err
	}
	return modules.Said{Done: "The change is undone in " + modules.Count(int(timer/time.Minute), "minute") + " unless it is confirmed"}, nil
}

// rollbackView is the result of `show archive config rollback timer`.
type rollbackView struct {
	Waiting     bool               `json:"waiting"`
	Change      *modules.Countdown `json:"change"`
	LeftSeconds *int64             `json:"left_seconds"`
}

func (m *Module) showRollback(context.Context, modules.Call) (modules.View, error) {
	c, waits := m.deps.Engine.Countdown()
	if !waits {
		return rollbackView{}, nil
	}
	left := int64(c.Left / time.Second)
	return rollbackView{Waiting: true, Change: &c, LeftSeconds: &left}, nil
}

// Text says who changed, and when it is undone.
func (v rollbackView) Text(w io.Writer, _ int) error {
	if !v.Waiting {
		_, err := io.WriteString(w, "No change waits to be confirmed\n")
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Change by      %s from %s\n", v.Change.Author, v.Change.From)
	fmt.Fprintf(&b, "Since          %s\n", v.Change.Armed.UTC().Format("2006-01-02 15:04:05 MST"))
	fmt.Fprintf(&b, "Undone at      %s\n", v.Change.Deadline.UTC().Format("2006-01-02 15:04:05 MST"))
	fmt.Fprintf(&b, "Time left      %d:%02d\n", *v.LeftSeconds/60, *v.LeftSeconds%60)
	b.WriteString("Keep it with configure confirm, undo it with configure revert now\n")
	_, err := io.WriteString(w, b.String())
	return err
}
