package hotspot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
)

func (m *Module) importUsers(ctx context.Context, call modules.Call) (modules.View, error) {
	return m.importFile(ctx, call, m.accountSheet(call.Actor.Name, call.Values.Has("update")))
}

func (m *Module) importProfiles(ctx context.Context, call modules.Call) (modules.View, error) {
	return m.importFile(ctx, call, m.profileSheet(call.Actor.Name, call.Values.Has("update")))
}

func (m *Module) importFile(ctx context.Context, call modules.Call, what sheet) (modules.View, error) {
	name := modules.Get[string](call.Values, "FILE")
	file, err := openText(call.Files, name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	reader, columns, err := what.open(file)
	if err != nil {
		return nil, err
	}
	i := &importer{
		db: m.db, author: importAuthor(call.Actor), source: name, sheet: what, reader: reader, columns: columns, atomic: call.Values.Has("atomic"), most: m.maxAtomic,
		report: newReport(call.Files, name), bar: progress(call.Terminal, file, what.unit),
		seed: maphash.MakeSeed(), names: map[uint64]int{}, used: map[string]bool{},
	}
	return m.finishImport(ctx, call, i, name)
}

// importAuthor is an operator whose file is read.
func importAuthor(a modules.Actor) hotspotdb.Author {
	by := author(a)
	by.Via = "import"
	return by
}

// finishImport runs the import and says what is stored, also if it did not come to its end.
func (m *Module) finishImport(ctx context.Context, call modules.Call, i *importer, name string) (modules.View, error) {
	began := time.Now()
	failed := i.run(ctx)
	report, reportErr := i.report.finish()
	i.names = nil
	giveBack(i.result.Rows)
	r := &i.result
	r.took(time.Since(began))
	r.Atomic, r.unit, r.Refused, r.Errors, r.Report = i.atomic, i.sheet.unit, i.report.count, i.report.first, known(report)
	m.audit(ctx, call.Actor, "hotspot import", "what", i.sheet.unit, "file", name,
		"added", r.Added, "updated", r.Updated, "refused", r.Refused, "unconfirmed", r.Unconfirmed)
	if reportErr != nil {
		m.log.WarnContext(ctx, "the report of an import is incomplete", "error", reportErr)
		fmt.Fprintln(call.Terminal, "% The refused rows could not be written to a file; the first of them follow.")
	}
	if failed != nil {
		return nil, m.stopped(failed, *r, i.sheet.unit)
	}
	missing, err := m.missingProfiles(slices.Sorted(maps.Keys(i.used)))
	if err != nil {
		return nil, err
	}
	r.Missing = missing
	if i.atomic && r.Refused > 0 {
		return *r, &modules.Error{Message: "the import was refused", Hint: "Correct the rows above, or import without atomic to keep the good ones"}
	}
	if r.Unconfirmed > 0 {
		return *r, &modules.Error{
			Message: fmt.Sprintf("%d of the rows are stored here, but were not confirmed by other boxes in time", r.Unconfirmed),
			Hint:    "Do not import them again: they go there as soon as the boxes can be reached. `show mbox sync status` says which are missing",
		}
	}
	return *r, nil
}

// stopped tells what an import that ended early has stored.
func (m *Module) stopped(cause error, r importResult, unit string) error {
	so := fmt.Sprintf("stored before that: %s added, %d updated", modules.Count(r.Added, strings.TrimSuffix(unit, "s")), r.Updated)
	mistake := new(modules.Error)
	switch {
	case errors.Is(cause, context.Canceled), errors.Is(cause, context.DeadlineExceeded):
		return &modules.Error{Message: "the import was stopped; " + so, Hint: "Import again with update to go on"}
	case errors.As(cause, &mistake):
		return cause
	case errors.Is(cause, hotspotdb.ErrNoSpace), errors.Is(cause, hotspotdb.ErrReadOnly):
		return &modules.Error{Message: fmt.Sprintf("%v; %s", cause, so)}
	}
	return fmt.Errorf("import (%s): %w", so, cause)
}

// progress returns what draws the bar; the number of lines stands for that of rows.
func progress(terminal modules.Terminal, file *os.File, unit string) func(rows int) {
	if !terminal.Interactive() {
		return func(int) {}
	}
	var total int64
	buf := make([]byte, 256<<10)
	for at := int64(0); ; {
		n, err := file.ReadAt(buf, at)
		total += int64(bytes.Count(buf[:n], []byte{'\n'}))
		at += int64(n)
		if err != nil { // the import itself will meet it, if it is not io.EOF
			break
		}
	}
	return func(rows int) { terminal.Progress(int64(rows), max(total-1, int64(rows)), unit) }
}

func (m *Module) accountSheet(by string, update bool) sheet {
	var columns []accountField
	return sheet{
		unit: "accounts",
		open: func(file io.Reader) (reader *csvReader, n int, err error) {
			reader, columns, err = readHeader(file, accountColumns(m.now), "username")
			return reader, len(columns), err
		},
		store: func(tx *hotspotdb.Tx, cells []string) (stored, error) {
			var e hotspotdb.AccountEdit
			if err := setAccount(&e, columns, cells); err != nil {
				return stored{}, err
			}
			name := e.Username
			account, err := tx.AddAccount(e.Account, text(e.Password), by)
			taken := errors.Is(err, hotspotdb.ErrExists)
			if taken && update {
				account, err = tx.EditAccount(name, by, func(e *hotspotdb.AccountEdit) error { return setAccount(e, columns, cells) })
			} else if taken {
				err = &existsError{name}
			}
			return stored{account.Username, taken, account.Profiles}, err
		},
	}
}

func (m *Module) profileSheet(by string, update bool) sheet {
	var columns []profileField
	return sheet{
		unit: "profiles",
		open: func(file io.Reader) (reader *csvReader, n int, err error) {
			reader, columns, err = readHeader(file, profileColumns(), "groupname")
			return reader, len(columns), err
		},
		store: func(tx *hotspotdb.Tx, cells []string) (stored, error) {
			var p hotspotdb.Profile
			if err := setCells(&p, columns, cells); err != nil {
				return stored{}, err
			}
			err := tx.AddProfile(p, by)
			taken := errors.Is(err, hotspotdb.ErrExists)
			if taken && update {
				err = tx.EditProfile(p.Name, by, func(p *hotspotdb.Profile) error { return setCells(p, columns, cells) })
			} else if taken {
				err = &existsError{p.Name}
			}
			return stored{name: p.Name, updated: taken}, err
		},
	}
}

func setAccount(e *hotspotdb.AccountEdit, columns []accountField, cells []string) error {
	if err := setCells(e, columns, cells); err != nil {
		return err
	}
	return normalName(e)
}

// setCells sets the fields that the columns name.
func setCells[E any](e *E, columns []field[E], cells []string) error {
	for i, column := range columns {
		if err := column.set(e, unguard(cells[i])); err != nil {
			return &rowError{column.name + ": " + err.Error()}
		}
	}
	return nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
