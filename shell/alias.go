package shell

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"mbox/modules"
)

// maxAlias bounds the name of an alias, in characters.
const maxAlias = 32

func parseAlias(name string) (string, error) {
	name = strings.ToLower(name)
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' {
			return "", errAliasName
		}
	}
	if name == "" || len(name) > maxAlias {
		return "", errAliasName
	}
	return name, nil
}

var errAliasName = errors.New("expected a name of 1 to 32 letters, digits, - and _")

// expand puts the command behind an alias in its place; what is typed behind the alias stays behind it. A word that is a
// command's, or short for one, is never an alias, so that none can take a command's place; and what comes out is not expanded
// again, so that none can name itself.
func (s *Session) expand(line string) string {
	start := len(line) - len(strings.TrimLeft(line, " \t"))
	word, rest := line[start:], ""
	if end := strings.IndexAny(word, " \t"); end >= 0 {
		word, rest = word[:end], word[end:]
	}
	command, known := s.server.settings().aliases[strings.ToLower(word)]
	if _, means := s.meansCommand(word); !known || means {
		return line
	}
	return line[:start] + command + rest
}

// masked is a line that may not have parsed, with what may be a secret hidden. What an alias stands for decides.
func (s *Session) masked(line string) string {
	command, offset := cutDo(line)
	if !s.config || offset > 0 {
		line = line[:offset] + s.expand(command)
	}
	return s.server.Engine.Book().MaskLine(line)
}

// meansCommand returns the first word of a command of any level that a word is, or is short for; a word that several begin
// with means none.
func (s *Session) meansCommand(word string) (string, bool) {
	help := s.server.Engine.Book().HelpCommand(fullLevel, word)
	if help.Err != nil {
		return "", false
	}
	for _, c := range help.Candidates {
		if len(help.Candidates) == 1 || c.Text == word {
			return c.Text, true
		}
	}
	return "", false
}

// aliasError is what is wrong with the line that an alias stands for.
type aliasError struct {
	line string
	err  error
}

func (e *aliasError) Error() string { return e.err.Error() }
func (e *aliasError) Unwrap() error { return e.err }

// checkAlias refuses the alias that a typed line would make if it could not work, or would show a secret.
func (s *Session) checkAlias(m modules.Match) error {
	if m.Statement == nil || m.Statement.Syntax != aliasSyntax || m.Negated {
		return nil
	}
	name, line := modules.Get[string](m.Values, "NAME"), modules.Get[string](m.Values, "LINE")
	book := s.server.Engine.Book()
	match, err := book.ParseCommand(fullLevel, line)
	taken, means := s.meansCommand(name)
	var wrong *modules.LineError
	switch {
	case means:
		return &modules.Error{Message: fmt.Sprintf("%q means the command %s, and an alias cannot take its place", name, taken), Hint: "Choose another name."}
	case match.Secret || book.MaskLine(line) != line:
		return &modules.Error{Message: "An alias cannot hold a secret", Hint: "End it before the secret, and type that behind the alias."}
	case errors.As(err, &wrong) && wrong.Kind != modules.Incomplete && !strings.ContainsAny(line, "|"):
		return &modules.Error{Message: fmt.Sprintf("%q is not a command", line), Hint: wrong.Error()}
	}
	return nil
}

// aliasesView is the result of `show aliases`.
type aliasesView struct {
	Aliases []aliasView `json:"aliases"`
}

type aliasView struct {
	Name    string `json:"name"`
	Command string `json:"command"`
}

func viewAliases(aliases map[string]string) aliasesView {
	view := aliasesView{Aliases: []aliasView{}}
	for _, name := range slices.Sorted(maps.Keys(aliases)) {
		view.Aliases = append(view.Aliases, aliasView{name, aliases[name]})
	}
	return view
}

func (v aliasesView) Text(w io.Writer, width int) error {
	rows := make([][]string, len(v.Aliases))
	for i, a := range v.Aliases {
		rows[i] = []string{a.Name, a.Command}
	}
	return modules.Table{Columns: []modules.Column{{Name: "Alias"}, {Name: "Command", Min: 10}}, Rows: modules.Rows(rows)}.Text(w, width)
}
