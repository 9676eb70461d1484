package hotspotdb

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"mbox/proto/hotspotpb"
)

// VoucherBatch is what the vouchers that were made together share.
type VoucherBatch struct {
	Name      string // of letters, digits, _ and -
	Profile   string
	Validity  time.Duration // of a use, from the use, in whole seconds; 0: as long as the batch
	Expires   time.Time     // codes are refused from then on, but uses of a validity of their own go on; zero: never
	MaxUses   uint32        // of each code; 0 when it is made or edited: 1
	Note      string
	Owner     DatabaseID // the box that grants uses; zero when it is made: this one
	Disabled  bool
	Created   time.Time
	CreatedBy string
	Updated   time.Time
	UpdatedBy string
}

const (
	// MaxCodes is how many codes one AddBatch or AddVouchers takes: more would keep other writers waiting.
	MaxCodes = 10_000

	maxValidity = 100 * 366 * day
)

// AddBatch makes a batch with some codes. ErrExists if there is one of that name, or a voucher of one of the codes.
func (tx *Tx) AddBatch(b VoucherBatch, codes []string, by string) error {
	if err := CheckGroupname(b.Name); err != nil {
		return refuse("batch", "must be 1 to %d letters, digits, _ or -", maxGroupname)
	}
	switch err := readMessage(tx, Vouchers, BatchKey(b.Name), &hotspotpb.VoucherBatch{}); {
	case err == nil:
		return fmt.Errorf("batch %s: %w", b.Name, ErrExists)
	case !errors.Is(err, ErrNotFound):
		return fmt.Errorf("add batch %s: %w", b.Name, err)
	}
	if b.Owner.IsZero() {
		b.Owner = tx.db.id
	}
	pb := &hotspotpb.VoucherBatch{Name: b.Name, CreatedUs: tx.now.UnixMicro(), CreatedBy: by}
	if _, err := tx.putBatch(pb, &b, by); err != nil {
		return err
	}
	if err := tx.addCodes(b.Name, codes); err != nil {
		return err
	}
	return tx.record(by, "batch", b.Name, 0, "added", func() []AuditField {
		return appendNumber(batchChanges(&hotspotpb.VoucherBatch{}, batchMessage(pb, &b)), "codes", 0, uint64(len(codes)))
	})
}

// AddVouchers adds codes to a batch. ErrExists if there is a voucher of one of them.
func (tx *Tx) AddVouchers(batch string, codes []string, by string) error {
	if _, err := tx.batchMessage(batch); err != nil {
		return err
	}
	if err := tx.addCodes(batch, codes); err != nil {
		return err
	}
	return tx.record(by, "batch", batch, 0, "changed", func() []AuditField {
		return []AuditField{{Name: "codes", New: fmt.Sprintf("+%d", len(codes))}}
	})
}

func (tx *Tx) addCodes(batch string, codes []string) error {
	if len(codes) > MaxCodes {
		return refuse("codes", "at most %d at a time", MaxCodes)
	}
	body, err := proto.Marshal(&hotspotpb.Voucher{Batch: batch})
	if err != nil {
		return fmt.Errorf("encode voucher: %w", err)
	}
	for _, code := range codes {
		if err := CheckCode(code); err != nil {
			return err
		}
		key := VoucherKey(NormalCode(code))
		if r, _, found := tx.find(Vouchers, tx.db.hasher.key(key)); found && r.flags&flagDeleted == 0 {
			return fmt.Errorf("a voucher of batch %s: %w", batch, ErrExists)
		}
		if err := tx.Put(Vouchers, key, body); err != nil {
			return fmt.Errorf("add a voucher to batch %s: %w", batch, err)
		}
	}
	return nil
}

// EditBatch changes a batch; its name and the times are ignored. What changes holds for uses from now on. Nothing is
// written if nothing changed.
func (tx *Tx) EditBatch(name, by string, edit func(*VoucherBatch) error) (VoucherBatch, error) {
	pb, err := tx.batchMessage(name)
	if err != nil {
		return VoucherBatch{}, err
	}
	b := batchOf(pb)
	if err := edit(&b); err != nil {
		return VoucherBatch{}, err
	}
	next, err := tx.putBatch(pb, &b, by)
	if err != nil || proto.Equal(next, pb) {
		return batchOf(pb), err
	}
	return batchOf(next), tx.recordChange(by, "batch", name, 0, func() []AuditField { return batchChanges(pb, next) })
}

