package hotspotdb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"mbox/proto/hotspotpb"
)

// Purchase is quota that was bought for an account, or for the use of a voucher. It is never changed, and stays when the account
// is deleted, as what was paid for does in the books; an erasure of the account removes it.
type Purchase struct {
	ID       uint64    `json:"id"`
	Account  uint64    `json:"account"`
	Username string    `json:"username"` // when it was bought
	Octets   uint64    `json:"octets"`
	Seconds  uint64    `json:"seconds"` // of time online
	At       time.Time `json:"at"`
	By       string    `json:"by"`
	Note     string    `json:"note"`
}

// maxPurchase is the most octets or seconds of one purchase: a JSON number is exact up to there.
const maxPurchase = 1<<53 - 1

// AddPurchase stores a purchase and returns it with its id. Account must be set, or Username name an account; At defaults to now. The id
// is drawn unless it is given: one that the order itself determines makes the same order one purchase, however often it
// comes and to whichever boxes. ErrExists if it was used before.
func (tx *Tx) AddPurchase(p Purchase) (Purchase, error) {
	if err := tx.buyer(&p); err != nil {
		return Purchase{}, err
	}
	if p.At.IsZero() {
		p.At = tx.now
	}
	if err := p.check(); err != nil {
		return Purchase{}, err
	}
	if err := tx.numberPurchase(&p); err != nil {
		return Purchase{}, err
	}
	pb := &hotspotpb.Purchase{
		Account: p.Account, Username: p.Username, Octets: p.Octets, SessionTimeS: p.Seconds, AtUs: toMicros(p.At), By: p.By, Note: p.Note,
	}
	if err := tx.putMessage(Users, PurchaseKey(p.ID), pb); err != nil {
		return Purchase{}, fmt.Errorf("store a purchase of %s: %w", p.Username, err)
	}
	p.At = micros(pb.AtUs)
	return p, tx.record(p.By, "quota", p.Username, p.Account, "added", func() []AuditField {
		return appendTexts(appendNumber(appendNumber(nil, "octets", 0, p.Octets), "seconds", 0, p.Seconds), "note", "", p.Note)
	})
}

// numberPurchase draws an id, or makes sure that the given one is new.
func (tx *Tx) numberPurchase(p *Purchase) (err error) {
	if p.ID == 0 {
		p.ID, err = tx.newID(Users, PurchaseKey)
		return err
	}
	if _, _, found := tx.find(Users, tx.db.hasher.key(PurchaseKey(p.ID))); found {
		return fmt.Errorf("purchase %d: %w", p.ID, ErrExists)
	}
	return nil
}

// Purchase reads a purchase. ErrNotFound if there is none with the id, or it was erased with its account.
func (tx *Tx) Purchase(id uint64) (Purchase, error) {
	pb := &hotspotpb.Purchase{}
	if err := readMessage(tx, Users, PurchaseKey(id), pb); err != nil {
		return Purchase{}, fmt.Errorf("purchase %d: %w", id, err)
	}
	return purchaseOf(id, pb), nil
}

// buyer completes a purchase's account and username.
func (tx *Tx) buyer(p *Purchase) error {
	if p.Account == 0 {
		id, _, err := resolve(tx, p.Username)
		if err != nil {
			return err
		}
		p.Account = id
	}
	if p.Username != "" {
		return nil
	}
	parts, err := readParts(tx, p.Account, false)
	if err == nil {
		p.Username = parts.access.Username
		return nil
	}
	if u, useErr := readUse(tx, p.Account); useErr == nil {
		p.Username = u.Code
		return nil
	}
	return fmt.Errorf("account %d: %w", p.Account, err)
}

func (p *Purchase) check() error {
	switch {
	case p.Octets == 0 && p.Seconds == 0:
		return refuse("quota", "must be more than nothing")
	case p.Octets > maxPurchase:
		return refuse("octets", "must be at most %d", uint64(maxPurchase))
	case p.Seconds > maxPurchase:
		return refuse("seconds", "must be at most %d", uint64(maxPurchase))
	case p.At.Unix() < 0 || p.At.Year() > 9999:
		return refuse("at", "must lie between 1970 and 9999")
	}
	return errors.Join(CheckUsername(p.Username), checkText("by", p.By, 0, maxInfo), checkText("note", p.Note, 0, maxInfo))
}

// PurchaseFilter selects purchases. The zero filter selects all.
type PurchaseFilter struct {
	Account      uint64
	Username     string
	Since, Until time.Time // from the one up to, but not including, the other; zero: no limit
	Limit        int       // the newest so many; 0: no limit
}

