package hotspotdb

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"
)

// TestOveruseIsFoundAfterHeal: two boxes that do not hear each other both grant the last use; afterwards both report it, until it
// is settled.
func TestOveruseIsFoundAfterHeal(t *testing.T) {
	a, b := openMem(t), openMem(t)
	addBatch(t, a, VoucherBatch{Name: "day", Profile: "guest", Validity: time.Hour}, "AAAA1111", "BBBB2222")
	exchange(t, a, b, Vouchers)
	first, _, err := redeem(t, a, "AAAA1111", phone)
	must(t, err)
	second, fresh, err := redeem(t, b, "AAAA1111", tablet)
	if err != nil || !fresh {
		t.Fatalf("on the other box: %v, %v", fresh, err)
	}
	exchange(t, a, b, Vouchers)
	if total(a, Vouchers) != total(b, Vouchers) {
		t.Error("digests differ")
	}
	for _, db := range []*DB{a, b} {
		list, err := db.Overused()
		if err != nil || len(list) != 1 || list[0].Code != "AAAA1111" || len(list[0].Uses) != 2 || list[0].State != VoucherOverused {
			t.Fatalf("overused %+v, %v", list, err)
		}
		boxes := []DatabaseID{list[0].Uses[0].Box, list[0].Uses[1].Box}
		if !slices.Contains(boxes, a.ID()) || !slices.Contains(boxes, b.ID()) {
			t.Errorf("granted by %v", boxes)
		}
		for mac, want := range map[string]VoucherUse{phone: first, tablet: second} { // both guests go on
			if u, fresh, err := redeem(t, db, "AAAA1111", mac); err != nil || fresh || u != want {
				t.Errorf("%s: %+v, %v, %v", mac, u, fresh, err)
			}
		}
		if _, _, err := redeem(t, db, "AAAA1111", "02-00-00-00-00-03"); !errors.Is(err, ErrVoucherUsedUp) {
			t.Errorf("a third device: %v", err)
		}
	}
	must(t, a.Update(t.Context(), func(tx *Tx) error {
		return tx.SetVoucher("AAAA1111", "admin", func(v *Voucher) error { v.Disabled = true; return nil })
	}))
	exchange(t, a, b, Vouchers)
	if list, err := b.Overused(); err != nil || len(list) != 0 {
		t.Errorf("after it was disabled: %v, %v", list, err)
	}
}

