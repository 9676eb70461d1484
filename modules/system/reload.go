package system

import (
	"context"
	"errors"
	"strings"

	"mbox/modules"
)

func (m *Module) reloadCommands() []modules.Command {
	return []modules.Command{{
		Syntax: "reload [force]", Help: "Restart this box",
		Words: map[string]string{"force": "Without asking and without saving"},
		Level: 15, Run: m.reload,
	}, {
		Syntax: "clear hotspot damaged [force]", Help: "Remove the damaged hotspot databases that are kept",
		Words: map[string]string{
			"clear": "Reset something", "hotspot": "The hotspot database", "damaged": "Damaged databases that were moved aside",
			"force": "Without asking",
		},
		Level: 15, Run: m.clearDamaged,
	}}
}

// clearDamaged removes what was kept for somebody who can read more of it than this box could.
func (m *Module) clearDamaged(ctx context.Context, call modules.Call) (modules.View, error) {
	ok, err := confirm(ctx, call, "clear hotspot damaged", "Remove the damaged hotspot databases that are kept?")
	if err != nil || !ok {
		return unchanged, err
	}
	names, err := m.deps.Box.ClearDamaged()
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, modules.Errorf("No damaged hotspot database is kept")
	}
	m.deps.Log.Info("damaged databases were removed", "by", call.Actor.Name, "names", names)
	return doneView{"Removed: " + strings.Join(names, ", ")}, nil
}

// reload asks to save first where running and saved configuration differ.
func (m *Module) reload(ctx context.Context, call modules.Call) (modules.View, error) {
	if !call.Values.Has("force") && m.deps.Config.Dirty() {
		save, err := confirm(ctx, call, "reload", "The configuration has been modified. Save it?")
		if err != nil {
			return nil, err
		}
		if save {
			view, err := m.save(ctx, call)
			if err != nil {
				return nil, err
			}
			if err := view.Text(call.Terminal, 0); err != nil {
				return nil, err
			}
		}
	}
	ok, err := confirm(ctx, call, "reload", "Proceed with reload?")
	if err != nil || !ok {
		return unchanged, err
	}
	return m.restart(call.Actor), nil
}

func (m *Module) restart(actor modules.Actor) modules.View {
	m.deps.Log.Info("reload", "by", actor.Name, "from", actor.From)
	m.deps.Box.Reload()
	return doneView{"Reloading"}
}

// unchanged is the result of a command that the operator called off.
const unchanged = modules.Text("")

// confirm asks unless the command says force. Off a terminal nobody answers, and the operator is told of force.
func confirm(ctx context.Context, call modules.Call, command, question string) (bool, error) {
	if call.Values.Has("force") {
		return true, nil
	}
	ok, err := call.Terminal.Confirm(ctx, question)
	if errors.Is(err, modules.ErrNotInteractive) {
		return false, &modules.Error{
			Message: command + " needs a terminal to confirm",
			Hint:    "Type " + command + " force to do it without asking.",
		}
	}
	return ok, err
}
