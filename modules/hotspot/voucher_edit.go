package hotspot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
)

// madeVouchers is the View of a new batch. It holds no codes: they are for those who get the cards.
type madeVouchers struct {
	Batch    string `json:"batch"`
	Vouchers int    `json:"vouchers"`
	Length   int    `json:"length"` // symbols of a code
}

func (v madeVouchers) Text(w io.Writer, _ int) error {
	next := fmt.Sprintf("`hotspot voucher print %s %s.pdf` makes cards of them", v.Batch, v.Batch)
	if v.Vouchers > maxCards {
		next = fmt.Sprintf("They are too many for one file of cards: `hotspot export vouchers %s.csv batch %s` lists them", v.Batch, v.Batch)
	}
	_, err := fmt.Fprintf(w, "%s made. %s\n", modules.Count(v.Vouchers, "voucher"), next)
	return err
}

func (m *Module) createVouchers(ctx context.Context, call modules.Call) (modules.View, error) {
	count, length := modules.Get[int](call.Values, "COUNT"), codeLength
	if call.Values.Has("LENGTH") {
		length = modules.Get[int](call.Values, "LENGTH")
	}
	if least := leastLength(count); length < least {
		return nil, &modules.Error{
			Message: fmt.Sprintf("codes of %d symbols are too easy to guess where %d are good", length, count), Hint: fmt.Sprintf("Type length %d or more", least),
		}
	}
	b := hotspotdb.VoucherBatch{Name: modules.Get[string](call.Values, "BATCH"), MaxUses: 1}
	editBatch(&b, call.Values)
	pending, err := m.addBatch(ctx, call, b, newCodes(count, length))
	if err != nil {
		return nil, err
	}
	m.audit(ctx, call.Actor, "hotspot vouchers created", "batch", b.Name, "count", count)
	m.warnBatch(call.Terminal, b)
	if pending != nil {
		return nil, pending
	}
	return madeVouchers{b.Name, count, length}, nil
}

// addBatch stores a batch in commits that other writers need not wait for. Until the last one has been made the batch is
// disabled, so that there is never a part of it.
func (m *Module) addBatch(ctx context.Context, call modules.Call, b hotspotdb.VoucherBatch, codes []string) (pending, err error) {
	whole, name := len(codes) <= hotspotdb.MaxCodes, b.Name
	b.Disabled = !whole
	first := codes[:min(len(codes), hotspotdb.MaxCodes)]
	pending, err = m.editVouchers(ctx, call, "batch", name, func(tx *hotspotdb.Tx) error { return tx.AddBatch(b, first, call.Actor.Name) })
	if err != nil || whole {
		return pending, err
	}
	for at := len(first); at < len(codes) && err == nil; at += hotspotdb.MaxCodes {
		call.Terminal.Progress(int64(at), int64(len(codes)), "vouchers")
		some := codes[at:min(len(codes), at+hotspotdb.MaxCodes)]
		if err = ctx.Err(); err == nil {
			_, err = m.editVouchers(ctx, call, "batch", name, func(tx *hotspotdb.Tx) error { return tx.AddVouchers(name, some, call.Actor.Name) })
		}
	}
	if err == nil {
		return m.switchBatch(ctx, call, name, false)
	}
	if _, undo := m.db.DeleteBatch(context.WithoutCancel(ctx), name, author(call.Actor)); undo != nil && !errors.Is(undo, hotspotdb.ErrUnconfirmed) {
		err = errors.Join(err, fmt.Errorf("delete the part of batch %s that is there, and disabled: %w", name, undo))
	}
	return nil, err
}

// editVouchers makes a change that the audit log ascribes to the operator.
func (m *Module) editVouchers(ctx context.Context, call modules.Call, kind, name string, change func(*hotspotdb.Tx) error) (pending, err error) {
	return m.store(ctx, call.Actor, kind, name, change)
}

// warnBatch says what would keep guests out although the line was right.
func (m *Module) warnBatch(terminal modules.Terminal, b hotspotdb.VoucherBatch) {
	if !b.Expires.IsZero() && !b.Expires.After(m.now()) {
		fmt.Fprintf(terminal, "%% Warning: batch %s ended at %s; vouchers that were not used are refused.\n", b.Name, m.displayTime(b.Expires))
	}
	m.warnProfile(terminal, b.Profile)
}

func (m *Module) warnProfile(terminal modules.Terminal, name string) {
	if missing, err := m.missingProfiles([]string{name}); err != nil || len(missing) == 0 {
		return
	}
	hint := ""
	if near := nearest(name, m.profileNames()); near != "" {
		hint = " Did you mean " + near + "?"
	}
	fmt.Fprintf(terminal, "%% Warning: there is no profile %s; the vouchers are refused until it is added.%s\n", name, hint)
}

// editBatch applies the options of a line.
func editBatch(b *hotspotdb.VoucherBatch, v modules.Values) {
	if v.Has("PROFILE") {
		b.Profile = modules.Get[string](v, "PROFILE")
	}
	if v.Has("SPAN") {
		b.Validity = modules.Get[time.Duration](v, "SPAN")
	}
	if v.Has("TIME") {
		b.Expires = modules.Get[time.Time](v, "TIME")
	}
	if v.Has("USES") {
		b.MaxUses = uint32(modules.Get[int](v, "USES"))
	}
	if v.Has("TEXT") {
		b.Note = modules.Get[string](v, "TEXT")
	}
}

