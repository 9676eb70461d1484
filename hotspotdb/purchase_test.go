package hotspotdb

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"mbox/proto/hotspotpb"
)

func buy(t testing.TB, db *DB, p Purchase) (bought Purchase, err error) {
	t.Helper()
	err = db.Update(ctxOf(t), func(tx *Tx) (err error) {
		bought, err = tx.AddPurchase(p)
		return err
	})
	return bought, err
}

func wantBought(t testing.TB, db *DB, account, octets, seconds uint64) {
	t.Helper()
	if o, s := db.Purchased(account); o != octets || s != seconds {
		t.Errorf("bought %d octets and %d s, expected %d and %d", o, s, octets, seconds)
	}
}

func TestPurchases(t *testing.T) {
	clock := newFakeClock()
	o := memOptions(vfs.NewMem())
	o.Now = clock.Now
	db := mustOpen(t, o)
	anna := addAccount(t, db, Account{Username: "anna"}, "secret")
	bea := addAccount(t, db, Account{Username: "bea"}, "secret")
	first, err := buy(t, db, Purchase{Username: "anna", Octets: 1000, By: "bob", Note: "cash"})
	must(t, err)
	if first.ID == 0 || first.Account != anna.ID || !first.At.Equal(clock.Now()) {
		t.Errorf("%+v", first)
	}
	clock.Add(time.Hour)
	_, err = buy(t, db, Purchase{Account: anna.ID, Octets: 500, Seconds: 60})
	must(t, err)
	_, err = buy(t, db, Purchase{Account: bea.ID, Seconds: 7})
	must(t, err)
	wantBought(t, db, anna.ID, 1500, 60)
	wantBought(t, db, bea.ID, 0, 7)
	wantBought(t, db, 99, 0, 0)
	for i, c := range []struct {
		f    PurchaseFilter
		want int
	}{
		{PurchaseFilter{}, 3}, {PurchaseFilter{Account: anna.ID}, 2}, {PurchaseFilter{Username: "bea"}, 1}, {PurchaseFilter{Limit: 2}, 2},
		{PurchaseFilter{Account: anna.ID, Until: clock.Now()}, 1}, {PurchaseFilter{Since: clock.Now()}, 2}, {PurchaseFilter{Account: 99}, 0},
	} {
		list, err := db.Purchases(t.Context(), c.f)
		if err != nil || len(list) != c.want {
			t.Errorf("filter %d: %d purchases, %v", i, len(list), err)
		}
	}
	list, err := db.Purchases(t.Context(), PurchaseFilter{Account: anna.ID})
	must(t, err)
	if list[1] != first {
		t.Errorf("read as %+v, written as %+v", list[1], first)
	}
	must(t, db.Update(t.Context(), func(tx *Tx) error { return tx.DeleteAccount("anna", "bob") }))
	wantBought(t, db, anna.ID, 1500, 60) // what was paid for stays in the books
	checkIndex(t, db)
	must(t, db.Close())
	db = mustOpen(t, o)
	wantBought(t, db, anna.ID, 1500, 60)
	if ids, err := db.PastAccounts(t.Context(), "anna"); err != nil || len(ids) != 1 || ids[0] != anna.ID {
		t.Errorf("to be erased: %v, %v", ids, err)
	}
}

