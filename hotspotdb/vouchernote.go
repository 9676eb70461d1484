package hotspotdb

import (
	"fmt"

	"google.golang.org/protobuf/proto"
)

// noteUse stores what the owner of a batch has said of a use. The owner's own record is on its way: this one has a clock just before
// the use, which that one replaces, so that the two boxes do not differ. A deletion that has come here first stays.
func (tx *Tx) noteUse(u *VoucherUse) error {
	key := UseKey(u.ID)
	if _, _, found := tx.find(Vouchers, tx.db.hasher.key(key)); found {
		return nil
	}
	body, err := proto.Marshal(u.message())
	if err != nil {
		return fmt.Errorf("encode record: %w", err)
	}
	c := Change{Key: key, Stamp: Stamp{uint64(max(1, u.At.UnixMicro()-1)), tx.db.id}, Body: body}
	var in incoming
	if err := in.admit(tx.db.index, &tx.db.hasher, Vouchers, AppendChange(nil, &c)); err != nil {
		return err
	}
	if tx.erased(&in.Change) {
		return ErrErased
	}
	return tx.store(&in, Source{})
}
