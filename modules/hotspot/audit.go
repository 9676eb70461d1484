package hotspot

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
)

// auditRow is an audit entry as it is shown. Of passwords and user info there are the names of the fields alone.
type auditRow struct {
	ID      uint64                 `json:"id"`
	At      *time.Time             `json:"at"`
	Author  *string                `json:"author"`
	From    *string                `json:"from"` // address or terminal
	Via     *string                `json:"via"`  // console, ssh, api, radius, portal, import or box
	Box     string                 `json:"box"`  // where it was changed
	Object  string                 `json:"object"`
	Name    string                 `json:"name"`
	Account *uint64                `json:"account"`
	Action  string                 `json:"action"`
	Fields  []hotspotdb.AuditField `json:"fields"`
}

func (m *Module) auditRow(e hotspotdb.AuditEntry) auditRow {
	row := auditRow{e.ID, instant(e.At), known(e.Author.Name), known(e.Author.From), known(e.Author.Via), m.boxName(e.Box), e.Object, e.Name, nil, e.Action, list(e.Fields)}
	if e.Account != 0 {
		row.Account = &e.Account
	}
	return row
}

// auditList is who changed what, newest first.
type auditList struct {
	m       *Module
	entries []hotspotdb.AuditEntry
	limited
}

// limited is how a list ends that may be longer.
type limited struct {
	limit int
	typed bool // the operator chose the limit
	more  bool // than limit
}

// limitOf reads `limit N`, or takes what fits into one JSON document.
func (m *Module) limitOf(v modules.Values) limited {
	if n := modules.Get[int](v, "N"); n > 0 {
		return limited{limit: n, typed: true}
	}
	return limited{limit: m.maxJSON}
}

// cut keeps to the limit; list was asked for one more.
func cut[T any](items []T, l *limited) []T {
	l.more = len(items) > l.limit
	return items[:min(len(items), l.limit)]
}

func (l limited) writeMore(w io.Writer) error {
	if !l.more {
		return nil
	}
	_, err := fmt.Fprintf(w, "There are more than these %d; raise the limit, or name a time.\n", l.limit)
	return err
}

func (m *Module) showAudit(ctx context.Context, call modules.Call) (modules.View, error) {
	v := call.Values
	l := auditList{m: m, limited: m.limitOf(v)}
	entries, err := m.db.AuditEntries(ctx, hotspotdb.AuditFilter{
		Username: m.guestName(v), Author: modules.Get[string](v, "AUTHOR"), Since: modules.Get[time.Time](v, "TIME"), Limit: l.limit + 1,
	})
	if err != nil {
		return nil, err
	}
	l.entries = cut(entries, &l.limited)
	return l, nil
}

var auditColumns = []modules.Column{
	{Name: "TIME"}, {Name: "AUTHOR", Min: 8}, {Name: "VIA"}, {Name: "ACTION"}, {Name: "OBJECT"}, {Name: "NAME", Min: 12}, {Name: "CHANGES", Min: 16, Weight: 4}, {Name: "FROM", Min: 9}, {Name: "BOX", Min: 8},
}

func (l auditList) Text(w io.Writer, width int) error {
	rows := func(yield func([]string, error) bool) {
		for _, e := range l.entries {
			row := []string{l.m.displayTime(e.At), e.Author.Name, e.Author.Via, e.Action, e.Object, e.Name, l.m.changes(e), e.Author.From, l.m.boxName(e.Box)}
			if !yield(row, nil) {
				return
			}
		}
	}
	if err := (modules.Table{Columns: auditColumns, Rows: rows}).Text(w, width); err != nil {
		return err
	}
	return l.writeMore(w)
}

// MarshalJSON is a list of entries. Without a limit it refuses what would not fit rather than leave some out.
func (l auditList) MarshalJSON() ([]byte, error) {
	if l.more && !l.typed {
		return nil, l.m.tooMany("audit entries")
	}
	rows := []auditRow{}
	for _, e := range l.entries {
		rows = append(rows, l.m.auditRow(e))
	}
	return json.Marshal(rows)
}
