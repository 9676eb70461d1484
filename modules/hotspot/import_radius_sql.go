package hotspot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"mbox/modules"
	"mbox/modules/hotspot/freeradius"
)

// rowSource gives the rows of tables. Errors are as freeradius.Dump has them.
type rowSource interface {
	Next() (freeradius.Row, error)
}

// tableFile is a file that can be read several times.
type tableFile struct {
	file   *os.File
	format string
	single bool // it is one table: accounts and profiles may be there from other files
	open   func(io.Reader) (rowSource, error)
	others func() map[string]int // rows of other tables, of the last reading
}

func (m *Module) importRadiusSQL(ctx context.Context, call modules.Call) (modules.View, error) {
	name := modules.Get[string](call.Values, "FILE")
	file, err := openText(call.Files, name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	tables, err := m.openTables(file, name)
	if err != nil {
		return nil, err
	}
	began, i := time.Now(), m.newMigration(call, name, tables.format)
	return i.finish(ctx, call, began, i.tables(ctx, tables, call.Terminal))
}

// openTables judges what kind of file it is.
func (m *Module) openTables(file *os.File, name string) (*tableFile, error) {
	if err := plainText(file); err != nil {
		return nil, err
	}
	start := make([]byte, 4<<10)
	n, err := file.ReadAt(start, 0)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if looksLikeSQL(start[:n], name) {
		t := &tableFile{file: file}
		t.open = func(src io.Reader) (rowSource, error) {
			d := freeradius.NewDump(src)
			t.format, t.others = d.Dialect(), func() map[string]int { return d.Others }
			return d, nil
		}
		return t, t.detect()
	}
	t := &tableFile{file: file, format: "CSV", single: true, others: func() map[string]int { return nil }}
	t.open = func(src io.Reader) (rowSource, error) { return openCSV(src, name) }
	return t, t.detect()
}

// detect reads the beginning, so that a file of the wrong kind is refused before anything is done.
func (t *tableFile) detect() error {
	_, err := t.rows(context.Background())
	return err
}

// rows reads from the beginning, until ctx ends.
func (t *tableFile) rows(ctx context.Context) (rowSource, error) {
	if _, err := t.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return t.open(stoppable{ctx, t.file})
}

// stoppable reads no more once ctx has ended: tables that are of no use may be long.
type stoppable struct {
	ctx context.Context
	src io.Reader
}

func (s stoppable) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.src.Read(p)
}

// plainText refuses what is compressed, or not text in octets.
func plainText(file *os.File) error {
	start := make([]byte, 5)
	n, err := file.ReadAt(start, 0)
	if err != nil && err != io.EOF {
		return fmt.Errorf("read the file: %w", err)
	}
	start = start[:n]
	switch {
	case bytes.HasPrefix(start, []byte("\x1f\x8b")), bytes.HasPrefix(start, []byte("BZh")), bytes.HasPrefix(start, []byte("\xfd7zXZ")), bytes.HasPrefix(start, []byte("\x28\xb5\x2f\xfd")):
		return &modules.Error{Message: "the file is compressed", Hint: "Uncompress it first"}
	case bytes.HasPrefix(start, []byte("PGDMP")):
		return &modules.Error{Message: "the file is a dump in PostgreSQL's own format", Hint: "Make a plain one: pg_dump --format=plain"}
	case bytes.HasPrefix(start, []byte("\xff\xfe")), bytes.HasPrefix(start, []byte("\xfe\xff")):
		return &modules.Error{Message: "the file is UTF-16", Hint: "Save it as UTF-8"}
	}
	return nil
}

// looksLikeSQL judges by the name, and then by the first word.
func looksLikeSQL(start []byte, name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".sql":
		return true
	case ".csv":
		return false
	}
	start = bytes.TrimSpace(bytes.TrimPrefix(start, []byte("\xef\xbb\xbf")))
	for _, begin := range []string{"--", "/*", "#", `\`, "SET ", "CREATE ", "INSERT ", "REPLACE ", "BEGIN", "PRAGMA ", "DROP ", "USE ", "COPY ", "LOCK "} {
		if len(start) >= len(begin) && strings.EqualFold(string(start[:len(begin)]), begin) {
			return true
		}
	}
	return false
}

// openCSV reads a table that the file's name or its header names.
func openCSV(src io.Reader, name string) (rowSource, error) {
	reader, heads, err := readHeads(src)
	if err != nil {
		return nil, err
	}
	for n := range heads {
		heads[n] = strings.ToLower(strings.TrimSpace(heads[n]))
	}
	table := tableOf(name, heads)
	if table == "" {
		return nil, &modules.Error{Message: "it cannot be told which table the file is",
			Hint: "Name it after its table, such as radcheck.csv, radreply.csv or radacct.csv; its first line names the columns"}
	}
	if missing := freeradius.Lacks(table, heads); missing != "" {
		return nil, &modules.Error{Message: fmt.Sprintf("the first line has no column %s, which %s must have", missing, table), Hint: "The first line names the columns"}
	}
	return &csvRows{table, heads, reader}, nil
}

// tableOf goes by the file's name, which may have more behind the table's, and by columns that one table alone has.
func tableOf(name string, heads []string) string {
	base := strings.ToLower(path.Base(name))
	for _, table := range freeradius.Tables {
		if rest, ok := strings.CutPrefix(base, table); ok && !strings.HasPrefix(rest, "s") {
			return table
		}
	}
	switch {
	case slices.Contains(heads, "acctsessionid"):
		return freeradius.RadAcct
	case slices.Contains(heads, "firstname"), slices.Contains(heads, "mobilephone"):
		return freeradius.UserInfo
	case slices.Contains(heads, "groupname") && slices.Contains(heads, "username"):
		return freeradius.RadUserGroup
	}
	return ""
}

// csvRows are the rows of one table.
type csvRows struct {
	table  string
	heads  []string
	reader *csvReader
}

func (c *csvRows) Next() (freeradius.Row, error) {
	cells, line, err := c.reader.Read()
	bad := new(rowError)
	switch {
	case errors.As(err, &bad):
		return freeradius.Row{}, &freeradius.LineError{Line: line, Table: c.table, Reason: bad.reason}
	case err != nil:
		return freeradius.Row{}, err
	case len(cells) != len(c.heads):
		return freeradius.Row{}, &freeradius.LineError{Line: line, Table: c.table, Reason: fmt.Sprintf("%d fields, the header has %d", len(cells), len(c.heads))}
	}
	return freeradius.NewRow(c.table, line, c.heads, cells), nil
}

// eachRow reads a file from its beginning. bad is told of rows that cannot be read; nil: nobody is.
func (t *tableFile) eachRow(ctx context.Context, bad func(*freeradius.LineError), use func(freeradius.Row) error) error {
	src, err := t.rows(ctx)
	if err != nil {
		return err
	}
	for {
		row, err := src.Next()
		line := new(freeradius.LineError)
		switch {
		case err == io.EOF:
			return nil
		case errors.As(err, &line):
			if bad != nil {
				bad(line)
			}
		case err != nil:
			return err
		default:
			if err := use(row); err != nil {
				return err
			}
		}
	}
}

// readings says what was read of each table, in their order, and then of those that are of no use.
func (i *migration) readings(rows map[string]int, others map[string]int) {
	for _, table := range freeradius.Tables {
		if n := rows[table]; n > 0 {
			i.result.Read = append(i.result.Read, readCount{table, n, true})
		}
	}
	for _, table := range slices.Sorted(maps.Keys(others)) {
		i.result.Read = append(i.result.Read, readCount{modules.Printable(modules.Shorten(table, 64)), others[table], false})
	}
}
