package hotspotdb

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	phone  = "02-00-00-00-00-01"
	tablet = "02-00-00-00-00-02"
)

func clockedMem(t *testing.T) (*DB, *fakeClock) {
	clock := newFakeClock()
	o := memOptions(vfs.NewMem())
	o.Now = clock.Now
	return mustOpen(t, o), clock
}

func addBatch(t testing.TB, db *DB, b VoucherBatch, codes ...string) {
	t.Helper()
	must(t, db.Update(ctxOf(t), func(tx *Tx) error { return tx.AddBatch(b, codes, "admin") }))
}

func redeem(t testing.TB, db *DB, code, mac string) (u VoucherUse, fresh bool, err error) {
	t.Helper()
	err = db.Update(ctxOf(t), func(tx *Tx) (err error) {
		u, fresh, err = tx.Redeem(code, mac)
		return err
	})
	return u, fresh, err
}

func wantState(t testing.TB, db *DB, code string, uses int, state VoucherState) {
	t.Helper()
	v, _, err := db.Voucher(code)
	if err != nil || len(v.Uses) != uses || v.State != state {
		t.Errorf("%s: %d uses, %s (%v), expected %d, %s", code, len(v.Uses), v.State, err, uses, state)
	}
}

func TestVoucherLife(t *testing.T) {
	db, clock := clockedMem(t)
	addBatch(t, db, VoucherBatch{Name: "day", Profile: "guest", Validity: 24 * time.Hour, MaxUses: 2, Note: "front desk"}, "abcd-1234", "EFGH5678")
	wantState(t, db, "ABCD1234", 0, VoucherUnused)
	u, fresh, err := redeem(t, db, "ab cd-1234", "020000000001")
	must(t, err)
	if !fresh || u.ID == 0 || u.Code != "ABCD1234" || u.Batch != "day" || u.MAC != phone || u.Box != db.ID() ||
		!u.At.Equal(clock.Now()) || !u.Expires.Equal(clock.Now().Add(24*time.Hour)) {
		t.Fatalf("use %+v, fresh %v", u, fresh)
	}
	wantState(t, db, "ABCD1234", 1, VoucherUsed)
	clock.Add(time.Hour)
	if again, fresh, err := redeem(t, db, "ABCD1234", phone); err != nil || fresh || again != u {
		t.Errorf("the same device again: %+v, %v, %v", again, fresh, err)
	}
	if _, fresh, err := redeem(t, db, "ABCD1234", tablet); err != nil || !fresh {
		t.Errorf("another device: %v, %v", fresh, err)
	}
	wantState(t, db, "ABCD1234", 2, VoucherUsedUp)
	if _, _, err := redeem(t, db, "ABCD1234", "02-00-00-00-00-03"); !errors.Is(err, ErrVoucherUsedUp) {
		t.Errorf("a third device: %v", err)
	}
	clock.Add(23 * time.Hour)
	if _, _, err := redeem(t, db, "ABCD1234", phone); !errors.Is(err, ErrVoucherExpired) {
		t.Errorf("the first device after its time: %v", err)
	}
	if got, err := db.VoucherUse(u.ID); err != nil || got != u || !got.Ended(clock.Now()) {
		t.Errorf("use by its id: %+v, %v", got, err)
	}
	if n := db.Statistics().Vouchers; n != 2 {
		t.Errorf("%d vouchers", n)
	}
	checkIndex(t, db)
}

