package hotspot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
	"mbox/modules/hotspot/freeradius"
)

// migration moves what a FreeRADIUS server keeps into the database. A dry run takes the same way, but for the end of each
// transaction, which it undoes: what it reports is what would be reported.
type migration struct {
	m      *Module
	author hotspotdb.Author
	file   string
	dry    bool
	zone   *time.Location // of times that name none
	result migrationResult
	left   *leftOut
	seed   maphash.Seed
	stored map[uint64]bool // hashes of the usernames that a dry run would have added
}

// moved is one record that is to be stored.
type moved struct {
	line  int
	table string // where it came from
	kind  *tally // what it counts as
	name  string
	notes []freeradius.Note // what became of its attributes; they count once it is stored
	store func(tx *hotspotdb.Tx) (outcome, error)
}

// outcome is what became of a record.
type outcome int

const (
	added outcome = iota
	changed
	unchanged
)

func (m *Module) newMigration(call modules.Call, file, format string) *migration {
	return &migration{
		m: m, author: importAuthor(call.Actor), file: file, dry: call.Values.Has("dry-run"), zone: m.zone(),
		result: migrationResult{File: file, Format: format, DryRun: call.Values.Has("dry-run"), Read: []readCount{}, Attributes: []attributeCount{}},
		left:   newLeftOut(call.Files, file), seed: maphash.MakeSeed(), stored: map[uint64]bool{},
	}
}

func (i *migration) hash(name string) uint64 { return maphash.String(i.seed, name) }

// commit stores a chunk in one transaction.
func (i *migration) commit(ctx context.Context, chunk []moved) error {
	if len(chunk) == 0 {
		return nil
	}
	outcomes := make([]outcome, len(chunk))
	refused := make([]error, len(chunk))
	err := i.m.db.Update(context.WithoutCancel(ctx), func(tx *hotspotdb.Tx) error {
		tx.By(i.author)
		tx.Bulk(i.file)
		for n, r := range chunk {
			var err error
			if outcomes[n], err = r.store(tx); err != nil && !ofRow(err) {
				return fmt.Errorf("store line %d: %w", r.line, err)
			}
			refused[n] = err
		}
		if i.dry {
			return errRefused
		}
		return nil
	})
	switch {
	case errors.Is(err, hotspotdb.ErrUnconfirmed):
		i.result.Unconfirmed += len(chunk)
	case err != nil && !errors.Is(err, errRefused):
		return err
	}
	for n, r := range chunk {
		i.count(r, outcomes[n], refused[n])
	}
	return ctx.Err()
}

// count takes one record into the report.
func (i *migration) count(r moved, done outcome, refused error) {
	switch {
	case refused != nil:
		r.kind.LeftOut++
		i.left.add(r.line, r.table, r.name, "", refused.Error())
		return
	case done == added:
		r.kind.Added++
	case done == changed:
		r.kind.Changed++
	default:
		r.kind.Unchanged++
		return
	}
	for _, note := range r.notes {
		i.result.note(note)
		if note.To == "" {
			i.left.add(note.Line, cmp.Or(note.Table, r.table), r.name, note.Name, note.Reason)
		}
	}
}

// finish closes the report and says what was done, also if it did not come to its end.
func (i *migration) finish(ctx context.Context, call modules.Call, began time.Time, failed error) (modules.View, error) {
	r := &i.result
	i.stored = nil
	giveBack(r.Accounts.Added + r.Sessions.Added)
	report, reportErr := i.left.finish()
	r.Seconds, r.Report, r.LeftOut, r.First = time.Since(began).Seconds(), known(report), i.left.count, i.left.first
	i.m.audit(ctx, call.Actor, "hotspot import", "what", "radius", "file", i.file, "dry_run", i.dry,
		"accounts", r.Accounts.Added, "profiles", r.Profiles.Added, "sessions", r.Sessions.Added, "left_out", r.LeftOut)
	if reportErr != nil {
		i.m.log.WarnContext(ctx, "the report of an import is incomplete", "error", reportErr)
		fmt.Fprintln(call.Terminal, "% What was left out could not be written to a file; the first of it follows.")
	}
	mistake := new(modules.Error)
	switch {
	case errors.As(failed, &mistake):
		return nil, failed
	case failed != nil:
		return *r, i.stopped(failed)
	case r.Unconfirmed > 0:
		return *r, &modules.Error{
			Message: fmt.Sprintf("%d of the records are stored here, but were not confirmed by other boxes in time", r.Unconfirmed),
			Hint:    "Do not import them again: they go there as soon as the boxes can be reached. `show mbox sync status` says which are missing",
		}
	}
	return *r, nil
}

// stopped tells what an import that ended early has stored. Importing again leaves that as it is.
func (i *migration) stopped(cause error) error {
	r := i.result
	so := fmt.Sprintf("stored before that: %s, %s and %s",
		modules.Count(r.Accounts.Added, "account"), modules.Count(r.Profiles.Added, "profile"), modules.Count(r.Sessions.Added, "session"))
	if i.dry {
		so = "nothing was stored, as this was a dry run"
	}
	switch {
	case errors.Is(cause, context.Canceled), errors.Is(cause, context.DeadlineExceeded):
		return &modules.Error{Message: "the import was stopped; " + so, Hint: "Import again to go on: what is there already stays as it is"}
	case errors.Is(cause, hotspotdb.ErrNoSpace), errors.Is(cause, hotspotdb.ErrReadOnly):
		return &modules.Error{Message: fmt.Sprintf("%v; %s", cause, so)}
	}
	return fmt.Errorf("import %s (%s): %w", i.file, so, cause)
}
