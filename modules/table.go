package modules

import (
	"bufio"
	"io"
	"iter"
	"slices"
	"strings"
)

// A Column is one column of a Table.
type Column struct {
	Name   string // the heading
	Right  bool   // aligned to the right: numbers
	Min    int    // how narrow it may become where the terminal is too narrow; 0: it keeps its width
	Weight int    // its share, beside the other columns', of what must be saved; 0 counts as 1
	Cut    bool   // what does not fit is cut off and marked with "…"; without, it goes on below
	Tight  bool   // one blank behind it instead of two, where IOS has it so
}

// A Table writes rows under a heading so that they fit the terminal. Where they do not, columns with a Min become narrower;
// where that is not enough, the last columns go on in a second line, heading and rows alike; and where that is not
// enough either, each row is a block with a line for each field. A width of 0 is unlimited, as scripts see it.
//
// Rows are written as they are read, so that a million need no memory and a pager can stop them: the widths follow from
// the first of them. With a width of 0 a later cell that is wider pushes its row out of line; else it is cut or goes on below.
type Table struct {
	Columns []Column
	Rows    iter.Seq2[[]string, error] // an error ends the table, behind the rows before it
}

// Rows makes the rows of a Table of a list.
func Rows(list [][]string) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for _, row := range list {
			if !yield(row, nil) {
				return
			}
		}
	}
}

const (
	sampled = 200 // rows that are read ahead to choose the widths
	gap     = 2   // blanks between columns, and before a value below its name
	inset   = 4   // of the second line of a row
	maxFold = 2   // lines of a row; with more of them nobody finds the column

	// MinTable is the width, in columns, from which on no line of a Table is wider than the terminal.
	MinTable = 12
)

// Text writes the table.
func (t Table) Text(w io.Writer, width int) error {
	next, stop := iter.Pull2(t.Rows)
	defer stop()
	ahead, failed := t.sample(next)
	out := bufio.NewWriter(w)
	write := t.layout(ahead, width)
	for i, row := range ahead {
		if err := write(out, row, i == 0); err != nil {
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
		if err := write(out, t.cells(row), false); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return failed
}

// sample reads the heading and the first rows.
func (t Table) sample(next func() ([]string, error, bool)) (rows [][]string, failed error) {
	heading := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		heading[i] = c.Name
	}
	rows = append(rows, heading)
	for len(rows) <= sampled {
		row, err, ok := next()
		if !ok || err != nil {
			return rows, err
		}
		rows = append(rows, t.cells(row))
	}
	return rows, nil
}

// cells is a row with exactly one printable cell for each column.
func (t Table) cells(row []string) []string {
	out := make([]string, len(t.Columns))
	for i := range min(len(row), len(out)) {
		out[i] = strings.Trim(Printable(row[i]), " ")
	}
	return out
}

// writeRow writes one row; the first is the heading.
type writeRow func(w *bufio.Writer, row []string, heading bool) error

func (t Table) layout(rows [][]string, width int) writeRow {
	widths := make([]int, len(t.Columns))
	for i := range widths {
		widths[i] = min(max(width, 0), 2) // a wide character takes two
	}
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], DisplayWidth(cell))
		}
	}
	if width <= 0 {
		return grid{Table: t, lines: []segment{{0, len(widths)}}, widths: widths, unlimited: true}.write
	}
	lines := t.fit(widths, width)
	if lines == nil {
		return (&block{columns: t.Columns, width: width}).write
	}
	last := lines[len(lines)-1]
	if end := last.end - 1; !t.Columns[end].Right { // no column behind it needs the rest of the line
		widths[end] = width - last.indent() - t.taken(widths, last.start, end)
	}
	return grid{Table: t, lines: lines, widths: widths}.write
}

// fit narrows the columns and puts them into lines; nil if rows must be blocks. Only what may be cut is narrowed for rows
// of two lines: text in narrow columns as well would be hard to read.
func (t Table) fit(widths []int, width int) []segment {
	natural := slices.Clone(widths)
	if t.narrow(widths, t.taken(widths, 0, len(widths))-t.gap(len(widths)-1)-width) {
		return []segment{{0, len(widths)}}
	}
	copy(widths, natural)
	for i, c := range t.Columns {
		if c.Cut {
			widths[i] -= t.room(i, widths)
		}
	}
	return t.fold(widths, width)
}

// narrow takes over columns from those that may become narrower, by their weights, and says whether that was enough.
func (t Table) narrow(widths []int, over int) bool {
	for over > 0 {
		share := 0
		for i := range widths {
			if t.room(i, widths) > 0 {
				share += t.weight(i)
			}
		}
		if share == 0 {
			return false
		}
		most := over
		for i := range widths {
			take := min(t.room(i, widths), over, max(1, most*t.weight(i)/share))
			widths[i] -= take
			over -= take
		}
	}
	return true
}

