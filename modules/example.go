package modules

import (
	"regexp"
	"strings"
)

// example is a line that the pattern understands, without what may be left out; empty if none can be made up.
func (b *Book) example(p *pattern) string {
	words, ok := sample(p, p.elements, nil)
	if !ok {
		return ""
	}
	line := strings.Join(words, " ")
	w, bad := split(line)
	if bad != nil {
		return ""
	}
	only := newScope()
	only.add(p)
	if _, err := w.match(only, false); err != nil {
		return ""
	}
	return line
}

func sample(p *pattern, seq []element, out []string) ([]string, bool) {
	for _, e := range seq {
		switch e.kind {
		case literal:
			out = append(out, e.word)
		case label:
			word, ok := p.places[e.place].sample()
			if !ok {
				return nil, false
			}
			out = append(out, word)
		case choice:
			var ok bool
			if out, ok = sample(p, e.alts[0], out); !ok {
				return nil, false
			}
		}
	}
	return out, true
}

// numberForm is the form of a range: <1-4094>.
var numberForm = regexp.MustCompile(`^<(-?[0-9]+)-`)

// sample makes up a value that the type accepts. Addresses and names are those that documents may use (RFC 5737, RFC
// 2606, RFC 7042).
func (p *place) sample() (string, bool) {
	if lister, ok := p.typ.(Lister); ok && !p.secret() {
		if _, closed := p.typ.(enumType); closed {
			if values := lister.List(""); len(values) > 0 {
				return values[0].Text, true
			}
		}
	}
	tries := []string{strings.ToLower(p.label), "192.0.2.1", "192.0.2.0/24", "10", "edge1.example.com", "00:00:5e:00:53:01",
		"2026-12-31", "12:00", "securemboxpass"}
	if m := numberForm.FindStringSubmatch(p.typ.Form()); m != nil {
		tries = append([]string{m[1]}, tries...)
	}
	if p.rest {
		tries = append([]string{"text of your own"}, tries...)
	}
	for _, text := range tries {
		if _, err := p.typ.Parse(text); err == nil {
			if p.rest {
				return text, true
			}
			return RenderWord(text), true
		}
	}
	return "", false
}
