package modules

import (
	"fmt"
	"slices"
)

// Clone returns a tree that may be changed without changing t. Both share all lines; a context is copied when a line in it
// changes.
func (t *Tree) Clone() *Tree {
	if t == nil {
		return &Tree{}
	}
	t.freeze()
	return &Tree{Nodes: slices.Clone(t.Nodes), SetAside: slices.Clone(t.SetAside)}
}

// freeze gives up the right to change nodes in place: another tree is about to have them as well.
func (t *Tree) freeze() {
	if t.owner != nil { // never of a tree that was handed out, which is read by many goroutines
		t.owner = nil
	}
}

func (n *Node) opens() bool { return n.Statement.Mode != "" || len(n.Children) > 0 }

// Set enters a line below the open contexts less those that the match climbed out of. A line with the same key is
// replaced whole and keeps its children. The contexts may be of an older tree: they are found again by their keys, and a
// context that is gone is an *Error.
func (t *Tree) Set(contexts []*Node, m Match) (*Node, error) {
	if m.Statement == nil || m.Negated {
		return nil, fmt.Errorf("set %q: not a line to enter", m.Line)
	}
	siblings, _, err := t.below(contexts, m.Climbed)
	if err != nil {
		return nil, err
	}
	n := &Node{Statement: m.Statement, Values: m.Values, owner: t.owned()}
	if n.Statement.Order == AsTyped {
		n.key = n.keyText()
	}
	if at, found := locate(*siblings, n); found && n.Statement.Mode != "" && (*siblings)[at].Line(false) == n.Line(false) {
		return (*siblings)[at], nil // only to open it: no module need look again
	}
	enter(siblings, n)
	return n, nil
}

// enter puts a node in its place among its siblings.
func enter(siblings *[]*Node, n *Node) {
	at, found := locate(*siblings, n)
	if found {
		n.Children = slices.Clone((*siblings)[at].Children)
		(*siblings)[at] = n
		return
	}
	*siblings = slices.Insert(*siblings, at, n)
}

// locate finds the line that n replaces, or the index where it goes.
func locate(siblings []*Node, n *Node) (int, bool) {
	at, found := slices.BinarySearchFunc(siblings, n, compareNodes)
	if n.Statement.Order != AsTyped {
		return at, found
	}
	for ; at < len(siblings); at++ {
		have := siblings[at]
		if have.Statement != n.Statement && compareNodes(have, n) != 0 {
			break
		}
		if sameLine(have, n) {
			return at, true
		}
	}
	return at, false
}

// below returns the lines inside the contexts, to be changed, and the contexts as they are in this tree.
func (t *Tree) below(contexts []*Node, climbed int) (*[]*Node, []*Node, error) {
	if climbed > len(contexts) {
		return nil, nil, fmt.Errorf("%d contexts left of %d", climbed, len(contexts))
	}
	siblings := &t.Nodes
	var path []*Node
	for _, c := range contexts[:len(contexts)-climbed] {
		at, found := locate(*siblings, c)
		if !found {
			return nil, nil, &Error{Message: fmt.Sprintf("%q was removed meanwhile", c.Line(true)), Hint: "Type exit, and enter it again"}
		}
		inner := t.mine(*siblings, at)
		path = append(path, inner)
		siblings = &inner.Children
	}
	return siblings, path, nil
}

// mine returns a node of the list that this tree may change, a copy if need be.
func (t *Tree) mine(siblings []*Node, at int) *Node {
	n := siblings[at]
	if n.owner == nil || n.owner != t.owner {
		n = &Node{Statement: n.Statement, Values: n.Values, Children: slices.Clone(n.Children), owner: t.owned(), key: n.key}
		siblings[at] = n
	}
	return n
}

