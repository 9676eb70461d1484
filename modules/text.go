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

// section is the part of the tree that one module understands, to see whether a change is its own.
func (t *Tree) section(module string) string { return section(t.Nodes, module) }

func section(nodes []*Node, module string) string {
	var out strings.Builder
	for _, n := range nodes {
		inner := section(n.Children, module)
		if inner != "" || n.Statement.compiled().module == module {
			out.WriteString(n.Line(false) + "{" + inner + "}\n")
		}
	}
	return out.String()
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
		w.line(depth, n.Line(w.mask))
		if !n.opens() {
			continue
		}
		w.path = append(w.path, n)
		w.setAside(depth + 1)
		w.nodes(n.Children, depth+1)
		w.path = w.path[:len(w.path)-1]
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
