package hotspotdb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"mbox/proto/hotspotpb"
)

// A person is erased by a record that says so: kind E or X and the account's id, in each dataset that can hold something about
// the person, so that each is told whichever of them a box replicates. It is never deleted. Where it arrives, and
// ever after, nothing of the account is stored, and what is there is removed without a trace: docs/adr/0007.
//
// Who may write users may erase everything about an account; one who may only write another dataset, only what is in that.

// erasedIn says in which datasets an account was erased.
type erasedIn uint8

// erasures counts the erasures among the records of a dataset. It needs db.mu.
func (x *index) erasures(ds Dataset) (n int) {
	for _, in := range x.erased {
		if in&erasedFrom(ds) != 0 {
			n++
		}
	}
	return n
}

func erasedFrom(ds Dataset) erasedIn { return 1 << ds }

// covers says whether nothing of the account may be in a dataset.
func (e erasedIn) covers(ds Dataset) bool { return e&(erasedFrom(Users)|erasedFrom(ds)) != 0 }

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
	Purchases int    `json:"purchases"`
	Uses      int    `json:"uses"`     // of vouchers; that there was one still counts
	Audit     int    `json:"audit"`    // entries
	Attempts  int    `json:"attempts"` // to log in
}

// erasureDatasets have records about a person.
var erasureDatasets = []Dataset{Users, Sessions, Sticky, Vouchers, Audit}

// Erase erases an account, or the use of a voucher, for good, whether it still exists or not. It returns once nothing of it is
// left here; other boxes follow as they hear of it.
func (db *DB) Erase(ctx context.Context, account uint64) (Erasure, error) {
	return db.EraseBy(ctx, account, Author{Via: "box"})
}

// EraseBy is Erase, and says who asked for it. The audit entry has the id and nothing else of the person.
func (db *DB) EraseBy(ctx context.Context, account uint64, a Author) (Erasure, error) {
	db.upkeep.mu.Lock() // before the commit, which wakes who would otherwise sweep and not tell us what there was
	defer db.upkeep.mu.Unlock()
	var now Erasure
	var all []uint64
	err := db.Update(ctx, func(tx *Tx) (err error) {
		tx.By(a)
		now, all, err = tx.erasePerson(account)
		return err
	})
	unconfirmed := errors.Is(err, ErrUnconfirmed)
	if err != nil && !unconfirmed {
		return Erasure{}, fmt.Errorf("erase account %d: %w", account, err)
	}
	db.upkeep.unswept.Store(true)
	removed, sweepErr := db.sweep(ctx)
	e := now
	for _, id := range all {
		e.add(removed[id])
	}
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
	return db.index.erased[account].covers(Users)
}

// erased says whether a change is about an account that was erased.
func (db *DB) erased(c *Change) bool {
	account, ds := accountOf(c)
	db.mu.RLock()
	defer db.mu.RUnlock()
	if c.Key[0] == KindAudit && len(db.index.erased) > 0 {
		return namesErased(c.Body, func(account uint64) bool { return db.index.erased[account].covers(Audit) })
	}
	return account != 0 && db.index.erased[account].covers(ds)
}

// ErasedCount is how many accounts were erased.
func (db *DB) ErasedCount() int {
	db.mu.RLock()
	defer db.mu.RUnlock()
	n := 0
	for _, in := range db.index.erased {
		if in.covers(Users) {
			n++
		}
	}
	return n
}