func TestBadPurchases(t *testing.T) {
	db := openMem(t)
	addAccount(t, db, Account{Username: "anna"}, "secret")
	for name, c := range map[string]struct {
		p    Purchase
		want error
	}{
		"nothing":           {Purchase{Username: "anna"}, ErrInvalid},
		"too much":          {Purchase{Username: "anna", Octets: 1 << 53}, ErrInvalid},
		"a negative number": {Purchase{Username: "anna", Seconds: math.MaxUint64}, ErrInvalid},
		"nobody":            {Purchase{Octets: 1}, ErrNotFound},
		"a stranger":        {Purchase{Username: "bea", Octets: 1}, ErrNotFound},
		"an unknown id":     {Purchase{Account: 99, Octets: 1}, ErrNotFound},
		"a note of lines":   {Purchase{Username: "anna", Octets: 1, Note: "a\nb"}, ErrInvalid},
	} {
		if _, err := buy(t, db, c.p); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, err := db.Purchases(t.Context(), PurchaseFilter{}); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

// TestPurchasesOfAVoucher: whoever came with a voucher may buy more.
func TestPurchasesOfAVoucher(t *testing.T) {
	db := openMem(t)
	addBatch(t, db, VoucherBatch{Name: "day", Profile: "guest"}, "AAAA1111")
	u, _, err := redeem(t, db, "AAAA1111", phone)
	must(t, err)
	p, err := buy(t, db, Purchase{Account: u.ID, Octets: 10})
	if err != nil || p.Username != "AAAA1111" {
		t.Errorf("%+v, %v", p, err)
	}
	wantBought(t, db, u.ID, 10, 0)
}

// TestPurchasedCountsWhatIsStaged: a transaction sees what it has bought, and nothing of one that failed.
func TestPurchasedCountsWhatIsStaged(t *testing.T) {
	db := openMem(t)
	anna := addAccount(t, db, Account{Username: "anna"}, "secret")
	failed := errors.New("failed")
	err := db.Update(t.Context(), func(tx *Tx) error {
		if _, err := tx.AddPurchase(Purchase{Account: anna.ID, Octets: 5}); err != nil {
			return err
		}
		if o, _ := tx.Purchased(anna.ID); o != 5 {
			t.Errorf("%d are staged", o)
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	must(t, db.Update(t.Context(), func(tx *Tx) error {
		if o, _ := tx.Purchased(anna.ID); o != 0 {
			t.Errorf("%d of a transaction that failed", o)
		}
		return nil
	}))
}

// TestPurchasedDoesNotWrap: whatever a peer sends, more never becomes less.
func TestPurchasedDoesNotWrap(t *testing.T) {
	db := openMem(t)
	for id := range uint64(3) {
		body, err := proto.Marshal(&hotspotpb.Purchase{Account: 7, Username: "u", Octets: math.MaxUint64 - 1, SessionTimeS: math.MaxUint64 - 1})
		must(t, err)
		applyOne(t, db, Users, AppendChange(nil, &Change{Key: PurchaseKey(id + 1), Stamp: Stamp{5, dbID(1)}, Body: body}))
	}
	wantBought(t, db, 7, math.MaxUint64, math.MaxUint64)
}

// TestPurchasesConverge: sums in memory are those of the records, on every box, in whatever order they hear of them.
func TestPurchasesConverge(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, rt, 3)
		defer w.close()
		const accounts = 2
		var all []Purchase
		for range rapid.IntRange(1, 15).Draw(rt, "steps") {
			i := rapid.IntRange(0, 2).Draw(rt, "box")
			w.clock.Add(time.Second)
			switch rapid.IntRange(0, 4).Draw(rt, "what") {
			case 0, 1:
				w.update(i, func(tx *Tx) error {
					p, err := tx.AddPurchase(Purchase{
						Account: rapid.Uint64Range(1, accounts).Draw(rt, "account"), Username: "u", Octets: rapid.Uint64Range(1, 9).Draw(rt, "octets"),
					})
					all = append(all, p)
					return err
				})
			case 2, 3:
				w.deliver(i, (i+1+rapid.IntRange(0, 1).Draw(rt, "to"))%3, Users, true)
			case 4:
				if len(all) > 0 {
					w.update(i, func(tx *Tx) error { return tx.Delete(Users, PurchaseKey(rapid.SampledFrom(all).Draw(rt, "gone").ID)) })
				}
			}
		}
		w.heal(Users)
		w.checkEqual(Users)
		for account := range uint64(accounts + 1) {
			want, _ := w.dbs[0].Purchased(account)
			for _, db := range w.dbs {
				if got, _ := db.Purchased(account); got != want {
					rt.Fatalf("account %d: %d and %d octets", account, got, want)
				}
			}
		}
		for _, db := range w.dbs {
			if err := db.Update(t.Context(), func(tx *Tx) error { return tx.db.compareIndex() }); err != nil {
				rt.Fatal(err)
			}
		}
	})
}

// TestOneOrderIsOnePurchase: an id that an order determines is taken once, and two boxes that both took the order, out of contact,
// have sold once when they meet.
func TestOneOrderIsOnePurchase(t *testing.T) {
	a, b := openMem(t), openMem(t)
	anna := addAccount(t, a, Account{Username: "anna"}, "secret")
	_, err := b.Apply(t.Context(), feedOf(t, a, Users, 0))
	must(t, err)
	order := Purchase{ID: 4711, Account: anna.ID, Octets: 1000, By: "crm"}
	for _, db := range []*DB{a, b} {
		sold, err := buy(t, db, order)
		must(t, err)
		if sold.ID != order.ID {
			t.Errorf("sold as %d", sold.ID)
		}
		if _, err := buy(t, db, order); !errors.Is(err, ErrExists) {
			t.Errorf("the same order again: %v", err)
		}
		must(t, db.Update(t.Context(), func(tx *Tx) error {
			if again, err := tx.Purchase(order.ID); err != nil || again != sold {
				t.Errorf("read as %+v, %v; sold was %+v", again, err, sold)
			}
			_, err := tx.Purchase(order.ID + 1)
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("one that is not there: %v", err)
			}
			return nil
		}))
	}
	_, err = b.Apply(t.Context(), feedOf(t, a, Users, 0))
	must(t, err)
	_, err = a.Apply(t.Context(), feedOf(t, b, Users, 0))
	must(t, err)
	for _, db := range []*DB{a, b} {
		wantBought(t, db, anna.ID, 1000, 0)
		if list, err := db.Purchases(t.Context(), PurchaseFilter{Account: anna.ID}); err != nil || len(list) != 1 {
			t.Errorf("%v, %v", list, err)
		}
		checkIndex(t, db)
	}
}
