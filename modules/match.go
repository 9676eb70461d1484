package modules

import (
	"encoding/binary"
	"slices"
	"strings"
)

// state is a place that the words so far lead to. Several lines of the grammar are followed at once, so that an
// abbreviation is judged against everything that may come.
type state struct {
	pattern *pattern
	at      int
	mask    uint64 // optional groups that were entered
	trail   *step
}

// step is one word that was taken, as a list back to the start.
type step struct {
	prev  *step
	place *place
	value any
	typed string
}

// walk leads a set of states over the words of one line.
type walk struct {
	line   string
	tokens []Token
	broken *LineError // what follows the tokens cannot be read; only a LINE takes it as it stands
	finish func([]state) ([]state, LineErrorKind, bool)
	dead   map[string]*failure // sets of states that are known to fail, by word: bounds the search
}

// failure is how far a branch came, and what stood in its way.
type failure struct {
	token  int
	kind   LineErrorKind
	states []state
	detail string
}

// deeper prefers the failure that understood more words; at the same word the first.
func deeper(a, b *failure) *failure {
	if a == nil || b != nil && b.token > a.token {
		return b
	}
	return a
}

// advance is what one word can be.
type advance struct {
	literals, args, rest []state
	words                []string // distinct literals that the word abbreviates
	detail               string   // the first complaint of a Type
}

// from returns the states at the end of the line, starting with words[i].
func (w *walk) from(states []state, i int) ([]state, *failure) {
	for {
		if i == len(w.tokens) && w.broken == nil {
			if done, kind, ok := w.finish(states); !ok {
				return nil, &failure{token: i, kind: kind, states: states}
			} else {
				return done, nil
			}
		}
		next := w.advance(states, i)
		if len(next.literals) > 0 && len(next.args)+len(next.rest) == 0 {
			states, i = next.literals, i+1
			continue
		}
		if len(next.args) > 0 && len(next.literals)+len(next.rest) == 0 {
			states, i = next.args, i+1
			continue
		}
		return w.branch(states, next, i)
	}
}

// branch tries what a word may be in turn: a literal, an argument, the rest of the line.
func (w *walk) branch(states []state, next advance, i int) ([]state, *failure) {
	key := signature(states, i)
	if failed := w.dead[key]; failed != nil {
		return nil, failed
	}
	var worst *failure
	for _, try := range []struct {
		states []state
		i      int
	}{{next.literals, i + 1}, {next.args, i + 1}} {
		if len(try.states) == 0 {
			continue
		}
		done, failed := w.from(try.states, try.i)
		if failed == nil {
			return done, nil
		}
		worst = deeper(worst, failed)
	}
	if len(next.rest) > 0 {
		if done, _, ok := w.finish(next.rest); ok {
			return done, nil
		}
	}
	here := &failure{token: i, kind: Invalid, states: states, detail: next.detail}
	if len(next.words) > 1 {
		here.kind = Ambiguous
	}
	worst = deeper(worst, here)
	if w.dead == nil {
		w.dead = map[string]*failure{}
	}
	w.dead[key] = worst
	return nil, worst
}

// signature names a set of states at a word. Values do not matter for what may follow.
func signature(states []state, i int) string {
	key := binary.AppendUvarint(make([]byte, 0, 64), uint64(i))
	for _, s := range states {
		key = binary.AppendUvarint(key, uint64(s.pattern.rank))
		key = binary.AppendUvarint(key, uint64(s.at))
		key = binary.AppendUvarint(key, s.mask)
	}
	return string(key)
}

// advance takes words[i], or what stands behind the last word if it cannot be split into words.
func (w *walk) advance(states []state, i int) advance {
	var next advance
	var exact, abbreviated []state
	var tok Token
	split := i < len(w.tokens)
	if split {
		tok = w.tokens[i]
	}
	each(states, func(s state, p *place) {
		switch {
		case p.literal != "":
			if !split || tok.Quoted || !hasPrefixFold(p.literal, tok.Text) {
				return
			}
			s.trail = &step{prev: s.trail, place: p, typed: tok.Text}
			if len(tok.Text) == len(p.literal) {
				exact = add(exact, s)
				return
			}
			abbreviated = add(abbreviated, s)
			if !slices.Contains(next.words, p.literal) {
				next.words = append(next.words, p.literal)
			}
		case p.rest:
			next.take(&next.rest, s, p, w.restFrom(i))
		case split:
			next.take(&next.args, s, p, tok.Text)
		}
	})
	switch {
	case len(exact) > 0:
		next.literals, next.words = exact, nil
	case len(next.words) == 1:
		next.literals = abbreviated
	}
	return next
}

func (a *advance) take(to *[]state, s state, p *place, text string) {
	value, err := p.typ.Parse(text)
	if err != nil {
		if a.detail == "" {
			a.detail = err.Error()
			if p.secret() && text != "" {
				a.detail = strings.ReplaceAll(a.detail, text, Masked)
			}
		}
		return
	}
	s.trail = &step{prev: s.trail, place: p, value: value, typed: text}
	*to = add(*to, s)
}

// restFrom is the line from words[i] on, without space at its ends.
func (w *walk) restFrom(i int) string { return strings.TrimRight(w.line[w.start(i):], " \t") }

func (w *walk) start(i int) int {
	switch {
	case i < len(w.tokens):
		return w.tokens[i].Start
	case i > 0:
		return skipSpace(w.line, w.tokens[i-1].End)
	}
	return skipSpace(w.line, 0)
}

// each calls visit for every place that may come next, with the state as it will be there.
func each(states []state, visit func(state, *place)) {
	for _, s := range states {
		for _, e := range s.pattern.places[s.at].next {
			if s.mask&e.enters != 0 {
				continue
			}
			next := s
			next.at, next.mask = e.to, s.mask|e.enters
			visit(next, &s.pattern.places[e.to])
		}
	}
}

// add keeps the first of two ways to the same state.
func add(states []state, s state) []state {
	for _, have := range states {
		if have.pattern == s.pattern && have.at == s.at && have.mask == s.mask {
			return states
		}
	}
	return append(states, s)
}

// steps returns the trail in the order of the line.
func (s state) steps() []*step {
	var out []*step
	for at := s.trail; at != nil; at = at.prev {
		out = append(out, at)
	}
	slices.Reverse(out)
	return out
}
