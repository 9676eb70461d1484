package hotspot

import (
	"context"
	"fmt"
	"strconv"

	"mbox/hotspotdb"
	"mbox/modules"
)

var voucherHeading = []string{"code", "batch", "profile", "state", "validity", "expires", "max_uses", "use_count", "first_use", "note"}

// exportVouchers writes the codes as they are printed: what looks like a number or a date in a spreadsheet would not stay it.
func (m *Module) exportVouchers(ctx context.Context, call modules.Call) (modules.View, error) {
	batch := modules.Get[string](call.Values, "BATCH")
	if batch != "" {
		if _, err := m.db.Batch(batch); err != nil {
			return nil, m.refusal(err, "batch", batch)
		}
	}
	batches, err := m.batchesByName()
	if err != nil {
		return nil, err
	}
	rows := func(yield func([]string, error) bool) {
		for v, err := range m.db.Vouchers(ctx, hotspotdb.VoucherFilter{Batch: batch}) {
			if !yield(voucherCells(v, batches[v.Batch]), err) || err != nil {
				return
			}
		}
	}
	return m.export(ctx, call, "vouchers", m.db.Statistics().Vouchers, voucherHeading, rows)
}

func voucherCells(v hotspotdb.Voucher, b hotspotdb.VoucherBatch) []string {
	first := ""
	if len(v.Uses) > 0 {
		first = formatExpiry(v.Uses[0].At)
	}
	return []string{printedCode(v.Code), v.Batch, b.Profile, v.State.String(), validity{}.Render(b.Validity), formatExpiry(b.Expires),
		strconv.FormatUint(uint64(b.MaxUses), 10), fmt.Sprint(len(v.Uses)), first, b.Note}
}