// putBatch writes b over pb, whose unknown fields are kept, and returns what is stored then.
func (tx *Tx) putBatch(pb *hotspotpb.VoucherBatch, b *VoucherBatch, by string) (*hotspotpb.VoucherBatch, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	next := batchMessage(pb, b)
	if proto.Equal(next, pb) {
		return pb, nil
	}
	next.UpdatedUs, next.UpdatedBy = tx.now.UnixMicro(), by
	if err := tx.putMessage(Vouchers, BatchKey(pb.Name), next); err != nil {
		return nil, fmt.Errorf("store batch %s: %w", pb.Name, err)
	}
	return next, nil
}

func (b *VoucherBatch) check() error {
	if err := CheckGroupname(b.Profile); err != nil {
		return refuse("profile", "must be 1 to %d letters, digits, _ or -", maxGroupname)
	}
	if b.Validity < 0 || b.Validity > maxValidity || b.Validity%time.Second != 0 {
		return refuse("validity", "must be whole seconds, at most 100 years")
	}
	if !b.Expires.IsZero() && (b.Expires.Unix() <= 0 || b.Expires.Year() > 9999) {
		return refuse("expires", "must lie between 1970 and 9999")
	}
	b.MaxUses = max(b.MaxUses, 1)
	return checkText("note", b.Note, 0, maxInfo)
}

// batchMessage is pb with what b says.
func batchMessage(pb *hotspotpb.VoucherBatch, b *VoucherBatch) *hotspotpb.VoucherBatch {
	next := proto.CloneOf(pb)
	next.Profile, next.ValidityS, next.ExpiresUs = b.Profile, uint64(b.Validity/time.Second), toMicros(b.Expires)
	next.MaxUses, next.Note, next.Owner, next.Disabled = b.MaxUses, b.Note, b.Owner[:], b.Disabled
	return next
}

func batchOf(pb *hotspotpb.VoucherBatch) VoucherBatch {
	b := VoucherBatch{
		Name: pb.Name, Profile: pb.Profile, Validity: time.Duration(min(pb.ValidityS, uint64(maxValidity/time.Second))) * time.Second,
		Expires: micros(pb.ExpiresUs), MaxUses: max(pb.MaxUses, 1), Note: pb.Note, Disabled: pb.Disabled,
		Created: micros(pb.CreatedUs), CreatedBy: pb.CreatedBy, Updated: micros(pb.UpdatedUs), UpdatedBy: pb.UpdatedBy,
	}
	copy(b.Owner[:], pb.Owner)
	return b
}

// Batch finds a batch by its name.
func (tx *Tx) Batch(name string) (VoucherBatch, error) { return readBatch(tx, name) }

// Batch finds a batch by its name.
func (db *DB) Batch(name string) (VoucherBatch, error) { return readBatch(db, name) }

func readBatch(r reader, name string) (VoucherBatch, error) {
	pb := &hotspotpb.VoucherBatch{}
	if err := readMessage(r, Vouchers, BatchKey(name), pb); err != nil {
		return VoucherBatch{}, fmt.Errorf("batch %s: %w", name, err)
	}
	return batchOf(pb), nil
}

func (tx *Tx) batchMessage(name string) (*hotspotpb.VoucherBatch, error) {
	pb := &hotspotpb.VoucherBatch{}
	if err := readMessage(tx, Vouchers, BatchKey(name), pb); err != nil {
		return nil, fmt.Errorf("batch %s: %w", name, err)
	}
	return pb, nil
}

// Batches lists all batches by name. It reads the whole dataset.
func (db *DB) Batches() ([]VoucherBatch, error) {
	list, err := listAll(db, Vouchers, KindBatch, batchOf)
	if err != nil {
		return nil, fmt.Errorf("list batches: %w", err)
	}
	slices.SortFunc(list, func(a, b VoucherBatch) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}
