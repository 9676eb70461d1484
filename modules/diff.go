package modules

import (
	"slices"
	"strings"
)

// Op says what becomes of a line between two configurations.
type Op byte

// The ops, as they are printed.
const (
	Same    Op = ' ' // holds changes, or shows where the lines before it were added
	Added   Op = '+'
	Removed Op = '-'
	Changed Op = '~' // printed as a removed and an added line
)

// Difference is one line that differs between two configurations, or that holds lines that do.
type Difference struct {
	Op     Op
	Node   *Node // of the second configuration; of the first if Removed
	Old    *Node // of the first, if Changed
	Inside []Difference
}

// Compare tells how to come from one configuration to the other: section by section, and where the order of lines is
// meaning, in order. Equal configurations have no differences.
func Compare(a, b *Tree) []Difference { return compareLists(a.Nodes, b.Nodes) }

func compareLists(a, b []*Node) []Difference {
	head, tail := trim(a, b)
	if last := len(b) - tail - 1; tail > 0 && last >= head {
		if next := b[last+1].Statement; next.Order == AsTyped && next == b[last].Statement {
			tail-- // shows where the lines before it were added
		}
	}
	a, b = a[head:len(a)-tail], b[head:len(b)-tail]
	var out []Difference
	for len(a) > 0 || len(b) > 0 {
		switch c := comparePlaces(a, b); {
		case c < 0:
			out = append(out, Difference{Op: Removed, Node: a[0]})
			a = a[1:]
		case c > 0:
			out = append(out, Difference{Op: Added, Node: b[0]})
			b = b[1:]
		case a[0].Statement.Order == AsTyped:
			n, m := sameKind(a), sameKind(b)
			out = append(out, compareTyped(a[:n], b[:m])...)
			a, b = a[n:], b[m:]
		default:
			if d, differs := comparePair(a[0], b[0]); differs {
				out = append(out, d)
			}
			a, b = a[1:], b[1:]
		}
	}
	return out
}

// comparePlaces orders the first lines of two lists; a list that has ended comes last.
func comparePlaces(a, b []*Node) int {
	switch {
	case len(b) == 0:
		return -1
	case len(a) == 0:
		return 1
	}
	return compareNodes(a[0], b[0])
}

// sameKind counts the lines at the start of a list that are of one statement.
func sameKind(nodes []*Node) int {
	n := 1
	for n < len(nodes) && nodes[n].Statement == nodes[0].Statement {
		n++
	}
	return n
}

// comparePair compares two lines with the same key.
func comparePair(a, b *Node) (Difference, bool) {
	if a == b {
		return Difference{}, false
	}
	inside := compareLists(a.Children, b.Children)
	if a.Line(false) != b.Line(false) {
		return Difference{Op: Changed, Node: b, Old: a, Inside: inside}, true
	}
	return Difference{Op: Same, Node: b, Inside: inside}, len(inside) > 0
}

// compareTyped compares lines whose order is meaning. Those that stay in order are kept; another that has moved is removed
// and added.
func compareTyped(a, b []*Node) []Difference {
	at := make(map[string]int, len(a))
	for i, n := range a {
		at[n.keyText()] = i
	}
	kept := longestRising(b, func(n *Node) (int, bool) { i, found := at[n.keyText()]; return i, found })
	var out []Difference
	done, added := 0, false
	for i, n := range b {
		j := kept[i]
		if j < 0 {
			out, added = append(out, Difference{Op: Added, Node: n}), true
			continue
		}
		for ; done < j; done++ {
			out = append(out, Difference{Op: Removed, Node: a[done]})
		}
		done = j + 1
		if d, differs := comparePair(a[j], n); differs {
			out = append(out, d)
		} else if added {
			out = append(out, Difference{Op: Same, Node: n})
		}
		added = false
	}
	for ; done < len(a); done++ {
		out = append(out, Difference{Op: Removed, Node: a[done]})
	}
	return out
}

// keyText names a line among those of its statement.
func (n *Node) keyText() string {
	var out strings.Builder
	p := n.Statement.compiled()
	for _, name := range n.Statement.Key {
		out.WriteByte(0)
		for i := range p.places {
			if p.places[i].label != name || !n.Values.Has(name) {
				continue
			}
			for _, value := range asList(n.Values[name]) {
				out.WriteString(p.places[i].typ.Render(value))
				out.WriteByte(1)
			}
		}
	}
	return out.String()
}

func asList(value any) []any {
	if list, ok := value.([]any); ok {
		return list
	}
	return []any{value}
}

// longestRising picks the most lines whose places in the other list rise, and returns for each its place, or -1 if it is
// not among them.
func longestRising(nodes []*Node, place func(*Node) (int, bool)) []int {
	places, before := make([]int, len(nodes)), make([]int, len(nodes))
	var ends []int // for each length, the line that ends such a run at the lowest place
	for i, n := range nodes {
		p, found := place(n)
		places[i], before[i] = p, -1
		if !found {
			places[i] = -1
			continue
		}
		length, _ := slices.BinarySearchFunc(ends, p, func(end, p int) int { return places[end] - p })
		if length > 0 {
			before[i] = ends[length-1]
		}
		if length == len(ends) {
			ends = append(ends, i)
		} else {
			ends[length] = i
		}
	}
	kept := make([]int, len(nodes))
	for i := range kept {
		kept[i] = -1
	}
	if len(ends) > 0 {
		for i := ends[len(ends)-1]; i >= 0; i = before[i] {
			kept[i] = places[i]
		}
	}
	return kept
}
