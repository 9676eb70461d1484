package modules

import (
	"fmt"
	"slices"
)

// pattern is a compiled Syntax: a position automaton (Glushkov), whose states are the literals and labels themselves. An
// edge that enters an optional group marks it, because options may come in any order but each only once.
type pattern struct {
	statement *Statement // one of both is set
	command   *Command
	module    string
	rank      int // order of registration: modules, then their statements
	elements  []element
	places    []place // places[0] is the start of the line
}

// place is one literal or label of a Syntax.
type place struct {
	literal  string
	label    string
	typ      Type
	list     bool     // its values are a []any
	many     bool     // LABEL...
	optional bool     // a literal that is recorded in Values
	rest     bool     // takes the rest of the line as it stands
	unsure   bool     // in a group with a secret, which Normalize may replace: `no` does not compare it
	rivals   []string // literals that may stand here too: a value that looks like one is rendered in quotes
	next     []edge
	final    bool // the line may end after it
}

func (p *place) secret() bool { return p.typ != nil && p.typ.Secret() }

type edge struct {
	to     int
	enters uint64 // optional groups, as bits
}

// fragment is a compiled part: where it may begin and end, and whether it may be left out.
type fragment struct {
	first    []edge
	last     []int
	nullable bool
}

type compiler struct {
	places  []place
	args    map[string]Type
	options int
}

func compile(syntax string, args map[string]Type) (*pattern, error) {
	elements, err := parseSyntax(syntax)
	if err != nil {
		return nil, err
	}
	c := &compiler{places: make([]place, 1), args: args}
	whole, err := c.sequence(elements, false)
	if err != nil {
		return nil, err
	}
	if c.options > 64 {
		return nil, fmt.Errorf("more than 64 optional groups")
	}
	for _, at := range whole.last {
		c.places[at].final = true
	}
	c.connect([]int{0}, whole.first)
	p := &pattern{elements: elements, places: c.places}
	p.findRivals()
	return p, nil
}

// sequence concatenates; neighbouring optional groups become one set in any order.
func (c *compiler) sequence(seq []element, optional bool) (fragment, error) {
	done := fragment{nullable: true}
	for i := 0; i < len(seq); {
		n := 1
		for seq[i].kind >= option && i+n < len(seq) && seq[i+n].kind >= option {
			n++
		}
		part, err := c.anyOrder(seq[i:i+n], optional)
		if err != nil {
			return fragment{}, err
		}
		c.connect(done.last, part.first)
		if done.nullable {
			done.first = append(done.first, part.first...)
		}
		if part.nullable {
			part.last = append(done.last, part.last...)
		}
		done.last, done.nullable = part.last, done.nullable && part.nullable
		i += n
	}
	return done, nil
}

func (c *compiler) anyOrder(set []element, optional bool) (fragment, error) {
	all := fragment{nullable: true}
	parts := make([]fragment, len(set))
	for i := range set {
		part, err := c.element(&set[i], optional)
		if err != nil {
			return fragment{}, err
		}
		parts[i] = part
		all.first = append(all.first, part.first...)
		all.last = append(all.last, part.last...)
		all.nullable = all.nullable && part.nullable
	}
	for i := range parts {
		for j := range parts {
			if i != j {
				c.connect(parts[i].last, parts[j].first)
			}
		}
	}
	return all, nil
}

func (c *compiler) element(e *element, optional bool) (fragment, error) {
	switch e.kind {
	case literal:
		return c.place(e, place{literal: e.word, optional: optional}), nil
	case label:
		typ := c.args[e.word]
		if typ == nil {
			return fragment{}, fmt.Errorf("label %s has no Type", e.word)
		}
		return c.place(e, place{label: e.word, typ: typ, list: e.list, many: e.list, rest: typ.Form() == "LINE"}), nil
	}
	bit := uint64(0)
	if e.kind == option {
		bit = 1 << c.options
		c.options++
	}
	group := fragment{nullable: e.kind != choice}
	for _, alt := range e.alts {
		part, err := c.sequence(alt, true)
		if err != nil {
			return fragment{}, err
		}
		group.first = append(group.first, part.first...)
		group.last = append(group.last, part.last...)
		group.nullable = group.nullable || part.nullable
	}
	c.markUnsure(e.alts)
	for i := range group.first {
		group.first[i].enters |= bit
	}
	if e.kind == repeated {
		c.connect(group.last, group.first)
		for _, inner := range e.alts[0] {
			c.places[inner.place].list = inner.kind == label
		}
	}
	return group, nil
}

func (c *compiler) place(e *element, p place) fragment {
	e.place = len(c.places)
	c.places = append(c.places, p)
	if e.list {
		c.connect([]int{e.place}, []edge{{to: e.place}})
	}
	return fragment{first: []edge{{to: e.place}}, last: []int{e.place}}
}

func (c *compiler) connect(from []int, to []edge) {
	for _, at := range from {
		c.places[at].next = append(c.places[at].next, to...)
	}
}

// markUnsure marks the words of a group of which one alternative holds a secret.
func (c *compiler) markUnsure(alts [][]element) {
	all := slices.Concat(alts...)
	if !slices.ContainsFunc(all, func(e element) bool { return e.kind <= label && c.places[e.place].secret() }) {
		return
	}
	for _, e := range wordsOf(all) {
		c.places[e.place].unsure = true
	}
}

// wordsOf returns the literals and labels of a sequence, those of the groups in it included.
func wordsOf(seq []element) []element {
	var words []element
	for _, e := range seq {
		if e.kind <= label {
			words = append(words, e)
		}
		words = append(words, wordsOf(slices.Concat(e.alts...))...)
	}
	return words
}

func (p *pattern) findRivals() {
	for _, from := range p.places {
		for _, e := range from.next {
			for _, other := range from.next {
				if word := p.places[other.to].literal; word != "" && p.places[e.to].label != "" {
					p.places[e.to].rivals = append(p.places[e.to].rivals, word)
				}
			}
		}
	}
}

// key returns the labels that identify a line; none for commands.
func (p *pattern) key() []string {
	if p.statement == nil {
		return nil
	}
	return p.statement.Key
}
