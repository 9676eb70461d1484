package modules

import (
	"slices"
	"strings"
)

// Masked stands for a secret wherever a line is shown.
const Masked = "********"

// Match is a line that parsed.
type Match struct {
	Statement *Statement // set for a configuration line
	Command   *Command   // set for a command, also for an InConfig command typed among statements
	Negated   bool       // the line began with `no` or `default`; Values holds what was given of the line
	Default   bool       // it was `default`: that there is nothing to remove is no mistake
	Values    Values
	Climbed   int    // contexts left behind by walk-up
	Line      string // full words, secrets masked
	Secret    bool   // the line held a secret
}

// ParseStatement reads a line typed in a configuration mode. contexts are the open contexts, outermost first. A line
// that is invalid in the innermost context is tried in the ones around it; an ambiguous or incomplete line is not. The
// error is a *LineError from the context that understood most of the line.
func (b *Book) ParseStatement(contexts []*Node, line string) (Match, error) {
	match, err := b.parseStatement(contexts, 0, line)
	if err != nil {
		b.hintStatement(err, contexts, line)
		return Match{}, err
	}
	return match, nil
}

// ParseCommand reads an exec line. What needs more than level is unknown.
func (b *Book) ParseCommand(level int, line string) (Match, error) {
	match, err := b.parseCommand(level, line)
	if err != nil {
		b.hintCommand(err, level, line)
		return Match{}, err
	}
	return match, nil
}

// words is a line split as far as it can be.
type words struct {
	line   string
	tokens []Token
	broken *LineError
}

// split fails only for text that no line may hold; broken quoting is left to the grammar, which may not care.
func split(line string) (words, *LineError) {
	tokens, err := Tokenize(line)
	w := words{line: line, tokens: tokens}
	if err != nil {
		w.broken = err.(*LineError)
		if checkText(line) != nil {
			return w, w.broken
		}
	}
	return w, nil
}

// negation takes a leading `no` or `default` off; they are never abbreviated.
func (w words) negation() (words, bool) {
	if len(w.tokens) == 0 || w.tokens[0].Quoted || !strings.EqualFold(w.tokens[0].Text, "no") && !w.resets() {
		return w, false
	}
	rest := w
	verb := w.tokens[0]
	rest.line = w.line[:verb.Start] + strings.Repeat(" ", verb.End-verb.Start) + w.line[verb.End:]
	rest.tokens = w.tokens[1:]
	return rest, true
}

// resets says whether the line begins with `default`.
func (w words) resets() bool {
	return len(w.tokens) > 0 && !w.tokens[0].Quoted && strings.EqualFold(w.tokens[0].Text, "default")
}

func (w words) first() string {
	if len(w.tokens) == 0 {
		return ""
	}
	return w.tokens[0].Text
}

// parseStatement climbs out of contexts until only floor of them are left.
func (b *Book) parseStatement(contexts []*Node, floor int, line string) (Match, *LineError) {
	all, bad := split(line)
	if bad != nil {
		return Match{}, bad
	}
	rest, negated := all.negation()
	var worst *LineError
	for depth := len(contexts); depth >= floor; depth-- {
		match, err := rest.match(b.scope(contexts[:depth]), negated)
		if err == nil {
			match.Climbed = len(contexts) - depth
			if negated && all.resets() {
				match.Default, match.Line = true, "default "+strings.TrimPrefix(match.Line, "no ")
			}
			return match, nil
		}
		if err.Kind != Invalid {
			return Match{}, err
		}
		if worst == nil || err.Column > worst.Column {
			worst = err
		}
	}
	return Match{}, worst
}

func (b *Book) parseCommand(level int, line string) (Match, *LineError) {
	all, bad := split(line)
	if bad != nil {
		return Match{}, bad
	}
	return all.match(b.commandScope(level), false)
}

// scope is what may be typed with these contexts open.
func (b *Book) scope(contexts []*Node) *scope {
	if len(contexts) == 0 {
		return b.scopes[""]
	}
	if s := b.scopes[contexts[len(contexts)-1].Statement.Syntax]; s != nil {
		return s
	}
	return newScope() // a statement that opens nothing
}

func (w words) match(in *scope, negated bool) (Match, *LineError) {
	if len(w.tokens) == 0 && w.broken == nil {
		return Match{}, &LineError{Kind: Incomplete, Column: displayWidth(w.line)}
	}
	search := walk{line: w.line, tokens: w.tokens, broken: w.broken, finish: complete}
	if negated {
		search.finish = names
	}
	reached, failed := search.from(in.starting(w.first(), negated), 0)
	if failed != nil {
		if failed.token == 0 {
			failed.states = in.starting("", negated) // whatever letter they begin with
		}
		return Match{}, search.explain(failed)
	}
	return reached[0].match(negated), nil
}

// complete keeps the states in which the line may end.
func complete(reached []state) ([]state, LineErrorKind, bool) {
	var done []state
	for _, s := range reached {
		if s.pattern.places[s.at].final {
			done = append(done, s)
		}
	}
	return done, Incomplete, len(done) > 0
}

// names is the end of a `no` line: it may end where it names one statement and, if that has a key, one of its labels.
// The whole line, or the whole key, decides between statements that begin alike.
func names(reached []state) ([]state, LineErrorKind, bool) {
	if whole, _, ok := complete(reached); ok {
		return whole, 0, true
	}
	var keyed []state
	for _, s := range reached {
		if given, of := s.keys(); of > 0 && given == of {
			keyed = append(keyed, s)
		}
	}
	if len(keyed) == 0 {
		keyed = spelledOut(reached)
	}
	for _, s := range keyed {
		given, of := s.keys()
		if s.pattern != keyed[0].pattern || of > 0 && given == 0 {
			return nil, Incomplete, false
		}
	}
	return keyed[:1], 0, true
}

// spelledOut prefers the statements all of whose words were given, up to their first argument: `no enable secret` means
// `enable secret SECRET`, though there is also `enable secret level LEVEL SECRET`. Without any it returns all.
func spelledOut(reached []state) []state {
	var spelled []state
	for _, s := range reached {
		more := false
		each([]state{s}, func(_ state, p *place) { more = more || p.literal != "" })
		if !more {
			spelled = append(spelled, s)
		}
	}
	if len(spelled) == 0 {
		return reached
	}
	return spelled
}

// keys counts the key labels that were given, and those that there are.
func (s state) keys() (given, of int) {
	key := s.pattern.key()
	seen := map[string]bool{}
	for at := s.trail; at != nil; at = at.prev {
		if at.place.label != "" && slices.Contains(key, at.place.label) {
			seen[at.place.label] = true
		}
	}
	return len(seen), len(key)
}

func (s state) match(negated bool) Match {
	m := Match{Statement: s.pattern.statement, Command: s.pattern.command, Negated: negated, Values: Values{}}
	var line []string
	if negated {
		line = append(line, "no")
	}
	for _, taken := range s.steps() {
		p := taken.place
		line = append(line, taken.text())
		m.Secret = m.Secret || p.secret()
		switch {
		case p.label == "" && p.optional:
			m.Values[p.literal] = true
		case p.label != "" && p.list:
			list, _ := m.Values[p.label].([]any)
			m.Values[p.label] = append(list, taken.value)
		case p.label != "":
			m.Values[p.label] = taken.value
		}
	}
	m.Line = strings.Join(line, " ")
	return m
}

// text is the word in full, masked if it is a secret.
func (t *step) text() string {
	if t.place.label == "" {
		return t.place.literal
	}
	return t.place.render(t.value, true)
}
