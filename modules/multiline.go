package modules

import (
	"slices"
	"strings"
)

// A Multiline is the Type of a LINE whose text may go on over further lines up to a delimiter, as that of a banner does.
// Everything but the reading and writing of whole texts sees such a value as the one line that Render makes.
type Multiline interface {
	Type
	// Opens returns what will end the text, if it begins with a delimiter that does not come again.
	Opens(text string) (delimiter string, open bool)
	// Join makes of what stood between the delimiters the one line that Parse reads. It may hold newlines.
	Join(text string) string
	// Split is the text as running-config shows it, if that is more than a line: the first behind the words of its
	// statement, the others as they stand.
	Split(value any) []string
}

// maxJoined bounds the text of several lines, in bytes. What is longer is read to its end and refused.
const maxJoined = 16 << 10

// Continuation collects the lines of a text that began on the line before them.
type Continuation struct {
	typ       Multiline
	head      string // the line up to the text
	delimiter string
	lines     []string
	size      int
	err       error
}

// Continues begins to collect where line opens a text of several lines; nil if it does not.
func (b *Book) Continues(line string) *Continuation {
	line = strings.TrimSuffix(line, "\r")
	body := strings.TrimLeft(line, " \t")
	var tokens []Token
	for _, p := range b.multiline {
		words := p.leading()
		if body == "" || lowerLetter(body) != words[0][0] {
			continue // as nearly every line of a long configuration
		}
		if tokens == nil {
			tokens, _ = Tokenize(line)
		}
		if len(tokens) <= len(words) || !b.begins(p, tokens[:len(words)]) {
			continue
		}
		start := tokens[len(words)].Start
		typ := p.places[p.elements[len(words)].place].typ.(Multiline)
		delimiter, open := typ.Opens(line[start:])
		if !open {
			return nil
		}
		c := &Continuation{typ: typ, head: line[:start], delimiter: delimiter}
		if first := strings.TrimPrefix(line[start:], delimiter); strings.TrimSpace(first) != "" {
			c.keep(first)
		}
		return c
	}
	return nil
}

// begins says whether words are, or abbreviate, the first words of a statement at the top and of no other.
func (b *Book) begins(p *pattern, words []Token) bool {
	left := slices.DeleteFunc(slices.Clone(b.statements), func(other *pattern) bool { return other.statement.In != "" })
	for i, word := range words {
		if word.Quoted {
			return false
		}
		left, _ = narrow(left, i, strings.ToLower(word.Text))
	}
	return len(left) == 1 && left[0] == p
}

// findMultiline collects the statements at the top whose text may have several lines. It stands behind literals only.
func (b *Book) findMultiline() {
	for _, p := range b.statements {
		n := len(p.leading())
		if p.statement.In != "" || n >= len(p.elements) || p.elements[n].kind != label {
			continue
		}
		if _, ok := p.places[p.elements[n].place].typ.(Multiline); ok {
			b.multiline = append(b.multiline, p)
		}
	}
}

// Delimiter is what ends the text.
func (c *Continuation) Delimiter() string { return c.delimiter }

// Add takes the next line, and says whether it was the last.
func (c *Continuation) Add(line string) (done bool) {
	line = strings.TrimSuffix(line, "\r")
	text, behind, done := strings.Cut(line, c.delimiter)
	if !done {
		c.keep(line)
		return false
	}
	if text != "" {
		c.keep(text)
	}
	if strings.TrimSpace(behind) != "" {
		c.err = &Error{Message: "Something stands behind the delimiter that ends the text", Hint: "Choose a delimiter that the text does not hold"}
	}
	return true
}

func (c *Continuation) keep(line string) {
	if c.size += len(line) + 1; c.size > maxJoined {
		c.lines, c.err = nil, Errorf("The text is longer than %d bytes", maxJoined)
		return
	}
	c.lines = append(c.lines, line)
}

// Line is all of it as one line, for the grammar. The error is an *Error.
func (c *Continuation) Line() (string, error) {
	return c.head + c.typ.Join(strings.Join(c.lines, "\n")), c.err
}

// joined returns the first line of a text and how many lines it takes: more than one if it opens a text that is ended
// below. One that never ends is a line like any other: it must not swallow the rest of a configuration.
func (b *Book) joined(lines []string) (line string, used int) {
	c := b.Continues(lines[0])
	if c == nil {
		return lines[0], 1
	}
	for i, next := range lines[1:] {
		if c.size > maxJoined {
			break
		}
		if !c.Add(next) {
			continue
		}
		if line, err := c.Line(); err == nil {
			return line, i + 2
		}
		break
	}
	return lines[0], 1
}

// text is the node as lines of running-config, without its children.
func (n *Node) text(mask bool) []string {
	line := n.Line(mask)
	p := n.Statement.compiled()
	at := len(p.leading())
	if at >= len(p.elements) || p.elements[at].kind != label {
		return []string{line}
	}
	place := &p.places[p.elements[at].place]
	typ, ok := place.typ.(Multiline)
	if !ok || !n.Values.Has(place.label) {
		return []string{line}
	}
	lines := typ.Split(n.Values[place.label])
	if len(lines) < 2 {
		return []string{line}
	}
	return append([]string{strings.Join(p.leading(), " ") + " " + lines[0]}, lines[1:]...)
}
