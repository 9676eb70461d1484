package sync_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"mbox/boxtest"
	"mbox/hotspotdb"
	boxsync "mbox/modules/sync"
	"mbox/proto/hotspotpb"
)

// What the model does with vouchers: batches come from few names, so that two boxes make the same; codes are never made twice.

var (
	batchNames = []string{"day", "week"}
	devices    = []string{"02-00-00-00-00-01", "02-00-00-00-00-02", "02-00-00-00-00-03"}
)

// sold is what became of vouchers and of quota.
type sold struct {
	codes     []string
	purchases []purchase
	notes     []noteOf
	asked     map[asking]bool
	owners    map[string]map[hotspotdb.DatabaseID]bool // that a batch ever had, by its name
	anyhow    map[string]bool                          // codes of which a box granted a use although it is not the owner
}

// asking is a claim: a device asks for a use of a code.
type asking struct{ code, device string }

// codeOf is a code in the batch that it has.
type codeOf struct{ code, batch string }

type purchase struct {
	hotspotdb.Purchase
	box *boxtest.Box
}

// noteOf is a text that one write, and so one entry of the audit, has.
type noteOf struct {
	text   string
	box    *boxtest.Box
	origin hotspotdb.DatabaseID
}

func newSold() *sold {
	return &sold{asked: map[asking]bool{}, owners: map[string]map[hotspotdb.DatabaseID]bool{}, anyhow: map[string]bool{}}
}

func (s *sold) owned(batch string, by hotspotdb.DatabaseID) {
	if s.owners[batch] == nil {
		s.owners[batch] = map[hotspotdb.DatabaseID]bool{}
	}
	s.owners[batch][by] = true
}

// note makes a text that the next write alone has.
func (m *model) note(box *boxtest.Box) noteOf { return noteOf{m.next("n"), box, box.DB.ID()} }

func (m *model) createBatch(box *boxtest.Box) {
	name, note := m.pick(batchNames), m.note(box)
	uses := uint32(rapid.IntRange(1, 2).Draw(m.rt, "uses"))
	var codes []string
	for range rapid.IntRange(1, 3).Draw(m.rt, "codes") {
		codes = append(codes, m.next("CODE"))
	}
	m.write(box, func(tx *hotspotdb.Tx, n *notes) error {
		n.before(hotspotdb.Vouchers, hotspotdb.BatchKey(name))
		for _, code := range codes {
			n.fresh(hotspotdb.Vouchers, hotspotdb.VoucherKey(code))
		}
		return tx.AddBatch(hotspotdb.VoucherBatch{Name: name, Profile: "guest", MaxUses: uses, Note: note.text}, codes, "model")
	}, func() {
		m.sold.codes, m.sold.notes = append(m.sold.codes, codes...), append(m.sold.notes, note)
		m.sold.owned(name, box.DB.ID())
	})
}

// editBatch changes the note, and sometimes moves the batch here or stops it.
func (m *model) editBatch(box *boxtest.Box) {
	name, note := m.pick(batchNames), m.note(box)
	own, stop := rapid.IntRange(0, 3).Draw(m.rt, "own") == 0, rapid.IntRange(0, 3).Draw(m.rt, "stop") == 0
	m.changeBatch(box, name, func(b *hotspotdb.VoucherBatch) {
		if b.Note, b.Disabled = note.text, stop; own {
			b.Owner = box.DB.ID()
		}
	}, func() {
		m.sold.notes = append(m.sold.notes, note)
		if own {
			m.sold.owned(name, box.DB.ID())
		}
	})
}

func (m *model) changeBatch(box *boxtest.Box, name string, edit func(*hotspotdb.VoucherBatch), done func()) {
	m.write(box, func(tx *hotspotdb.Tx, n *notes) error {
		n.before(hotspotdb.Vouchers, hotspotdb.BatchKey(name))
		_, err := tx.EditBatch(name, "model", func(b *hotspotdb.VoucherBatch) error { edit(b); return nil })
		return err
	}, done)
}

func (m *model) disableVoucher(box *boxtest.Box) {
	if len(m.sold.codes) == 0 {
		return
	}
	code := m.pick(m.sold.codes)
	m.write(box, func(tx *hotspotdb.Tx, n *notes) error {
		n.before(hotspotdb.Vouchers, hotspotdb.VoucherKey(code))
		return tx.SetVoucher(code, "model", func(v *hotspotdb.Voucher) error { v.Disabled = !v.Disabled; return nil })
	})
}

