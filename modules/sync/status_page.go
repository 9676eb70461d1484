package sync

import (
	"fmt"
	"io"
	"strings"
)

// page prints lines folded between words; what a line begins with is repeated.
type page struct {
	w     io.Writer
	width int // 0: do not fold
	err   error
}

func (p *page) line(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	p.fold(text, text[:len(text)-len(strings.TrimLeft(text, " "))])
}

// hanging prints a text whose second and further lines are indented.
func (p *page) hanging(text string) { p.fold(text, "  ") }

// fold cuts text between words; every line but the first begins with indent.
func (p *page) fold(text, indent string) {
	least := len(indent)
	for p.width > least+1 && len(text) > p.width {
		cut := strings.LastIndexByte(text[:p.width+1], ' ')
		if cut <= least { // a word that is longer than the line
			next := strings.IndexByte(text[p.width:], ' ')
			if next < 0 {
				break
			}
			cut = p.width + next
		}
		p.print(text[:cut])
		text = indent + strings.TrimLeft(text[cut:], " ")
	}
	p.print(text)
}

func (p *page) print(text string) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, text)
	}
}
