package modules

import (
	"fmt"
	"slices"
	"strings"
)

// LineErrorKind says what is wrong with a line.
type LineErrorKind int

const (
	Invalid    LineErrorKind = iota // a word that may not stand there
	Ambiguous                       // a word that abbreviates several
	Incomplete                      // the line ends too early
	TooLong                         // more than MaxLine bytes
	BadText                         // control characters, invalid UTF-8, broken quoting
)

// LineError is a line that does not parse. The shell renders it; it never holds a secret.
type LineError struct {
	Kind   LineErrorKind
	Column int    // of the first bad character, in display columns from 0
	Word   string // the bad word; for Ambiguous the line up to and including it
	Detail string // what was expected there: "expected a number from 1 to 65535"
	Hint   string // what to type instead: `did you mean "version"?`

	token int      // index of the bad word
	typed string   // the bad word, never shown
	near  []string // literals that may stand there
}

func (e *LineError) Error() string {
	var text string
	switch e.Kind {
	case Ambiguous:
		text = "ambiguous command"
		if e.Word != "" {
			text += fmt.Sprintf(": %q", e.Word)
		}
	case Incomplete:
		text = "incomplete command"
	case Invalid:
		text = fmt.Sprintf("invalid input at column %d", e.Column+1)
		if e.Word != "" {
			text += fmt.Sprintf(" (%q)", e.Word)
		}
	default:
		return e.Detail
	}
	for _, more := range []string{e.Detail, e.Hint} {
		if more != "" {
			text += ": " + more
		}
	}
	return text
}

// nearest returns the word that was probably meant: one edit away, or two if the word is long enough.
func nearest(word string, among []string) string {
	best, bestAt := "", 1+min(2, len(word)/3)
	for _, candidate := range among {
		if d := editDistance(strings.ToLower(word), candidate, bestAt); d < bestAt {
			best, bestAt = candidate, d
		}
	}
	return best
}

// editDistance counts insertions, deletions, substitutions and swaps of neighbours (optimal string alignment); from
// limit on it may return any larger number.
func editDistance(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	var before []int
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// maxExpected bounds the words that an error lists.
const maxExpected = 6

// explain turns the deepest failure into what the operator reads.
func (w *walk) explain(f *failure) *LineError {
	literals, labels, secret := expected(f.states)
	if f.kind == Incomplete {
		return &LineError{Kind: Incomplete, Column: displayWidth(w.line), token: f.token, Detail: listExpected(literals, labels)}
	}
	if f.token == len(w.tokens) {
		return w.broken
	}
	tok := w.tokens[f.token]
	e := &LineError{Kind: f.kind, Column: displayWidth(w.line[:tok.Start]), token: f.token, typed: tok.Text, Word: tok.Text, Detail: f.detail}
	if f.kind == Ambiguous {
		e.Word = w.shown(f.states, tok)
		e.Detail = listExpected(slices.DeleteFunc(literals, func(word string) bool { return !hasPrefixFold(word, tok.Text) }), nil)
		return e
	}
	if secret || f.afterSecret() {
		e.Word = Masked // the word, or a part of a secret with a space in it
	}
	switch {
	case secret:
	case len(labels) == 0 && !tok.Quoted:
		at := tok.Start + commonPrefix(tok.Text, literals)
		e.Column = displayWidth(w.line[:at])
		e.near = literals
	default:
		e.near = literals
	}
	if len(literals)+len(labels) == 0 {
		e.Detail = "nothing may follow here"
	}
	return e
}

// afterSecret says whether the word before was taken for a secret.
func (f *failure) afterSecret() bool {
	return len(f.states) > 0 && f.states[0].trail != nil && f.states[0].trail.place.secret()
}

// shown is the line up to a word as typed, without secrets.
func (w *walk) shown(states []state, tok Token) string {
	var typed []string
	for _, taken := range states[0].steps() {
		if taken.place.secret() {
			typed = append(typed, Masked)
		} else {
			typed = append(typed, taken.typed)
		}
	}
	return strings.Join(append(typed, tok.Text), " ")
}

// expected lists what may come next, each once.
func expected(states []state) (literals, labels []string, secret bool) {
	each(states, func(_ state, p *place) {
		switch {
		case p.literal != "" && !slices.Contains(literals, p.literal):
			literals = append(literals, p.literal)
		case p.label != "" && !slices.Contains(labels, p.label):
			labels = append(labels, p.label)
		}
		secret = secret || p.secret()
	})
	slices.Sort(literals)
	return literals, labels, secret
}

func listExpected(literals, labels []string) string {
	all := append(slices.Clone(literals), labels...)
	if len(all) == 0 {
		return ""
	}
	if len(all) > maxExpected {
		all = append(all[:maxExpected], "...")
	}
	return "expected " + strings.Join(all, " or ")
}

// commonPrefix is how many bytes of word agree with one of the literals.
func commonPrefix(word string, literals []string) int {
	most := 0
	for _, l := range literals {
		n := 0
		for n < len(word) && n < len(l) && word[n]|0x20 == l[n]|0x20 {
			n++
		}
		most = max(most, n)
	}
	return most
}

// hintStatement says where the line would be understood, or what was probably meant.
func (b *Book) hintStatement(e *LineError, contexts []*Node, line string) {
	if e.Kind != Invalid || b.advise(e, line) {
		return
	}
	if _, err := b.parseCommand(maxLevel, line); err == nil {
		e.Hint = "this is an exec command: type do before it"
		return
	}
	if in := b.whereStatement(line); in != "" && in != innermost(contexts) {
		e.Hint = fmt.Sprintf("this belongs into %q: enter it first", in)
		return
	}
	e.suggest()
}

func (b *Book) hintCommand(e *LineError, level int, line string) {
	if e.Kind != Invalid {
		return
	}
	if _, err := b.parseCommand(maxLevel, line); level < maxLevel && (err == nil || err.token > e.token) {
		e.Hint = "this needs more privilege: type enable first"
		return
	}
	if _, err := b.parseStatement(nil, 0, line); err == nil || err.Kind == Incomplete && err.token > e.token {
		e.Hint = "this is a configuration command: type configure terminal first"
		return
	}
	if in := b.whereStatement(line); in != "" {
		e.Hint = fmt.Sprintf("this is a configuration command of %q", in)
		return
	}
	e.suggest()
}

// whereStatement finds the context in which the line is one; empty if nowhere, or at the top.
func (b *Book) whereStatement(line string) string {
	all, bad := split(line)
	if bad != nil {
		return ""
	}
	rest, negated := all.negation()
	for _, p := range b.statements {
		in := p.statement.Syntax
		if b.scopes[in] == nil {
			continue
		}
		if _, err := rest.match(b.scopes[in], negated); err == nil {
			return in
		}
	}
	return ""
}

func innermost(contexts []*Node) string {
	if len(contexts) == 0 {
		return ""
	}
	return contexts[len(contexts)-1].Statement.Syntax
}

func (e *LineError) suggest() {
	if word := nearest(e.typed, e.near); word != "" {
		e.Hint = fmt.Sprintf("did you mean %q?", word)
	}
}
