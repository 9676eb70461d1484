package hotspot

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"mbox/hotspotdb"
	"mbox/modules"
)

// batchCounts is how many vouchers of a batch are in each state.
type batchCounts map[hotspotdb.VoucherState]int

func (c batchCounts) all() (n int) {
	for _, of := range c {
		n += of
	}
	return n
}

// batchList is all batches with their counts.
type batchList struct {
	m       *Module
	batches []hotspotdb.VoucherBatch
	counts  map[string]batchCounts
}

func (m *Module) showBatches(ctx context.Context, _ modules.Call) (modules.View, error) {
	batches, err := m.db.Batches()
	if err != nil {
		return nil, err
	}
	counts := map[string]batchCounts{}
	for _, b := range batches {
		counts[b.Name] = batchCounts{}
	}
	for v, err := range m.db.Vouchers(ctx, hotspotdb.VoucherFilter{}) {
		if err != nil {
			return nil, err
		}
		if of := counts[v.Batch]; of != nil {
			of[v.State]++
		}
	}
	return batchList{m, batches, counts}, nil
}

var batchColumns = []modules.Column{
	{Name: "BATCH", Min: 8}, {Name: "PROFILE", Min: 8, Weight: 2, Cut: true}, {Name: "VOUCHERS", Right: true}, {Name: "UNUSED", Right: true},
	{Name: "USES", Right: true}, {Name: "VALIDITY"}, {Name: "EXPIRES"}, {Name: "OWNER", Min: 8, Weight: 2, Cut: true}, {Name: "NOTE", Min: 8, Weight: 4, Cut: true},
}

func (l batchList) Text(w io.Writer, width int) error {
	overused := 0
	rows := func(yield func([]string, error) bool) {
		for _, b := range l.batches {
			counts := l.counts[b.Name]
			overused += counts[hotspotdb.VoucherOverused]
			name := b.Name
			if b.Disabled {
				name += " (disabled)"
			}
			if !yield([]string{name, b.Profile, fmt.Sprint(counts.all()), fmt.Sprint(counts[hotspotdb.VoucherUnused]), fmt.Sprint(b.MaxUses),
				validity{}.Render(b.Validity), l.m.displayTime(b.Expires), l.m.boxName(b.Owner), b.Note}, nil) {
				return
			}
		}
	}
	if err := (modules.Table{Columns: batchColumns, Rows: rows}).Text(w, width); err != nil || overused == 0 {
		return err
	}
	_, err := fmt.Fprintf(w, "%s used too often: show hotspot vouchers state overused\n", modules.Count(overused, "voucher"))
	return err
}

// MarshalJSON is a list of batches with all fields.
func (l batchList) MarshalJSON() ([]byte, error) {
	out := []object{}
	for _, b := range l.batches {
		out = append(out, l.m.batchObject(b, l.counts[b.Name]))
	}
	return json.Marshal(out)
}

func (m *Module) batchObject(b hotspotdb.VoucherBatch, counts batchCounts) object {
	return object{
		{"batch", "", b.Name},
		{"profile", "", b.Profile},
		{"validity", "", seconds(b.Validity)},
		{"expires", "", instant(b.Expires)},
		{"max_uses", "", int(b.MaxUses)},
		{"note", "", known(b.Note)},
		{"disabled", "", b.Disabled},
		{"owner", "", b.Owner.String()},
		{"owner_name", "", m.boxName(b.Owner)},
		{"vouchers", "", counts.all()},
		{"unused", "", counts[hotspotdb.VoucherUnused]},
		{"used", "", counts[hotspotdb.VoucherUsed]},
		{"used_up", "", counts[hotspotdb.VoucherUsedUp]},
		{"expired", "", counts[hotspotdb.VoucherExpired]},
		{"overused", "", counts[hotspotdb.VoucherOverused]},
		{"created", "", instant(b.Created)},
		{"createdby", "", known(b.CreatedBy)},
		{"updated", "", instant(b.Updated)},
		{"updatedby", "", known(b.UpdatedBy)},
	}
}
