package hotspotdb

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"mbox/proto/hotspotpb"
)

// Redeem uses a voucher with a device, or with none if mac is empty. A device whose use has not ended goes on with it, and so
// does a voucher of one use if either side does not know the device: fresh is false then. The error wraps ErrNotFound,
// ErrVoucherDisabled, ErrVoucherUsedUp or ErrVoucherExpired, the last also if this device has used it up and its time is over.
//
// It grants what this box knows to be left. Whether this box may, while others cannot be asked, is for the caller to decide.
func (tx *Tx) Redeem(code, mac string) (u VoucherUse, fresh bool, err error) {
	u, fresh, err = tx.redeem(code, mac)
	if err != nil {
		return VoucherUse{}, false, fmt.Errorf("redeem a voucher: %w", err)
	}
	return u, fresh, nil
}

func (tx *Tx) redeem(code, mac string) (u VoucherUse, fresh bool, err error) {
	device, err := parseDevice(mac)
	if err != nil {
		return u, false, err
	}
	v, b, err := readVoucher(tx, code)
	if err != nil {
		return u, false, err
	}
	if v.Disabled || b.Disabled {
		return u, false, ErrVoucherDisabled
	}
	uses := tx.usesOf(v.Batch, v.Code)
	own, ended := ownUse(uses, device, &b, tx.now)
	usedUp := len(uses) >= int(b.MaxUses) && len(distinct(uses)) >= int(b.MaxUses)
	switch {
	case own != 0:
		u, err = readUse(tx, own)
		return u, false, err
	case !b.Expires.IsZero() && !tx.now.Before(b.Expires), ended && usedUp:
		return u, false, ErrVoucherExpired
	case usedUp:
		return u, false, ErrVoucherUsedUp
	}
	u = VoucherUse{Code: v.Code, Batch: v.Batch, MAC: formatDevice(device), At: tx.now, Expires: b.Expires, Box: tx.db.id}
	if b.Validity > 0 {
		u.Expires = tx.now.Add(b.Validity)
	}
	if u.ID, err = tx.newID(Vouchers, UseKey); err != nil {
		return u, false, err
	}
	if err := tx.putUse(&u); err != nil {
		return u, false, err
	}
	u, err = readUse(tx, u.ID)
	return u, true, err
}

// ownUse finds the use that a device goes on with: the one that ends last. ended says that it had one that is over.
func ownUse(uses []tied[useRef], device uint64, b *VoucherBatch, now time.Time) (id uint64, ended bool) {
	var own tied[useRef]
	for _, one := range uses {
		use := one.ref
		same := device != 0 && use.mac == device || b.MaxUses == 1 && (device == 0 || use.mac == 0)
		switch {
		case !same || use.erased:
		case use.expires != 0 && use.expires <= now.UnixMicro():
			ended = true
		case own.id == 0 || outlasts(one, own) > 0:
			own = one
		}
	}
	return own.id, ended
}

// PutUse stores a use that another box has granted. One that is here already stays as it is.
func (tx *Tx) PutUse(u VoucherUse) error {
	err := u.check()
	if err == nil {
		_, err = readUse(tx, u.ID)
		if errors.Is(err, ErrNotFound) {
			err = tx.noteUse(&u)
		}
	}
	if err != nil {
		return fmt.Errorf("store the use of a voucher: %w", err)
	}
	return nil
}

func (u *VoucherUse) check() error {
	if u.ID == 0 || u.ID >= 1<<53 {
		return refuse("id", "must lie between 1 and 2^53-1")
	}
	u.Code = NormalCode(u.Code)
	if err := CheckCode(u.Code); err != nil {
		return err
	}
	if err := CheckGroupname(u.Batch); err != nil {
		return refuse("batch", "must be 1 to %d letters, digits, _ or -", maxGroupname)
	}
	for _, at := range []time.Time{u.At, u.Expires} {
		if !at.IsZero() && (at.Unix() < 0 || at.Year() > 9999) {
			return refuse("use", "must lie between 1970 and 9999")
		}
	}
	device, err := parseDevice(u.MAC)
	u.MAC = formatDevice(device)
	return err
}

func (tx *Tx) putUse(u *VoucherUse) error {
	return tx.putMessage(Vouchers, UseKey(u.ID), u.message())
}

func (u *VoucherUse) message() *hotspotpb.VoucherUse {
	return &hotspotpb.VoucherUse{
		Code: u.Code, Batch: u.Batch, Mac: u.MAC, AtUs: toMicros(u.At), ExpiresUs: toMicros(u.Expires), Box: u.Box[:],
	}
}

// VoucherUse finds a use by its id. ErrNotFound also if its guest was erased.
func (db *DB) VoucherUse(id uint64) (VoucherUse, error) { return readUse(db, id) }

// VoucherUse finds a use by its id. ErrNotFound also if its guest was erased.
func (tx *Tx) VoucherUse(id uint64) (VoucherUse, error) { return readUse(tx, id) }

func readUse(r reader, id uint64) (VoucherUse, error) {
	pb := &hotspotpb.VoucherUse{}
	if err := readMessage(r, Vouchers, UseKey(id), pb); err != nil {
		return VoucherUse{}, fmt.Errorf("use %d of a voucher: %w", id, err)
	}
	u := VoucherUse{ID: id, Code: pb.Code, Batch: pb.Batch, MAC: pb.Mac, At: micros(pb.AtUs), Expires: micros(pb.ExpiresUs)}
	copy(u.Box[:], pb.Box)
	return u, nil
}

// readUses reads the uses of a voucher that count. Of one whose guest was erased there is the id alone.
func readUses(r reader, v *Voucher, refs []tied[useRef]) ([]VoucherUse, error) {
	list := make([]VoucherUse, 0, len(refs))
	for _, one := range distinct(refs) {
		u, err := readUse(r, one.id)
		switch {
		case err == nil:
		case errors.Is(err, ErrNotFound) && one.ref.erased:
			u = VoucherUse{ID: one.id, Code: v.Code, Batch: v.Batch}
		case errors.Is(err, ErrNotFound): // deleted since
			continue
		default:
			return nil, err
		}
		list = append(list, u)
	}
	slices.SortFunc(list, func(a, b VoucherUse) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	return list, nil
}

// parseDevice reads a MAC address as a number; 0 for none.
func parseDevice(mac string) (uint64, error) {
	if mac == "" {
		return 0, nil
	}
	b, err := ParseMAC(mac)
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(append([]byte{0, 0}, b[:]...)), nil
}

func formatDevice(device uint64) string {
	if device == 0 {
		return ""
	}
	return FormatMAC([6]byte(binary.BigEndian.AppendUint64(nil, device)[2:]))
}
