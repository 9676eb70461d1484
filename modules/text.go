package modules

import "strings"

// Text is the tree as running-config: modules in their order, statements in theirs, children indented by one space, and
// `!` between sections. mask hides secrets. What was set aside is not in it.
func (t *Tree) Text(mask bool) string {
	if t == nil {
		return ""
	}
	w := textWriter{mask: mask}
	w.nodes(t.Nodes, 0)
	return w.out.String()
}

// saved is Text(false) with the lines that were set aside, in the contexts where they stood, so that a firmware that
// knows them takes them up again. They come first, so that what was typed since wins over them.
func (t *Tree) saved() string {
	w := textWriter{aside: t.SetAside}
	if w.setAside(0) && len(t.Nodes) > 0 {
		w.line(0, "!")
	}
	w.nodes(t.Nodes, 0)
	return w.out.String()
}

type textWriter struct {
	out   strings.Builder
	mask  bool
	aside []*SetAside
	path  []*Node
}

func (w *textWriter) line(depth int, text string) {
	w.out.WriteString(strings.Repeat(" ", depth))
	w.out.WriteString(text)
	w.out.WriteByte('\n')
}

func (w *textWriter) nodes(nodes []*Node, depth int) {
	for i, n := range nodes {
		if i > 0 && sectionEnds(nodes[i-1], n, depth) {
			w.line(depth, "!")
		}
		w.node(depth, n)
		if !n.opens() {
			continue
		}
		w.path = append(w.path, n)
		w.setAside(depth + 1)
		w.nodes(n.Children, depth+1)
		w.path = w.path[:len(w.path)-1]
	}
}

// node writes one line, or a text of several: what is inside it stands as it is.
func (w *textWriter) node(depth int, n *Node) {
	lines := n.text(w.mask)
	w.line(depth, lines[0])
	for _, text := range lines[1:] {
		w.line(0, text)
	}
}

// sectionEnds says where a `!` belongs. It also closes a context that has no children for Load.
func sectionEnds(before, n *Node, depth int) bool {
	if depth > 0 {
		return before.opens()
	}
	return before.opens() || n.opens() || before.Statement.compiled().module != n.Statement.compiled().module
}

// setAside writes what was set aside directly inside the present path, and says whether there was any.
func (w *textWriter) setAside(depth int) (any bool) {
	for _, s := range w.aside {
		if !samePath(s.Path, w.path) {
			continue
		}
		any = true
		w.line(depth, "! set aside: "+strings.Join(strings.Fields(s.Reason), " "))
		for _, text := range s.Lines {
			w.line(depth, text)
		}
	}
	return any
}
