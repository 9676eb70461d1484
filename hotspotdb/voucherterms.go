package hotspotdb

import (
	"fmt"
	"time"
)

// VoucherTerms is Voucher without the uses and the state: a login does not ask for them, and there may be thousands.
func (db *DB) VoucherTerms(code string) (Voucher, VoucherBatch, error) {
	v, b, err := readVoucher(db, code)
	if err != nil {
		return Voucher{}, VoucherBatch{}, fmt.Errorf("find a voucher: %w", err)
	}
	v.Uses = nil
	return v, b, nil
}

// OwnUse is the use of a voucher that a device goes on with, as Redeem finds it: no box needs to be asked for it. ErrNotFound if
// there is none.
func (db *DB) OwnUse(v *Voucher, b *VoucherBatch, mac string, at time.Time) (VoucherUse, error) {
	device, err := parseDevice(mac)
	if err != nil {
		return VoucherUse{}, err
	}
	id, _ := ownUse(db.usesOf(v.Batch, v.Code), device, b, at)
	if id == 0 {
		return VoucherUse{}, fmt.Errorf("use of a voucher of batch %s: %w", v.Batch, ErrNotFound)
	}
	return db.VoucherUse(id)
}
