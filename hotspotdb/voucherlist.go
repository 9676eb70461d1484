package hotspotdb

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"mbox/proto/hotspotpb"
)

// VoucherFilter selects vouchers. The zero filter selects all.
type VoucherFilter struct {
	Batch string
	Match string        // part of the code
	State *VoucherState // as they are when the list begins
	After string        // only codes greater than this
	Limit int           // at most so many; 0: no limit
}

// Vouchers lists vouchers by code. Which there are is decided at the beginning; each is read when its turn comes. Vouchers whose
// batch is not there are left out, because they cannot be used.
func (db *DB) Vouchers(ctx context.Context, f VoucherFilter) iter.Seq2[Voucher, error] {
	return func(yield func(Voucher, error) bool) {
		codes, err := db.listCodes(ctx, f)
		if err != nil {
			yield(Voucher{}, fmt.Errorf("list vouchers: %w", err))
			return
		}
		read := func(code string) (Voucher, error) {
			v, _, err := db.Voucher(code)
			return v, err
		}
		eachListed(ctx, codes, read, func(_ string, err error) { // who has the code may use it
			db.opts.Log.Error("leave a voucher out of a list", "err", err)
		})(yield)
	}
}

func (db *DB) listCodes(ctx context.Context, f VoucherFilter) ([]string, error) {
	batches, err := db.batchesByName()
	if err != nil {
		return nil, err
	}
	view := db.View()
	defer view.Close()
	after, match, now := NormalCode(f.After), NormalCode(f.Match), db.opts.Now()
	var codes []string
	err = view.scanLive(ctx, Vouchers, KindVoucher, func(c *Change) error {
		code, name := string(c.Key[1:]), string(lastBytes(c.Body, fieldBatchOfVoucher))
		batch := batches[name]
		if batch == nil || f.Batch != "" && name != f.Batch || after != "" && code <= after || !strings.Contains(code, match) {
			return nil
		}
		if f.State != nil {
			var pb hotspotpb.Voucher
			if err := unmarshal(c, &pb); err != nil {
				return err
			}
			if stateOf(batch, pb.Disabled, db.useCount(name, code), now) != *f.State {
				return nil
			}
		}
		if codes = append(codes, code); f.Limit > 0 && len(codes) >= 2*f.Limit+1024 {
			slices.Sort(codes)
			codes = codes[:f.Limit]
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(codes)
	if f.Limit > 0 && len(codes) > f.Limit {
		codes = codes[:f.Limit]
	}
	return codes, nil
}

func (db *DB) batchesByName() (map[string]*VoucherBatch, error) {
	list, err := db.Batches()
	if err != nil {
		return nil, err
	}
	batches := make(map[string]*VoucherBatch, len(list))
	for i := range list {
		batches[list[i].Name] = &list[i]
	}
	return batches, nil
}

// Overused lists the vouchers that were used more often than they may be, by code: two boxes that did not hear each other have both
// granted a use. It goes from the list when it is disabled, or its batch allows more. It reads those that were used twice.
func (db *DB) Overused() ([]Voucher, error) {
	list := []Voucher{}
	for _, code := range db.usedAgain() {
		v, _, err := db.Voucher(code)
		switch {
		case errors.Is(err, ErrNotFound):
		case errors.Is(err, ErrDamaged):
			db.opts.Log.Error("leave a voucher out of a list", "err", err)
		case err != nil:
			return nil, fmt.Errorf("list overused vouchers: %w", err)
		case v.State == VoucherOverused:
			list = append(list, v)
		}
	}
	return list, nil
}

// usedAgain lists the codes with more than one use.
func (db *DB) usedAgain() []string {
	db.mu.RLock()
	var ids []uint64
	for _, uses := range db.index.uses.lists {
		if len(uses) > 1 {
			ids = append(ids, uses[0].id)
		}
	}
	db.mu.RUnlock()
	var codes []string
	for _, id := range ids {
		if code := db.codeOf(id); code != "" {
			codes = append(codes, code)
		}
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// codeOf is the code of a use, or of the erasure in its place.
func (db *DB) codeOf(id uint64) string {
	for _, key := range [][]byte{UseKey(id), erasureKey(Vouchers, id)} {
		if c, err := db.Get(Vouchers, key); err == nil && !c.Deleted {
			return string(lastBytes(c.Body, fieldUseCode))
		}
	}
	return ""
}