func TestVoucherIsRefused(t *testing.T) {
	db, clock := clockedMem(t)
	addBatch(t, db, VoucherBatch{Name: "once", Profile: "guest", Expires: clock.Now().Add(time.Hour)}, "AAAA1111", "BBBB2222", "CCCC3333")
	setVoucher := func(disabled bool) {
		must(t, db.Update(t.Context(), func(tx *Tx) error {
			return tx.SetVoucher("bbbb-2222", "admin", func(v *Voucher) error { v.Disabled = disabled; return nil })
		}))
	}
	setVoucher(true)
	wantState(t, db, "BBBB2222", 0, VoucherDisabled)
	if _, _, err := redeem(t, db, "BBBB2222", phone); !errors.Is(err, ErrVoucherDisabled) {
		t.Errorf("disabled: %v", err)
	}
	setVoucher(false)
	u, _, err := redeem(t, db, "BBBB2222", phone)
	must(t, err)
	if !u.Expires.Equal(clock.Now().Add(time.Hour)) {
		t.Errorf("a use without a validity of its own ends %s, its batch an hour from now", u.Expires)
	}
	for _, code := range []string{"", "ZZZZ9999", "AAAA11112", "AAAA\x001111", "AAAA1111'--"} {
		if _, _, err := redeem(t, db, code, phone); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", code, err)
		}
	}
	if _, _, err := redeem(t, db, "AAAA1111", "x"); !errors.Is(err, ErrInvalid) {
		t.Errorf("a device that is none: %v", err)
	}
	clock.Add(time.Hour)
	wantState(t, db, "AAAA1111", 0, VoucherExpired)
	if _, _, err := redeem(t, db, "AAAA1111", phone); !errors.Is(err, ErrVoucherExpired) {
		t.Errorf("after its batch: %v", err)
	}
	must(t, db.Update(t.Context(), func(tx *Tx) error {
		_, err := tx.EditBatch("once", "admin", func(b *VoucherBatch) error { b.Expires, b.Disabled = time.Time{}, true; return nil })
		return err
	}))
	if _, _, err := redeem(t, db, "AAAA1111", phone); !errors.Is(err, ErrVoucherDisabled) {
		t.Errorf("of a disabled batch: %v", err)
	}
}

// TestSingleUseWithoutDevice: of a voucher for one use a login without a device goes on with that use.
func TestSingleUseWithoutDevice(t *testing.T) {
	db, clock := clockedMem(t)
	addBatch(t, db, VoucherBatch{Name: "one", Profile: "guest", Validity: time.Hour}, "AAAA1111", "BBBB2222")
	addBatch(t, db, VoucherBatch{Name: "two", Profile: "guest", Validity: time.Hour, MaxUses: 2}, "CCCC3333")
	first, _, err := redeem(t, db, "AAAA1111", "")
	must(t, err)
	for _, mac := range []string{"", phone} {
		if u, fresh, err := redeem(t, db, "AAAA1111", mac); err != nil || fresh || u.ID != first.ID {
			t.Errorf("once more with %q: %+v, %v, %v", mac, u, fresh, err)
		}
	}
	bound, _, err := redeem(t, db, "BBBB2222", phone)
	must(t, err)
	if u, fresh, err := redeem(t, db, "BBBB2222", ""); err != nil || fresh || u.ID != bound.ID {
		t.Errorf("without the device: %+v, %v, %v", u, fresh, err)
	}
	if _, _, err := redeem(t, db, "BBBB2222", tablet); !errors.Is(err, ErrVoucherUsedUp) {
		t.Errorf("with another device: %v", err)
	}
	for range 2 {
		if _, fresh, err := redeem(t, db, "CCCC3333", ""); err != nil || !fresh {
			t.Errorf("of two uses: %v, %v", fresh, err)
		}
	}
	clock.Add(time.Hour)
	if _, _, err := redeem(t, db, "AAAA1111", ""); !errors.Is(err, ErrVoucherExpired) {
		t.Errorf("after its time: %v", err)
	}
}

