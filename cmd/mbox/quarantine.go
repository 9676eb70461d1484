package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"mbox/hotspotdb"
)

// A damaged hotspot database is moved aside, and a fresh one is begun with what can be read back of it. What is moved aside
// is kept: it may hold more than this program can read.
const (
	damagedPrefix  = hotspotDir + ".damaged-" // and the time, UTC
	maxDamaged     = 2                        // kept; with more the box stays without a database: something else is wrong
	salvageReport  = "salvaged.json"
	salvageTries   = 3 // starts that may end while the box reads back, before it is left
	recoverAdvice  = "a primary of this box sends it anew; if other boxes follow this one, type: mbox sync recover from NAME"
	quarantineTime = "20060102T150405Z"
)

// salvage is the report in the folder that was moved aside.
type salvage struct {
	Reason   string             `json:"reason"`
	Tries    int                `json:"tries"`
	Done     bool               `json:"done"`
	Failed   string             `json:"failed,omitempty"` // why the last try ended, if it did not end with the box
	Salvaged hotspotdb.Salvaged `json:"salvaged"`
	Database string             `json:"database,omitempty"` // the one that took it over
}

// setAside moves the damaged database out of the way, durably.
func (b *box) setAside(reason error) error {
	kept, err := b.damagedFolders()
	if err != nil {
		return err
	}
	if len(kept) >= maxDamaged {
		return fmt.Errorf("%d damaged databases are kept already, remove one of %s", len(kept), strings.Join(kept, ", "))
	}
	name := damagedPrefix + time.Now().UTC().Format(quarantineTime)
	for n := 2; slices.Contains(kept, name); n++ { // a clock that does not move
		name = fmt.Sprintf("%s%s-%d", damagedPrefix, time.Now().UTC().Format(quarantineTime), n)
	}
	if err := os.Rename(b.path(hotspotDir), b.path(name)); err != nil {
		return fmt.Errorf("move the damaged hotspot database aside: %w", err)
	}
	if err := syncDir(b.dir); err != nil {
		return fmt.Errorf("move the damaged hotspot database aside: %w", err)
	}
	b.log.Error("the hotspot database is damaged: it is moved aside and a fresh one is begun", "kept", name, "err", reason)
	return b.writeSalvage(name, salvage{Reason: reason.Error()})
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// damagedFolders are the databases that were moved aside, the oldest first.
func (b *box) damagedFolders() ([]string, error) {
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		return nil, fmt.Errorf("look for damaged databases: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), damagedPrefix) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// readBack merges what can be read of databases that were moved aside, if that was not done yet, and keeps what there is to
// say about all of them.
func (b *box) readBack(ctx context.Context) {
	names, err := b.damagedFolders()
	if err != nil {
		b.log.Error("cannot look for damaged hotspot databases", "err", err)
		return
	}
	for _, name := range names {
		s, err := b.readSalvage(name)
		if err == nil && !s.Done && s.Tries < salvageTries {
			s, err = b.salvageFrom(ctx, name, s)
		}
		if err != nil {
			b.log.Error("cannot read back a damaged hotspot database", "kept", name, "err", err)
		}
		b.damage = append(b.damage, s.notice(name))
	}
}

// salvageFrom counts the try before it begins, because the box may not live to its end.
func (b *box) salvageFrom(ctx context.Context, name string, s salvage) (salvage, error) {
	s.Tries++
	if err := b.writeSalvage(name, s); err != nil {
		return s, err
	}
	got, err := b.db.Salvage(ctx, b.path(name))
	for _, file := range b.missingFiles(name, s.Reason) {
		got.Broken, got.Uncounted = append(got.Broken, "file "+file+": it is missing"), true
	}
	s.Salvaged, s.Database = got, b.db.ID().String()
	if s.Done = err == nil; err != nil {
		s.Failed, s.Tries = err.Error(), s.Tries-1
	}
	b.log.Error("what could be read of the damaged hotspot database is in the fresh one", "kept", name, "records", got.Records,
		"stored", got.Stored, "unreadable", got.Unreadable, "missing", got.Missing, "files", got.Broken, "advice", recoverAdvice, "err", err)
	return s, errors.Join(err, b.writeSalvage(name, s))
}

// notice is what an operator is told at each login while the folder is there.
func (s salvage) notice(name string) string {
	text := fmt.Sprintf("the hotspot database was damaged and is kept in %s: ", name)
	switch {
	case s.Done:
		text += fmt.Sprintf("%d records of it are here again, %s", s.Salvaged.Stored, s.gone())
	case s.Failed != "":
		text += "it could not be read back: " + s.Failed
	default:
		text += "it could not be read back"
	}
	return text + "; " + recoverAdvice + ". When nothing is missing any more: clear hotspot damaged"
}

// ClearDamaged removes the damaged databases that are kept, and with them what was to be said of them.
func (b *box) ClearDamaged() ([]string, error) {
	names, err := b.damagedFolders()
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		if err := os.RemoveAll(b.path(name)); err != nil {
			return names[:i], fmt.Errorf("remove %s: %w", name, err)
		}
	}
	if len(names) > 0 {
		b.damageMu.Lock()
		b.damage = nil
		b.damageMu.Unlock()
	}
	return names, nil
}

// checkDatabase compares the database with the one of the last start: a folder that has vanished must not go unnoticed.
func (b *box) checkDatabase() {
	const key = "database"
	state, id := b.store.State("hotspot"), b.db.ID().String()
	last, found, err := state.Get(key)
	if err != nil {
		b.log.Error("cannot tell whether this is the hotspot database of the last start", "err", err)
		return
	}
	if found && string(last) == id {
		return
	}
	if found && !b.tookOver(id) {
		b.log.Error("the hotspot database is another one than at the last start", "database", id, "last", string(last))
		b.damage = append(b.damage, "the hotspot database is another one than at the last start, whose data is not here: "+recoverAdvice)
	}
	if err := state.Put(key, []byte(id)); err != nil {
		b.log.Error("cannot remember which hotspot database is here", "err", err)
	}
}

// tookOver says whether a database was begun in place of a damaged one.
func (b *box) tookOver(id string) bool {
	names, err := b.damagedFolders()
	if err != nil {
		return false
	}
	return slices.ContainsFunc(names, func(name string) bool {
		s, err := b.readSalvage(name)
		return err == nil && s.Database == id
	})
}

// storageNotices are what an operator must know of the hotspot database, a line each.
func (b *box) storageNotices() []string {
	b.damageMu.Lock()
	notes := slices.Clone(b.damage)
	b.damageMu.Unlock()
	if b.db == nil {
		return notes
	}
	if loss := b.db.Lost(); loss.Changes > 0 {
		notes = append(notes, fmt.Sprintf("the hotspot database has lost changes: %v; %s", loss, recoverAdvice))
	}
	if err := b.db.Damage(); err != nil {
		notes = append(notes, fmt.Sprintf("%v; type reload: the next start moves it aside and reads back what it can", err))
	}
	return notes
}

// gone words what could not be read back. A write may be one that a later one has replaced.
func (s salvage) gone() string {
	switch n := s.Salvaged.Unreadable + int(s.Salvaged.Missing); {
	case s.Salvaged.Uncounted && n > 0:
		return fmt.Sprintf("%d writes and an unknown number more could not be", n)
	case s.Salvaged.Uncounted:
		return "an unknown number could not be"
	case n > 0:
		return fmt.Sprintf("up to %d could not be", n)
	}
	return "which is everything that its files held"
}

// missingFiles are those that the storage engine names and that are not there.
func (b *box) missingFiles(name, reason string) (missing []string) {
	for _, match := range fileNumber.FindAllStringSubmatch(reason, -1) {
		number := match[1]
		found, err := filepath.Glob(filepath.Join(b.path(name), "*"+number+"*"))
		if err == nil && len(found) == 0 && !slices.Contains(missing, number) {
			missing = append(missing, number)
		}
	}
	return missing
}

// fileNumber is how the storage engine names a table or log in what it says.
var fileNumber = regexp.MustCompile(`\bfile (\d{6,})\b`)

func (b *box) readSalvage(name string) (s salvage, err error) {
	raw, err := os.ReadFile(filepath.Join(b.path(name), salvageReport))
	if errors.Is(err, fs.ErrNotExist) { // the box ended between moving and writing
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &s)
	}
	if err != nil {
		return s, fmt.Errorf("read %s of %s: %w", salvageReport, name, err)
	}
	return s, nil
}

func (b *box) writeSalvage(name string, s salvage) error {
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(b.path(name))
	if err != nil {
		return fmt.Errorf("write %s of %s: %w", salvageReport, name, err)
	}
	file, err := createIn(root, salvageReport)
	if err != nil {
		return errors.Join(fmt.Errorf("write %s of %s: %w", salvageReport, name, err), root.Close())
	}
	if _, err := file.Write(raw); err != nil {
		return errors.Join(fmt.Errorf("write %s of %s: %w", salvageReport, name, err), file.Abort())
	}
	return file.Commit()
}
