package hotspotdb

import (
	"errors"
	"testing"
	"time"
)

// grantedTwice makes two boxes grant a use to one device while they could not hear each other.
func grantedTwice(t *testing.T, b VoucherBatch) (boxes []*DB, clocks []*fakeClock, uses []VoucherUse) {
	t.Helper()
	for range 2 {
		db, clock := clockedMem(t)
		boxes, clocks = append(boxes, db), append(clocks, clock)
	}
	addBatch(t, boxes[0], b, "AAAA1111")
	exchange(t, boxes[0], boxes[1], Vouchers)
	for _, db := range boxes {
		u, fresh, err := redeem(t, db, "AAAA1111", phone)
		if err != nil || !fresh {
			t.Fatalf("granted: %v, %v", fresh, err)
		}
		uses = append(uses, u)
		clocks[1].Add(2 * time.Second) // the answer was waited for
	}
	exchange(t, boxes[0], boxes[1], Vouchers)
	return boxes, clocks, uses
}

// TestSameDeviceIsTheSameUse: a device that two boxes have granted a use has one, and goes on with the same at both; nothing is reported.
func TestSameDeviceIsTheSameUse(t *testing.T) {
	for name, b := range map[string]VoucherBatch{
		"for an hour": {Name: "day", Profile: "guest", Validity: time.Hour},
		"for ever":    {Name: "day", Profile: "guest"},
	} {
		boxes, clocks, uses := grantedTwice(t, b)
		for _, db := range boxes {
			wantState(t, db, "AAAA1111", 1, VoucherUsedUp)
			if list, err := db.Overused(); err != nil || len(list) != 0 {
				t.Errorf("%s: overused %v, %v", name, list, err)
			}
			last := uses[1]
			if b.Validity == 0 && last.At.Equal(uses[0].At) && last.ID < uses[0].ID {
				last = uses[0]
			}
			if u, fresh, err := redeem(t, db, "AAAA1111", phone); err != nil || fresh || u.ID != last.ID {
				t.Errorf("%s: comes again: %+v, %v, %v, expected %d", name, u, fresh, err, last.ID)
			}
			if _, _, err := redeem(t, db, "AAAA1111", tablet); !errors.Is(err, ErrVoucherUsedUp) {
				t.Errorf("%s: another device: %v", name, err)
			}
			checkIndex(t, db)
		}
		for i := range clocks {
			clocks[i].Add(2 * time.Hour)
		}
		if _, _, err := redeem(t, boxes[0], "AAAA1111", phone); b.Validity > 0 && !errors.Is(err, ErrVoucherExpired) {
			t.Errorf("%s: after its time: %v", name, err)
		}
	}
}

// TestSecondUseOfADevice: what a device takes after its use has ended is another one; two at the same time leave the others theirs.
func TestSecondUseOfADevice(t *testing.T) {
	boxes, clocks, _ := grantedTwice(t, VoucherBatch{Name: "day", Profile: "guest", Validity: time.Hour, MaxUses: 3})
	wantState(t, boxes[0], "AAAA1111", 1, VoucherUsed)
	clocks[0].Add(2 * time.Hour)
	if _, fresh, err := redeem(t, boxes[0], "AAAA1111", phone); err != nil || !fresh {
		t.Errorf("after its use: %v, %v", fresh, err)
	}
	wantState(t, boxes[0], "AAAA1111", 2, VoucherUsed)
	if _, fresh, err := redeem(t, boxes[0], "AAAA1111", tablet); err != nil || !fresh {
		t.Errorf("another device: %v, %v", fresh, err)
	}
	wantState(t, boxes[0], "AAAA1111", 3, VoucherUsedUp)
}

// TestDeviceIsErasedWithAllItsUses: nothing of the device is left, on either box, and its two uses still count as one.
func TestDeviceIsErasedWithAllItsUses(t *testing.T) {
	for first := range 2 {
		boxes, _, uses := grantedTwice(t, VoucherBatch{Name: "day", Profile: "guest", Validity: time.Hour})
		must(t, boxes[0].Update(t.Context(), func(tx *Tx) error {
			_, err := tx.OpenSegment(Segment{Account: uses[1-first].ID, Username: "AAAA1111", NAS: "10.0.0.5", AcctSessionID: "S1"})
			return err
		}))
		e, err := boxes[0].Erase(t.Context(), uses[first].ID)
		if err != nil || e.Uses != 2 || e.Sessions != 1 {
			t.Errorf("erased %+v, %v", e, err)
		}
		exchange(t, boxes[0], boxes[1], Vouchers)
		for _, db := range boxes {
			wantState(t, db, "AAAA1111", 1, VoucherUsedUp)
			for _, u := range uses {
				if _, err := db.VoucherUse(u.ID); !errors.Is(err, ErrNotFound) {
					t.Errorf("use %d: %v", u.ID, err)
				}
			}
			checkIndex(t, db)
		}
		if total(boxes[0], Vouchers) != total(boxes[1], Vouchers) {
			t.Error("digests differ")
		}
		if e, err := boxes[1].Erase(t.Context(), uses[1-first].ID); err != nil || e.Uses != 0 { // the other of them, as an operator may
			t.Errorf("erased again: %+v, %v", e, err)
		}
		wantState(t, boxes[1], "AAAA1111", 1, VoucherUsedUp)
	}
}