// TestRedeemRace: of many who redeem the last use at once exactly one gets it, whether they share a group of commits or not.
func TestRedeemRace(t *testing.T) {
	const racers, uses = 100, 3
	for _, most := range []int{1, uses} {
		db := openMem(t)
		addBatch(t, db, VoucherBatch{Name: "race", Profile: "guest", Validity: time.Hour, MaxUses: uint32(most)}, "AAAA1111")
		start := make(chan struct{})
		results := make(chan error, racers)
		var wg sync.WaitGroup
		for i := range racers {
			wg.Go(func() {
				<-start
				_, fresh, err := redeem(t, db, "AAAA1111", fmt.Sprintf("02-00-00-00-01-%02x", i))
				if err == nil && !fresh {
					err = errors.New("got the use of another")
				}
				results <- err
			})
		}
		close(start)
		wg.Wait()
		close(results)
		won := 0
		for err := range results {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, ErrVoucherUsedUp):
				t.Errorf("refused: %v", err)
			}
		}
		if won != most {
			t.Errorf("%d of %d got one of %d uses", won, racers, most)
		}
		wantState(t, db, "AAAA1111", most, VoucherUsedUp)
		if list, err := db.Overused(); err != nil || len(list) != 0 {
			t.Errorf("overused %v, %v", list, err)
		}
		checkIndex(t, db)
	}
}