// deleteBatch deletes a batch in several transactions. What they wrote is found by its origin.
func (m *model) deleteBatch(box *boxtest.Box) {
	name := m.pick(batchNames)
	m.changeBatch(box, name, func(b *hotspotdb.VoucherBatch) { b.Disabled = true }, func() {})
	switch _, err := box.DB.DeleteBatch(bg, name, hotspotdb.Author{Name: "model"}); {
	case errors.Is(err, hotspotdb.ErrNotFound):
		return
	case err != nil:
		m.rt.Fatalf("%s: delete batch %s: %v", box.Name, name, err)
	}
	m.did.writes++
	m.scan(box, func(c hotspotdb.Change) {
		key := recordKey{hotspotdb.Vouchers, string(c.Key)}
		if c.Deleted && c.Stamp.Origin == box.DB.ID() && m.truth.find(key, c) == nil {
			m.truth.confirm(box, &notes{records: []noted{{key, m.truth.at(key, c.Base), clone(c)}}})
		}
	})
}

// scan reads the vouchers of a box.
func (m *model) scan(box *boxtest.Box, fn func(hotspotdb.Change)) {
	m.rt.Helper()
	view := box.DB.View()
	defer view.Close()
	err := view.Scan(hotspotdb.Vouchers, 0, view.Seq, func(e hotspotdb.Entry) (bool, error) {
		c, err := e.Decode()
		if err == nil {
			fn(c)
		}
		return true, err
	})
	if err != nil {
		m.rt.Fatalf("%s: read the vouchers: %v", box.Name, err)
	}
}

// refusals are what a guest may be told.
var refusals = []error{
	hotspotdb.ErrNotFound, hotspotdb.ErrVoucherUsedUp, hotspotdb.ErrVoucherExpired, hotspotdb.ErrVoucherDisabled,
	boxsync.ErrUnreachable, boxsync.ErrApart, boxsync.ErrClaimsBusy,
}

func (m *model) redeem(box *boxtest.Box) {
	policy := boxsync.Partition(rapid.IntRange(int(boxsync.OwnerOnly), int(boxsync.Allow)).Draw(m.rt, "policy"))
	for _, b := range m.boxes {
		b.Partition.Store(int32(policy))
	}
	known := slices.DeleteFunc(slices.Clone(m.sold.codes), func(code string) bool {
		v, batch, err := box.DB.Voucher(code)
		return err != nil || v.Disabled || batch.Disabled
	})
	if len(known) == 0 {
		m.createBatch(box)
		return
	}
	known = known[max(0, len(known)-2):] // so that guests meet
	for range rapid.IntRange(1, 3).Draw(m.rt, "guests") {
		m.claim(box, asking{m.pick(known), m.pick(devices)})
	}
}

// claim has one guest come to a box.
func (m *model) claim(box *boxtest.Box, ask asking) {
	_, batch, err := box.DB.Voucher(ask.code)
	if err != nil {
		return // deleted since
	}
	m.sold.asked[ask] = true
	ctx, stop := context.WithTimeout(bg, time.Minute)
	defer stop()
	use, err := box.Sync.Claim(ctx, batch.Owner, ask.code, ask.device)
	switch {
	case err == nil:
		m.granted(box, ask, use, batch.Owner)
	case !slices.ContainsFunc(refusals, func(known error) bool { return errors.Is(err, known) }):
		m.rt.Fatalf("%s: redeem: %v", box.Name, err)
	default:
		m.did.refused++
	}
}

// granted notes a use: that record must never be lost, as the box that granted it and the one that asked for it have it.
func (m *model) granted(box *boxtest.Box, ask asking, use hotspotdb.VoucherUse, owner hotspotdb.DatabaseID) {
	m.did.granted++
	if use.Code != ask.code || use.MAC != ask.device {
		m.rt.Errorf("%s: %v is answered with the use %+v", box.Name, ask, use)
	}
	if use.Box != owner {
		m.sold.anyhow[use.Code] = true
	}
	key := recordKey{hotspotdb.Vouchers, string(hotspotdb.UseKey(use.ID))}
	for _, b := range m.boxes {
		if b != box && b.DB.ID() != use.Box {
			continue
		}
		if c := held(b, key); c.Stamp.Clock != 0 && !c.Deleted && m.truth.find(key, c) == nil {
			m.truth.confirm(b, &notes{records: []noted{{key: key, after: clone(c)}}})
		}
	}
	if len(m.truth.records[key]) == 0 {
		m.rt.Errorf("%s was granted a use that is on no disk", box.Name)
	}
}

func (m *model) buyQuota(box *boxtest.Box) {
	name, note := m.pick(guests), m.note(box)
	var bought hotspotdb.Purchase
	order := hotspotdb.Purchase{Username: name, Octets: rapid.Uint64Range(1, 1000).Draw(m.rt, "octets"), Seconds: 60, By: "model", Note: note.text}
	m.write(box, func(tx *hotspotdb.Tx, n *notes) (err error) {
		if bought, err = tx.AddPurchase(order); err == nil {
			n.fresh(hotspotdb.Users, hotspotdb.PurchaseKey(bought.ID))
		}
		return err
	}, func() {
		m.sold.purchases, m.sold.notes = append(m.sold.purchases, purchase{bought, box}), append(m.sold.notes, note)
	})
}

