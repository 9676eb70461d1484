package hotspotdb

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"mbox/proto/hotspotpb"
)

// A voucher that an erased guest has used stays used: the erasure says which one it was, and nothing about the guest. The box that
// erased him may not have known of the use; then the first that knows of both says so.

// removeUse removes a use whose guest was erased, or is about to be.
func (tx *Tx) removeUse(id uint64) error {
	raw, err := tx.raw(Vouchers, UseKey(id))
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var c Change
	if err := c.decode(raw); err != nil {
		return fmt.Errorf("%w: use %d of a voucher: %v", ErrDamaged, id, err)
	}
	if err := tx.countErased(&c); err != nil {
		return err
	}
	return tx.removeKey(Vouchers, UseKey(id))
}

// countErased makes the erasure of a guest say which voucher he has used, unless it does already. What is no use changes nothing.
func (tx *Tx) countErased(c *Change) error {
	if c.Key[0] != KindUse || c.Deleted {
		return nil
	}
	id := keyID(c.Key)
	code, err := tx.erasedCode(id)
	if err != nil || len(code) > 0 {
		return err
	}
	return tx.putErasedUse(id, &hotspotpb.ErasedUse{
		Code: string(lastBytes(c.Body, fieldUseCode)), Batch: string(lastBytes(c.Body, fieldBatchOfUse)),
	})
}

func (tx *Tx) putErasedUse(id uint64, use *hotspotpb.ErasedUse) error {
	body, err := proto.Marshal(use)
	if err != nil {
		return fmt.Errorf("encode an erasure: %w", err)
	}
	return tx.Put(Vouchers, erasureKey(Vouchers, id), body)
}

// erasedCode is the voucher's code that the erasure of a guest names; empty if it names none, or is not here.
func (tx *Tx) erasedCode(id uint64) ([]byte, error) {
	raw, err := tx.raw(Vouchers, erasureKey(Vouchers, id))
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var c Change
	if err := c.decode(raw); err != nil {
		return nil, fmt.Errorf("%w: erasure of %d: %v", ErrDamaged, id, err)
	}
	return lastBytes(c.Body, fieldUseCode), nil
}

// acceptErasedUse stores an erasure from elsewhere. If it names no voucher, and what is here does, that is said again.
func (tx *Tx) acceptErasedUse(in *incoming, source Source) error {
	id := in.traits.id
	named := &hotspotpb.ErasedUse{}
	if err := readMessage(tx, Vouchers, in.Key, named); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err := tx.store(in, source); err != nil {
		return err
	}
	if named.Code != "" && len(lastBytes(in.Body, fieldUseCode)) == 0 {
		if err := tx.putErasedUse(id, named); err != nil {
			return err
		}
	}
	return tx.removeUse(id)
}
