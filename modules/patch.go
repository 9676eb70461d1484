package modules

import "slices"

// Conflict is a difference that does not fit a configuration, because its line is another there.
type Conflict struct {
	Context []string `json:"context"` // lines that hold it, outermost first, secrets masked
	Wanted  string   `json:"wanted"`  // line that was to be there; empty: it was to be removed
	Found   string   `json:"found"`   // line that is there; empty: there is none
}

// patch makes the differences in a tree. Where the tree is as the first of the two configurations was, it becomes as the
// second; what is already so stays. Everything else is a conflict and is left alone, or with force overwritten.
func (t *Tree) patch(differences []Difference, force bool) []Conflict {
	p := patcher{tree: t, force: force}
	p.list(&t.Nodes, differences)
	return p.conflicts
}

type patcher struct {
	tree      *Tree
	force     bool
	context   []string
	conflicts []Conflict
}

func (p *patcher) conflict(wanted, found *Node) (goOn bool) {
	c := Conflict{Context: slices.Clone(p.context)}
	if wanted != nil {
		c.Wanted = wanted.Line(true)
	}
	if found != nil {
		c.Found = found.Line(true)
	}
	p.conflicts = append(p.conflicts, c)
	return p.force
}

// list removes first: a line that has moved is removed at one place and added at another.
func (p *patcher) list(siblings *[]*Node, differences []Difference) {
	gone := map[*Node]bool{}
	for _, d := range differences {
		if d.Op == Removed {
			if n := p.remove(siblings, d.Node); n != nil {
				gone[n] = true
			}
		}
	}
	if len(gone) > 0 {
		*siblings = slices.DeleteFunc(slices.Clone(*siblings), func(n *Node) bool { return gone[n] })
	}
	for i, d := range differences {
		switch d.Op {
		case Added:
			p.add(siblings, d.Node, differences[i+1:])
		case Changed:
			p.change(siblings, d)
		case Same:
			p.inside(siblings, d)
		}
	}
}

// remove returns the line that is to go.
func (p *patcher) remove(siblings *[]*Node, old *Node) *Node {
	at, found := locate(*siblings, old)
	if !found {
		return nil
	}
	if n := (*siblings)[at]; n == old || sameText(n, old) || p.conflict(nil, n) {
		return n
	}
	return nil
}

func (p *patcher) add(siblings *[]*Node, n *Node, behind []Difference) {
	at, found := locate(*siblings, n)
	if !found {
		if n.Statement.Order == AsTyped {
			at = placeTyped(*siblings, at, behind, n.Statement)
		}
		*siblings = slices.Insert(*siblings, at, n)
		return
	}
	there := (*siblings)[at]
	switch {
	case sameText(there, n):
	case there.Line(false) != n.Line(false):
		if p.conflict(n, there) {
			(*siblings)[at] = n
		}
	default:
		p.enter(siblings, at, compareLists(nil, n.Children))
	}
}

// placeTyped finds where a line as typed was added: before the first line behind it that stayed, or at the end.
func placeTyped(siblings []*Node, end int, behind []Difference, s *Statement) int {
	for _, d := range behind {
		if d.Node.Statement != s {
			break
		}
		if d.Op != Same && d.Op != Changed {
			continue
		}
		if at, found := locate(siblings, d.Node); found {
			return at
		}
	}
	return end
}

func (p *patcher) change(siblings *[]*Node, d Difference) {
	at, found := locate(*siblings, d.Node)
	if !found {
		if p.conflict(d.Node, nil) {
			*siblings = slices.Insert(*siblings, at, d.Node)
		}
		return
	}
	there := (*siblings)[at]
	switch there.Line(false) {
	case d.Node.Line(false):
	case d.Old.Line(false):
		(*siblings)[at] = p.relined(there, d.Node)
	default:
		if !p.conflict(d.Node, there) {
			return
		}
		(*siblings)[at] = p.relined(there, d.Node)
	}
	p.enter(siblings, at, d.Inside)
}

// relined is a line with the words of another and what it holds itself.
func (p *patcher) relined(n, line *Node) *Node {
	return &Node{Statement: line.Statement, Values: line.Values, Children: slices.Clone(n.Children), owner: p.tree.owned()}
}

func (p *patcher) inside(siblings *[]*Node, d Difference) {
	if len(d.Inside) == 0 {
		return
	}
	at, found := locate(*siblings, d.Node)
	if !found {
		if !p.conflict(d.Node, nil) {
			return
		}
		*siblings = slices.Insert(*siblings, at, &Node{Statement: d.Node.Statement, Values: d.Node.Values, owner: p.tree.owned()})
	}
	p.enter(siblings, at, d.Inside)
}

func (p *patcher) enter(siblings *[]*Node, at int, differences []Difference) {
	if len(differences) == 0 {
		return
	}
	n := p.tree.mine(*siblings, at)
	p.context = append(p.context, n.Line(true))
	p.list(&n.Children, differences)
	p.context = p.context[:len(p.context)-1]
}

// sameText says whether two lines and all that is inside them read alike.
func sameText(a, b *Node) bool {
	return a == b || a.Line(false) == b.Line(false) && slices.EqualFunc(a.Children, b.Children, sameText)
}
