package modules

import (
	"cmp"
	"slices"
	"strings"
)

// Entry is one line of the grammar, as somebody who looks for it reads it.
type Entry struct {
	Syntax string `json:"syntax"`
	Help   string `json:"help"`
	Module string `json:"module"`
	Level  int    `json:"level"`  // lowest privilege that may type it
	Config bool   `json:"config"` // a configuration line, or a command of configuration modes only
	In     string `json:"in"`     // Syntax of the line whose context it stands in; empty: none
}

// Page is what a manual says of one line of the grammar.
type Page struct {
	Entry
	Words     []Candidate    `json:"words"`     // that have a help of their own
	Arguments []PageArgument `json:"arguments"` // in the order of the syntax
	Default   string         `json:"default"`   // what holds when it is not typed; may be empty
	Example   string         `json:"example"`   // a line that can be typed; may be empty
	SeeAlso   []string       `json:"see_also"`  // syntaxes
}

// PageArgument is one label of a Page.
type PageArgument struct {
	Label  string      `json:"label"`
	Form   string      `json:"form"`
	Help   string      `json:"help"`
	Values []Candidate `json:"values"` // words that it may be, where they are few and fixed
	Secret bool        `json:"secret"`
}

// known is the patterns that somebody with a privilege level may type, with the lowest level for each.
func (b *Book) known(level int) map[*pattern]int {
	out := map[*pattern]int{}
	levels := b.levels.Load()
	for l := min(max(level, 0), maxLevel); l >= 0; l-- {
		for _, s := range levels[l].all {
			out[s.pattern] = l
		}
	}
	if level < maxLevel {
		return out
	}
	for _, p := range b.statements {
		out[p] = maxLevel
	}
	for _, p := range b.commands {
		if p.command.ConfigOnly {
			out[p] = maxLevel
		}
	}
	return out
}

func (p *pattern) entry(level int) Entry {
	e := Entry{Help: p.help(), Module: p.module, Level: level, Syntax: p.syntax()}
	if p.statement != nil {
		e.In, e.Config = p.statement.In, true
	} else {
		e.Config = p.command.ConfigOnly
	}
	return e
}

func (p *pattern) syntax() string {
	if p.statement != nil {
		return p.statement.Syntax
	}
	return p.command.Syntax
}

// Find returns what may be typed at a privilege level and speaks of all the given words: in its syntax, its help or that
// of its words and arguments. What has them in its syntax comes first.
func (b *Book) Find(level int, text string) []Entry {
	words := strings.Fields(strings.ToLower(text))
	if len(words) == 0 {
		return nil
	}
	type hit struct {
		Entry
		rank, inSyntax int
	}
	var hits []hit
	for p, lowest := range b.known(level) {
		syntax, all := strings.ToLower(p.syntax()), strings.ToLower(p.everything())
		if slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(all, word) }) {
			continue
		}
		h := hit{p.entry(lowest), p.rank, 1}
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(syntax, word) }) {
			h.inSyntax = 0
		}
		hits = append(hits, h)
	}
	slices.SortFunc(hits, func(a, b hit) int { return cmp.Or(cmp.Compare(a.inSyntax, b.inSyntax), cmp.Compare(a.rank, b.rank)) })
	out := make([]Entry, len(hits))
	for i, h := range hits {
		out[i] = h.Entry
	}
	return out
}

// everything is all that is said of a pattern.
func (p *pattern) everything() string {
	text := []string{p.syntax(), p.help()}
	for _, at := range p.places {
		if help := p.words()[at.literal]; at.literal != "" && help != "" {
			text = append(text, help)
		}
		if at.typ != nil {
			text = append(text, at.typ.Help())
		}
	}
	return strings.Join(text, "\n")
}

