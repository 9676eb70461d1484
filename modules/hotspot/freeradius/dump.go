package freeradius

import (
	"bufio"
	"io"
	"slices"
	"strings"
)

// Dump reads the rows of an SQL dump one by one: those of INSERT (or REPLACE) INTO ... VALUES, as mysqldump, phpMyAdmin, SQLite and
// pg_dump --inserts write them, and those of COPY ... FROM stdin. All other statements are passed over; nothing is run.
type Dump struct {
	lex     *lexer
	columns map[string][]string // of tables that were described
	table   string              // whose rows come now; empty: none
	heads   []string            // their columns
	copying bool                // they are lines of COPY
	Others  map[string]int      // rows of tables that are not wanted, by table; at most maxOthers of them
}

const maxOthers = 100

// NewDump reads from src.
func NewDump(src io.Reader) *Dump {
	in := bufio.NewReaderSize(src, 256<<10)
	start, _ := in.Peek(16 << 10) // an error comes again
	if len(start) >= 3 && string(start[:3]) == "\xef\xbb\xbf" {
		in.Discard(3)
		start = start[3:]
	}
	return &Dump{lex: newLexer(in, dialectOf(start)), columns: map[string][]string{}, Others: map[string]int{}}
}

// Dialect names whose dump it is.
func (d *Dump) Dialect() string { return d.lex.lang.name }

// Next returns the next row of a wanted table. The error is a *LineError if only that row or statement is bad, io.EOF at the
// end, and otherwise that of the source.
func (d *Dump) Next() (Row, error) {
	for {
		var row Row
		var err error
		switch {
		case d.table == "":
			err = d.statement()
		case d.copying:
			row, err = d.copied()
		default:
			row, err = d.tuple()
		}
		if row.Table != "" || err != nil {
			return row, err
		}
	}
}

// statement passes over statements until one has rows.
func (d *Dump) statement() error {
	switch d.lex.next() {
	case end:
		if err := d.lex.failed(); err != nil {
			return err
		}
		return io.EOF
	case symbol:
		if d.lex.word[0] == '\\' { // of psql
			d.lex.dropLine()
			return nil
		}
		if d.lex.word[0] == ';' {
			return nil
		}
	case name:
		switch strings.ToUpper(string(d.lex.word)) {
		case "INSERT", "REPLACE":
			return d.insert()
		case "COPY":
			return d.copy()
		case "CREATE":
			return d.create()
		case "DELIMITER":
			d.lex.dropLine()
			return nil
		}
	}
	return d.finish()
}

// finish passes over the rest of a statement.
func (d *Dump) finish() error {
	for {
		switch k := d.lex.next(); {
		case k == end:
			return d.lex.failed()
		case k == symbol && d.lex.word[0] == ';':
			return nil
		}
	}
}

// bad passes over the rest of a statement that cannot be read.
func (d *Dump) bad(line int, table, reason string) error {
	d.table = ""
	if err := d.finish(); err != nil {
		return err
	}
	return &LineError{line, table, reason}
}

// is compares the token at hand with a keyword.
func (d *Dump) is(k kind, word string) bool {
	return (k == name || k == symbol) && strings.EqualFold(string(d.lex.word), word)
}

// modifiers may stand before INTO.
var modifiers = []string{"LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE", "OR", "REPLACE"}

// named says whether the token at hand can name a table or a column. MySQL in its ANSI mode has "..." for that.
func (d *Dump) named(k kind) bool {
	return k == name || k == quoted || k == text && d.lex.lang.quotes
}

// insert reads up to the rows.
func (d *Dump) insert() error {
	line, k := d.lex.line, d.lex.next()
	for k == name && slices.Contains(modifiers, strings.ToUpper(string(d.lex.word))) {
		k = d.lex.next()
	}
	if d.is(k, "INTO") {
		k = d.lex.next()
	}
	table, k := d.tableName(k)
	if table == "" {
		return d.bad(line, "", "an INSERT without a table")
	}
	heads, k, ok := d.list(k)
	if !ok {
		return d.bad(line, table, "the list of columns cannot be read")
	}
	if d.is(k, "OVERRIDING") { // SYSTEM VALUE or USER VALUE
		d.lex.next()
		d.lex.next()
		k = d.lex.next()
	}
	if !d.is(k, "VALUES") && !d.is(k, "VALUE") {
		if !Wanted(table) {
			return d.finish()
		}
		return d.bad(line, table, "an INSERT without VALUES")
	}
	return d.begin(table, heads, false)
}

