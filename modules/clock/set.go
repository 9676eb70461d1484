package clock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"mbox/modules"
)

// setClock is `clock set`.
func (m *Module) setClock(ctx context.Context, call modules.Call) (modules.View, error) {
	v := call.Values
	text := fmt.Sprintf("%d %s %d %s", modules.Get[int](v, "YEAR"), modules.Get[string](v, "MONTH"), modules.Get[int](v, "DAY"),
		modules.Get[string](v, "TIME"))
	target, err := time.ParseInLocation("2006 January 2 15:04:05", text, m.Location())
	if err != nil {
		return nil, modules.Errorf("%s %d has no day %d", modules.Get[string](v, "MONTH"), modules.Get[int](v, "YEAR"), modules.Get[int](v, "DAY"))
	}
	if target.Before(m.deps.Built) {
		return nil, modules.Errorf("It cannot be earlier than %s, when this software was built", m.deps.Built.UTC().Format(time.DateOnly))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	err = m.step(ctx, target.Sub(m.deps.Now().Round(0)), fmt.Sprintf("by hand, %s from %s", call.Actor.Name, call.Actor.From))
	switch {
	case errors.Is(err, errFixed), errors.Is(err, fs.ErrPermission):
		return nil, &modules.Error{
			Message: "This machine does not let the box change its clock", Hint: "Run the box as root and without --record-host.",
		}
	case err != nil:
		return nil, fmt.Errorf("set the clock: %w", err)
	}
	m.byHand = m.deps.Now()
	m.client.discipline = discipline{} // what the operator typed is no reason to distrust the servers
	m.client.unsync(m.deps.Now(), "the clock was set by hand")
	if len(m.client.servers) > 0 {
		fmt.Fprintln(call.Terminal, "NTP servers are configured: they will set the clock again.")
	}
	select {
	case m.changed <- struct{}{}:
	default:
	}
	return m.view(false), nil
}
