package hotspotdb

import (
	"errors"
	"testing"
	"time"
)

// What the owner of a batch sends replaces what a box has noted of its answer: the box that sends nothing does not differ.
func TestNoteGivesWayToTheOwner(t *testing.T) {
	owner, branch := openMem(t), openMem(t)
	addBatch(t, owner, VoucherBatch{Name: "day", Profile: "guest", Validity: time.Hour}, "AAAA1111")
	follow(t, owner, branch)
	u, _, err := redeem(t, owner, "AAAA1111", phone)
	must(t, err)
	must(t, branch.Update(t.Context(), func(tx *Tx) error { return tx.PutUse(u) }))
	if got, err := branch.VoucherUse(u.ID); err != nil || got != u {
		t.Errorf("noted as %+v, %v", got, err)
	}
	follow(t, owner, branch)
	if total(owner, Vouchers) != total(branch, Vouchers) {
		t.Error("the branch differs from the owner")
	}
}

// A note that comes behind the deletion of its voucher does not bring the use back.
func TestNoteDoesNotUndoADeletion(t *testing.T) {
	owner, branch := openMem(t), openMem(t)
	addBatch(t, owner, VoucherBatch{Name: "day", Profile: "guest"}, "AAAA1111", "BBBB2222")
	u, _, err := redeem(t, owner, "AAAA1111", phone)
	must(t, err)
	must(t, owner.Update(t.Context(), func(tx *Tx) error {
		batch, err := tx.DeleteVoucher("aaaa-1111", "admin")
		if batch != "day" {
			t.Errorf("deleted of batch %q", batch)
		}
		return err
	}))
	follow(t, owner, branch)
	for _, db := range []*DB{owner, branch} {
		must(t, db.Update(t.Context(), func(tx *Tx) error { return tx.PutUse(u) }))
		if _, err := db.VoucherUse(u.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("the use is there again: %v", err)
		}
		wantState(t, db, "BBBB2222", 0, VoucherUnused)
		if _, _, err := db.Voucher("AAAA1111"); !errors.Is(err, ErrNotFound) {
			t.Errorf("the voucher: %v", err)
		}
	}
	err = owner.Update(t.Context(), func(tx *Tx) error { _, err := tx.DeleteVoucher("AAAA1111", "admin"); return err })
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
}
