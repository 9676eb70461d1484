package hotspot

import (
	"context"
	"encoding/binary"
	"errors"
	"maps"

	"mbox/hotspotdb"
)

// While boxes are out of contact two of them may grant the last use of a voucher, where `hotspot voucher partition allow` stands.
// Whichever box hears of both says so.

// maxReported bounds how many overused vouchers are remembered as reported.
const maxReported = 10_000

// watchOveruse logs each voucher that is used more often than it may be, once for each use too many, until ctx ends.
func (m *Module) watchOveruse(ctx context.Context) error {
	reported := map[string]int{} // uses, by code
	return m.db.Watch(ctx, []hotspotdb.Dataset{hotspotdb.Vouchers}, m.db.Durable(), func(e hotspotdb.Event) error {
		if e.Deleted || len(e.Key) != 9 || e.Key[0] != hotspotdb.KindUse {
			return nil
		}
		return m.reportOveruse(ctx, binary.BigEndian.Uint64(e.Key[1:]), reported)
	})
}

func (m *Module) reportOveruse(ctx context.Context, use uint64, reported map[string]int) error {
	u, err := m.db.VoucherUse(use)
	if errors.Is(err, hotspotdb.ErrNotFound) {
		return nil // deleted or erased since
	}
	if err != nil {
		return err
	}
	v, b, err := m.db.Voucher(u.Code)
	switch {
	case errors.Is(err, hotspotdb.ErrNotFound):
		return nil
	case err != nil:
		return err
	case v.State != hotspotdb.VoucherOverused || len(v.Uses) <= reported[v.Code]:
		return nil
	}
	if len(reported) >= maxReported {
		maps.DeleteFunc(reported, func(string, int) bool { return true })
	}
	reported[v.Code] = len(v.Uses)
	m.log.WarnContext(ctx, "a voucher was used too often, on boxes that were out of contact", "batch", v.Batch, "code_ends", lastSymbols(v.Code),
		"uses", len(v.Uses), "of", b.MaxUses)
	return nil
}

// lastSymbols is enough for an operator to find the voucher and not enough to use it.
func lastSymbols(code string) string { return code[max(0, len(code)-4):] }
