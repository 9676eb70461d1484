package hotspot

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"mbox/modules"
	"mbox/modules/hotspot/freeradius"
)

// migrationResult is the View of an import from FreeRADIUS.
type migrationResult struct {
	File        string           `json:"file"`
	Format      string           `json:"format"` // users, CSV, or whose dump: MySQL, PostgreSQL, SQLite
	DryRun      bool             `json:"dry_run"`
	Read        []readCount      `json:"read"`
	Attributes  []attributeCount `json:"attributes"`
	Profiles    tally            `json:"profiles"`
	Accounts    tally            `json:"accounts"`
	Sessions    tally            `json:"sessions"`
	Unconfirmed int              `json:"unconfirmed"` // stored here, but not confirmed by other boxes in time
	LeftOut     int              `json:"left_out"`
	First       []leftOutRow     `json:"first"`  // the first of what was left out
	Report      *string          `json:"report"` // the file with all of it
	Seconds     float64          `json:"seconds"`
}

// readCount says how many entries of a file, or rows of a table, were read, and whether they are of any use.
type readCount struct {
	Table string `json:"table"`
	Rows  int    `json:"rows"`
	Used  bool   `json:"used"`
}

// tally counts what became of records.
type tally struct {
	Added     int `json:"added"`
	Changed   int `json:"changed"`   // something that was missing was added to what is there
	Unchanged int `json:"unchanged"` // there already
	LeftOut   int `json:"left_out"`
}

// attributeCount says what an attribute of FreeRADIUS became, and how often.
type attributeCount struct {
	Attribute string  `json:"attribute"`
	Becomes   *string `json:"becomes"` // null: it was left out
	Note      *string `json:"note"`    // how it was translated, or why it was left out
	Times     int     `json:"times"`
}

// leftOutRow is one thing that was left out. It holds no value.
type leftOutRow struct {
	Line      int     `json:"line"`
	Table     string  `json:"table"`
	Name      *string `json:"name"` // of the account or group
	Attribute *string `json:"attribute"`
	Reason    string  `json:"reason"`
}

// maxNotes bounds how many kinds of attributes a report tells apart: a hostile file could name any number.
const maxNotes = 500

func (r *migrationResult) note(n freeradius.Note) {
	r.noteTimes(n, 1)
}

func (r *migrationResult) noteTimes(n freeradius.Note, times int) {
	same := func(c attributeCount) bool {
		return c.Attribute == n.Name && text(c.Becomes) == n.To && text(c.Note) == n.Reason
	}
	i := slices.IndexFunc(r.Attributes, same)
	if i < 0 && len(r.Attributes) >= maxNotes {
		n = freeradius.Note{Name: "(others)", To: n.To}
		i = slices.IndexFunc(r.Attributes, same)
	}
	if i < 0 {
		r.Attributes = append(r.Attributes, attributeCount{n.Name, known(n.To), known(n.Reason), 0})
		i = len(r.Attributes) - 1
	}
	r.Attributes[i].Times += times
}

var (
	readColumns      = []modules.Column{{Name: "READ FROM"}, {Name: "ROWS", Right: true}, {Name: "USED"}}
	attributeColumns = []modules.Column{{Name: "ATTRIBUTE", Min: 20}, {Name: "TIMES", Right: true}, {Name: "BECOMES", Min: 16}, {Name: "NOTE", Min: 16, Weight: 4}}
	leftOutColumns   = []modules.Column{{Name: "LINE", Right: true}, {Name: "TABLE"}, {Name: "NAME", Min: 8}, {Name: "ATTRIBUTE", Min: 15}, {Name: "REASON", Min: 16, Weight: 4}}
)

// Text says what was read, what became of it, and what was left out.
func (r migrationResult) Text(w io.Writer, width int) error {
	p := &printer{w: w}
	p.table(width, readColumns, r.readRows())
	p.table(width, attributeColumns, r.attributeRows())
	p.table(width, leftOutColumns, leftOutRows(r.First))
	if more := r.LeftOut - len(r.First); more > 0 {
		p.printf("... and %d more\n", more)
	}
	if r.Report != nil {
		p.printf("All that was left out is in %s.\n", *r.Report)
	}
	p.printf("%-9s %8s %8s %8s %8s\n", "", "added", "changed", "there", "left out")
	for _, line := range []struct {
		what string
		tally
	}{{"Profiles", r.Profiles}, {"Accounts", r.Accounts}, {"Sessions", r.Sessions}} {
		p.printf("%-9s %8d %8d %8d %8d\n", line.what, line.Added, line.Changed, line.Unchanged, line.LeftOut)
	}
	if r.DryRun {
		p.printf("Dry run: nothing was stored.\n")
	}
	return p.err
}

// table prints a table with an empty line behind it, or nothing if it has no rows.
func (p *printer) table(width int, columns []modules.Column, rows [][]string) {
	if len(rows) == 0 || p.err != nil {
		return
	}
	p.err = modules.Table{Columns: columns, Rows: modules.Rows(rows)}.Text(p.w, width)
	p.printf("\n")
}

func (r migrationResult) readRows() [][]string {
	var rows [][]string
	for _, c := range r.Read {
		rows = append(rows, []string{c.Table, strconv.Itoa(c.Rows), display(c.Used)})
	}
	return rows
}

func (r migrationResult) attributeRows() [][]string {
	sorted := slices.SortedStableFunc(slices.Values(r.Attributes), func(a, b attributeCount) int {
		return cmp.Compare(b.Times, a.Times)
	})
	var rows [][]string
	for _, c := range sorted {
		becomes := "left out"
		if c.Becomes != nil {
			becomes = *c.Becomes
		}
		rows = append(rows, []string{c.Attribute, strconv.Itoa(c.Times), becomes, text(c.Note)})
	}
	return rows
}

func leftOutRows(list []leftOutRow) [][]string {
	var rows [][]string
	for _, l := range list {
		rows = append(rows, []string{fmt.Sprint(l.Line), l.Table, text(l.Name), text(l.Attribute), l.Reason})
	}
	return rows
}

// leftOut collects what was left out: the first for the screen, all for a file that is made when there is something.
type leftOut struct {
	file  reportFile
	count int
	first []leftOutRow
}

func newLeftOut(files modules.Files, imported string) *leftOut {
	return &leftOut{file: reportFile{files: files, name: imported + ".report.csv", head: []string{"line", "table", "name", "attribute", "reason"}}, first: []leftOutRow{}}
}

func (l *leftOut) add(line int, table, name, attribute, reason string) {
	name, attribute = strings.ToValidUTF8(name, "?"), strings.ToValidUTF8(attribute, "?")
	l.count++
	if len(l.first) < shownRows {
		l.first = append(l.first, leftOutRow{line, table, known(name), known(attribute), reason})
	}
	l.file.write(strconv.Itoa(line), table, name, attribute, reason)
}

func (l *leftOut) finish() (string, error) { return l.file.finish() }
