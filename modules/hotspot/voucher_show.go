package hotspot

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
)

// voucherState is one of the states of a voucher.
func voucherState() modules.Type {
	return modules.Enum("State of the voucher",
		modules.Candidate{Text: "unused", Help: "Nobody has used it"},
		modules.Candidate{Text: "used", Help: "Used, and good for more"},
		modules.Candidate{Text: "used-up", Help: "Used as often as it may be"},
		modules.Candidate{Text: "expired", Help: "The batch ended before it was used up"},
		modules.Candidate{Text: "disabled", Help: "It or its batch is disabled"},
		modules.Candidate{Text: "overused", Help: "Used too often, on boxes that were out of contact"})
}

func (m *Module) showVoucher(_ context.Context, call modules.Call) (modules.View, error) {
	code := modules.Get[string](call.Values, "CODE")
	v, batch, err := m.db.Voucher(code)
	if err != nil {
		return nil, m.refusal(err, "voucher", printedCode(code))
	}
	return inFull{m.voucherInFull(v, batch), m.zone()}, nil
}

// voucherObject is a voucher in a list.
func (m *Module) voucherObject(v hotspotdb.Voucher, b hotspotdb.VoucherBatch) object {
	var first *time.Time
	if len(v.Uses) > 0 {
		first = instant(v.Uses[0].At)
	}
	return object{
		{"code", "Code", printedCode(v.Code)},
		{"batch", "Batch", v.Batch},
		{"profile", "Profile", b.Profile},
		{"state", "State", v.State.String()},
		{"disabled", "", v.Disabled},
		{"validity", "", seconds(b.Validity)},
		{"", "Validity", validity{}.Render(b.Validity)},
		{"expires", "Expires", instant(b.Expires)},
		{"max_uses", "Uses allowed", int(b.MaxUses)},
		{"use_count", "Used", len(v.Uses)},
		{"first_use", "First use", first},
		{"owner", "", b.Owner.String()},
	}
}

// seconds is nil for no bound.
func seconds(d time.Duration) *int64 {
	if d == 0 {
		return nil
	}
	n := int64(d / time.Second)
	return &n
}

// voucherUse is one use in JSON.
type voucherUse struct {
	ID      uint64     `json:"id"`
	MAC     *string    `json:"macaddress"`
	At      *time.Time `json:"at"`
	Expires *time.Time `json:"expires"`
	Box     *string    `json:"box"`      // the database in which it was made
	BoxName string     `json:"box_name"` // its host name, as far as it is known
}

// voucherInFull is a voucher with its uses.
func (m *Module) voucherInFull(v hotspotdb.Voucher, b hotspotdb.VoucherBatch) object {
	o := append(m.voucherObject(v, b), member{"note", "Note", known(b.Note)}, member{"", "Owner", m.boxName(b.Owner)})
	uses := []voucherUse{}
	for i, u := range v.Uses {
		uses = append(uses, m.useOf(u))
		o = append(o, member{"", fmt.Sprintf("Use %d", i+1), m.useText(u)})
	}
	return append(o, member{"uses", "", uses})
}

func (m *Module) useOf(u hotspotdb.VoucherUse) voucherUse {
	use := voucherUse{ID: u.ID, MAC: known(u.MAC), At: instant(u.At), Expires: instant(u.Expires)}
	if !u.Box.IsZero() {
		use.Box, use.BoxName = known(u.Box.String()), m.boxName(u.Box)
	}
	return use
}

func (m *Module) useText(u hotspotdb.VoucherUse) string {
	if u.At.IsZero() {
		return "by somebody who was erased"
	}
	text := m.displayTime(u.At)
	if !u.Expires.IsZero() {
		text += " to " + m.displayTime(u.Expires)
	}
	if u.MAC != "" {
		text += ", " + u.MAC
	}
	return text + ", at " + m.boxName(u.Box)
}

// voucherList is a list of vouchers that is read while it is written.
type voucherList struct {
	ctx     context.Context
	m       *Module
	filter  hotspotdb.VoucherFilter // Limit 0: all
	batches map[string]hotspotdb.VoucherBatch
}

func (m *Module) showVouchers(ctx context.Context, call modules.Call) (modules.View, error) {
	v := call.Values
	filter := hotspotdb.VoucherFilter{Batch: modules.Get[string](v, "BATCH"), Limit: modules.Get[int](v, "N")}
	if filter.Batch != "" {
		if _, err := m.db.Batch(filter.Batch); err != nil {
			return nil, m.refusal(err, "batch", filter.Batch)
		}
	}
	if v.Has("STATE") {
		state, err := hotspotdb.ParseVoucherState(modules.Get[string](v, "STATE"))
		if err != nil {
			return nil, err
		}
		filter.State = &state
	}
	batches, err := m.batchesByName()
	return voucherList{ctx, m, filter, batches}, err
}

func (m *Module) batchesByName() (map[string]hotspotdb.VoucherBatch, error) {
	list, err := m.db.Batches()
	if err != nil {
		return nil, err
	}
	out := make(map[string]hotspotdb.VoucherBatch, len(list))
	for _, b := range list {
		out[b.Name] = b
	}
	return out, nil
}

var voucherColumns = []modules.Column{
	{Name: "CODE"}, {Name: "BATCH", Min: 8, Weight: 4, Cut: true}, {Name: "STATE"}, {Name: "USES", Right: true}, {Name: "OF", Right: true}, {Name: "FIRST USE"}, {Name: "EXPIRES"},
}

func (l voucherList) Text(w io.Writer, width int) error {
	limit, shown, more := l.filter.Limit, 0, false
	filter := l.filter
	if limit > 0 {
		filter.Limit++ // to know whether there are more
	}
	rows := func(yield func([]string, error) bool) {
		for v, err := range l.m.db.Vouchers(l.ctx, filter) {
			if more = err == nil && limit > 0 && shown == limit; more {
				return
			}
			shown++
			if !yield(l.row(v), err) {
				return
			}
		}
	}
	if err := (modules.Table{Columns: voucherColumns, Rows: rows}).Text(w, width); err != nil || !more {
		return err
	}
	_, err := fmt.Fprintf(w, "There are more; raise limit %d to see them.\n", limit)
	return err
}

func (l voucherList) row(v hotspotdb.Voucher) []string {
	b, first := l.batches[v.Batch], ""
	if len(v.Uses) > 0 {
		first = l.m.displayTime(v.Uses[0].At)
	}
	return []string{printedCode(v.Code), v.Batch, v.State.String(), fmt.Sprint(len(v.Uses)), fmt.Sprint(b.MaxUses), first, l.m.displayTime(b.Expires)}
}

// MarshalJSON is a list of vouchers. Without a limit it refuses what would not fit rather than leave some out.
func (l voucherList) MarshalJSON() ([]byte, error) {
	filter := l.filter
	if filter.Limit == 0 {
		filter.Limit = l.m.maxJSON + 1
	}
	vouchers := []object{}
	for v, err := range l.m.db.Vouchers(l.ctx, filter) {
		if err != nil {
			return nil, err
		}
		vouchers = append(vouchers, l.m.voucherObject(v, l.batches[v.Batch]))
	}
	if l.filter.Limit == 0 && len(vouchers) > l.m.maxJSON {
		return nil, l.m.tooMany("vouchers")
	}
	return json.Marshal(vouchers)
}
