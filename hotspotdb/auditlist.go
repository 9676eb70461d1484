package hotspotdb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"mbox/proto/hotspotpb"
)

// AuditFilter selects audit entries. The zero filter selects all.
type AuditFilter struct {
	Username     string // entries about the account that has the name, whatever it was called then, and about others by that name
	Author       string
	Since, Until time.Time // from the one up to, but not including, the other; zero: no limit
	Limit        int       // the newest so many; 0: no limit
}

// AuditEntries lists audit entries, the newest first. It reads the whole dataset, holding as few as the limit asks for.
func (db *DB) AuditEntries(ctx context.Context, f AuditFilter) ([]AuditEntry, error) {
	account, err := db.accountNamed(f.Username)
	if err != nil {
		return nil, fmt.Errorf("list audit entries: %w", err)
	}
	list := []AuditEntry{}
	view := db.View()
	defer view.Close()
	err = view.scanLive(ctx, Audit, KindAudit, func(c *Change) error {
		var sheet hotspotpb.AuditSheet
		if err := unmarshal(c, &sheet); err != nil {
			return err
		}
		for i, pb := range sheet.Entries {
			if f.selects(pb, account) {
				list = append(list, auditEntryOf(entryID(keyID(c.Key), i, len(sheet.Entries)), pb))
			}
		}
		if f.Limit > 0 && len(list) >= 2*f.Limit+1024 {
			list = newestEntries(list, f.Limit)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list audit entries: %w", err)
	}
	return newestEntries(list, f.Limit), nil
}

func (f *AuditFilter) selects(pb *hotspotpb.AuditEntry, account uint64) bool {
	about := f.Username == "" || pb.Name == f.Username || account != 0 && pb.Account == account
	return about && (f.Author == "" || pb.Author == f.Author) && within(micros(pb.AtUs), f.Since, f.Until)
}

// accountNamed is the id of the account that is known by a name; 0 if there is none.
func (db *DB) accountNamed(username string) (uint64, error) {
	if username == "" {
		return 0, nil
	}
	id, _, err := resolve(db, username)
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	return id, err
}

// newestEntries also drops what is there twice: while a sheet is cut on one box and not yet on another, both forms may be here.
func newestEntries(list []AuditEntry, limit int) []AuditEntry {
	slices.SortFunc(list, func(a, b AuditEntry) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.ID, b.ID)) })
	list = slices.CompactFunc(list, func(a, b AuditEntry) bool { return a.ID == b.ID })
	if limit > 0 && len(list) > limit {
		return list[:limit]
	}
	return list
}

func auditEntryOf(id uint64, pb *hotspotpb.AuditEntry) AuditEntry {
	e := AuditEntry{
		ID: id, At: micros(pb.AtUs), Author: Author{pb.Author, pb.From, pb.Via}, Object: pb.Object, Name: pb.Name,
		Account: pb.Account, Action: pb.Action, Fields: make([]AuditField, len(pb.Fields)),
	}
	copy(e.Box[:], pb.Box)
	for i, f := range pb.Fields {
		e.Fields[i] = AuditField{f.Name, f.Old, f.New}
	}
	return e
}
