package modules

import (
	"slices"
	"strings"
)

// render writes one argument as a word of a line.
func (p *place) render(value any, mask bool) string {
	if mask && p.secret() {
		return Masked
	}
	text := p.typ.Render(value)
	switch {
	case p.rest:
		return text
	case slices.ContainsFunc(p.rivals, func(word string) bool { return hasPrefixFold(word, text) }):
		return quoteWord(text)
	}
	return RenderWord(text)
}

// compiled returns the pattern that NewBook made, or makes one for a Statement that no Book knows.
func (s *Statement) compiled() *pattern {
	if s.pattern != nil {
		return s.pattern
	}
	p, err := compile(s.Syntax, s.Args)
	if err != nil {
		return &pattern{statement: s, places: make([]place, 1), elements: []element{{word: s.Syntax}}}
	}
	p.statement = s
	return p
}

// Line is the node as a line of configuration, without its children; mask hides secrets.
func (n *Node) Line(mask bool) string {
	p := n.Statement.compiled()
	return strings.Join(p.render(p.elements, n.Values, mask, nil), " ")
}

// render appends the words of a sequence in the order of the Syntax.
func (p *pattern) render(seq []element, v Values, mask bool, out []string) []string {
	for i := range seq {
		e := &seq[i]
		switch e.kind {
		case literal:
			out = append(out, e.word)
		case label:
			out = p.renderLabel(e, v, mask, out)
		case repeated:
			out = p.renderRepeated(e.alts[0], v, mask, out)
		default:
			if alt := present(e.alts, v); alt != nil {
				out = p.render(alt, v, mask, out)
			}
		}
	}
	return out
}

func (p *pattern) renderLabel(e *element, v Values, mask bool, out []string) []string {
	at := &p.places[e.place]
	if list, ok := v[e.word].([]any); ok {
		for _, item := range list {
			out = append(out, at.render(item, mask))
		}
	} else if v.Has(e.word) {
		out = append(out, at.render(v[e.word], mask))
	}
	return out
}

// renderRepeated writes the group once for every value of its lists, which are equally long.
func (p *pattern) renderRepeated(seq []element, v Values, mask bool, out []string) []string {
	for i := 0; ; i++ {
		for _, e := range seq {
			if e.kind == literal {
				continue
			}
			if list, _ := v[e.word].([]any); i >= len(list) {
				return out
			}
		}
		for _, e := range seq {
			if e.kind == literal {
				out = append(out, e.word)
				continue
			}
			out = append(out, p.places[e.place].render(v[e.word].([]any)[i], mask))
		}
	}
}

// present picks the alternative whose words were all typed, the longest if several; nil if none.
func present(alts [][]element, v Values) []element {
	var best []element
	most := -1
	for _, alt := range alts {
		if n, ok := countPresent(alt, v); ok && n > most {
			best, most = alt, n
		}
	}
	return best
}

// countPresent counts the values of a sequence; ok is false if one that it must have is missing.
func countPresent(seq []element, v Values) (n int, ok bool) {
	for _, e := range seq {
		switch e.kind {
		case literal:
			if !v.Has(e.word) {
				return 0, false
			}
			n++
		case label:
			if list, isList := v[e.word].([]any); !v.Has(e.word) || isList && len(list) == 0 {
				return 0, false
			}
			n++
		case choice:
			alt := present(e.alts, v)
			if alt == nil {
				return 0, false
			}
			inner, _ := countPresent(alt, v)
			n += inner
		case option:
			if alt := present(e.alts, v); alt != nil {
				inner, _ := countPresent(alt, v)
				n += inner
			}
		}
	}
	return n, true
}

// ModeName is the part of the prompt for this node as an open context: Mode with the labels filled in.
func (n *Node) ModeName() string {
	name := n.Statement.Mode
	p := n.Statement.compiled()
	for i := range p.places {
		at := &p.places[i]
		if at.label != "" && n.Values.Has(at.label) && !at.list && !at.secret() {
			name = strings.ReplaceAll(name, at.label, at.typ.Render(n.Values[at.label]))
		}
	}
	return name
}
