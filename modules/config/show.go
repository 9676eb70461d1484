package config

import (
	"context"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"mbox/modules"
)

func (m *Module) showCommands() []modules.Command {
	help := with(map[string]string{
		"all": "With the lines that are in force where nothing was typed", "section": "Only the sections that match",
		"begin": "From the first line that matches",
	})
	return []modules.Command{
		{Syntax: "show running-config [all] [section REGEXP | begin REGEXP]", Help: "Configuration in force", Words: help, Level: 15,
			Args:   map[string]modules.Type{"REGEXP": modules.Word("Regular expression", parsePattern)},
			Result: modules.ConfigText{}, Run: m.showRunning},
		{Syntax: "write terminal", Help: "Show the configuration in force, as show running-config", Level: 15,
			Words:  with(map[string]string{"terminal": "Show the configuration in force, as show running-config"}),
			Result: modules.ConfigText{}, Run: m.showRunning},
		{Syntax: "show startup-config", Help: "Configuration that the box starts with", Words: words, Level: 15,
			Result: modules.ConfigText{}, Run: m.showStartup},
		{Syntax: "show archive", Help: "Saved configurations", Words: words, Level: 15, Support: "show archive",
			Result: archiveView{}, Run: m.showArchive},
	}
}

func parsePattern(s string) (string, error) {
	_, err := modules.CompileRegexp(s)
	return s, err
}

func (m *Module) showRunning(_ context.Context, call modules.Call) (modules.View, error) {
	tree := m.deps.Engine.Running()
	if call.Values.Has("all") {
		tree = m.deps.Engine.Book().WithDefaults(tree)
	}
	view := modules.ViewConfig(tree.Text(!seesSecrets(call.Actor)))
	if call.Values.Has("REGEXP") {
		pattern, err := modules.CompileRegexp(modules.Get[string](call.Values, "REGEXP"))
		if err != nil {
			return nil, modules.Errorf("%v", err)
		}
		if call.Values.Has("begin") {
			view.Lines = begin(view.Lines, pattern)
		} else {
			view.Lines = sections(view.Lines, pattern)
		}
	}
	return view, nil
}

func begin(lines []string, pattern *regexp.Regexp) []string {
	for i, line := range lines {
		if pattern.MatchString(line) {
			return lines[i:]
		}
	}
	return []string{}
}

// sections are the lines that match, with the lines around them that say where they are, and all that is inside them.
func sections(lines []string, pattern *regexp.Regexp) []string {
	out := []string{}
	inside := -1           // indentation of the line whose inside is shown
	var around []string    // contexts of the present line
	shown := map[int]int{} // by depth, the context that was printed last, by its number
	for number, line := range lines {
		depth := len(line) - len(strings.TrimLeft(line, " "))
		around = append(around[:min(depth, len(around))], line)
		switch {
		case inside >= 0 && depth > inside:
			out = append(out, line)
			continue
		case strings.TrimSpace(line) == "!" || !pattern.MatchString(line):
			inside = -1
			delete(shown, depth)
			continue
		}
		for at, context := range around[:len(around)-1] {
			if _, done := shown[at]; !done {
				out = append(out, context)
				shown[at] = number
			}
		}
		out = append(out, line)
		shown[depth] = number
		inside = depth
	}
	return out
}

// seesSecrets says whether verifiers are shown, as they must be to be pasted elsewhere. Who was only given the command by
// `privilege exec level` could guess passwords with them.
func seesSecrets(actor modules.Actor) bool { return actor.Level >= 15 }

func (m *Module) showStartup(_ context.Context, call modules.Call) (modules.View, error) {
	text, found, err := m.deps.Archive.Startup()
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, errNothingSaved
	}
	view := modules.ViewConfig(m.maskSetAside(text))
	if !seesSecrets(call.Actor) {
		for i, line := range view.Lines {
			view.Lines[i] = m.deps.Engine.Book().MaskLine(line)
		}
	}
	return view, nil
}

var errNothingSaved error = &modules.Error{Message: "No configuration was saved", Hint: "Save the one in force with: write memory"}

// maskSetAside hides what may be secrets in the lines that this box did not take: nobody hashed them.
func (m *Module) maskSetAside(text string) string {
	book := m.deps.Engine.Book()
	aside := map[string]bool{}
	for _, tree := range []*modules.Tree{book.Load(text), m.deps.Engine.Running()} {
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

var archiveColumns = []modules.Column{
	{Name: "Revision", Right: true}, {Name: "Saved (UTC)", Min: 10}, {Name: "Author", Min: 6}, {Name: "Bytes", Right: true},
	{Name: "SHA-256"}, {Name: "Comment", Min: 8},
}

// Text has the newest revision last, above the prompt.
func (v archiveView) Text(w io.Writer, width int) error {
	if len(v.Revisions) == 0 {
		_, err := io.WriteString(w, "No configuration was saved\n")
		return err
	}
	var rows [][]string
	for _, r := range v.Revisions {
		rows = append(rows, []string{
			strconv.Itoa(r.Number), r.Time.UTC().Format(time.DateTime), r.Author, strconv.Itoa(r.Size), r.SHA256[:min(12, len(r.SHA256))], r.Comment,
		})
	}
	return modules.Table{Columns: archiveColumns, Rows: modules.Rows(rows)}.Text(w, width)
}
