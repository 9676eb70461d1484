package logging

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"mbox/modules"
)

// debugView is the result of `show debugging`.
type debugView struct {
	Modules    []debugged `json:"modules"`
	Suppressed uint64     `json:"suppressed"` // messages beyond the rate limit, since the program started
	zone       *time.Location
}

type debugged struct {
	Module string    `json:"module"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"`
	By     string    `json:"by"`
}

// chosen is the modules that a command names.
func (m *Module) chosen(v modules.Values) []string {
	if v.Has("all") {
		return m.deps.Facilities()
	}
	return []string{modules.Get[string](v, "MODULE")}
}

func (m *Module) debug(_ context.Context, call modules.Call) (modules.View, error) {
	length := DefaultDebugTime
	if call.Values.Has("MINUTES") {
		length = time.Duration(modules.Get[int](call.Values, "MINUTES")) * time.Minute
	}
	var b strings.Builder
	now := m.deps.Now()
	for _, name := range m.chosen(call.Values) {
		m.deps.Hub.startDebug(name, call.Actor.Name, now, length)
		fmt.Fprintf(&b, "%s debugging is on until %s\n", name, now.Add(length).In(m.deps.Location()).Format(time.TimeOnly))
	}
	m.log.Info("%LOGGING-5-DEBUGON: debugging was switched on", "what", call.Line, "by", call.Actor.Name, "from", call.Actor.From)
	return modules.Text(b.String()), nil
}

func (m *Module) undebug(_ context.Context, call modules.Call) (modules.View, error) {
	names := m.chosen(call.Values)
	if call.Values.Has("all") {
		names = m.deps.Hub.names()
	}
	stopped := 0
	for _, name := range names {
		if m.deps.Hub.stopDebug(name) {
			stopped++
		}
	}
	switch {
	case call.Values.Has("all"):
		return modules.Text("All possible debugging has been turned off\n"), nil
	case stopped == 0:
		return nil, &modules.Error{Message: names[0] + " was not being debugged", Hint: "Type show debugging to see what is."}
	}
	return modules.Text(names[0] + " debugging is off\n"), nil
}

func (m *Module) showDebugging(context.Context, modules.Call) (modules.View, error) {
	hub := m.deps.Hub
	view := debugView{Modules: []debugged{}, zone: m.deps.Location()}
	for _, name := range hub.names() {
		if d := hub.speaker(name).debug.Load(); d != nil {
			view.Modules = append(view.Modules, debugged{name, d.since.Round(0), d.until.Round(0), d.by})
		}
	}
	hub.mu.Lock()
	view.Suppressed = hub.suppressed
	hub.mu.Unlock()
	return view, nil
}

// Text is one line for each module.
func (v debugView) Text(w io.Writer, _ int) error {
	var b strings.Builder
	if len(v.Modules) == 0 {
		b.WriteString("No module is being debugged.\n")
	}
	for _, d := range v.Modules {
		fmt.Fprintf(&b, "%s debugging is on until %s, switched on by %s\n", d.Module, d.Until.In(v.zone).Format(time.TimeOnly), d.By)
	}
	if v.Suppressed > 0 {
		fmt.Fprintf(&b, "%d debug messages were suppressed: more than %d in a second of one module\n", v.Suppressed, MaxDebugRate)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
