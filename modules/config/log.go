package config

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"mbox/modules"
)

func (m *Module) logCommands() []modules.Command {
	return []modules.Command{{
		Syntax: "show archive log config all", Help: "Who changed which line of the configuration, and when", Level: 15,
		Words: with(map[string]string{"config": "Changes of the configuration", "all": "All that is remembered"}), Result: logView{}, Run: m.showLog,
	}}
}

// logView is the result of `show archive log config all`.
type logView struct {
	Changes []change `json:"changes"`
}

type change struct {
	Number  int       `json:"number"`
	Time    time.Time `json:"time"`
	User    string    `json:"user"`
	From    string    `json:"from"`
	Session int       `json:"session"`
	Context string    `json:"context"`
	Line    string    `json:"line"`
}

func (m *Module) showLog(context.Context, modules.Call) (modules.View, error) {
	entries, err := m.deps.Engine.ConfigLog()
	if err != nil {
		return nil, err
	}
	view := logView{Changes: make([]change, len(entries))}
	for i, e := range entries {
		view.Changes[i] = change{e.Number, e.Time, e.Name, e.From, e.Session, e.Context, e.Line}
	}
	return view, nil
}

var logColumns = []modules.Column{
	{Name: "Idx", Right: true}, {Name: "Time (UTC)"}, {Name: "User"}, {Name: "From"}, {Name: "Line", Right: true},
	{Name: "Logged command", Min: 20},
}

// Text is oldest first, contexts before the line.
func (v logView) Text(w io.Writer, width int) error {
	rows := func(yield func([]string, error) bool) {
		for _, c := range v.Changes {
			command := c.Line
			if c.Context != "" {
				command = fmt.Sprintf("%s / %s", c.Context, c.Line)
			}
			row := []string{strconv.Itoa(c.Number), c.Time.UTC().Format(time.DateTime), c.User, c.From, strconv.Itoa(c.Session), strings.TrimSpace(command)}
			if !yield(row, nil) {
				return
			}
		}
	}
	if len(v.Changes) == 0 {
		_, err := io.WriteString(w, "Nothing was changed yet\n")
		return err
	}
	return modules.Table{Columns: logColumns, Rows: rows}.Text(w, width)
}
