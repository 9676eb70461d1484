package hotspotdb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// sweep removes what is left of erased accounts, if somebody was erased since the last time, and says what that was of
// whom. It needs upkeep.mu. After a start it runs once more: it may have been cut off, and a backup may have been restored.
func (db *DB) sweep(ctx context.Context) (map[uint64]Erasure, error) {
	if !db.upkeep.unswept.Swap(false) {
		return nil, nil
	}
	s := sweeper{gatherer: db.gatherer(ctx), removed: map[uint64]Erasure{}}
	db.mu.RLock()
	s.erased = maps.Clone(db.index.erased)
	db.mu.RUnlock()
	err := s.run()
	if s.gatherer.removed > 0 {
		db.opts.Log.Info("removed what was left of erased accounts", "records", s.gatherer.removed)
	}
	if err != nil {
		db.upkeep.unswept.Store(true)
		return s.removed, fmt.Errorf("remove what is left of erased accounts: %w", err)
	}
	return s.removed, nil
}

type sweeper struct {
	*gatherer
	erased  map[uint64]erasedIn
	removed map[uint64]Erasure
}

func (s *sweeper) run() error {
	if len(s.erased) == 0 {
		return nil
	}
	for _, step := range []func() error{s.accounts, s.records, s.asides, s.conflicts} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// accounts removes accounts and uses that were there before their erasure, which a version that did not know of it has stored.
func (s *sweeper) accounts() error {
	for ids := range slices.Chunk(slices.Collect(maps.Keys(s.erased)), removeChunk) {
		err := s.db.UpdateHere(s.ctx, func(tx *Tx) error {
			for _, id := range ids {
				if s.erased[id].covers(Users) {
					if err := tx.removeAccount(id); err != nil {
						return err
					}
				}
				if s.erased[id].covers(Vouchers) {
					if err := tx.removeUse(id); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// records removes sessions, usage, bindings, audit entries and login attempts.
func (s *sweeper) records() error {
	view := s.db.View()
	defer view.Close()
	var sheets []uint64
	for _, ds := range []Dataset{Sessions, Sticky, Audit} {
		err := view.Scan(ds, 0, view.Seq, func(e Entry) (bool, error) {
			var c Change
			if err := c.decode(e.Change); err != nil {
				return false, err
			}
			if c.Key[0] == KindAudit && namesErased(c.Body, func(account uint64) bool { return s.erased[account].covers(Audit) }) {
				sheets = append(sheets, e.Seq)
				return true, s.ctx.Err()
			}
			account, found := s.about(&c)
			if !found {
				return true, s.ctx.Err()
			}
			s.count(account, c.Key[0])
			return true, s.add(ds, e.Seq, &c, false)
		})
		if err != nil {
			return err
		}
	}
	return errors.Join(s.flush(), s.sheets(sheets))
}

// sheetChunk bounds how many sheets one transaction cuts up, so that writers need not wait for long.
const sheetChunk = 20

// sheets takes audit entries off their sheets.
func (s *sweeper) sheets(seqs []uint64) error {
	for chunk := range slices.Chunk(seqs, sheetChunk) {
		gone := map[uint64]int{}
		if err := s.db.UpdateHere(s.ctx, func(tx *Tx) error { return tx.cutSheets(chunk, gone) }); err != nil {
			return err
		}
		for account, n := range gone {
			e := s.removed[account]
			e.Audit += n
			s.removed[account] = e
		}
		s.gatherer.removed += len(chunk)
	}
	return nil
}

// about says which erased account a change is about.
func (s *sweeper) about(c *Change) (account uint64, found bool) {
	account, ds := accountOf(c)
	return account, account != 0 && s.erased[account].covers(ds)
}

func (s *sweeper) count(account uint64, kind byte) {
	e := s.removed[account]
	switch kind {
	case KindSegment:
		e.Sessions++
	case KindUsage:
		e.Usage++
	case KindSticky:
		e.Sticky++
	case KindAttempt:
		e.Attempts++
	}
	s.removed[account] = e
}

// asides removes what waits for its time: there are at most maxAsides, and mostly none.
func (s *sweeper) asides() error {
	if s.db.SetAsideCount() == 0 {
		return nil
	}
	return s.db.UpdateHere(s.ctx, func(tx *Tx) error {
		return scanPrefix(tx.db.engn, []byte{tagAside}, func(key, value []byte) error {
			ds, number, _, raw, err := parseAside(key, value)
			if err != nil {
				return err
			}
			var c Change
			if err := c.decode(raw); err != nil {
				return err
			}
			account, found := s.about(&c)
			id := recordID{ds, tx.db.hasher.key(c.Key)}
			if !found || tx.db.asides[id].number != number {
				return nil
			}
			e := s.removed[account]
			e.SetAside++
			s.removed[account] = e
			tx.putAside(id, nil)
			return tx.batch.Delete(key, nil)
		})
	})
}

// conflicts takes versions of the accounts off the conflict list.
func (s *sweeper) conflicts() error {
	if s.db.ConflictCount() == 0 {
		return nil
	}
	return s.db.UpdateHere(s.ctx, func(tx *Tx) error {
		var numbers []uint64
		err := scanPrefix(tx.db.engn, []byte{tagConflict}, func(key, value []byte) error {
			c, err := parseConflict(key, value)
			if err != nil {
				return err
			}
			for _, version := range []*Change{&c.Winner, &c.Loser} {
				if account, found := s.about(version); found {
					e := s.removed[account]
					e.Conflicts++
					s.removed[account] = e
					numbers = append(numbers, keyID(key))
					break
				}
			}
			return nil
		})
		if err != nil || len(numbers) == 0 {
			return err
		}
		return tx.forgetConflicts(numbers)
	})
}