func (m *Module) setBatch(ctx context.Context, call modules.Call) (modules.View, error) {
	if len(call.Values) <= 1 {
		return nil, &modules.Error{Message: "nothing to set", Hint: "Name what changes, for example expires 2026-12-31"}
	}
	name := modules.Get[string](call.Values, "BATCH")
	var now hotspotdb.VoucherBatch
	pending, err := m.editVouchers(ctx, call, "batch", name, func(tx *hotspotdb.Tx) (err error) {
		now, err = tx.EditBatch(name, call.Actor.Name, func(b *hotspotdb.VoucherBatch) error { editBatch(b, call.Values); return nil })
		return err
	})
	if err != nil {
		return nil, err
	}
	m.audit(ctx, call.Actor, "hotspot vouchers changed", "batch", name)
	m.warnBatch(call.Terminal, now)
	return nil, pending
}

// extendBatch lets a batch end later: who mistypes the year has not refused what is in the guests' hands.
func (m *Module) extendBatch(ctx context.Context, call modules.Call) (modules.View, error) {
	name, end := modules.Get[string](call.Values, "BATCH"), modules.Get[time.Time](call.Values, "TIME")
	b, err := m.db.Batch(name)
	switch {
	case err != nil:
		return nil, m.refusal(err, "batch", name)
	case b.Expires.IsZero():
		return nil, &modules.Error{Message: "batch " + name + " never ends", Hint: "To let it end: hotspot voucher set " + name + " expires TIME"}
	case !end.IsZero() && !end.After(b.Expires):
		return nil, &modules.Error{
			Message: fmt.Sprintf("batch %s ends later than that, at %s", name, m.displayTime(b.Expires)), Hint: "To let it end earlier: hotspot voucher set " + name + " expires TIME",
		}
	}
	return m.setBatch(ctx, call)
}

func (m *Module) disableVouchers(ctx context.Context, call modules.Call) (modules.View, error) {
	return m.switchVouchers(ctx, call, true, "hotspot vouchers disabled")
}

func (m *Module) enableVouchers(ctx context.Context, call modules.Call) (modules.View, error) {
	return m.switchVouchers(ctx, call, false, "hotspot vouchers enabled")
}

func (m *Module) switchVouchers(ctx context.Context, call modules.Call, off bool, what string) (modules.View, error) {
	var pending, err error
	batch := modules.Get[string](call.Values, "BATCH")
	if call.Values.Has("BATCH") {
		pending, err = m.switchBatch(ctx, call, batch, off)
	} else {
		batch, pending, err = m.switchCode(ctx, call, off)
	}
	if err != nil {
		return nil, err
	}
	m.audit(ctx, call.Actor, what, "batch", batch, "whole", call.Values.Has("BATCH"))
	return nil, pending
}

func (m *Module) switchBatch(ctx context.Context, call modules.Call, name string, off bool) (pending, err error) {
	return m.editVouchers(ctx, call, "batch", name, func(tx *hotspotdb.Tx) error {
		_, err := tx.EditBatch(name, call.Actor.Name, func(b *hotspotdb.VoucherBatch) error { b.Disabled = off; return nil })
		return err
	})
}

func (m *Module) switchCode(ctx context.Context, call modules.Call, off bool) (batch string, pending, err error) {
	code := modules.Get[string](call.Values, "CODE")
	pending, err = m.editVouchers(ctx, call, "voucher", printedCode(code), func(tx *hotspotdb.Tx) error {
		return tx.SetVoucher(code, call.Actor.Name, func(v *hotspotdb.Voucher) error { v.Disabled, batch = off, v.Batch; return nil })
	})
	return batch, pending, err
}

// ownBatch makes this box the owner of a batch, if the other one burned down.
func (m *Module) ownBatch(ctx context.Context, call modules.Call) (modules.View, error) {
	name := modules.Get[string](call.Values, "BATCH")
	batch, err := m.db.Batch(name)
	if err != nil {
		return nil, m.refusal(err, "batch", name)
	}
	if batch.Owner == m.db.ID() {
		return nil, modules.Errorf("this box is the owner of batch %s already", name)
	}
	if !call.Values.Has("force") {
		if ok, err := m.confirmOwn(ctx, call.Terminal, batch); err != nil || !ok {
			return nil, err
		}
	}
	pending, err := m.editVouchers(ctx, call, "batch", name, func(tx *hotspotdb.Tx) error {
		_, err := tx.EditBatch(name, call.Actor.Name, func(b *hotspotdb.VoucherBatch) error { b.Owner = m.db.ID(); return nil })
		return err
	})
	if err != nil {
		return nil, err
	}
	m.audit(ctx, call.Actor, "hotspot vouchers owned", "batch", name, "before", batch.Owner)
	return nil, pending
}

func (m *Module) confirmOwn(ctx context.Context, terminal modules.Terminal, b hotspotdb.VoucherBatch) (bool, error) {
	what := fmt.Sprintf("%s is the owner of batch %s", m.boxName(b.Owner), b.Name)
	if m.boxes != nil && m.boxes.InContact(b.Owner) {
		what += " and in contact: until it has heard of the change both grant uses"
	} else {
		what += ". If it still runs, both grant uses until they are in contact again"
	}
	ok, err := terminal.Confirm(ctx, what+". Own the batch here?")
	if errors.Is(err, modules.ErrNotInteractive) {
		return false, &modules.Error{Message: what, Hint: "Add force to own it here all the same"}
	}
	return ok, err
}
