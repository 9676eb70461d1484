package system

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"mbox/modules"
)

func (m *Module) configCommands() []modules.Command {
	words := map[string]string{
		"running-config": "Configuration in force", "startup-config": "Configuration that the box starts with",
		"write": "Save the configuration in force", "memory": "Save the configuration in force",
		"erase": "Remove what was saved", "config": "The configuration that the box starts with",
		"force": "Without asking",
	}
	return []modules.Command{
		{Syntax: "show running-config", Help: "Configuration in force", Words: words, Level: 15, Run: m.showRunning},
		{Syntax: "show startup-config", Help: "Configuration that the box starts with", Words: words, Level: 15, Run: m.showStartup},
		{Syntax: "show archive", Help: "Saved configurations", Level: 15, Run: m.showArchive, Support: "show archive"},
		{Syntax: "write", Help: "Save the configuration in force", Words: words, Level: 15, Run: m.save},
		{Syntax: "write memory", Help: "Save the configuration in force", Words: words, Level: 15, Run: m.save},
		{Syntax: "copy running-config startup-config", Help: "Save the configuration in force",
			Words: map[string]string{"copy": "Copy a configuration", "running-config": "From the configuration in force",
				"startup-config": "To the configuration that the box starts with"},
			Level: 15, Run: m.save},
		{Syntax: "write erase config [force]", Help: "Remove the configuration that the box starts with", Words: words,
			Level: 15, Run: m.erase},
	}
}

// configView is a configuration text.
type configView struct {
	Lines []string `json:"lines"`
}

func viewConfig(text string) configView {
	view := configView{Lines: []string{}}
	for line := range strings.Lines(text) {
		view.Lines = append(view.Lines, strings.TrimRight(line, "\n"))
	}
	return view
}

// Text prints the configuration and nothing else, so that it can be pasted into a box.
func (v configView) Text(w io.Writer, _ int) error {
	var b strings.Builder
	for _, line := range v.Lines {
		b.WriteString(line + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (m *Module) showRunning(context.Context, modules.Call) (modules.View, error) {
	return viewConfig(m.deps.Config.Running().Text(false)), nil
}

func (m *Module) showStartup(context.Context, modules.Call) (modules.View, error) {
	text, found, err := m.deps.Archive.Startup()
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, &modules.Error{Message: "No configuration was saved", Hint: "Save the one in force with: write memory"}
	}
	return viewConfig(m.maskSetAside(text)), nil
}

// maskSetAside hides what may be secrets in the lines that this box did not take: nobody hashed them.
func (m *Module) maskSetAside(text string) string {
	book := m.deps.Config.Book()
	aside := map[string]bool{}
	for _, tree := range []*modules.Tree{book.Load(text), m.deps.Config.Running()} {
		for _, s := range tree.SetAside {
			for _, line := range s.Lines {
				aside[strings.TrimSpace(line)] = true
			}
		}
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		body := strings.TrimSpace(line)
		if aside[body] || aside[canonical(book, body)] {
			line = strings.Replace(line, body, book.MaskLine(body), 1)
		}
		b.WriteString(line)
	}
	return b.String()
}

// canonical is a line as running-config would show it, if it can be read.
func canonical(book *modules.Book, line string) string {
	match, err := book.ParseStatement(nil, line)
	if err != nil || match.Statement == nil {
		return line
	}
	return (&modules.Node{Statement: match.Statement, Values: match.Values}).Line(false)
}

// savedView is the result of a save.
type savedView struct {
	Revision int `json:"revision"`
}

// Text is what IOS prints.
func (savedView) Text(w io.Writer, _ int) error {
	_, err := io.WriteString(w, "Building configuration...\n[OK]\n")
	return err
}

func (m *Module) save(ctx context.Context, call modules.Call) (modules.View, error) {
	revision, err := m.deps.Config.Save(ctx, call.Actor, "")
	if err != nil {
		m.deps.Log.Error("the configuration was not saved", "error", err)
		return nil, &modules.Error{Message: "The configuration was not saved: " + err.Error()}
	}
	return savedView{revision}, nil
}

// doneView is the result of a command that only succeeds.
type doneView struct {
	Done string `json:"done"`
}

func (v doneView) Text(w io.Writer, _ int) error {
	_, err := fmt.Fprintln(w, v.Done)
	return err
}

func (m *Module) erase(ctx context.Context, call modules.Call) (modules.View, error) {
	ok, err := confirm(ctx, call, "write erase config", "Remove the configuration that the box starts with?")
	if err != nil || !ok {
		return unchanged, err
	}
	if err := m.deps.Config.Erase(ctx, call.Actor); err != nil {
		m.deps.Log.Error("the saved configuration was not removed", "error", err)
		return nil, &modules.Error{Message: "The saved configuration was not removed: " + err.Error()}
	}
	return doneView{"[OK]"}, nil
}

// archiveView is the result of `show archive`.
type archiveView struct {
	Revisions []Revision `json:"revisions"`
}

func (m *Module) showArchive(context.Context, modules.Call) (modules.View, error) {
	revisions, err := m.deps.Archive.Revisions()
	if err != nil {
		return nil, err
	}
	return archiveView{append([]Revision{}, revisions...)}, nil
}

// Text has the newest revision last, above the prompt.
func (v archiveView) Text(w io.Writer, _ int) error {
	if len(v.Revisions) == 0 {
		_, err := io.WriteString(w, "No configuration was saved\n")
		return err
	}
	author := len("Author")
	for _, r := range v.Revisions {
		author = max(author, len(r.Author))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%8s  %-20s  %-*s  %8s  %-12s  %s\n", "Revision", "Saved", author, "Author", "Bytes", "SHA-256", "Comment")
	for _, r := range v.Revisions {
		line := fmt.Sprintf("%8d  %-20s  %-*s  %8d  %-12.12s  %s", r.Number, r.Time.UTC().Format(time.RFC3339), author, r.Author,
			r.Size, r.SHA256, r.Comment)
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
