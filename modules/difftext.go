package modules

// DiffLine is one line of a difference as it is shown, secrets masked.
type DiffLine struct {
	Op    string `json:"op"`    // "+", "-" or " "
	Depth int    `json:"depth"` // contexts around it
	Text  string `json:"text"`
}

// otherSecret marks a line of which only the secret differs.
const otherSecret = "   ! another secret"

// DiffLines prints differences: each with the lines around it that say where it is.
func DiffLines(differences []Difference) []DiffLine {
	var out []DiffLine
	for _, d := range differences {
		out = d.print(0, out)
	}
	return out
}

func (d Difference) print(depth int, out []DiffLine) []DiffLine {
	line := func(op Op, n *Node, mark string) {
		out = append(out, DiffLine{Op: string(op), Depth: depth, Text: n.Line(true) + mark})
	}
	switch d.Op {
	case Changed:
		mark := ""
		if d.Old.Line(true) == d.Node.Line(true) {
			mark = otherSecret
		}
		line(Removed, d.Old, "")
		line(Added, d.Node, mark)
	case Same:
		line(Same, d.Node, "")
	default:
		return printAll(d.Op, d.Node, depth, out)
	}
	for _, inner := range d.Inside {
		out = inner.print(depth+1, out)
	}
	return out
}

// printAll prints a line with all that is inside it.
func printAll(op Op, n *Node, depth int, out []DiffLine) []DiffLine {
	out = append(out, DiffLine{Op: string(op), Depth: depth, Text: n.Line(true)})
	for _, child := range n.Children {
		out = printAll(op, child, depth+1, out)
	}
	return out
}
