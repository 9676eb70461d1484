package hotspotdb

import (
	"errors"
	"fmt"
)

// DeleteVoucher deletes a voucher with its uses and returns its batch.
func (tx *Tx) DeleteVoucher(code, by string) (batch string, err error) {
	v, _, err := tx.Voucher(code)
	if err != nil {
		return "", err
	}
	keys := [][]byte{VoucherKey(v.Code)}
	for _, use := range v.Uses {
		keys = append(keys, UseKey(use.ID))
	}
	for _, key := range keys {
		if err := tx.Delete(Vouchers, key); err != nil && !errors.Is(err, ErrErased) {
			return "", fmt.Errorf("delete a voucher of batch %s: %w", v.Batch, err)
		}
	}
	return v.Batch, tx.record(by, "voucher", v.Code, 0, "deleted", noFields)
}
