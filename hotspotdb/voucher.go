package hotspotdb

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"mbox/proto/hotspotpb"
)

// Why a voucher is refused. They are wrapped without the code: who has it may use it.
var (
	ErrVoucherUsedUp   = errors.New("the voucher is used up")
	ErrVoucherExpired  = errors.New("the voucher has expired")
	ErrVoucherDisabled = errors.New("the voucher is disabled")
)

// Voucher is one code of a batch.
type Voucher struct {
	Code     string // as NormalCode returns it
	Batch    string
	Disabled bool
	Uses     []VoucherUse // that count, the earliest first
	State    VoucherState
}

// VoucherUse is one use of a voucher. Its ID stands for an account's in sessions and usage.
type VoucherUse struct {
	ID      uint64
	Code    string
	Batch   string
	MAC     string    // empty: no device was known
	At      time.Time // zero, as what follows, if the guest was erased
	Expires time.Time // zero: never
	Box     DatabaseID
}

// Ended says whether the time of a use is over.
func (u *VoucherUse) Ended(now time.Time) bool { return !u.Expires.IsZero() && !now.Before(u.Expires) }

// VoucherState says what is left of a voucher.
type VoucherState uint8

// The states. A voucher is in the last one that applies.
const (
	VoucherUnused   VoucherState = iota
	VoucherUsed                  // and may be used again
	VoucherExpired               // nobody used it up before its batch expired
	VoucherUsedUp                // as often as it may be; the last use may go on
	VoucherOverused              // more often than it may be: on two boxes that did not hear each other
	VoucherDisabled              // it or its batch
)

var voucherStateNames = []string{"unused", "used", "expired", "used-up", "overused", "disabled"}

func (s VoucherState) String() string {
	if int(s) >= len(voucherStateNames) {
		return fmt.Sprintf("state(%d)", uint8(s))
	}
	return voucherStateNames[s]
}

// MarshalText makes a VoucherState its name in JSON.
func (s VoucherState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// ParseVoucherState finds a state by its name.
func ParseVoucherState(name string) (VoucherState, error) {
	i := slices.Index(voucherStateNames, name)
	if i < 0 {
		return 0, refuse("state", "expected unused, used, expired, used-up, overused or disabled")
	}
	return VoucherState(i), nil
}

func stateOf(b *VoucherBatch, disabled bool, uses int, now time.Time) VoucherState {
	switch {
	case disabled || b.Disabled:
		return VoucherDisabled
	case uses > int(b.MaxUses):
		return VoucherOverused
	case uses == int(b.MaxUses):
		return VoucherUsedUp
	case !b.Expires.IsZero() && !now.Before(b.Expires):
		return VoucherExpired
	case uses > 0:
		return VoucherUsed
	}
	return VoucherUnused
}

// readVoucher finds a live voucher of a live batch, without its uses.
func readVoucher(r reader, code string) (Voucher, VoucherBatch, error) {
	v := Voucher{Code: NormalCode(code), Uses: []VoucherUse{}}
	if !isCode([]byte(v.Code)) {
		return v, VoucherBatch{}, ErrNotFound
	}
	pb := &hotspotpb.Voucher{}
	if err := readMessage(r, Vouchers, VoucherKey(v.Code), pb); err != nil {
		return v, VoucherBatch{}, err
	}
	v.Batch, v.Disabled = pb.Batch, pb.Disabled
	b, err := readBatch(r, pb.Batch)
	return v, b, err
}

// Voucher finds a voucher by its code, however that is written, with its uses.
func (db *DB) Voucher(code string) (Voucher, VoucherBatch, error) {
	v, b, err := readVoucher(db, code)
	if err != nil {
		return Voucher{}, VoucherBatch{}, fmt.Errorf("find a voucher: %w", err)
	}
	if v.Uses, err = readUses(db, &v, db.usesOf(v.Batch, v.Code)); err != nil {
		return Voucher{}, VoucherBatch{}, fmt.Errorf("find a voucher: %w", err)
	}
	v.State = stateOf(&b, v.Disabled, len(v.Uses), db.opts.Now())
	return v, b, nil
}

// Voucher finds a voucher by its code, however that is written, with its uses.
func (tx *Tx) Voucher(code string) (Voucher, VoucherBatch, error) {
	v, b, err := readVoucher(tx, code)
	if err == nil {
		v.Uses, err = readUses(tx, &v, tx.usesOf(v.Batch, v.Code))
	}
	if err != nil {
		return Voucher{}, VoucherBatch{}, fmt.Errorf("find a voucher: %w", err)
	}
	v.State = stateOf(&b, v.Disabled, len(v.Uses), tx.now)
	return v, b, nil
}

// SetVoucher changes whether a voucher is disabled; nothing else of it can be changed.
func (tx *Tx) SetVoucher(code, by string, edit func(*Voucher) error) error {
	v, _, err := tx.Voucher(code)
	if err != nil {
		return err
	}
	before := v.Disabled
	if err := edit(&v); err != nil || v.Disabled == before {
		return err
	}
	key, pb := VoucherKey(NormalCode(code)), &hotspotpb.Voucher{}
	if err := readMessage(tx, Vouchers, key, pb); err != nil {
		return fmt.Errorf("change a voucher: %w", err)
	}
	next := proto.CloneOf(pb)
	next.Disabled = v.Disabled
	if err := tx.putMessage(Vouchers, key, next); err != nil {
		return fmt.Errorf("change a voucher of batch %s: %w", pb.Batch, err)
	}
	return tx.record(by, "voucher", NormalCode(code), 0, onOff(v.Disabled), noFields)
}
