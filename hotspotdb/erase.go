package hotspotdb

import (
	"context"
	"errors"
	"fmt"
)

// A person is erased by a record that says so: kind E and the account's id, in each dataset that can hold something about
// the person, so that each is told whichever of them a box replicates. It is never deleted. Where it arrives, and
// ever after, nothing of the account is stored, and what is there is removed without a trace: docs/adr/0007.

// ErrErased refuses to write something about an account that was erased.
var ErrErased = errors.New("the account was erased")

// Erasure says what was removed with an account.
type Erasure struct {
	Account   uint64 `json:"account"`
	Sessions  int    `json:"sessions"` // segments
	Usage     int    `json:"usage"`    // records
	Sticky    int    `json:"sticky"`
	Conflicts int    `json:"conflicts"` // entries of the conflict list
	SetAside  int    `json:"set_aside"`
}

// erasureDatasets have records about a person.
var erasureDatasets = []Dataset{Users, Sessions, Sticky}

// Erase erases an account for good, whether it still exists or not. It returns once nothing of it is left here; other
// boxes follow as they hear of it.
func (db *DB) Erase(ctx context.Context, account uint64) (Erasure, error) {
	err := db.Update(ctx, func(tx *Tx) error { return tx.erase(account) })
	unconfirmed := errors.Is(err, ErrUnconfirmed)
	if err != nil && !unconfirmed {
		return Erasure{}, fmt.Errorf("erase account %d: %w", account, err)
	}
	db.upkeep.mu.Lock()
	defer db.upkeep.mu.Unlock()
	db.upkeep.unswept.Store(true)
	removed, sweepErr := db.sweep(ctx)
	e := removed[account]
	e.Account = account
	if err = errors.Join(err, sweepErr); err != nil {
		return e, fmt.Errorf("erase account %d: %w", account, err)
	}
	return e, nil
}

// Erased says whether an account was erased.
func (db *DB) Erased(account uint64) bool {
	db.mu.RLock()
	defer db.mu.RUnlock()
	_, erased := db.index.erased[account]
	return erased
}

func (tx *Tx) erase(account uint64) error {
	if account == 0 {
		return fmt.Errorf("%w account 0", ErrInvalid)
	}
	for _, ds := range erasureDatasets {
		if _, _, found := tx.find(ds, tx.db.hasher.key(ErasureKey(account))); found {
			continue
		}
		if err := tx.Put(ds, ErasureKey(account), nil); err != nil {
			return err
		}
	}
	return tx.removeAccount(account)
}

// removeAccount removes both parts of an account.
func (tx *Tx) removeAccount(account uint64) error {
	for _, key := range [][]byte{AccessKey(account), SelfKey(account)} {
		r, op, found := tx.find(Users, tx.db.hasher.key(key))
		if !found {
			continue
		}
		if err := tx.removeFound(Users, r, op); err != nil {
			return err
		}
	}
	return nil
}

// removeFound is remove for a record whose traits are not known.
func (tx *Tx) removeFound(ds Dataset, r record, op int32) error {
	raw, err := tx.load(ds, r, op)
	if err != nil {
		return err
	}
	var c Change
	if err := c.decode(raw); err != nil {
		return fmt.Errorf("%w: %s entry %d: %v", ErrDamaged, ds, r.seq, err)
	}
	return tx.remove(ds, r, tx.db.index.traitsOf(&c))
}

// accountOf is the account that a change is about; false if it is about none, or does not say.
func accountOf(c *Change) (account uint64, personal bool) {
	switch c.Key[0] {
	case KindAccess, KindSelf, KindUsage:
		if len(c.Key) >= 9 {
			account = keyID(c.Key)
		}
	case KindSegment, KindSticky:
		account = lastVarint(c.Body, fieldAccount)
	}
	return account, account != 0
}

const fieldAccount = 3 // of hotspotpb.Segment and hotspotpb.Sticky

// erased says whether a change is about an account that was erased.
func (tx *Tx) erased(c *Change) bool {
	if len(tx.db.index.erased) == 0 && len(tx.g.erased) == 0 {
		return false
	}
	account, personal := accountOf(c)
	if !personal {
		return false
	}
	_, before := tx.db.index.erased[account]
	_, staged := tx.g.erased[account]
	return before || staged
}

// stageErasure makes the rest of the group know of an erasure.
func (g *group) stageErasure(account uint64) {
	if _, known := g.erased[account]; known {
		return
	}
	if g.erased == nil {
		g.erased = map[uint64]struct{}{}
	}
	g.erased[account] = struct{}{}
	g.undo = append(g.undo, func() { delete(g.erased, account) })
}