func (t Table) room(i int, widths []int) int {
	if t.Columns[i].Min == 0 {
		return 0
	}
	return max(0, widths[i]-max(t.Columns[i].Min, 2))
}

func (t Table) weight(i int) int { return max(1, t.Columns[i].Weight) }

// segment is the columns that stand in one line of the terminal.
type segment struct{ start, end int }

func (s segment) indent() int {
	if s.start > 0 {
		return inset
	}
	return 0
}

func (t Table) gap(column int) int {
	if t.Columns[column].Tight {
		return 1
	}
	return gap
}

// taken is what the columns from start to end take, with the blanks behind each.
func (t Table) taken(widths []int, start, end int) (total int) {
	for i := start; i < end; i++ {
		total += widths[i] + t.gap(i)
	}
	return total
}

// fold puts columns into lines; nil if they do not fit into maxFold of them.
func (t Table) fold(widths []int, width int) []segment {
	lines := []segment{{}}
	for i := range widths {
		last := &lines[len(lines)-1]
		if last.indent()+t.taken(widths, last.start, i)+widths[i] > width {
			lines = append(lines, segment{start: i})
			last = &lines[len(lines)-1]
		}
		if last.indent()+widths[i] > width || len(lines) > maxFold {
			return nil
		}
		last.end = i + 1
	}
	return lines
}

// grid writes rows as columns.
type grid struct {
	Table
	lines     []segment
	widths    []int
	unlimited bool
}

func (g grid) write(w *bufio.Writer, row []string, _ bool) error {
	for n, s := range g.lines {
		if n > 0 && !slices.ContainsFunc(row[s.start:s.end], func(cell string) bool { return cell != "" }) {
			continue
		}
		cells := make([][]string, s.end-s.start)
		height := 1
		for i := range cells {
			cells[i] = g.cell(s.start+i, row[s.start+i])
			height = max(height, len(cells[i]))
		}
		for line := range height {
			if err := g.line(w, s, cells, line); err != nil {
				return err
			}
		}
	}
	return nil
}

// cell is what a cell shows on each line of its row.
func (g grid) cell(column int, cell string) []string {
	switch {
	case g.unlimited:
		return []string{cell}
	case g.Columns[column].Cut:
		return []string{Shorten(cell, g.widths[column])}
	}
	return wrapCell(cell, g.widths[column])
}

// line ends at its last cell: no blanks behind it.
func (g grid) line(w *bufio.Writer, s segment, cells [][]string, n int) error {
	at := func(i int) string {
		if n < len(cells[i]) {
			return cells[i][n]
		}
		return ""
	}
	last := len(cells) - 1
	for last > 0 && at(last) == "" {
		last--
	}
	blanks := s.indent()
	for i := range last + 1 {
		text, width := at(i), g.widths[s.start+i]
		fill := max(0, width-DisplayWidth(text))
		if g.Columns[s.start+i].Right {
			blanks, fill = blanks+fill, 0
		}
		if text != "" {
			w.WriteString(strings.Repeat(" ", blanks)) // an error stays in w until the line's end
			blanks = 0
		}
		w.WriteString(text)
		blanks += fill + g.gap(s.start+i)
	}
	return w.WriteByte('\n')
}

// block writes each row as lines "field : value", with an empty line between rows; empty fields are left out.
type block struct {
	columns []Column
	width   int
	begun   bool
}

func (b *block) write(w *bufio.Writer, row []string, heading bool) error {
	if heading {
		return nil
	}
	if b.begun {
		w.WriteByte('\n') // an error stays in w until the next line
	}
	b.begun = true
	label := 0
	for _, c := range b.columns {
		label = max(label, DisplayWidth(c.Name))
	}
	for i, cell := range row {
		if cell == "" {
			continue
		}
		if err := b.field(w, b.columns[i].Name, label, cell); err != nil {
			return err
		}
	}
	return nil
}

const (
	colon    = " : "
	minValue = 8 // columns for a value beside its name; with less it goes below
)

func (b *block) field(w *bufio.Writer, name string, label int, value string) error {
	before, beside := name+strings.Repeat(" ", label-DisplayWidth(name))+colon, b.width-label-len(colon)
	after := strings.Repeat(" ", label+len(colon))
	if beside < minValue {
		beside, after = max(b.width-gap, 2), strings.Repeat(" ", gap)
		before = strings.Join(wrapCell(name+":", b.width), "\n") + "\n" + after
	}
	text := before + strings.Join(wrapCell(value, beside), "\n"+after) + "\n"
	_, err := w.WriteString(text)
	return err
}
