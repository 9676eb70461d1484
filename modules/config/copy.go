package config

import (
	"context"
	"errors"
	"fmt"
	"io"

	"mbox/modules"
)

// savedView is the result of a save.
type savedView struct {
	Revision int `json:"revision"`
}

// Text is what IOS prints.
func (savedView) Text(w io.Writer, _ int) error {
	_, err := io.WriteString(w, "Building configuration...\n[OK]\n")
	return err
}

func (m *Module) saveCommands() []modules.Command {
	comment := map[string]modules.Type{"TEXT": modules.Line("Why it was changed")}
	return []modules.Command{
		{Syntax: "write", Help: "Save the configuration in force", Words: words, Level: 15, Result: savedView{}, Run: m.save},
		{Syntax: "write memory", Help: "Save the configuration in force", Words: words, Level: 15, Result: savedView{}, Run: m.save},
		{Syntax: "write memory comment TEXT", Help: "Save the configuration in force, and say why", Words: words, Args: comment, Level: 15,
			Result: savedView{}, Run: m.save},
		{Syntax: "copy running-config startup-config", Help: "Save the configuration in force", Words: words, Level: 15, Result: savedView{}, Run: m.save},
	}
}

func (m *Module) save(ctx context.Context, call modules.Call) (modules.View, error) {
	revision, err := m.deps.Engine.Save(ctx, call.Actor, modules.Get[string](call.Values, "TEXT"))
	if err != nil {
		return nil, m.notSaved(err)
	}
	return savedView{revision}, nil
}

func (m *Module) notSaved(err error) error {
	var told *modules.Error
	if errors.As(err, &told) {
		return told
	}
	m.deps.Log.Error("the configuration was not saved", "error", err)
	return &modules.Error{Message: "The configuration was not saved: " + err.Error()}
}

func (m *Module) copyCommands() []modules.Command {
	file := map[string]modules.Type{"FILE": modules.FileName("File, in the box's file area", m.deps.Files)}
	help := with(map[string]string{"force": "Replace a file, or take the good lines and leave out the bad, without asking"})
	command := func(syntax, text string, result any, run func(context.Context, modules.Call) (modules.View, error)) modules.Command {
		return modules.Command{Syntax: syntax, Help: text, Words: help, Args: file, Level: 15, Pinned: true, Result: result, Run: run}
	}
	fromStartup := command("copy startup-config running-config [force]", "Add what the box starts with to the configuration in force", inputView{}, m.mergeStartup)
	fromStartup.Args = nil
	return []modules.Command{
		fromStartup,
		command("copy running-config FILE [force]", "Write the configuration in force into a file", modules.Said{}, m.exportRunning),
		command("copy startup-config FILE [force]", "Write the configuration that the box starts with into a file", modules.Said{}, m.exportStartup),
		command("copy FILE running-config [force]", "Add the lines of a file to the configuration in force", inputView{}, m.mergeFile),
		command("copy FILE startup-config [force]", "Make a file the configuration that the box starts with", inputView{}, m.importStartup),
	}
}

// inputView is the result of taking a configuration from outside: the lines that were not taken.
type inputView struct {
	Source   string            `json:"source"`
	Done     bool              `json:"done"`
	BadLines []modules.BadLine `json:"bad_lines"`
}

// maxBad bounds the bad lines that are printed; JSON has all.
const maxBad = 100

// Text names each bad line.
func (v inputView) Text(w io.Writer, _ int) error {
	for i, bad := range v.BadLines {
		if i == maxBad {
			_, err := fmt.Fprintf(w, "... and %d more\n", len(v.BadLines)-maxBad)
			return err
		}
		if _, err := fmt.Fprintf(w, "line %d: %s: %s\n", bad.Number, bad.Line, bad.Reason); err != nil {
			return err
		}
	}
	if v.Done {
		_, err := io.WriteString(w, "[OK]\n")
		return err
	}
	return nil
}