// Manual returns the pages of the lines that the words name, abbreviated or not, and what else begins with them. Without
// a page, what begins with the words is all that there is.
func (b *Book) Manual(level int, line string) (pages []Page, begin []Entry) {
	known := b.known(level)
	var at []state
	for p := range known {
		at = append(at, state{pattern: p})
	}
	slices.SortFunc(at, func(x, y state) int { return cmp.Compare(x.pattern.rank, y.pattern.rank) })
	words := strings.Fields(line)
	if len(words) > 1 && strings.EqualFold(words[0], "no") {
		words = words[1:]
	}
	for _, word := range words {
		at = follow(at, word)
	}
	seen := map[*pattern]bool{}
	for _, s := range at {
		if s.pattern.places[s.at].final && !seen[s.pattern] {
			seen[s.pattern] = true
			pages = append(pages, b.page(s.pattern, known))
		}
	}
	for _, s := range at {
		if !seen[s.pattern] {
			seen[s.pattern] = true
			begin = append(begin, s.pattern.entry(known[s.pattern]))
		}
	}
	if len(pages) == 0 && len(begin) == 1 {
		pages, begin = []Page{b.page(at[0].pattern, known)}, nil
	}
	return pages, begin
}

// follow takes a word for a literal, else for one of which it is the beginning, else for whatever argument may stand there.
func follow(states []state, word string) []state {
	var exact, abbreviated, args []state
	each(states, func(s state, p *place) {
		switch {
		case p.literal == "":
			args = add(args, s)
		case strings.EqualFold(p.literal, word):
			exact = add(exact, s)
		case hasPrefixFold(p.literal, word):
			abbreviated = add(abbreviated, s)
		}
	})
	switch {
	case len(exact) > 0:
		return exact
	case len(abbreviated) > 0:
		return abbreviated
	}
	return args
}

func (b *Book) page(p *pattern, known map[*pattern]int) Page {
	page := Page{Entry: p.entry(known[p]), Words: []Candidate{}, Arguments: []PageArgument{}, SeeAlso: p.seeAlso(known)}
	for i := range p.places {
		at := &p.places[i]
		if help := p.words()[at.literal]; at.literal != "" && help != "" && !slices.Contains(page.Words, Candidate{at.literal, help}) {
			page.Words = append(page.Words, Candidate{at.literal, help})
		}
		if at.label == "" || slices.ContainsFunc(page.Arguments, func(a PageArgument) bool { return a.Label == at.label }) {
			continue
		}
		arg := PageArgument{Label: at.label, Form: at.typ.Form(), Help: at.typ.Help(), Secret: at.typ.Secret(), Values: []Candidate{}}
		if enum, ok := at.typ.(enumType); ok {
			arg.Values = enum.choices
		}
		page.Arguments = append(page.Arguments, arg)
	}
	if p.statement != nil {
		page.Default = p.statement.Default
	}
	page.Example = b.example(p)
	return page
}

// maxSeeAlso bounds the lines that a page points to.
const maxSeeAlso = 6

// seeAlso returns the lines with the most words in common.
func (p *pattern) seeAlso(known map[*pattern]int) []string {
	mine := p.topics()
	type relative struct {
		*pattern
		common int
	}
	var found []relative
	for other := range known {
		common := 0
		for word := range other.topics() {
			if mine[word] {
				common++
			}
		}
		if other != p && common > 0 && other.syntax() != p.syntax() {
			found = append(found, relative{other, common})
		}
	}
	slices.SortFunc(found, func(a, b relative) int { return cmp.Or(cmp.Compare(b.common, a.common), cmp.Compare(a.rank, b.rank)) })
	out := []string{}
	for _, r := range found[:min(len(found), maxSeeAlso)] {
		out = append(out, r.syntax())
	}
	return out
}

// topics are the literals that say what a line is about, not what it does with it.
func (p *pattern) topics() map[string]bool {
	out := map[string]bool{}
	for _, at := range p.places {
		switch at.literal {
		case "", "show", "clear", "force", "ip", "mbox", "exec", "all":
		default:
			if !at.optional {
				out[at.literal] = true
			}
		}
	}
	return out
}
