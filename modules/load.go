package modules

import (
	"fmt"
	"strings"
)

// Load reads a configuration text. It is lenient: a line that does not parse is set aside with the lines indented below
// it. Indentation says which context a line belongs to; a text without any is read as if typed, where a line that its
// context does not know leaves the context. A bare `!` ends the contexts at its indentation.
func (b *Book) Load(text string) *Tree { return b.load(text, false) }

func (b *Book) load(text string, typed bool) *Tree {
	l := loader{book: b, tree: &Tree{}, typed: typed}
	l.read(text)
	return l.tree
}

// LoadStrict is Load for a text that must be right in every line; the error names the first line that is not.
func (b *Book) LoadStrict(text string) (*Tree, error) {
	tree := b.Load(text)
	if len(tree.SetAside) > 0 {
		first := tree.SetAside[0]
		return nil, fmt.Errorf("line %d: %q: %s", first.Number, b.MaskLine(first.Lines[0]), first.Reason)
	}
	return tree, nil
}

type loader struct {
	book    *Book
	tree    *Tree
	typed   bool          // lines are as an operator types them
	numbers map[*Node]int // if not nil, gets the line number of each node

	number int
	open   []opened
	closed []opened // contexts without indentation that a `!` has just ended; a comment may have stood inside
	aside  *SetAside
	indent int // of the line that was set aside
}

// opened is a context whose lines are being read.
type opened struct {
	node   *Node
	indent int
	body   int // indentation of its lines; -1 until the first
}

// bodyUnknown is the indentation of lines not seen yet.
const bodyUnknown = -1

func (l *loader) read(text string) {
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); {
		line, used := l.book.joined(lines[i:])
		l.number = i + 1
		l.line(line)
		i += used
	}
}

func (l *loader) line(raw string) {
	text := strings.TrimRight(raw, " \t\r")
	body := strings.TrimLeft(text, " \t")
	indent := len(text) - len(body)
	switch {
	case body == "":
	case l.aside != nil && indent > l.indent:
		l.aside.Lines = append(l.aside.Lines, strings.Repeat(" ", indent-l.indent)+body)
	case body == "!":
		l.closeFrom(indent)
	case body[0] == '!':
	case strings.EqualFold(body, "end"):
		l.open, l.closed, l.aside = nil, nil, nil
	case strings.EqualFold(body, "exit"):
		l.open, l.closed, l.aside = l.open[:max(0, len(l.open)-1)], nil, nil
	default:
		l.aside = nil
		l.dedent(indent)
		l.statement(body, indent)
	}
}

// closeFrom is a bare `!`.
func (l *loader) closeFrom(indent int) {
	l.aside, l.closed = nil, nil
	for i, o := range l.open {
		if o.indent >= indent {
			if o.body == o.indent {
				l.closed = append([]opened(nil), l.open...)
			}
			l.open = l.open[:i]
			return
		}
	}
}

// dedent leaves the contexts whose lines stand further right.
func (l *loader) dedent(indent int) {
	for len(l.open) > 0 {
		top := l.open[len(l.open)-1]
		if indent >= max(top.body, top.indent) {
			return
		}
		l.open = l.open[:len(l.open)-1]
	}
}

func (l *loader) statement(body string, indent int) {
	match, err := l.book.parseStatement(l.contexts(), l.floor(indent), body)
	if err != nil && len(l.closed) > 0 {
		now := l.open
		l.open = l.closed
		again, stillBad := l.book.parseStatement(l.contexts(), l.floor(indent), body)
		if stillBad != nil {
			l.open = now
		} else {
			match, err = again, nil
		}
	}
	l.closed = nil
	if err == nil && match.Command != nil {
		err = &LineError{Detail: "a command, not configuration"}
	}
	if err != nil {
		unsaid := *err
		unsaid.Word = "" // reasons are logged, and a word out of its place may be a secret
		l.book.advise(&unsaid, body)
		l.setAside(body, indent, unsaid.Error())
		return
	}
	l.open = l.open[:len(l.open)-match.Climbed]
	match.Climbed = 0
	if n := len(l.open); n > 0 && l.open[n-1].body == bodyUnknown {
		l.open[n-1].body = indent
	}
	l.enter(match, body, indent)
}

func (l *loader) enter(match Match, body string, indent int) {
	if match.Negated {
		_ = l.tree.Remove(l.contexts(), match) // a `no` of what is not there asks for nothing
		return
	}
	node, err := l.set(match)
	if err != nil {
		l.setAside(body, indent, err.Error())
		return
	}
	if l.numbers != nil {
		l.numbers[node] = l.number
	}
	if node.Statement.Mode != "" {
		l.open = append(l.open, opened{node, indent, bodyUnknown})
	}
}

func (l *loader) set(m Match) (*Node, error) {
	if l.typed && m.Statement.Normalize != nil {
		values, err := m.Statement.Normalize(m.Values)
		if err != nil {
			return nil, err
		}
		m.Values = values
	}
	return l.tree.Set(l.contexts(), m)
}

// floor is how many contexts surely hold a line: those that stand further left.
func (l *loader) floor(indent int) int {
	n := 0
	for n < len(l.open) && l.open[n].indent < indent {
		n++
	}
	return n
}

func (l *loader) contexts() []*Node {
	out := make([]*Node, len(l.open))
	for i, o := range l.open {
		out[i] = o.node
	}
	return out
}

// setAside keeps the line where it stands: inside the contexts further left, or without indentation inside the one
// whose lines are being read.
func (l *loader) setAside(body string, indent int, reason string) {
	if n := len(l.open); n > 0 && l.open[n-1].body != indent {
		l.open = l.open[:l.floor(indent)]
	}
	l.aside = &SetAside{Path: l.contexts(), Lines: []string{body}, Reason: reason, Number: l.number}
	l.indent = indent
	l.tree.SetAside = append(l.tree.SetAside, l.aside)
}
