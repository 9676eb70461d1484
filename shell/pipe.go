package shell

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"mbox/modules"
)

// filters are the words behind a pipe, in the order in which `?` shows them. Behind json nothing but other filters may
// follow, and it stands first: it says how the result is written, not which lines of it are shown.
var filters = []modules.Candidate{
	{Text: "begin", Help: "Begin with the first line that matches"},
	{Text: "count", Help: "Count the lines that match"},
	{Text: "exclude", Help: "Leave out lines that match"},
	{Text: "include", Help: "Show only lines that match"},
	{Text: "json", Help: "Show the result as JSON"},
	{Text: "section", Help: "Show blocks whose first line matches"},
}

// allFilters are those and fileFilters, in the order in which `?` shows them.
var allFilters = slices.SortedFunc(slices.Values(slices.Concat(filters, fileFilters)), func(a, b modules.Candidate) int {
	return strings.Compare(a.Text, b.Text)
})

// maxFilters bounds a chain.
const maxFilters = 16

// pipeline is what stands behind a command.
type pipeline struct {
	json    bool
	filters []filter
	file    toFile
}

type filter struct {
	name    string
	pattern *regexp.Regexp
}

// cutPipe splits a line at its first pipe: a `|` outside of quotes with a blank before it, so that a regular expression
// or a password may hold one.
func cutPipe(line string) (command, rest string, found bool) {
	for i := 1; i < len(line); i++ {
		if line[i] == '|' && (line[i-1] == ' ' || line[i-1] == '\t') && !insideQuotes(line[:i]) {
			return line[:i], line[i+1:], true
		}
	}
	return line, "", false
}

// parsePipeline reads `FILTER REGEXP | FILTER REGEXP ...`; column is where text begins on the line. Errors are
// *modules.LineError.
func parsePipeline(text string, column int) (pipeline, error) {
	var p pipeline
	for more := true; more; {
		var stage string
		stage, text, more = cutPipe(" " + text) // a pipe right behind a pipe has no blank of its own
		stage = stage[1:]
		if err := p.add(stage, column); err != nil {
			return p, err
		}
		column += columns(stage) + 1
		if len(p.filters) > maxFilters {
			return p, &modules.LineError{Column: column, Detail: fmt.Sprintf("at most %d filters", maxFilters)}
		}
	}
	return p, nil
}

func (p *pipeline) add(stage string, column int) error {
	body := strings.TrimRight(stage, " \t")
	lead := len(body) - len(strings.TrimLeft(body, " \t"))
	word := body[lead:]
	if end := strings.IndexAny(word, " \t"); end >= 0 {
		word = word[:end]
	}
	argument := strings.TrimLeft(body[lead+len(word):], " \t")
	at := column + columns(body[:len(body)-len(argument)])
	column += columns(body[:lead])
	name, err := filterName(word, column)
	switch {
	case err != nil:
		return err
	case p.file.how != "":
		return &modules.LineError{Column: column, Word: word, Detail: "nothing may follow " + p.file.how}
	case isFileFilter(name):
		return p.addFile(name, argument, at)
	case name == "json" && argument != "":
		return &modules.LineError{Column: at, Word: argument, Detail: "json takes no argument; another filter may follow behind |"}
	case name == "json" && (p.json || len(p.filters) > 0):
		return &modules.LineError{Column: column, Word: word, Detail: "json stands before other filters"}
	case name == "json":
		p.json = true
		return nil
	case argument == "":
		return &modules.LineError{Kind: modules.Incomplete, Column: at, Detail: name + " needs a regular expression"}
	}
	pattern, err := modules.CompileRegexp(unquote(argument))
	if err != nil {
		return &modules.LineError{Column: at, Word: argument, Detail: "expected a regular expression (RE2): " + reason(err)}
	}
	p.filters = append(p.filters, filter{name, pattern})
	return nil
}

func isFileFilter(name string) bool {
	return slices.ContainsFunc(fileFilters, func(f modules.Candidate) bool { return f.Text == name })
}

// addFile ends the pipe in a file.
func (p *pipeline) addFile(how, argument string, column int) error {
	words, err := modules.Tokenize(argument)
	switch {
	case err != nil:
		return &modules.LineError{Column: column, Word: argument, Detail: "expected the name of a file"}
	case len(words) == 0:
		return &modules.LineError{Kind: modules.Incomplete, Column: column, Detail: how + " needs the name of a file"}
	case len(words) > 1:
		return &modules.LineError{Column: column + columns(argument[:words[1].Start]), Word: words[1].Text, Detail: "expected one name of a file",
			Hint: "put a name with blanks in double quotes"}
	}
	p.file = toFile{how: how, name: words[0].Text}
	return nil
}

// filterName resolves an abbreviation.
func filterName(word string, column int) (string, error) {
	if word == "" {
		return "", &modules.LineError{Kind: modules.Incomplete, Column: column, Detail: "a filter is missing behind |"}
	}
	found := matchingFilters(word)
	if len(found) != 1 {
		return "", &modules.LineError{Column: column, Word: word, Detail: "expected a filter: append, begin, count, exclude, include, json, redirect, section or tee"}
	}
	return found[0].Text, nil
}

func matchingFilters(prefix string) []modules.Candidate {
	var found []modules.Candidate
	for _, f := range allFilters {
		if strings.HasPrefix(f.Text, strings.ToLower(prefix)) {
			found = append(found, f)
		}
	}
	return found
}

// unquote takes the quotes off an argument that is quoted as a whole. A backslash stays what it is in a regular
// expression, but for the one that protects a quote.
func unquote(argument string) string {
	inner, ok := strings.CutPrefix(argument, `"`)
	if !ok {
		return argument
	}
	inner, ok = strings.CutSuffix(inner, `"`)
	if !ok {
		return argument
	}
	return strings.ReplaceAll(inner, `\"`, `"`)
}

func reason(err error) string {
	return strings.TrimPrefix(err.Error(), "error parsing regexp: ")
}