// TestRedeemInOneTransaction: uses count before they are stored, and not if their transaction fails.
func TestRedeemInOneTransaction(t *testing.T) {
	db := openMem(t)
	addBatch(t, db, VoucherBatch{Name: "b", Profile: "guest", MaxUses: 1}, "AAAA1111")
	failed := errors.New("failed")
	err := db.Update(t.Context(), func(tx *Tx) error {
		if _, fresh, err := tx.Redeem("AAAA1111", phone); err != nil || !fresh {
			t.Errorf("%v, %v", fresh, err)
		}
		if _, _, err := tx.Redeem("AAAA1111", tablet); !errors.Is(err, ErrVoucherUsedUp) {
			t.Errorf("the second in the same transaction: %v", err)
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	if _, fresh, err := redeem(t, db, "AAAA1111", tablet); err != nil || !fresh {
		t.Errorf("after a transaction that failed: %v, %v", fresh, err)
	}
}

func TestBatches(t *testing.T) {
	db := openMem(t)
	addBatch(t, db, VoucherBatch{Name: "b", Profile: "guest"}, "AAAA1111")
	for name, c := range map[string]struct {
		batch VoucherBatch
		codes []string
		want  error
	}{
		"the same name":          {VoucherBatch{Name: "b", Profile: "p"}, nil, ErrExists},
		"the same code":          {VoucherBatch{Name: "c", Profile: "p"}, []string{"aaaa-1111"}, ErrExists},
		"a code twice":           {VoucherBatch{Name: "c", Profile: "p"}, []string{"XXXX1111", "xxxx1111"}, ErrExists},
		"a short code":           {VoucherBatch{Name: "c", Profile: "p"}, []string{"A-1"}, ErrInvalid},
		"a code of other signs":  {VoucherBatch{Name: "c", Profile: "p"}, []string{"AAAA_1111"}, ErrInvalid},
		"a code with an umlaut":  {VoucherBatch{Name: "c", Profile: "p"}, []string{"AAÄA1111"}, ErrInvalid},
		"too many codes":         {VoucherBatch{Name: "c", Profile: "p"}, make([]string, MaxCodes+1), ErrInvalid},
		"no name":                {VoucherBatch{Profile: "p"}, nil, ErrInvalid},
		"no profile":             {VoucherBatch{Name: "c"}, nil, ErrInvalid},
		"a negative validity":    {VoucherBatch{Name: "c", Profile: "p", Validity: -time.Second}, nil, ErrInvalid},
		"a validity of a moment": {VoucherBatch{Name: "c", Profile: "p", Validity: time.Millisecond}, nil, ErrInvalid},
		"a note with a newline":  {VoucherBatch{Name: "c", Profile: "p", Note: "a\nb"}, nil, ErrInvalid},
	} {
		if err := db.Update(t.Context(), func(tx *Tx) error { return tx.AddBatch(c.batch, c.codes, "admin") }); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	b, err := db.Batch("b")
	if err != nil || b.Owner != db.ID() || b.MaxUses != 1 || b.CreatedBy != "admin" || b.Created.IsZero() {
		t.Errorf("%+v, %v", b, err)
	}
	if list, err := db.Batches(); err != nil || len(list) != 1 || db.Statistics().Vouchers != 1 {
		t.Errorf("%d batches, %d vouchers, %v", len(list), db.Statistics().Vouchers, err)
	}
	must(t, db.Update(t.Context(), func(tx *Tx) error { return tx.AddVouchers("b", []string{"BBBB2222", "CCCC3333"}, "admin") }))
	before := db.Head(Vouchers)
	must(t, db.Update(t.Context(), func(tx *Tx) error {
		_, err := tx.EditBatch("b", "admin", func(b *VoucherBatch) error { b.Name = "other"; return nil })
		return err
	}))
	if db.Head(Vouchers) != before {
		t.Error("an edit that changes nothing was stored")
	}
}

func TestListVouchers(t *testing.T) {
	db := openMem(t)
	addBatch(t, db, VoucherBatch{Name: "a", Profile: "guest"}, "AAAA1111", "AAAA3333", "AAAA2222")
	addBatch(t, db, VoucherBatch{Name: "b", Profile: "guest"}, "BBBB1111")
	if _, _, err := redeem(t, db, "AAAA2222", phone); err != nil {
		t.Fatal(err)
	}
	unused, usedUp := VoucherUnused, VoucherUsedUp
	for _, c := range []struct {
		f    VoucherFilter
		want string
	}{
		{VoucherFilter{}, "AAAA1111 AAAA2222 AAAA3333 BBBB1111 "},
		{VoucherFilter{Batch: "a"}, "AAAA1111 AAAA2222 AAAA3333 "},
		{VoucherFilter{Match: "aa-11"}, "AAAA1111 "},
		{VoucherFilter{State: &usedUp}, "AAAA2222 "},
		{VoucherFilter{State: &unused, After: "AAAA1111"}, "AAAA3333 BBBB1111 "},
		{VoucherFilter{Limit: 2}, "AAAA1111 AAAA2222 "},
		{VoucherFilter{Batch: "c"}, ""},
	} {
		got := ""
		for v, err := range db.Vouchers(t.Context(), c.f) {
			must(t, err)
			got += v.Code + " "
		}
		if got != c.want {
			t.Errorf("%+v: %s, expected %s", c.f, got, c.want)
		}
	}
}

// TestDeleteBatch: its vouchers and uses go with it, on every box, and a batch that takes its name begins anew.
func TestDeleteBatch(t *testing.T) {
	a, b := openMem(t), openMem(t)
	addBatch(t, a, VoucherBatch{Name: "gone", Profile: "guest"}, "AAAA1111", "BBBB2222")
	addBatch(t, a, VoucherBatch{Name: "stays", Profile: "guest"}, "CCCC3333")
	u, _, err := redeem(t, a, "AAAA1111", phone)
	must(t, err)
	exchange(t, a, b, Vouchers)
	if n, err := a.DeleteBatch(t.Context(), "gone", Author{Name: "admin"}); err != nil || n != 2 {
		t.Fatalf("%d vouchers, %v", n, err)
	}
	exchange(t, a, b, Vouchers)
	for _, db := range []*DB{a, b} {
		if _, _, err := redeem(t, db, "BBBB2222", phone); !errors.Is(err, ErrNotFound) {
			t.Errorf("redeemed: %v", err)
		}
		if _, err := db.VoucherUse(u.ID); !errors.Is(err, ErrNotFound) || db.Statistics().Vouchers != 1 {
			t.Errorf("use %v, %d vouchers", err, db.Statistics().Vouchers)
		}
		checkIndex(t, db)
	}
	if _, err := a.DeleteBatch(t.Context(), "gone", Author{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("once more: %v", err)
	}
	addBatch(t, a, VoucherBatch{Name: "gone", Profile: "guest"}, "AAAA1111")
	wantState(t, a, "AAAA1111", 0, VoucherUnused)
	if total(a, Vouchers) == total(b, Vouchers) {
		t.Error("the boxes cannot be equal now")
	}
	exchange(t, a, b, Vouchers)
	if total(a, Vouchers) != total(b, Vouchers) {
		t.Error("digests differ")
	}
}