// TestGrantedUseIsTheSameOnBothBoxes: what the owner grants over the link and what its feed brings is one record.
func TestGrantedUseIsTheSameOnBothBoxes(t *testing.T) {
	owner, other := openMem(t), openMem(t)
	addBatch(t, owner, VoucherBatch{Name: "day", Profile: "guest", Validity: time.Hour}, "AAAA1111")
	exchange(t, owner, other, Vouchers)
	u, _, err := redeem(t, owner, "AAAA1111", phone)
	must(t, err)
	for range 2 {
		must(t, other.Update(t.Context(), func(tx *Tx) error { return tx.PutUse(u) }))
	}
	wantState(t, other, "AAAA1111", 1, VoucherUsedUp)
	if got, err := other.VoucherUse(u.ID); err != nil || got != u {
		t.Errorf("stored as %+v, %v", got, err)
	}
	exchange(t, owner, other, Vouchers)
	exchange(t, owner, other, Vouchers)
	for _, db := range []*DB{owner, other} {
		wantState(t, db, "AAAA1111", 1, VoucherUsedUp)
		if list, err := db.Overused(); err != nil || len(list) != 0 {
			t.Errorf("overused %v, %v", list, err)
		}
	}
	if total(owner, Vouchers) != total(other, Vouchers) {
		t.Error("digests differ")
	}
	for name, bad := range map[string]VoucherUse{
		"no id": {Code: "AAAA1111", Batch: "day"}, "a long id": {ID: 1 << 53, Code: "AAAA1111", Batch: "day"},
		"no code": {ID: 1, Batch: "day"}, "no batch": {ID: 1, Code: "AAAA1111"}, "a bad device": {ID: 1, Code: "AAAA1111", Batch: "day", MAC: "x"},
	} {
		if err := other.Update(t.Context(), func(tx *Tx) error { return tx.PutUse(bad) }); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestErasedUseStillCounts: whoever was erased has used the voucher, in whatever order a box hears of it.
func TestErasedUseStillCounts(t *testing.T) {
	a := openMem(t)
	addBatch(t, a, VoucherBatch{Name: "day", Profile: "guest"}, "AAAA1111")
	u, _, err := redeem(t, a, "AAAA1111", phone)
	must(t, err)
	before := feedOf(t, a, Vouchers, 0)
	e, err := a.Erase(t.Context(), u.ID)
	if err != nil || e.Uses != 1 {
		t.Fatalf("%+v, %v", e, err)
	}
	after := feedOf(t, a, Vouchers, 0)
	for name, batches := range map[string][]Batch{"in their order": {before, after}, "backwards": {after, before}, "only after": {after}} {
		o := memOptions(vfs.NewMem())
		b := mustOpen(t, o)
		for _, batch := range batches {
			batch.Position = Position{}
			_, err := b.Apply(t.Context(), batch)
			must(t, err)
		}
		wantState(t, b, "AAAA1111", 1, VoucherUsedUp)
		v, _, err := b.Voucher("AAAA1111")
		must(t, err)
		if got := v.Uses[0]; got != (VoucherUse{ID: u.ID, Code: "AAAA1111", Batch: "day"}) {
			t.Errorf("%s: %+v is kept", name, got)
		}
		if _, _, err := redeem(t, b, "AAAA1111", phone); !errors.Is(err, ErrVoucherUsedUp) {
			t.Errorf("%s: redeemed again: %v", name, err)
		}
		if total(a, Vouchers) != total(b, Vouchers) {
			t.Errorf("%s: digests differ", name)
		}
		checkIndex(t, b)
		must(t, b.Close())
		b = mustOpen(t, o)
		wantState(t, b, "AAAA1111", 1, VoucherUsedUp)
	}
	must(t, a.Update(t.Context(), func(tx *Tx) error { return tx.PutUse(VoucherUse{ID: 7, Code: "AAAA1111", Batch: "day"}) }))
	list, err := a.Overused()
	if err != nil || len(list) != 1 {
		t.Errorf("overused with an erased use: %v, %v", list, err)
	}
}

// TestErasureThatKnewOfNoUse: the box that erased had not heard of the use. When it does, the use counts, and nothing else is kept.
func TestErasureThatKnewOfNoUse(t *testing.T) {
	a, b := openMem(t), openMem(t)
	addBatch(t, a, VoucherBatch{Name: "day", Profile: "guest"}, "AAAA1111")
	u, _, err := redeem(t, a, "AAAA1111", phone)
	must(t, err)
	_, err = b.Erase(t.Context(), u.ID)
	must(t, err)
	_, err = b.Apply(t.Context(), feedOf(t, a, Vouchers, 0))
	must(t, err)
	wantState(t, b, "AAAA1111", 1, VoucherUsedUp)
	if _, err := b.VoucherUse(u.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("the use is kept: %v", err)
	}
	exchange(t, a, b, Vouchers)
	exchange(t, a, b, Vouchers)
	wantState(t, a, "AAAA1111", 1, VoucherUsedUp)
	if total(a, Vouchers) != total(b, Vouchers) {
		t.Error("digests differ")
	}
}

// TestUseLeftBesideItsErasure: a version that did not know of these records has kept both. They count as one use, before and after
// what is left is swept.
func TestUseLeftBesideItsErasure(t *testing.T) {
	o := memOptions(vfs.NewMem())
	db := mustOpen(t, o)
	addBatch(t, db, VoucherBatch{Name: "day", Profile: "guest", MaxUses: 2}, "AAAA1111")
	u, _, err := redeem(t, db, "AAAA1111", phone)
	must(t, err)
	left, err := db.Get(Vouchers, UseKey(u.ID))
	must(t, err)
	_, err = db.Erase(t.Context(), u.ID)
	must(t, err)
	storeUnchecked(t, db, Vouchers, AppendChange(nil, &left))
	wantState(t, db, "AAAA1111", 1, VoucherUsed)
	must(t, db.Close())
	db = mustOpen(t, o)
	must(t, db.Upkeep(t.Context()))
	wantState(t, db, "AAAA1111", 1, VoucherUsed)
	if v, _, err := db.Voucher("AAAA1111"); err != nil || v.Uses[0].MAC != "" {
		t.Errorf("%+v, %v", v, err)
	}
	checkIndex(t, db)
}

// TestBatchConflict: two boxes that edit one batch at the same time lose nothing; vouchers are the later one's.
func TestBatchConflict(t *testing.T) {
	a, b := openMem(t), openMem(t)
	addBatch(t, a, VoucherBatch{Name: "day", Profile: "guest"}, "AAAA1111")
	exchange(t, a, b, Vouchers)
	edit := func(db *DB, fn func(*VoucherBatch)) {
		must(t, db.Update(t.Context(), func(tx *Tx) error {
			_, err := tx.EditBatch("day", "admin", func(b *VoucherBatch) error { fn(b); return nil })
			return err
		}))
	}
	edit(a, func(b *VoucherBatch) { b.Note = "from a" })
	edit(b, func(b *VoucherBatch) { b.MaxUses = 5 })
	atA, atB := exchange(t, a, b, Vouchers)
	if atA != 1 || atB != 1 || total(a, Vouchers) != total(b, Vouchers) {
		t.Fatalf("%d and %d conflicts", atA, atB)
	}
	if got, err := a.Batch("day"); err != nil || got.MaxUses != 5 || got.Note != "" {
		t.Errorf("in force is %+v, %v", got, err)
	}
	must(t, a.ResolveConflict(t.Context(), conflicts(t, a)[0].Number, true, "admin"))
	exchange(t, a, b, Vouchers)
	for _, db := range []*DB{a, b} {
		if got, err := db.Batch("day"); err != nil || got.Note != "from a" || got.MaxUses != 1 || len(conflicts(t, db)) != 0 {
			t.Errorf("restored to %+v, %v, with %d conflicts", got, err, len(conflicts(t, db)))
		}
	}
}

// TestVouchersConverge: whatever is redeemed, granted, switched, erased and deleted where, and in whatever order feeds arrive, all
// boxes end with the same uses, states and digests.
func TestVouchersConverge(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, rt, 3)
		defer w.close()
		codes := []string{"AAAA1111", "BBBB2222"}
		w.update(0, func(tx *Tx) error {
			return tx.AddBatch(VoucherBatch{Name: "day", Profile: "p", MaxUses: 2}, codes, "admin")
		})
		w.heal(Vouchers)
		var granted []VoucherUse
		for range rapid.IntRange(1, 20).Draw(rt, "steps") {
			i := rapid.IntRange(0, 2).Draw(rt, "box")
			code := rapid.SampledFrom(codes).Draw(rt, "code")
			w.clock.Add(time.Second)
			switch rapid.IntRange(0, 6).Draw(rt, "what") {
			case 0, 1, 2:
				w.update(i, func(tx *Tx) error {
					u, fresh, err := tx.Redeem(code, fmt.Sprintf("02-00-00-00-00-%02x", rapid.IntRange(1, 4).Draw(rt, "device")))
					if fresh {
						granted = append(granted, u)
					}
					if errors.Is(err, ErrVoucherUsedUp) || errors.Is(err, ErrVoucherDisabled) {
						return nil
					}
					return err
				})
			case 3, 4:
				w.deliver(i, (i+1+rapid.IntRange(0, 1).Draw(rt, "to"))%3, Vouchers, true)
			case 5:
				w.update(i, func(tx *Tx) error {
					return tx.SetVoucher(code, "admin", func(v *Voucher) error { v.Disabled = !v.Disabled; return nil })
				})
			case 6:
				if len(granted) == 0 {
					continue
				}
				u := rapid.SampledFrom(granted).Draw(rt, "use")
				if rapid.Bool().Draw(rt, "erase") {
					if _, err := w.dbs[i].Erase(t.Context(), u.ID); err != nil {
						rt.Fatal(err)
					}
					continue
				}
				w.update(i, func(tx *Tx) error {
					if err := tx.PutUse(u); !errors.Is(err, ErrErased) {
						return err
					}
					return nil
				})
			}
		}
		w.heal(Vouchers)
		w.checkEqual(Vouchers)
		for _, db := range w.dbs {
			if err := db.Update(t.Context(), func(tx *Tx) error { return tx.db.compareIndex() }); err != nil {
				rt.Fatal(err)
			}
		}
		for _, code := range codes {
			want, _, err := w.dbs[0].Voucher(code)
			if err != nil {
				rt.Fatal(err)
			}
			for i, db := range w.dbs {
				if got, _, err := db.Voucher(code); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
					rt.Fatalf("box %d: %+v, %v; box 0: %+v", i, got, err, want)
				}
			}
		}
	})
}
