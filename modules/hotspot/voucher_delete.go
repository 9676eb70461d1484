package hotspot

import (
	"context"
	"errors"
	"fmt"

	"mbox/hotspotdb"
	"mbox/modules"
)

func (m *Module) deleteVouchers(ctx context.Context, call modules.Call) (modules.View, error) {
	if call.Values.Has("BATCH") {
		return m.deleteBatch(ctx, call)
	}
	code := modules.Get[string](call.Values, "CODE")
	var batch string
	pending, err := m.editVouchers(ctx, call, "voucher", printedCode(code), func(tx *hotspotdb.Tx) (err error) {
		batch, err = tx.DeleteVoucher(code, call.Actor.Name)
		return err
	})
	if err != nil {
		return nil, err
	}
	m.audit(ctx, call.Actor, "hotspot voucher deleted", "batch", batch)
	return nil, pending
}

func (m *Module) deleteBatch(ctx context.Context, call modules.Call) (modules.View, error) {
	name := modules.Get[string](call.Values, "BATCH")
	if _, err := m.db.Batch(name); err != nil {
		return nil, m.refusal(err, "batch", name)
	}
	if !call.Values.Has("force") {
		if ok, err := confirmDeleteBatch(ctx, call.Terminal, name); err != nil || !ok {
			return nil, err
		}
	}
	n, err := m.db.DeleteBatch(ctx, name, author(call.Actor))
	var pending error
	switch {
	case errors.Is(err, hotspotdb.ErrUnconfirmed):
		pending = unconfirmed(err, "batch", name)
	case err != nil:
		return nil, m.refusal(err, "batch", name)
	}
	m.audit(ctx, call.Actor, "hotspot vouchers deleted", "batch", name, "count", n)
	return modules.Text(fmt.Sprintf("%s deleted.\n", modules.Count(n, "voucher"))), pending
}

func confirmDeleteBatch(ctx context.Context, terminal modules.Terminal, name string) (bool, error) {
	what := fmt.Sprintf("All vouchers of batch %s are refused from now on, and what is known of their use is removed", name)
	ok, err := terminal.Confirm(ctx, what+". Delete them?")
	if errors.Is(err, modules.ErrNotInteractive) {
		return false, &modules.Error{Message: what, Hint: "Add force to delete them"}
	}
	return ok, err
}
