package hotspot

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
)

// exportResult is the View of an export.
type exportResult struct {
	File    string  `json:"file"`
	Rows    int     `json:"rows"`
	Seconds float64 `json:"seconds"`
	unit    string
}

func (r exportResult) Text(w io.Writer, _ int) error {
	_, err := fmt.Fprintf(w, "%s written to %s in %.1f s\n", modules.Count(r.Rows, strings.TrimSuffix(r.unit, "s")), r.File, r.Seconds)
	return err
}

func (m *Module) exportUsers(ctx context.Context, call modules.Call) (modules.View, error) {
	columns, withPasswords := accountColumns(m.now), call.Values.Has("with-passwords")
	if !withPasswords {
		columns = slices.DeleteFunc(columns, func(f accountField) bool { return f.name == "password" })
	}
	left, hashed := 0, 0
	rows := func(yield func([]string, error) bool) {
		for account, err := range m.db.Accounts(ctx, hotspotdb.AccountFilter{}) {
			if err != nil {
				yield(nil, err)
				return
			}
			left += unknownAttributes(account.Attributes)
			cells := getCells(&hotspotdb.AccountEdit{Account: account}, columns)
			if withPasswords && account.HasPassword {
				cells[1], err = m.db.Password(account.Username)
				switch {
				case errors.Is(err, hotspotdb.ErrNotFound):
					continue // deleted meanwhile
				case errors.Is(err, hotspotdb.ErrHashed):
					hashed, err = hashed+1, nil
				}
			}
			if !yield(cells, err) || err != nil {
				return
			}
		}
	}
	view, err := m.export(ctx, call, "accounts", m.db.Statistics().Users, names(columns), rows)
	if left > 0 && err == nil {
		fmt.Fprintf(call.Terminal, "%% Warning: attributes that this version does not know are not in the file: %d.\n", left)
	}
	if hashed > 0 && err == nil {
		fmt.Fprintf(call.Terminal, "%% Warning: passwords that are stored as hashes are not in the file: those of %s.\n", modules.Count(hashed, "account"))
	}
	return view, err
}

// unknownAttributes counts what a box with newer software has set.
func unknownAttributes(attributes []hotspotdb.Attribute) int {
	n := 0
	for _, a := range attributes {
		if _, known := hotspotdb.FindAttribute(a.Name); !known {
			n++
		}
	}
	return n
}

func (m *Module) exportProfiles(ctx context.Context, call modules.Call) (modules.View, error) {
	columns := profileColumns()
	profiles, err := m.db.Profiles()
	if err != nil {
		return nil, err
	}
	rows := func(yield func([]string, error) bool) {
		for _, p := range profiles {
			if !yield(getCells(&p, columns), nil) {
				return
			}
		}
	}
	return m.export(ctx, call, "profiles", len(profiles), names(columns), rows)
}

// exportSessions writes sessions in the order in which they were last changed here: the history need not fit in memory.
func (m *Module) exportSessions(ctx context.Context, call modules.Call) (modules.View, error) {
	rows := func(yield func([]string, error) bool) {
		for s, err := range m.db.AllSegments(ctx) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(sessionCells(s), nil) {
				return
			}
		}
	}
	return m.export(ctx, call, "sessions", m.db.Statistics().Sessions, sessionColumns(), rows)
}

// export writes a file that has its name only when it is complete.
func (m *Module) export(ctx context.Context, call modules.Call, unit string, total int, heading []string, rows iter.Seq2[[]string, error]) (modules.View, error) {
	began, name := time.Now(), modules.Get[string](call.Values, "FILE")
	file, err := call.Files.Create(name)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", name, err)
	}
	defer file.Abort()
	n, err := writeRows(ctx, file, heading, rows, func(n int) {
		call.Terminal.Progress(int64(n), int64(max(total, n)), unit)
	})
	if err == nil {
		err = file.Commit()
	}
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", name, err)
	}
	m.audit(ctx, call.Actor, "hotspot export", "what", unit, "file", name, "rows", n,
		"passwords", call.Values.Has("with-passwords"))
	return exportResult{File: name, Rows: n, Seconds: time.Since(began).Seconds(), unit: unit}, nil
}

func writeRows(ctx context.Context, w io.Writer, heading []string, rows iter.Seq2[[]string, error], bar func(int)) (int, error) {
	out := csv.NewWriter(w)
	if err := out.Write(heading); err != nil {
		return 0, err
	}
	n := 0
	for cells, err := range rows {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return n, err
		}
		for i := range cells {
			cells[i] = guard(cells[i])
		}
		if err := out.Write(cells); err != nil {
			return n, err
		}
		if n++; n%chunkRows == 0 {
			bar(n)
		}
	}
	out.Flush()
	return n, out.Error()
}

func getCells[E any](e *E, columns []field[E]) []string {
	cells := make([]string, len(columns))
	for i, column := range columns {
		cells[i] = column.get(e)
	}
	return cells
}