// Purchases lists purchases, the newest first. Those of one account are found without reading the others.
func (db *DB) Purchases(ctx context.Context, f PurchaseFilter) ([]Purchase, error) {
	list := []Purchase{}
	take := func(p Purchase) {
		if f.Account != 0 && p.Account != f.Account || f.Username != "" && p.Username != f.Username || !within(p.At, f.Since, f.Until) {
			return
		}
		if list = append(list, p); f.Limit > 0 && len(list) >= 2*f.Limit+1024 {
			list = newestPurchases(list, f.Limit)
		}
	}
	var err error
	if f.Account != 0 {
		err = db.purchasesOf(ctx, f.Account, take)
	} else {
		view := db.View()
		defer view.Close()
		err = view.scanLive(ctx, Users, KindPurchase, func(c *Change) error {
			var pb hotspotpb.Purchase
			if err := unmarshal(c, &pb); err != nil {
				return err
			}
			take(purchaseOf(keyID(c.Key), &pb))
			return nil
		})
	}
	if err != nil {
		return nil, fmt.Errorf("list purchases: %w", err)
	}
	return newestPurchases(list, f.Limit), nil
}

func (db *DB) purchasesOf(ctx context.Context, account uint64, take func(Purchase)) error {
	db.mu.RLock()
	refs := slices.Clone(db.index.purchases.lists[account])
	db.mu.RUnlock()
	for _, one := range refs {
		pb := &hotspotpb.Purchase{}
		err := readMessage(db, Users, PurchaseKey(one.id), pb)
		if err == nil {
			take(purchaseOf(one.id, pb))
		} else if !errors.Is(err, ErrNotFound) {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

func newestPurchases(list []Purchase, limit int) []Purchase {
	slices.SortFunc(list, func(a, b Purchase) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.ID, b.ID)) })
	if limit > 0 && len(list) > limit {
		return list[:limit]
	}
	return list
}

func purchaseOf(id uint64, pb *hotspotpb.Purchase) Purchase {
	return Purchase{id, pb.Account, pb.Username, pb.Octets, pb.SessionTimeS, micros(pb.AtUs), pb.By, pb.Note}
}

// within says whether an instant lies in a time; a zero bound is none.
func within(at, since, until time.Time) bool {
	return (since.IsZero() || !at.Before(since)) && (until.IsZero() || at.Before(until))
}

// bought is what memory keeps of a purchase.
type bought struct{ octets, seconds uint64 }

type purchaseTrace struct {
	id, account uint64
	bought
	gone bool // a tombstone
}

func (t *purchaseTrace) put(x *index) {
	if t.gone {
		x.purchases.drop(t.id)
		return
	}
	x.purchases.put(t.id, t.account, t.bought)
}

func (t *purchaseTrace) remove(x *index) { x.purchases.drop(t.id) }

// Field numbers of hotspotpb.Purchase.
const (
	fieldBuyer         = protowire.Number(1)
	fieldBoughtOctets  = protowire.Number(3)
	fieldBoughtSeconds = protowire.Number(4)
)

func purchaseTraceOf(c *Change) *purchaseTrace {
	if c.Deleted {
		return &purchaseTrace{id: keyID(c.Key), gone: true}
	}
	return &purchaseTrace{
		id: keyID(c.Key), account: lastVarint(c.Body, fieldBuyer),
		bought: bought{lastVarint(c.Body, fieldBoughtOctets), lastVarint(c.Body, fieldBoughtSeconds)},
	}
}

// Buyer is the account for which an event says that something was bought; 0 if it says something else.
func (e *Event) Buyer() uint64 {
	var c Change
	if len(e.Key) != 9 || e.Key[0] != KindPurchase || e.Deleted || c.decode(e.Change) != nil {
		return 0
	}
	return purchaseTraceOf(&c).account
}

// Purchased sums what was ever bought for an account. It comes from memory.
func (db *DB) Purchased(account uint64) (octets, seconds uint64) {
	db.mu.RLock()
	defer db.mu.RUnlock()
	return sumBought(db.index.purchases.lists[account])
}

// Purchased sums what was ever bought for an account, with what is staged.
func (tx *Tx) Purchased(account uint64) (octets, seconds uint64) {
	return sumBought(tx.purchases(account))
}

func (tx *Tx) purchases(account uint64) []tied[bought] {
	list := slices.Clone(tx.db.index.purchases.lists[account])
	tx.staged(func(t trace, removed bool) {
		p, ok := t.(*purchaseTrace)
		if !ok {
			return
		}
		list = without(list, p.id)
		if !p.gone && !removed && p.account == account {
			list = append(list, tied[bought]{p.id, p.bought})
		}
	})
	return list
}

// sumBought stops at the greatest number.
func sumBought(list []tied[bought]) (octets, seconds uint64) {
	for _, one := range list {
		octets, seconds = saturate(octets, one.ref.octets), saturate(seconds, one.ref.seconds)
	}
	return octets, seconds
}

func saturate(a, b uint64) uint64 {
	sum, carry := bits.Add64(a, b, 0)
	return max(sum, -carry)
}
