package modules

import (
	"slices"
	"strings"
)

// Help answers `?` with the cursor at the end of a line: what may follow, or if the line ends in a word, what that
// word can become.
type Help struct {
	Candidates []Candidate // literals in alphabetical order, then the forms and known values of arguments
	CR         bool        // the command is complete as it stands
	Err        error       // a *LineError: something earlier in the line is ambiguous or invalid

	words []string
}

// Completions are the words that Tab may complete to; forms such as A.B.C.D are not among them.
func (h Help) Completions() []string { return h.words }

// HelpStatement is Help for a configuration mode. It describes the innermost context that knows the line.
func (b *Book) HelpStatement(contexts []*Node, line string) Help {
	all, partial, bad := helpWords(line)
	if bad != nil {
		return Help{Err: bad}
	}
	rest, negated := all, false
	if len(all.tokens) > 0 {
		rest, negated = all.negation()
	}
	var worst Help
	for depth := len(contexts); depth >= 0; depth-- {
		help := rest.help(b.scope(contexts[:depth]).starting("", negated), partial, negated)
		if depth == len(contexts) && len(all.tokens) == 0 {
			help.offer(Candidate{"no", "Remove a line or set its default"}, partial.Text)
			help.offer(Candidate{"default", "Set the default of a line"}, partial.Text)
		}
		if help.Err == nil || help.Err.(*LineError).Kind != Invalid {
			return help
		}
		if worst.Err == nil || help.Err.(*LineError).Column > worst.Err.(*LineError).Column {
			worst = help
		}
	}
	b.hintStatement(worst.Err.(*LineError), contexts, line)
	return worst
}

// HelpCommand is Help for exec mode.
func (b *Book) HelpCommand(level int, line string) Help {
	all, partial, bad := helpWords(line)
	if bad != nil {
		return Help{Err: bad}
	}
	help := all.help(b.commandScope(level).all, partial, false)
	if wrong, ok := help.Err.(*LineError); ok {
		b.hintCommand(wrong, level, line)
	}
	return help
}

// helpWords splits off the word that the cursor stands at; it is empty after a space, and may be an open quote.
func helpWords(line string) (words, Token, *LineError) {
	w, bad := split(line)
	if bad != nil {
		return w, Token{}, bad
	}
	if w.broken != nil {
		if start := (&walk{line: line, tokens: w.tokens}).start(len(w.tokens)); line[start] == '"' {
			if tok, err := quotedToken(line, start); err != nil && tok.End == len(line) {
				w.broken = nil
				return w, tok, nil
			}
		}
		return w, Token{}, nil
	}
	if n := len(w.tokens); n > 0 && w.tokens[n-1].End == len(line) {
		partial := w.tokens[n-1]
		w.tokens = w.tokens[:n-1]
		return w, partial, nil
	}
	return w, Token{Start: len(line), End: len(line)}, nil
}

func (w words) help(start []state, partial Token, negated bool) Help {
	finish := complete
	if negated {
		finish = names
	}
	search := walk{line: w.line, tokens: w.tokens, broken: w.broken, finish: func(reached []state) ([]state, LineErrorKind, bool) {
		return reached, Invalid, describes(reached, partial)
	}}
	reached := start
	if len(w.tokens) > 0 || w.broken != nil {
		var failed *failure
		if reached, failed = search.from(start, 0); failed != nil {
			if failed.token == len(w.tokens) && w.broken == nil {
				search.tokens = append(slices.Clone(w.tokens), partial)
			}
			return Help{Err: search.explain(failed)}
		}
	}
	help := Help{}
	help.describe(reached, partial)
	if partial.Text == "" && !partial.Quoted {
		_, _, help.CR = finish(reached)
		help.CR = help.CR && len(w.tokens) > 0
	}
	if len(help.Candidates) == 0 && !help.CR {
		search.tokens = append(slices.Clone(w.tokens), partial)
		help.Err = search.explain(&failure{token: len(w.tokens), kind: Invalid, states: reached})
	}
	return help
}

// describes says whether the cursor's word has a future here; if not, another reading of the line is tried.
func describes(reached []state, partial Token) bool {
	if partial.Text == "" {
		return true
	}
	var h Help
	h.describe(reached, partial)
	return len(h.Candidates) > 0
}

// describe fills in the candidates.
func (h *Help) describe(reached []state, partial Token) {
	var args []Candidate
	var known []string
	heads := map[string][]state{}
	each(reached, func(s state, p *place) {
		switch {
		case p.literal == "":
			forms, values := describeArg(p, partial.Text)
			args = append(append(args, forms...), values...)
			for _, value := range values {
				known = append(known, RenderWord(value.Text))
			}
		case !partial.Quoted && hasPrefixFold(p.literal, partial.Text):
			heads[p.literal] = append(heads[p.literal], s)
		}
	})
	if p := inside(reached); p != nil { // the rest of the line belongs to a LINE
		args = append(args, Candidate{p.typ.Form(), p.typ.Help()})
	}
	for word, states := range heads {
		h.offer(Candidate{word, helpOf(word, states)}, partial.Text)
	}
	for _, c := range args {
		if !slices.Contains(h.Candidates, c) {
			h.Candidates = append(h.Candidates, c)
		}
	}
	for _, word := range known {
		if !slices.Contains(h.words, word) {
			h.words = append(h.words, word)
		}
	}
}

// offer adds a word that begins with prefix, in alphabetical order.
func (h *Help) offer(c Candidate, prefix string) {
	if !hasPrefixFold(c.Text, prefix) {
		return
	}
	at, found := slices.BinarySearchFunc(h.words, c.Text, strings.Compare)
	if found {
		return
	}
	h.words = slices.Insert(h.words, at, c.Text)
	h.Candidates = slices.Insert(h.Candidates, at, c)
	h.Err = nil
}

// describeArg returns the form of an argument, unless its values say all, and the values that it knows.
func describeArg(p *place, prefix string) (forms, values []Candidate) {
	if lister, ok := p.typ.(Lister); ok && !p.secret() {
		values = lister.List(prefix)
	}
	if _, closed := p.typ.(enumType); !closed {
		forms = []Candidate{{p.typ.Form(), p.typ.Help()}}
	}
	return forms, values
}

// inside returns the LINE that the states are in, if the words of the line ended in one.
func inside(reached []state) *place {
	for _, s := range reached {
		if p := &s.pattern.places[s.at]; p.rest {
			return p
		}
	}
	return nil
}

// helpOf describes a literal: in its own words, by the one line it begins, or by what may follow it.
func helpOf(word string, states []state) string {
	for _, s := range states {
		if text := s.pattern.words()[word]; text != "" {
			return text
		}
	}
	if !slices.ContainsFunc(states, func(s state) bool { return s.pattern != states[0].pattern }) {
		return states[0].pattern.help()
	}
	literals, labels, _ := expected(states)
	for _, s := range states {
		if s.pattern.places[s.at].final {
			return s.pattern.help()
		}
	}
	return strings.TrimPrefix(listExpected(literals, labels), "expected ")
}

func (p *pattern) words() map[string]string {
	if p.statement != nil {
		return p.statement.Words
	}
	return p.command.Words
}

func (p *pattern) help() string {
	if p.statement != nil {
		return p.statement.Help
	}
	return p.command.Help
}
