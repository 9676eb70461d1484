package config

import (
	"context"
	"errors"
	"strings"

	"mbox/modules"
)

// kind is something that `write erase` removes.
type kind struct {
	name, question, done string
	erase                func(context.Context, modules.Actor) error
}

func (m *Module) kinds() []kind {
	return []kind{
		{"config", "Remove the configuration that the box starts with?", "The configuration that the box starts with is removed", m.deps.Engine.Erase},
		{"archive", "Remove the saved configurations?", "The saved configurations are removed",
			func(context.Context, modules.Actor) error { return m.deps.Archive.EraseArchive() }},
		{"databases", "Remove all hotspot accounts, sessions and vouchers of this box at its next start?", "The hotspot database is removed at the next start: reload",
			func(context.Context, modules.Actor) error { return m.deps.Box.EraseDatabases() }},
		{"files", "Remove all files of operators, exports and backups?", "The files are removed",
			func(context.Context, modules.Actor) error { return m.deps.Box.EraseFiles() }},
	}
}

func (m *Module) eraseCommands() []modules.Command {
	help := with(map[string]string{
		"erase": "Remove what was saved", "config": "The configuration that the box starts with", "archive": "The saved configurations",
		"databases": "Hotspot accounts, sessions and vouchers", "files": "Files of operators, exports and backups", "all": "All of it",
	})
	return []modules.Command{
		{Syntax: "write erase", Help: "Remove what was saved; asks for each kind", Words: help, Level: 15, Result: eraseView{}, Run: m.eraseAsked},
		{Syntax: "write erase {config | archive | databases | files | all} [force]", Help: "Remove one kind of what was saved, or all", Words: help,
			Level: 15, Result: eraseView{}, Run: m.eraseNamed},
		{Syntax: "clear hotspot damaged [force]", Help: "Remove the damaged hotspot databases that are kept",
			Words: with(map[string]string{"hotspot": "The hotspot database", "damaged": "Damaged databases that were moved aside"}),
			Level: 15, Result: modules.Said{}, Run: m.clearDamaged},
	}
}

// eraseView is the result of `write erase`.
type eraseView struct {
	modules.Said
	Erased []string `json:"erased"`
}

// eraseAsked asks for each kind.
func (m *Module) eraseAsked(ctx context.Context, call modules.Call) (modules.View, error) {
	var wanted []kind
	for _, k := range m.kinds() {
		ok, err := call.Terminal.YesNo(ctx, k.question)
		if errors.Is(err, modules.ErrNotInteractive) {
			return nil, &modules.Error{Message: "write erase needs a terminal to ask for each kind", Hint: "Type write erase config force, or another kind."}
		}
		if err != nil {
			return nil, err
		}
		if ok {
			wanted = append(wanted, k)
		}
	}
	return m.erase(ctx, call, wanted)
}

// eraseNamed removes the kind that was typed.
func (m *Module) eraseNamed(ctx context.Context, call modules.Call) (modules.View, error) {
	var wanted []kind
	question, name := "Remove configuration, saved configurations, hotspot data and files of this box?", "all"
	for _, k := range m.kinds() {
		switch {
		case call.Values.Has(k.name):
			question, name = k.question, k.name
			wanted = []kind{k}
		case call.Values.Has("all"):
			wanted = append(wanted, k)
		}
	}
	ok, err := modules.Confirm(ctx, call, "write erase "+name, question)
	if err != nil || !ok {
		return modules.Unchanged, err
	}
	return m.erase(ctx, call, wanted)
}

func (m *Module) erase(ctx context.Context, call modules.Call, wanted []kind) (modules.View, error) {
	view := eraseView{Erased: []string{}}
	var said []string
	for _, k := range wanted {
		if err := k.erase(ctx, call.Actor); err != nil {
			var told *modules.Error
			if errors.As(err, &told) {
				return nil, told
			}
			m.deps.Log.Error("what was saved was not removed", "kind", k.name, "error", err)
			return nil, &modules.Error{Message: "write erase " + k.name + ": " + err.Error()}
		}
		m.deps.Log.Warn("what was saved was removed", "kind", k.name, "by", call.Actor.Name, "from", call.Actor.From)
		view.Erased = append(view.Erased, k.name)
		said = append(said, k.done)
	}
	if len(said) == 0 {
		return modules.Unchanged, nil
	}
	view.Done = strings.Join(append(said, "[OK]"), "\n")
	return view, nil
}

// clearDamaged removes what was kept for somebody who can read more of it than this box could.
func (m *Module) clearDamaged(ctx context.Context, call modules.Call) (modules.View, error) {
	ok, err := modules.Confirm(ctx, call, "clear hotspot damaged", "Remove the damaged hotspot databases that are kept?")
	if err != nil || !ok {
		return modules.Unchanged, err
	}
	names, err := m.deps.Box.ClearDamaged()
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, modules.Errorf("No damaged hotspot database is kept")
	}
	m.deps.Log.Info("damaged databases were removed", "by", call.Actor.Name, "names", names)
	return modules.Said{Done: "Removed: " + strings.Join(names, ", ")}, nil
}