// soldWell says what is wrong with what a box knows of vouchers, purchases and the audit, once all has settled.
func (m *model) soldWell(b *boxtest.Box) (out []string) {
	out = append(out, m.usedAsOften(b)...)
	out = append(out, m.boughtExactly(b)...)
	return append(out, m.audited(b)...)
}

// usedAsOften checks that a voucher is listed as overused if and only if more devices use it than may, and that this can only
// be where somebody granted uses who could not hear the others.
func (m *model) usedAsOften(b *boxtest.Box) (out []string) {
	devices := map[codeOf]map[string]bool{}
	m.scan(b, func(c hotspotdb.Change) {
		var pb hotspotpb.VoucherUse
		if c.Key[0] != hotspotdb.KindUse || c.Deleted || proto.Unmarshal(c.Body, &pb) != nil {
			return
		}
		if !m.sold.asked[asking{pb.Code, pb.Mac}] {
			out = append(out, fmt.Sprintf("%s holds a use of %s by %s, who never asked", b.Name, pb.Code, pb.Mac))
		}
		id := codeOf{pb.Code, pb.Batch}
		if devices[id] == nil {
			devices[id] = map[string]bool{}
		}
		devices[id][pb.Mac] = true
	})
	overused, err := b.DB.Overused()
	if err != nil {
		return append(out, fmt.Sprintf("%s: %v", b.Name, err))
	}
	for _, code := range m.sold.codes {
		v, batch, err := b.DB.Voucher(code)
		if err != nil {
			continue // deleted, or does not come here
		}
		n := len(devices[codeOf{code, v.Batch}])
		if len(v.Uses) != n {
			out = append(out, fmt.Sprintf("%s: %s has %d uses by %d devices", b.Name, code, len(v.Uses), n))
		}
		tooMany := n > int(batch.MaxUses)
		listed := slices.ContainsFunc(overused, func(o hotspotdb.Voucher) bool { return o.Code == code })
		if want := tooMany && !v.Disabled && !batch.Disabled; listed != want {
			out = append(out, fmt.Sprintf("%s: %s is listed as overused: %v, with %d of %d uses", b.Name, code, listed, n, batch.MaxUses))
		}
		if tooMany && !m.excused(v.Batch, code) {
			out = append(out, fmt.Sprintf("%s: %s was used %d times of %d, by its owner alone", b.Name, code, n, batch.MaxUses))
		}
		if tooMany && listed {
			m.did.overused++
		}
	}
	return out
}

// excused says whether two boxes may have granted uses of a voucher: it was allowed, the batch had two owners, or its owner has forgotten some
// with its disk.
func (m *model) excused(batch, code string) bool {
	owners := m.sold.owners[batch]
	for owner := range owners {
		if m.truth.replaced[owner] {
			return true
		}
	}
	return m.sold.anyhow[code] || len(owners) > 1
}

func (m *model) boughtExactly(b *boxtest.Box) (out []string) {
	list, err := b.DB.Purchases(bg, hotspotdb.PurchaseFilter{})
	if err != nil {
		return []string{fmt.Sprintf("%s: %v", b.Name, err)}
	}
	from, octets, seen := m.reach(hotspotdb.Users, b), map[uint64]uint64{}, map[uint64]bool{}
	for _, p := range list {
		i := slices.IndexFunc(m.sold.purchases, func(q purchase) bool { return q.Purchase == p })
		if i < 0 || seen[p.ID] {
			out = append(out, fmt.Sprintf("%s: nobody has bought %+v, or not twice", b.Name, p))
		}
		seen[p.ID] = true
		octets[p.Account] += p.Octets
	}
	for _, q := range m.sold.purchases {
		versions := m.truth.records[recordKey{hotspotdb.Users, string(hotspotdb.PurchaseKey(q.ID))}]
		if from[q.box] && !seen[q.ID] && !versions[0].lost {
			out = append(out, fmt.Sprintf("%s lacks the purchase %+v", b.Name, q.Purchase))
		}
		if got, _ := b.DB.Purchased(q.Account); got != octets[q.Account] {
			out = append(out, fmt.Sprintf("%s: %d octets were bought for %d, and %d are summed up", b.Name, octets[q.Account], q.Account, got))
		}
	}
	return out
}

// audited checks that each write that has a note has one entry, unless the disk went on which it was made.
func (m *model) audited(b *boxtest.Box) (out []string) {
	entries, err := b.DB.AuditEntries(bg, hotspotdb.AuditFilter{})
	if err != nil {
		return []string{fmt.Sprintf("%s: %v", b.Name, err)}
	}
	count := map[string]int{}
	for _, e := range entries {
		for _, f := range e.Fields {
			if f.Name == "note" {
				count[f.New]++
			}
		}
	}
	from := m.reach(hotspotdb.Audit, b)
	for _, note := range m.sold.notes {
		n := count[note.text]
		if n > 1 || n == 0 && from[note.box] && !m.truth.replaced[note.origin] {
			out = append(out, fmt.Sprintf("%s has %d audit entries of the write %s of %s", b.Name, n, note.text, note.box.Name))
		}
	}
	return out
}
