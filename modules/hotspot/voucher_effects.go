package hotspot

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"mbox/hotspotdb"
)

// voucherSessions finds the uses of vouchers that have sessions here: a new batch of many thousand vouchers must not be compared
// with every session.
type voucherSessions struct {
	of   map[uint64][2]string                // use -> batch and code
	with map[byte]map[string]map[uint64]bool // kind of record -> batch or code -> uses
}

func newVoucherSessions() voucherSessions {
	return voucherSessions{map[uint64][2]string{}, map[byte]map[string]map[uint64]bool{hotspotdb.KindBatch: {}, hotspotdb.KindVoucher: {}}}
}

func (v voucherSessions) note(u hotspotdb.VoucherUse) {
	if _, known := v.of[u.ID]; known {
		return
	}
	v.of[u.ID] = [2]string{u.Batch, u.Code}
	v.each(u.ID, func(uses map[string]map[uint64]bool, name string) {
		if uses[name] == nil {
			uses[name] = map[uint64]bool{}
		}
		uses[name][u.ID] = true
	})
}

func (v voucherSessions) forget(use uint64) {
	v.each(use, func(uses map[string]map[uint64]bool, name string) {
		if delete(uses[name], use); len(uses[name]) == 0 {
			delete(uses, name)
		}
	})
	delete(v.of, use)
}

func (v voucherSessions) each(use uint64, do func(uses map[string]map[uint64]bool, name string)) {
	if names, known := v.of[use]; known {
		do(v.with[hotspotdb.KindBatch], names[0])
		do(v.with[hotspotdb.KindVoucher], names[1])
	}
}

// voucherChange says what an event among the vouchers is about.
func voucherChange(e hotspotdb.Event) (change, bool) {
	if len(e.Key) < 2 {
		return change{}, false
	}
	switch kind := e.Key[0]; kind {
	case hotspotdb.KindBatch, hotspotdb.KindVoucher:
		return change{kind: kind, name: string(e.Key[1:])}, true
	case hotspotdb.KindUse, hotspotdb.KindErasureToo:
		if len(e.Key) == 9 {
			return change{kind: kind, id: binary.BigEndian.Uint64(e.Key[1:])}, true
		}
	}
	return change{}, false
}

// judgeVouchers judges the uses of a batch or voucher that has changed.
func (m *Module) judgeVouchers(ctx context.Context, s *serving, c change) error {
	for _, id := range slices.Collect(maps.Keys(s.vouchers.with[c.kind][c.name])) {
		if err := m.judge(ctx, s, id); err != nil {
			return err
		}
	}
	return nil
}

// judgeUse is judge for what is no account: the use of a voucher, or nothing any more.
func (m *Module) judgeUse(ctx context.Context, s *serving, id uint64) error {
	use, err := m.db.VoucherUse(id)
	var v hotspotdb.Voucher
	var b hotspotdb.VoucherBatch
	if err == nil {
		v, b, err = m.db.Voucher(use.Code)
	}
	switch {
	case errors.Is(err, hotspotdb.ErrNotFound) || err == nil && v.Batch != use.Batch:
		return m.endSessions(ctx, s, id, "deleted", causeAdminReset)
	case err != nil:
		return fmt.Errorf("read use %d of a voucher: %w", id, err)
	case v.Disabled || b.Disabled:
		return m.endSessions(ctx, s, id, "disabled", causeAdminReset)
	case use.Ended(m.now()):
		return m.endSessions(ctx, s, id, "expired", causeSessionTimeout)
	case !use.Expires.IsZero():
		s.expires.set(id, use.Expires)
	}
	s.vouchers.note(use)
	return nil
}
