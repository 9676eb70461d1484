package shell

import (
	"context"
	"fmt"
	"io"
	"strings"

	"mbox/modules"
)

// manualCommands describe the grammar itself.
func manualCommands() []modules.Command {
	return []modules.Command{
		{Syntax: "help [LINE]", Help: "Describe a command, or how to get help", InConfig: true, Pinned: true, Result: manualView{},
			Args: map[string]modules.Type{"LINE": modules.Line("Words of a command or configuration line")}, Run: in(describe)},
		{Syntax: "find LINE", Help: "Find commands and configuration lines by words", InConfig: true, Pinned: true, Result: findView{},
			Args: map[string]modules.Type{"LINE": modules.Line("Words of its syntax or its help")}, Run: in(find)},
	}
}

const helpText = `Type ? at any point of a line to see what may stand there:
  show ?    what may follow show
  sh?       the words that begin with sh
Tab completes a word. Words may be shortened as long as they are unique: sh ver.
help COMMAND describes a command; find WORD lists all that is about something.
Behind a show command, | include REGEXP shows the lines that match, | json the
data.
no LINE takes a configuration line back, default LINE sets it to its default;
do COMMAND runs a command while configuring.
Ctrl-V ? types a question mark, Ctrl-Z leaves configuration mode, Ctrl-C stops a
command.
`

func describe(_ context.Context, s *Session, call modules.Call) (modules.View, error) {
	line := modules.Get[string](call.Values, "LINE")
	if line == "" {
		return manualView{Intro: helpText, Pages: []modules.Page{}, Begin: []modules.Entry{}}, nil
	}
	pages, begin := s.server.Engine.Book().Manual(s.actor.Level, line)
	if len(pages)+len(begin) == 0 {
		return nil, &modules.Error{Message: fmt.Sprintf("Nothing begins with %q here", line), Hint: "find WORD looks everywhere"}
	}
	return manualView{Pages: append([]modules.Page{}, pages...), Begin: append([]modules.Entry{}, begin...)}, nil
}

// manualView is the result of `help`.
type manualView struct {
	Intro string          `json:"text,omitempty"` // of `help` alone
	Pages []modules.Page  `json:"pages"`
	Begin []modules.Entry `json:"begin"` // what else begins with the words
}

func (v manualView) Text(w io.Writer, width int) error {
	out := manual{width: width}
	out.WriteString(v.Intro)
	for i, p := range v.Pages {
		if i > 0 {
			out.WriteString("\n")
		}
		out.page(p)
	}
	if len(v.Begin) > 0 {
		if len(v.Pages) > 0 {
			out.WriteString("\nBEGIN ALIKE\n")
		}
		out.entries(v.Begin)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// manual lays out pages.
type manual struct {
	strings.Builder
	width int
}

// part writes a heading and text below it, indented.
func (m *manual) part(heading string, lines ...string) {
	m.WriteString(heading + "\n")
	for _, line := range lines {
		for _, text := range m.fold(line) {
			m.WriteString("    " + text + "\n")
		}
	}
}

func (m *manual) fold(line string) []string {
	if m.width <= 0 {
		return []string{line}
	}
	return wrap(line, max(m.width-4, minWidth-4))
}

// rows writes two columns below a heading.
func (m *manual) rows(heading string, rows []modules.Candidate) {
	if len(rows) == 0 {
		return
	}
	m.WriteString(heading + "\n")
	width := m.width
	if width <= 0 {
		width = maxWidth
	}
	for line := range strings.Lines(table(rows, width-2)) {
		m.WriteString("  " + line)
	}
}

func (m *manual) page(p modules.Page) {
	m.part("NAME", p.Help)
	m.part("SYNTAX", p.Syntax)
	m.part("MODE", modeOf(p.Entry))
	var args []modules.Candidate
	for _, a := range p.Arguments {
		help := a.Help
		if a.Form != a.Label {
			help += " (" + a.Form + ")"
		}
		args = append(args, modules.Candidate{Text: a.Label, Help: help})
		for _, value := range a.Values {
			args = append(args, modules.Candidate{Text: "  " + value.Text, Help: value.Help})
		}
	}
	m.rows("WORDS", p.Words)
	m.rows("ARGUMENTS", args)
	if p.Default != "" {
		m.part("DEFAULT", p.Default)
	}
	if p.Example != "" {
		m.part("EXAMPLE", p.Example)
	}
	if len(p.SeeAlso) > 0 {
		m.part("SEE ALSO", p.SeeAlso...)
	}
}

// entries lists lines of the grammar, each with its help below.
func (m *manual) entries(entries []modules.Entry) {
	for _, e := range entries {
		for _, text := range m.fold(e.Syntax) {
			m.WriteString(text + "\n")
		}
		for _, text := range m.fold(e.Help + " (" + modeOf(e) + ")") {
			m.WriteString("    " + text + "\n")
		}
	}
}

// modeOf says where a line is typed, and with which privilege.
func modeOf(e modules.Entry) string {
	switch {
	case e.In != "":
		return "configuration, inside " + e.In
	case e.Config:
		return "configuration"
	case e.Level <= userLevel:
		return "user mode"
	}
	return fmt.Sprintf("privilege level %d", e.Level)
}

// elsewhere is what may help where nothing was found.
func elsewhere(text string, level int) string {
	var try []string
	if strings.ContainsRune(text, ' ') {
		try = append(try, "try fewer words")
	}
	if level < fullLevel {
		try = append(try, "enable first")
	}
	if len(try) == 0 {
		return "try another word, or ? for what may stand here"
	}
	return strings.Join(try, ", or ")
}

func find(_ context.Context, s *Session, call modules.Call) (modules.View, error) {
	text := modules.Get[string](call.Values, "LINE")
	found := s.server.Engine.Book().Find(s.actor.Level, text)
	if len(found) == 0 {
		return nil, &modules.Error{Message: fmt.Sprintf("Nothing here is about %q", text), Hint: elsewhere(text, s.actor.Level)}
	}
	return findView{found}, nil
}

// findView is the result of `find`.
type findView struct {
	Found []modules.Entry `json:"found"`
}

func (v findView) Text(w io.Writer, width int) error {
	out := manual{width: width}
	out.entries(v.Found)
	_, err := io.WriteString(w, out.String())
	return err
}
