package shell

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mbox/modules"
)

// Help answers `?` at the end of line: what may stand there, or what is wrong before it.
func (s *Session) Help(line string) string {
	help := s.candidates(line)
	var wrong *modules.LineError
	switch {
	case errors.As(help.Err, &wrong):
		return s.lineError(line, wrong)
	case help.Err != nil:
		return s.sentence(help.Err.Error())
	}
	rows := help.Candidates
	if help.CR {
		rows = append(rows[:len(rows):len(rows)], modules.Candidate{Text: "<cr>"})
	}
	if len(rows) == 0 {
		return "% Unrecognized command\n"
	}
	return table(rows, s.editWidth())
}

// Complete answers Tab at the end of line: the rest of a word that is unique and a space, what several words have in
// common, or their list.
func (s *Session) Complete(line string) (suffix, list string) {
	help := s.candidates(line)
	if help.Err != nil || insideQuotes(line) || s.Unfinished() {
		return "", ""
	}
	typed := line[strings.LastIndexAny(line, " \t|")+1:]
	var words []string
	for _, word := range help.words {
		if len(word) >= len(typed) && strings.EqualFold(word[:len(typed)], typed) {
			words = append(words, word)
		}
	}
	switch {
	case len(words) == 1:
		return words[0][len(typed):] + " ", ""
	case len(words) > 1:
		if suffix = common(words)[len(typed):]; suffix != "" {
			return suffix, ""
		}
	}
	if len(help.Candidates) == 0 {
		return "", ""
	}
	return "", table(help.Candidates, s.editWidth())
}

// candidates asks whichever grammar the cursor is in.
func (s *Session) candidates(line string) help {
	if topic, at := cutHelp(line); at > 0 {
		return s.topics(topic, line[:at])
	}
	command, offset := cutDo(line)
	book := s.server.Engine.Book()
	if s.config && offset == 0 {
		return helpOf(book.HelpStatement(s.contexts, line))
	}
	body, rest, isPipe := cutPipe(command)
	if !isPipe {
		h := helpOf(book.HelpCommand(s.actor.Level, command))
		s.offerAliases(&h, strings.TrimLeft(command, " \t"))
		h.Err = behindDo(h.Err, line[:offset])
		return h
	}
	if _, err := book.ParseCommand(s.actor.Level, body); err != nil {
		return help{Err: behindDo(err, line[:offset])}
	}
	return helpFilter(rest, s.actor.Level)
}

// cutHelp returns what stands behind `help `, and where; 0 if the line is no such.
func cutHelp(line string) (topic string, at int) {
	rest := strings.TrimLeft(line, " \t")
	topic, ok := strings.CutPrefix(rest, "help ")
	if !ok {
		return "", 0
	}
	return topic, len(line) - len(topic)
}

// topics are what `help` may be asked about: the words of lines, as if the line itself were typed.
func (s *Session) topics(topic, before string) help {
	h := helpOf(s.server.Engine.Book().HelpCommand(s.actor.Level, topic))
	if s.config {
		h = helpOf(s.server.Engine.Book().HelpStatement(s.contexts, topic))
	}
	h.CR = h.Err == nil
	h.Err = behindDo(h.Err, before)
	return h
}

// offerAliases adds those that begin with the only word of a line.
func (s *Session) offerAliases(h *help, word string) {
	if strings.ContainsAny(word, " \t") {
		return
	}
	aliases := s.server.settings().aliases
	for _, name := range slices.Sorted(maps.Keys(aliases)) {
		if _, means := s.meansCommand(name); strings.HasPrefix(name, strings.ToLower(word)) && !means {
			h.Candidates = append(h.Candidates, modules.Candidate{Text: name, Help: "Alias of " + aliases[name]})
			h.words = append(h.words, name)
			h.Err = nil
		}
	}
}

// help is modules.Help with the words that may be completed.
type help struct {
	Candidates []modules.Candidate
	CR         bool
	Err        error
	words      []string
}

func helpOf(h modules.Help) help {
	return help{Candidates: h.Candidates, CR: h.CR, Err: h.Err, words: h.Completions()}
}

// helpFilter answers behind a pipe.
func helpFilter(text string, level int) help {
	for {
		_, after, more := cutPipe(" " + text)
		if !more {
			break
		}
		text = after
	}
	text = strings.TrimLeft(text, " \t")
	word, argument, complete := strings.Cut(text, " ")
	found := slices.DeleteFunc(matchingFilters(word), func(f modules.Candidate) bool { return level < fullLevel && isFileFilter(f.Text) })
	switch {
	case !complete:
		h := help{Candidates: found}
		for _, f := range found {
			h.words = append(h.words, f.Text)
		}
		return h
	case len(found) != 1:
		return help{Err: &modules.LineError{Kind: modules.BadText, Detail: "there is no filter " + word}}
	case found[0].Text == "json":
		return help{CR: true}
	case isFileFilter(found[0].Text):
		return help{Candidates: []modules.Candidate{{Text: "WORD", Help: "Name of a file in the box's file area"}}, CR: strings.TrimSpace(argument) != ""}
	}
	return help{
		Candidates: []modules.Candidate{{Text: "LINE", Help: "Regular expression (RE2)"}},
		CR:         strings.TrimSpace(argument) != "",
	}
}

// table sets words and their help in two columns; help that is too long goes on below itself.
func table(rows []modules.Candidate, width int) string {
	left := 0
	for _, row := range rows {
		left = max(left, columns(row.Text))
	}
	left = min(left, max(width/2-4, 4))
	var out strings.Builder
	for _, row := range rows {
		pad := max(left-columns(row.Text), 0)
		line := fmt.Sprintf("  %s%s", row.Text, strings.Repeat(" ", pad))
		for i, part := range wrap(row.Help, width-left-5) {
			if i > 0 {
				line = strings.Repeat(" ", left+2)
			}
			out.WriteString(strings.TrimRight(line+"  "+part, " ") + "\n")
		}
	}
	return printableText(out.String())
}

// wrap cuts text between words into lines of at most width columns; it returns at least one.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && columns(line)+1+columns(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// common returns the longest beginning that all words share.
func common(words []string) string {
	prefix := words[0]
	for _, word := range words[1:] {
		for !strings.HasPrefix(word, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	return prefix
}
