package hotspot

import (
	"bufio"
	"io"
	"iter"
	"strings"
	"unicode"
)

// sampled is how many rows are read ahead to choose the widths of the columns. A longer list is written as it is read, so
// that a million rows need no memory and the pager can stop it; what is wider later on pushes its row out of line.
const sampled = 200

// folded is how far the second line of a row that is too wide is indented.
const folded = "    "

// writeTable writes rows under a heading. If width is not 0, the column flex is cut so that rows fit; if that is not
// enough, the columns that do not fit go on below, heading and rows alike.
func writeTable(w io.Writer, width int, heading []string, flex int, rows iter.Seq2[[]string, error]) error {
	next, stop := iter.Pull2(rows)
	defer stop()
	ahead := [][]string{heading}
	var failed error
	for len(ahead) <= sampled && failed == nil {
		row, err, ok := next()
		if !ok {
			break
		}
		if failed = err; err == nil {
			ahead = append(ahead, row)
		}
	}
	widths := columnWidths(ahead, width, flex)
	below := fold(widths, width)
	out := bufio.NewWriter(w)
	for _, row := range ahead {
		if err := writeRow(out, row, widths, below, flex); err != nil {
			return err
		}
	}
	for failed == nil {
		row, err, ok := next()
		if !ok {
			break
		}
		if failed = err; err != nil {
			break
		}
		if err := writeRow(out, row, widths, below, flex); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return failed
}

// columnWidths fits the columns to their cells, and flex to what the others leave.
func columnWidths(rows [][]string, width, flex int) []int {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], cellWidth(cell))
		}
	}
	if width == 0 {
		return widths
	}
	total := 2 * (len(widths) - 1)
	for _, n := range widths {
		total += n
	}
	if over := total - width; over > 0 {
		if widths[flex]-over >= min(widths[flex], 8) {
			widths[flex] -= over
		} else {
			widths[flex] = max(1, min(widths[flex], width-len(folded))) // it will be folded
		}
	}
	return widths
}

// fold says before which columns a new line begins; nil if width is 0.
func fold(widths []int, width int) []bool {
	if width == 0 {
		return nil
	}
	below := make([]bool, len(widths))
	at := widths[0]
	for i, n := range widths[1:] {
		if at += 2 + n; at > width {
			below[i+1] = true
			at = len(folded) + n
		}
	}
	return below
}

func writeRow(w *bufio.Writer, row []string, widths []int, below []bool, flex int) error {
	last := len(row) - 1
	for last > 0 && row[last] == "" {
		last-- // no spaces at the end of a line
	}
	for i, cell := range row[:last+1] {
		cell = printable(cell)
		if below != nil && i == flex {
			cell = shorten(cell, widths[i])
		}
		if below != nil && below[i] {
			w.WriteString("\n" + folded)
		}
		w.WriteString(cell) // an error stays in w until the row's end
		if i < last && (below == nil || !below[i+1]) {
			w.WriteString(strings.Repeat(" ", max(widths[i]-cellWidth(cell), 0)+2))
		}
	}
	return w.WriteByte('\n')
}

// printable keeps what guests and peers wrote from driving the operator's terminal: control characters and invisible
// ones (escape sequences, reversed text) are shown as a replacement character.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// cellWidth is how many columns a terminal gives to s.
func cellWidth(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana),
		r >= 0x3000 && r <= 0x303E, r >= 0xFF01 && r <= 0xFF60: // CJK punctuation, full-width forms
		return 2
	}
	return 1
}

// shorten cuts s to n columns and marks the cut.
func shorten(s string, n int) string {
	if cellWidth(s) <= n {
		return s
	}
	kept := 0
	for i, r := range s {
		if kept+runeWidth(r) > n-1 {
			return s[:i] + "…"
		}
		kept += runeWidth(r)
	}
	return s
}