// begin says whose rows come now.
func (d *Dump) begin(table string, heads []string, copying bool) error {
	d.table, d.copying = table, copying
	if d.heads = heads; heads == nil {
		d.heads = d.columns[table]
	}
	return nil
}

// tableName reads a name, of which what is behind the last dot counts, and returns it in lower case with the token behind it.
func (d *Dump) tableName(k kind) (string, kind) {
	for table := ""; ; {
		if !d.named(k) {
			return "", k
		}
		table = strings.ToLower(string(d.lex.word))
		k = d.lex.next()
		if k == name && strings.HasPrefix(string(d.lex.word), ".") { // "public".radcheck
			table = string(d.lex.word[1:])
			if table != "" {
				return strings.ToLower(table), d.lex.next()
			}
			k = d.lex.next()
			continue
		}
		if strings.HasSuffix(table, ".") { // public."radcheck"
			continue
		}
		return table[strings.LastIndexByte(table, '.')+1:], k
	}
}

// list reads the columns in parentheses, if there are any, and returns the token behind.
func (d *Dump) list(k kind) ([]string, kind, bool) {
	if !d.is(k, "(") {
		return nil, k, true
	}
	var heads []string
	for {
		if k = d.lex.next(); !d.named(k) || len(heads) == maxColumns {
			return nil, k, false
		}
		heads = append(heads, strings.ToLower(string(d.lex.word)))
		switch k = d.lex.next(); {
		case d.is(k, ")"):
			return heads, d.lex.next(), true
		case !d.is(k, ","):
			return nil, k, false
		}
	}
}

// create learns the columns of a table.
func (d *Dump) create() error {
	k := d.lex.next()
	for d.is(k, "TEMPORARY") || d.is(k, "UNLOGGED") {
		k = d.lex.next()
	}
	if !d.is(k, "TABLE") {
		return d.finishFrom(k)
	}
	k = d.lex.next()
	for d.is(k, "IF") || d.is(k, "NOT") || d.is(k, "EXISTS") {
		k = d.lex.next()
	}
	table, k := d.tableName(k)
	if !Wanted(table) || !d.is(k, "(") {
		return d.finishFrom(k)
	}
	heads, k := d.definitions()
	d.columns[table] = heads
	return d.finishFrom(k)
}

// finishFrom is finish when a token was read already.
func (d *Dump) finishFrom(k kind) error {
	if d.is(k, ";") || k == end {
		return d.lex.failed()
	}
	return d.finish()
}

// notColumns are the words that begin a definition which is not a column's.
var notColumns = []string{"PRIMARY", "KEY", "UNIQUE", "INDEX", "CONSTRAINT", "FULLTEXT", "SPATIAL", "FOREIGN", "CHECK", "EXCLUDE", "LIKE", "PERIOD"}

// definitions reads what is between the parentheses of CREATE TABLE and returns the columns.
func (d *Dump) definitions() ([]string, kind) {
	var heads []string
	depth, first := 1, true
	for {
		k := d.lex.next()
		word := string(d.lex.word)
		switch {
		case k == end, d.is(k, ";"):
			return heads, k
		case d.is(k, "("):
			depth++
		case d.is(k, ")"):
			if depth--; depth == 0 {
				return heads, k
			}
		case d.is(k, ",") && depth == 1:
			first = true
			continue
		case first && depth == 1 && len(heads) < maxColumns:
			if d.named(k) && (k != name || !slices.Contains(notColumns, strings.ToUpper(word))) {
				heads = append(heads, strings.ToLower(word))
			}
		}
		first = false
	}
}
