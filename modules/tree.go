package modules

// Tree is a configuration: statements in order, contexts with their children. A Tree that was handed out is never
// changed; the engine changes a clone. A line that is the same in two trees is usually the same Node in both: that is how
// the engine knows, without looking inside, which modules a change is about.
type Tree struct {
	Nodes    []*Node
	SetAside []*SetAside // lines of startup-config that this firmware does not know or a module refused

	owner *owner // of the nodes that no other tree has; nil: of none
}

// Node is one line of configuration.
type Node struct {
	Statement *Statement
	Values    Values
	Children  []*Node

	owner *owner // the tree that may change Children in place
	key   string // keyText, where the order is meaning: such lines are found one by one; may be empty
}

// owner is a tree as its nodes know it.
type owner struct{ _ byte }

// owned makes the tree one that may change the nodes it makes from now on.
func (t *Tree) owned() *owner {
	if t.owner == nil {
		t.owner = &owner{}
	}
	return t.owner
}

// SetAside is a line that could not be loaded. It is kept, with its children, so that saving does not lose it.
type SetAside struct {
	Path   []*Node  // the contexts it stood in, outermost first
	Lines  []string // as written, children indented; may hold secrets: mask before showing
	Reason string
	Number int // line number in startup-config, from 1
}

// All returns the nodes of one statement, by its Syntax, in order.
func (t *Tree) All(syntax string) []*Node {
	if t == nil {
		return nil
	}
	return all(t.Nodes, syntax)
}

// One returns the node of a single-valued statement.
func (t *Tree) One(syntax string) (*Node, bool) {
	found := t.All(syntax)
	if len(found) == 0 {
		return nil, false
	}
	return found[0], true
}

// All returns the children of one statement, in order.
func (n *Node) All(syntax string) []*Node { return all(n.Children, syntax) }

func all(nodes []*Node, syntax string) []*Node {
	var out []*Node
	for _, n := range nodes {
		if n.Statement.Syntax == syntax {
			out = append(out, n)
		}
	}
	return out
}
