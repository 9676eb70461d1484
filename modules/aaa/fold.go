package aaa

import (
	"io"
	"strings"

	"mbox/modules"
)

// folded writes lines so that they fit a terminal: cut between words, and indented where they go on. Width 0 is unlimited.
func folded(w io.Writer, width int, lines ...string) error {
	const indent = "  "
	var b strings.Builder
	for _, line := range lines {
		line = modules.Printable(line)
		for width > 2*len(indent) && modules.DisplayWidth(line) > width {
			cut := strings.LastIndexByte(modules.Shorten(line, width+1), ' ')
			if cut <= len(indent) { // a word that is longer than the line
				break
			}
			b.WriteString(line[:cut] + "\n")
			line = indent + strings.TrimLeft(line[cut:], " ")
		}
		b.WriteString(line + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
