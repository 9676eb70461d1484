package main

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"mbox/modules"
)

// commandsMarkdown is docs/commands.md: the grammar, by module.
func commandsMarkdown() (string, error) {
	rooms := newRooms(parts{log: slog.New(slog.DiscardHandler)})
	book, err := modules.NewBook(rooms.list()...)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	out.WriteString(`# Commands

Generated from the grammar by ` + "`mbox commands`" + `; do not edit.

Words in capitals are arguments. ` + "`{a | b}`" + ` is a choice, ` + "`[a]`" + ` may be left out, ` + "`[a B]...`" + ` and ` + "`B...`" + ` may come
several times; parts in brackets come in any order. Every word may be abbreviated as long as it is unique, ` + "`?`" + ` lists what may
come next, and ` + "`no`" + ` before a configuration line removes it.
`)
	for _, mod := range rooms.list() {
		writeModule(&out, mod.Name(), book)
	}
	return out.String(), nil
}

func writeModule(out *strings.Builder, module string, book *modules.Book) {
	statements := slices.DeleteFunc(book.Statements(), func(s modules.BookStatement) bool { return s.Module != module })
	commands := slices.DeleteFunc(book.Commands(), func(c modules.BookCommand) bool { return c.Module != module })
	if len(statements)+len(commands) == 0 {
		return
	}
	fmt.Fprintf(out, "\n## %s\n", module)
	if len(statements) > 0 {
		out.WriteString("\n### Configuration\n")
	}
	for _, s := range statements {
		where := ""
		if s.In != "" {
			where = fmt.Sprintf(" In `%s`.", s.In)
		}
		writeLine(out, s.Syntax, s.Help+"."+where, s.Args)
	}
	if len(commands) > 0 {
		out.WriteString("\n### Commands\n")
	}
	for _, c := range commands {
		writeLine(out, c.Syntax, fmt.Sprintf("%s. %s", c.Help, levelText(c.Command)), c.Args)
	}
}

func levelText(c *modules.Command) string {
	if c.ConfigOnly {
		return "Configuration modes."
	}
	text := "User mode."
	if c.Level > 1 {
		text = fmt.Sprintf("Privilege level %d.", c.Level)
	}
	if c.InConfig {
		text += " Also in configuration modes."
	}
	return text
}

func writeLine(out *strings.Builder, syntax, text string, args map[string]modules.Type) {
	fmt.Fprintf(out, "\n`%s`  \n%s\n", syntax, text)
	var labels []string
	for label := range args {
		labels = append(labels, label)
	}
	words := strings.FieldsFunc(syntax, func(r rune) bool { return strings.ContainsRune(" []{}|.", r) })
	slices.SortFunc(labels, func(a, b string) int { return slices.Index(words, a) - slices.Index(words, b) })
	for i, label := range labels {
		if i == 0 {
			out.WriteByte('\n')
		}
		fmt.Fprintf(out, "- `%s` (`%s`): %s\n", label, args[label].Form(), args[label].Help())
	}
}
