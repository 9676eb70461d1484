package freeradius

import "slices"

// Table names that are read. FreeRADIUS's schema.sql has all but the last, daloRADIUS's has that too.
const (
	RadCheck      = "radcheck"
	RadReply      = "radreply"
	RadGroupCheck = "radgroupcheck"
	RadGroupReply = "radgroupreply"
	RadUserGroup  = "radusergroup"
	RadAcct       = "radacct"
	UserInfo      = "userinfo"
)

// Tables lists them.
var Tables = []string{RadGroupCheck, RadGroupReply, RadCheck, RadReply, RadUserGroup, UserInfo, RadAcct}

// Wanted says whether a table is read.
func Wanted(table string) bool { return slices.Contains(Tables, table) }

// schema has the columns of tables that a dump does not describe, by their number (schema.sql of FreeRADIUS 2 and 3). Those of radacct
// and userinfo differ too much between versions.
func schema(table string, columns int) []string {
	switch {
	case (table == RadCheck || table == RadReply) && columns == 5:
		return []string{"id", "username", "attribute", "op", "value"}
	case (table == RadGroupCheck || table == RadGroupReply) && columns == 5:
		return []string{"id", "groupname", "attribute", "op", "value"}
	case table == RadUserGroup && columns == 3:
		return []string{"username", "groupname", "priority"}
	case table == RadUserGroup && columns == 4:
		return []string{"id", "username", "groupname", "priority"}
	}
	return nil
}

// required are the columns without which a row of the table means nothing.
var required = map[string][]string{
	RadCheck: {"username", "attribute", "op", "value"}, RadReply: {"username", "attribute", "op", "value"},
	RadGroupCheck: {"groupname", "attribute", "op", "value"}, RadGroupReply: {"groupname", "attribute", "op", "value"},
	RadUserGroup: {"username", "groupname"}, UserInfo: {"username"}, RadAcct: {"username", "acctstarttime"},
}

// lacks returns a column that the table must have and does not; empty if none.
func lacks(table string, columns []string) string {
	for _, name := range required[table] {
		if !slices.Contains(columns, name) {
			return name
		}
	}
	return ""
}

// Row is one row of a table.
type Row struct {
	Table   string
	Line    int
	columns []string
	values  []value
}

type value struct {
	text string
	null bool
}

// Get returns the value of a column; empty if it is NULL or the table has no such column.
func (r Row) Get(column string) string {
	i := slices.Index(r.columns, column)
	if i < 0 || r.values[i].null {
		return ""
	}
	return r.values[i].text
}

// Columns names the columns of the row that hold something.
func (r Row) Columns() []string {
	var out []string
	for i, name := range r.columns {
		if !r.values[i].null && r.values[i].text != "" {
			out = append(out, name)
		}
	}
	return out
}

// NewRow makes a row of text, as CSV has it: \N and NULL are NULL. The two lists are of one length.
func NewRow(table string, line int, columns, cells []string) Row {
	values := make([]value, len(cells))
	for i, cell := range cells {
		values[i] = value{cell, cell == `\N` || cell == "NULL"}
	}
	return Row{table, line, columns, values}
}

// Lacks returns a column without which rows of the table mean nothing; empty if there are all.
func Lacks(table string, columns []string) string { return lacks(table, columns) }