// judge turns the result of an input into what the operator reads.
func judge(name string, bad modules.BadLines, err error) (modules.View, error) {
	view := inputView{Source: name, Done: err == nil, BadLines: append([]modules.BadLine{}, bad...)}
	var lines modules.BadLines
	if errors.As(err, &lines) {
		return view, &modules.Error{
			Message: fmt.Sprintf("Nothing was changed: %s of %s cannot be taken", modules.Count(len(lines), "line"), name),
			Hint:    "Correct them, or add force to leave them out",
		}
	}
	if err != nil {
		return nil, err
	}
	return view, nil
}

func (m *Module) mergeStartup(ctx context.Context, call modules.Call) (modules.View, error) {
	return m.merge(ctx, call, startup)
}

func (m *Module) mergeFile(ctx context.Context, call modules.Call) (modules.View, error) {
	return m.merge(ctx, call, "")
}

// merge adds a configuration to the one in force: all of its lines in one change, or none.
func (m *Module) merge(ctx context.Context, call modules.Call, name string) (modules.View, error) {
	s := source{typed: true}
	var err error
	if name == "" {
		s.name = modules.Get[string](call.Values, "FILE")
		s.text, err = readFile(call.Files, s.name)
	} else {
		s, err = m.source(call, name)
	}
	if err != nil {
		return nil, err
	}
	return m.input(ctx, call, s, modules.Options{What: "copy " + s.name + " running-config"}, false)
}

// input puts a configuration in force. What would end this session is asked about.
func (m *Module) input(ctx context.Context, call modules.Call, s source, o modules.Options, replace bool) (modules.View, error) {
	o.Force = call.Values.Has("force")
	in := modules.Input{Text: s.text, Typed: s.typed, Replace: replace}
	bad, err := m.deps.Engine.Input(ctx, call.Actor, o, in)
	if ask, cuts := modules.AskCut(err); cuts {
		if err = ask(ctx, call.Terminal); err == nil {
			o.Force = true // there was no bad line
			bad, err = m.deps.Engine.Input(ctx, call.Actor, o, in)
		}
	}
	return judge(s.name, bad, err)
}

func (m *Module) exportRunning(ctx context.Context, call modules.Call) (modules.View, error) {
	return m.export(ctx, call, running, m.deps.Engine.SavedText())
}

func (m *Module) exportStartup(ctx context.Context, call modules.Call) (modules.View, error) {
	text, found, err := m.deps.Archive.Startup()
	if err == nil && !found {
		err = errNothingSaved
	}
	if err != nil {
		return nil, err
	}
	return m.export(ctx, call, startup, text)
}

// export writes a configuration as it is saved, so that a box that takes it in has the same.
func (m *Module) export(ctx context.Context, call modules.Call, what, text string) (modules.View, error) {
	name := modules.Get[string](call.Values, "FILE")
	if old, err := call.Files.Open(name); err == nil {
		old.Close()
		ok, err := modules.Confirm(ctx, call, fmt.Sprintf("copy %s %s", what, name), name+" is there already. Replace it?")
		if err != nil || !ok {
			return modules.Unchanged, err
		}
	}
	file, err := call.Files.Create(name)
	if err != nil {
		return nil, modules.FileError("write", name, err)
	}
	if _, err = io.WriteString(file, text); err == nil {
		err = file.Commit()
	}
	if err != nil {
		return nil, modules.FileError("write", name, errors.Join(err, file.Abort()))
	}
	m.deps.Log.Info("configuration written to a file", "file", name, "by", call.Actor.Name, "from", call.Actor.From)
	return modules.Said{Done: modules.Count(len(text), "byte") + " written to " + name + "\n[OK]"}, nil
}

// importStartup saves a file as startup-config, secrets hashed and sealed. The configuration in force stays.
func (m *Module) importStartup(ctx context.Context, call modules.Call) (modules.View, error) {
	name := modules.Get[string](call.Values, "FILE")
	text, err := readFile(call.Files, name)
	if err != nil {
		return nil, err
	}
	saved, bad, err := m.deps.Engine.ParseInput(modules.Input{Text: text, Typed: true}, call.Values.Has("force"))
	if err == nil {
		_, err = m.deps.Engine.SaveText(ctx, call.Actor, saved, "copy "+name+" startup-config")
		if err != nil {
			err = m.notSaved(err)
		}
	}
	return judge(name, bad, err)
}
