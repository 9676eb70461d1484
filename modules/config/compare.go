package config

import (
	"context"

	"mbox/modules"
)

func (m *Module) compareCommands() []modules.Command {
	help := with(map[string]string{
		"differences": "How two configurations differ", "compare": "What write memory would change", "configuration": "The configuration as a whole",
	})
	return []modules.Command{
		{Syntax: "show archive config differences [FROM [TO]]", Level: 15, Words: help,
			Help:   "How two configurations differ; without TO the one in force, without FROM what was saved and the one in force",
			Args:   map[string]modules.Type{"FROM": m.sourceType(), "TO": m.sourceType()},
			Result: modules.DiffView{}, Run: m.showDifferences},
		{Syntax: "show configuration compare", Help: "How the configuration in force differs from the one that the box starts with", Level: 15,
			Words: help, Result: modules.DiffView{}, Run: m.showDifferences},
	}
}

func (m *Module) showDifferences(_ context.Context, call modules.Call) (modules.View, error) {
	from, err := m.compared(call, "FROM")
	if err != nil {
		return nil, err
	}
	to := m.deps.Engine.Running()
	if call.Values.Has("TO") {
		if to, err = m.compared(call, "TO"); err != nil {
			return nil, err
		}
	}
	return modules.ViewDiff(modules.Compare(from, to)), nil
}

// compared is the configuration that a label names; without it what was saved, which may be nothing.
func (m *Module) compared(call modules.Call, label string) (*modules.Tree, error) {
	if !call.Values.Has(label) {
		text, _, err := m.deps.Archive.Startup()
		return m.deps.Engine.Book().Load(text), err
	}
	s, err := m.source(call, modules.Get[string](call.Values, label))
	if err != nil {
		return nil, err
	}
	if s.name == running {
		return m.deps.Engine.Running(), nil
	}
	return m.deps.Engine.Book().Load(s.text), nil
}