// PastAccounts finds the accounts that are gone, and the uses of vouchers, that had a username when they were used: from sessions,
// bindings, purchases, uses, audit entries and login attempts, which it reads all.
func (db *DB) PastAccounts(ctx context.Context, username string) ([]uint64, error) {
	view := db.View()
	defer view.Close()
	past := map[uint64]bool{}
	for _, in := range []struct {
		ds       Dataset
		kind     byte
		username protowire.Number
	}{
		{Sessions, KindSegment, 4}, {Sticky, KindSticky, 2}, {Users, KindPurchase, 2}, {Vouchers, KindUse, fieldUseCode},
		{Audit, KindAttempt, 2},
	} {
		err := view.scanLive(ctx, in.ds, in.kind, func(c *Change) error {
			if account, _ := accountOf(c); account != 0 && string(lastBytes(c.Body, in.username)) == username {
				past[account] = true
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("look for past accounts: %w", err)
		}
	}
	err := view.scanLive(ctx, Audit, KindAudit, func(c *Change) error {
		eachEntry(c.Body, func(_ int, entry []byte) bool {
			if account := lastVarint(entry, fieldEntryAccount); account != 0 && string(lastBytes(entry, fieldEntryName)) == username {
				past[account] = true
			}
			return true
		})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for past accounts: %w", err)
	}
	for account := range past {
		switch err := readMessage(db, Users, AccessKey(account), &hotspotpb.Access{}); {
		case err == nil:
			delete(past, account) // has another name now
		case !errors.Is(err, ErrNotFound):
			return nil, err
		}
	}
	return slices.Sorted(maps.Keys(past)), nil
}

// erasePerson erases an account or a use, and says which ones that were in all.
func (tx *Tx) erasePerson(account uint64) (e Erasure, all []uint64, err error) {
	if account == 0 {
		return e, nil, fmt.Errorf("%w account 0", ErrInvalid)
	}
	again, err := tx.eraseAgain(account)
	if err != nil {
		return e, nil, err
	}
	all = append(again, account)
	for _, id := range all {
		one, err := tx.erase(id)
		if err != nil {
			return e, nil, err
		}
		e.add(one)
	}
	return e, all, tx.record("", "user", strconv.FormatUint(account, 10), 0, "erased", noFields)
}

// add sums up what was removed.
func (e *Erasure) add(o Erasure) {
	e.Sessions, e.Usage, e.Sticky = e.Sessions+o.Sessions, e.Usage+o.Usage, e.Sticky+o.Sticky
	e.Conflicts, e.SetAside, e.Purchases = e.Conflicts+o.Conflicts, e.SetAside+o.SetAside, e.Purchases+o.Purchases
	e.Uses, e.Audit, e.Attempts = e.Uses+o.Uses, e.Audit+o.Audit, e.Attempts+o.Attempts
}

func (tx *Tx) erase(account uint64) (e Erasure, err error) {
	e.Purchases = len(tx.purchases(account))
	if _, err := readUse(tx, account); err == nil {
		e.Uses = 1
	}
	if err := tx.removeUse(account); err != nil {
		return e, err
	}
	for _, ds := range erasureDatasets {
		key := erasureKey(ds, account)
		if _, _, found := tx.find(ds, tx.db.hasher.key(key)); found {
			continue
		}
		if err := tx.Put(ds, key, nil); err != nil {
			return e, err
		}
	}
	return e, tx.removeAccount(account)
}

// removeAccount removes both parts of an account and its purchases.
func (tx *Tx) removeAccount(account uint64) error {
	keys := [][]byte{AccessKey(account), SelfKey(account)}
	for _, one := range tx.purchases(account) {
		keys = append(keys, PurchaseKey(one.id))
	}
	for _, key := range keys {
		if err := tx.removeKey(Users, key); err != nil {
			return err
		}
	}
	return nil
}

// removeKey removes a record, if it is there, without a trace.
func (tx *Tx) removeKey(ds Dataset, key []byte) error {
	r, op, found := tx.find(ds, tx.db.hasher.key(key))
	if !found {
		return nil
	}
	return tx.removeFound(ds, r, op)
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

// accountOf is the account that a change is about, and the dataset of such changes; 0 if it is about none, or does not say. A sheet
// of audit entries may be about several, see namesErased.
func accountOf(c *Change) (account uint64, ds Dataset) {
	switch kind := c.Key[0]; {
	case kind == KindSegment:
		account, ds = lastVarint(c.Body, fieldAccount), Sessions
	case kind == KindSticky:
		account, ds = lastVarint(c.Body, fieldAccount), Sticky
	case kind == KindPurchase:
		account, ds = lastVarint(c.Body, fieldBuyer), Users
	case kind == KindAttempt:
		account, ds = lastVarint(c.Body, fieldAccount), Audit
	case len(c.Key) < 9: // a peer may send anything
	case kind == KindAccess, kind == KindSelf:
		account, ds = keyID(c.Key), Users
	case kind == KindUsage:
		account, ds = keyID(c.Key), Sessions
	case kind == KindUse:
		account, ds = keyID(c.Key), Vouchers
	}
	return account, ds
}

const fieldAccount = 3 // of hotspotpb.Segment, hotspotpb.Sticky and hotspotpb.Attempt

// erased says whether a change is about an account that was erased.
func (tx *Tx) erased(c *Change) bool {
	if len(tx.db.index.erased) == 0 && len(tx.g.erased) == 0 {
		return false
	}
	if c.Key[0] == KindAudit {
		return namesErased(c.Body, func(account uint64) bool { return tx.isErased(account, Audit) })
	}
	account, ds := accountOf(c)
	return account != 0 && tx.isErased(account, ds)
}

// isErased says whether nothing of an account may be in a dataset.
func (tx *Tx) isErased(account uint64, ds Dataset) bool {
	return (tx.db.index.erased[account] | tx.g.erased[account]).covers(ds)
}

// stageErasure makes the rest of the group know of an erasure.
func (g *group) stageErasure(ds Dataset, account uint64) {
	before := g.erased[account]
	if g.erased == nil {
		g.erased = map[uint64]erasedIn{}
	}
	g.erased[account] = before | erasedFrom(ds)
	g.undo = append(g.undo, func() { g.erased[account] = before })
}
