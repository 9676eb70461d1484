package modules

import "slices"

// reads says which modules' lines a module is shown.
func reads(mod Module) map[string]bool {
	names := map[string]bool{mod.Name(): true}
	if r, ok := mod.(Reader); ok {
		for _, name := range r.Reads() {
			names[name] = true
		}
	}
	return names
}

// view is the part of a tree that is about the named modules: their lines and the contexts that hold them, whole.
func (t *Tree) view(names map[string]bool) *Tree {
	out := &Tree{SetAside: t.SetAside}
	for _, n := range t.Nodes {
		if n.concerns(names) {
			out.Nodes = append(out.Nodes, n)
		}
	}
	return out
}

// concerns says whether a line or one inside it is of one of the modules.
func (n *Node) concerns(names map[string]bool) bool {
	return names[n.Statement.compiled().module] ||
		slices.ContainsFunc(n.Children, func(child *Node) bool { return child.concerns(names) })
}

// touched are the names of the modules whose lines differ, or the contexts that hold them. Lines that both trees share are
// not looked into.
func touched(old, candidate *Tree) map[string]bool {
	head, tail := trim(old.Nodes, candidate.Nodes)
	a, b := old.Nodes[head:len(old.Nodes)-tail], candidate.Nodes[head:len(candidate.Nodes)-tail]
	names, inA, inB := map[string]bool{}, setOf(a), setOf(b)
	stayed := func(n *Node) bool {
		if inA[n] && inB[n] {
			return true
		}
		n.owners(names)
		return false
	}
	a, b = keep(a, stayed), keep(b, stayed)
	for i, n := range a {
		if b[i] != n { // in another order
			n.owners(names)
			b[i].owners(names)
		}
	}
	return names
}

func setOf(nodes []*Node) map[*Node]bool {
	set := make(map[*Node]bool, len(nodes))
	for _, n := range nodes {
		set[n] = true
	}
	return set
}

func keep(nodes []*Node, wanted func(*Node) bool) (out []*Node) {
	for _, n := range nodes {
		if wanted(n) {
			out = append(out, n)
		}
	}
	return out
}

// owners adds the modules of a line and of those inside it.
func (n *Node) owners(names map[string]bool) {
	names[n.Statement.compiled().module] = true
	for _, child := range n.Children {
		child.owners(names)
	}
}

// trim counts what two lists share at their ends.
func trim(a, b []*Node) (head, tail int) {
	shorter := min(len(a), len(b))
	for head < shorter && a[head] == b[head] {
		head++
	}
	for tail < shorter-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	return head, tail
}