// Remove takes away the lines that a `no` line names: all that agree with what was given of them. Secrets are not
// compared. Of a list that is the line's key, or its only content, the given items are taken away and the line goes with
// the last. It is an *Error if there is no such line.
func (t *Tree) Remove(contexts []*Node, m Match) error {
	if m.Statement == nil || !m.Negated {
		return fmt.Errorf("remove %q: not a `no` line", m.Line)
	}
	siblings, path, err := t.below(contexts, m.Climbed)
	if err != nil {
		return err
	}
	var kept, moved []*Node
	found := false
	for _, n := range *siblings {
		if !n.agrees(m) {
			kept = append(kept, n)
			continue
		}
		found = true
		t.dropSetAside(append(path, n))
		switch rest := n.without(m); {
		case rest == nil:
		case rest.Statement.Order == AsTyped:
			kept = append(kept, rest) // the order is the operator's
		default:
			moved = append(moved, rest)
		}
	}
	if !found {
		if m.Default {
			return nil // as it is by default
		}
		return &Error{Message: fmt.Sprintf("%q is not configured", m.Line[len("no "):])}
	}
	*siblings = withoutRepeats(kept, m.Statement)
	for _, n := range moved {
		enter(siblings, n)
	}
	return nil
}

// withoutRepeats drops the lines of a statement that have become the same as an earlier one.
func withoutRepeats(nodes []*Node, s *Statement) []*Node {
	if s.Order != AsTyped {
		return nodes
	}
	var unique []*Node
	return slices.DeleteFunc(nodes, func(n *Node) bool {
		if n.Statement.In != s.In || n.Statement.Syntax != s.Syntax {
			return false
		}
		if slices.ContainsFunc(unique, func(have *Node) bool { return sameLine(have, n) }) {
			return true
		}
		unique = append(unique, n)
		return false
	})
}

// agrees says whether the node has everything that was given of it.
func (n *Node) agrees(m Match) bool {
	if n.Statement.In != m.Statement.In || n.Statement.Syntax != m.Statement.Syntax {
		return false
	}
	p := n.Statement.compiled()
	for i := range p.places {
		at := &p.places[i]
		name := at.label + at.literal
		given, ok := m.Values[name]
		if !ok || at.secret() || at.unsure {
			continue
		}
		if !n.Values.Has(name) || at.label != "" && !at.holds(n.Values[name], given) {
			return false
		}
	}
	return true
}

// holds says whether a value is the given one, or a list has all the given items.
func (p *place) holds(have, given any) bool {
	items, isList := given.([]any)
	if !isList {
		return p.typ.Render(have) == p.typ.Render(given)
	}
	list, _ := have.([]any)
	return !slices.ContainsFunc(items, func(item any) bool { return !p.has(list, item) })
}

func (p *place) has(list []any, item any) bool {
	return slices.ContainsFunc(list, func(have any) bool { return p.typ.Render(have) == p.typ.Render(item) })
}

// without returns what stays of a line whose list loses items; nil if nothing does.
func (n *Node) without(m Match) *Node {
	p := n.Statement.compiled()
	for i := range p.places {
		at := &p.places[i]
		items, given := m.Values[at.label].([]any)
		isKey := len(n.Statement.Key) == 0 || slices.Contains(n.Statement.Key, at.label)
		if !given || !isKey || !at.many {
			continue
		}
		rest := &Node{Statement: n.Statement, Values: n.Values.Clone(), Children: n.Children}
		list := slices.DeleteFunc(rest.Values[at.label].([]any), func(have any) bool { return at.has(items, have) })
		if len(list) == 0 {
			return nil
		}
		rest.Values[at.label] = list
		return rest
	}
	return nil
}

// dropSetAside forgets what was set aside inside a context that is removed.
func (t *Tree) dropSetAside(path []*Node) {
	t.SetAside = slices.DeleteFunc(slices.Clone(t.SetAside), func(s *SetAside) bool {
		return len(s.Path) >= len(path) && samePath(s.Path[:len(path)], path)
	})
}

func samePath(a, b []*Node) bool { return slices.EqualFunc(a, b, sameLine) }
