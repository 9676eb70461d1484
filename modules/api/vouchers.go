package api

import (
	"errors"
	"net/http"
	"time"

	"mbox/hotspotdb"
)

// batch is what the vouchers that were made together share.
type batch struct {
	Name      string  `json:"name"`
	Profile   string  `json:"profile"`
	Validity  int64   `json:"validity" doc:"Seconds that a use lasts; 0: as long as the batch"`
	Expires   *stamp  `json:"expires" doc:"Codes are refused from then on; null: never"`
	MaxUses   uint32  `json:"maxuses" doc:"Devices that one code lets in"`
	Note      *string `json:"note"`
	Owner     string  `json:"owner" doc:"Id of the database of the box that grants uses"`
	Disabled  bool    `json:"disabled"`
	Created   *stamp  `json:"created"`
	CreatedBy *string `json:"createdby"`
	Updated   *stamp  `json:"updated"`
	UpdatedBy *string `json:"updatedby"`
}

func (c *call) showBatch(b hotspotdb.VoucherBatch) batch {
	return batch{
		Name: b.Name, Profile: b.Profile, Validity: int64(b.Validity / time.Second), Expires: c.at(b.Expires), MaxUses: b.MaxUses,
		Note: known(b.Note), Owner: b.Owner.String(), Disabled: b.Disabled,
		Created: c.at(b.Created), CreatedBy: known(b.CreatedBy), Updated: c.at(b.Updated), UpdatedBy: known(b.UpdatedBy),
	}
}

// voucher is one code.
type voucher struct {
	Code     string       `json:"code"`
	Batch    string       `json:"batch"`
	State    string       `json:"state" enum:"unused,used,expired,used-up,overused,disabled"`
	Disabled bool         `json:"disabled" doc:"The code itself; its batch may be disabled too"`
	Uses     []voucherUse `json:"uses"`
}

type voucherUse struct {
	MAC     *string `json:"macaddress"`
	Time    *stamp  `json:"time" doc:"null if the guest was erased"`
	Expires *stamp  `json:"expires" doc:"null: never"`
}

func (c *call) showVoucher(v hotspotdb.Voucher) voucher {
	out := voucher{Code: v.Code, Batch: v.Batch, State: v.State.String(), Disabled: v.Disabled, Uses: []voucherUse{}}
	for _, u := range v.Uses {
		out.Uses = append(out.Uses, voucherUse{known(u.MAC), c.at(u.At), c.at(u.Expires)})
	}
	return out
}

func listBatches(c *call) (any, error) {
	var list []hotspotdb.VoucherBatch
	err := c.scan(func() (err error) { list, err = c.DB.Batches(); return err })
	out := []batch{}
	for _, b := range cut(c, list) {
		out = append(out, c.showBatch(b))
	}
	return out, err
}

func getBatch(c *call) (any, error) {
	name := c.r.PathValue("name")
	b, err := c.DB.Batch(name)
	return c.showBatch(b), noBatch(err, name)
}

// createBatch is the body of POST voucher-batches.
type createBatch struct {
	Name     string `json:"name" required:"true" doc:"1 to 64 letters, digits, _ or -"`
	Count    int    `json:"count" required:"true" doc:"How many vouchers, at most 10000"`
	Profile  string `json:"profile" required:"true" doc:"The access profile of whoever uses them"`
	Validity int64  `json:"validity" doc:"Seconds that a use lasts; left out or 0: as long as the batch"`
	Expires  string `json:"expires" doc:"Such as 2026-12-31 (the end of that day); codes are refused afterwards; left out: never"`
	MaxUses  uint32 `json:"maxuses" doc:"Devices that one code lets in; left out: 1"`
	Note     string `json:"note"`
}

// createdBatch is its answer: the only one that lists all codes.
type createdBatch struct {
	batch
	Codes []string `json:"codes"`
}

// maxValidity is the longest validity, in seconds: what the database takes.
const maxValidity = 100 * 366 * 24 * 3600

func postBatch(c *call) (any, error) {
	body := c.body.(*createBatch)
	switch {
	case hotspotdb.CheckGroupname(body.Name) != nil:
		return nil, refuse("name: expected 1 to 64 letters, digits, _ or -")
	case body.Count < 1 || body.Count > hotspotdb.MaxCodes:
		return nil, refuse("count: expected a number from 1 to %d", hotspotdb.MaxCodes)
	case body.Validity < 0 || body.Validity > maxValidity:
		return nil, refuse("validity: expected seconds, from 0 to %d", maxValidity)
	}
	expires, err := c.expiry(body.Expires)
	if err != nil {
		return nil, err
	}
	b := hotspotdb.VoucherBatch{
		Name: body.Name, Profile: body.Profile, Validity: time.Duration(body.Validity) * time.Second, Expires: expires,
		MaxUses: body.MaxUses, Note: body.Note,
	}
	codes := c.NewCodes(body.Count)
	err = c.update(func(tx *hotspotdb.Tx) error {
		if err := profileThere(tx, "profile", b.Profile); err != nil {
			return err
		}
		if _, err := tx.Batch(b.Name); err == nil {
			return &failure{status: http.StatusConflict, message: "name: there is a batch " + b.Name + " already; send another name"}
		}
		if err := tx.AddBatch(b, codes, c.user.name); errors.Is(err, hotspotdb.ErrExists) {
			return unavailable("a code that was drawn for the batch is in use already")
		} else if err != nil {
			return err
		}
		b, err = tx.Batch(b.Name)
		return err
	})
	c.location, c.message = pathOf("/voucher-batches/%s", b.Name), "vouchers created"
	return createdBatch{c.showBatch(b), codes}, err
}

func switchBatch(disabled bool) func(*call) (any, error) {
	return func(c *call) (any, error) {
		var b hotspotdb.VoucherBatch
		c.message = switched("batch", disabled)
		err := c.update(func(tx *hotspotdb.Tx) (err error) {
			name := c.r.PathValue("name")
			b, err = tx.EditBatch(name, c.user.name, func(b *hotspotdb.VoucherBatch) error { b.Disabled = disabled; return nil })
			return noBatch(err, name)
		})
		return c.showBatch(b), err
	}
}

func switched(what string, disabled bool) string {
	if disabled {
		return what + " disabled"
	}
	return what + " enabled"
}

func switchVoucher(disabled bool) func(*call) (any, error) {
	return func(c *call) (any, error) {
		code := c.r.PathValue("code")
		var v hotspotdb.Voucher
		c.message = switched("voucher", disabled)
		err := c.update(func(tx *hotspotdb.Tx) (err error) {
			if err = tx.SetVoucher(code, c.user.name, func(v *hotspotdb.Voucher) error { v.Disabled = disabled; return nil }); err == nil {
				v, _, err = tx.Voucher(code)
			}
			return noVoucher(err, code)
		})
		if !c.user.may(vouchersRead) {
			v.Uses = nil
		}
		return c.showVoucher(v), err
	}
}

var voucherQuery = []parameter{
	text("batch", "Only vouchers of this batch"),
	oneOf("state", "Only vouchers in this state", "unused", "used", "expired", "used-up", "overused", "disabled"),
	text("after", "Only codes behind this one: page by page, nothing is missed although vouchers come and go"),
}

func listVouchers(c *call) (any, error) {
	limit, err := c.upTo("send after=CODE, the last code of a page, and go on from there")
	if err != nil {
		return nil, err
	}
	f := hotspotdb.VoucherFilter{Batch: value[string](c, "batch"), After: value[string](c, "after"), Limit: limit}
	if word := value[string](c, "state"); word != "" {
		state, err := hotspotdb.ParseVoucherState(word)
		if err != nil {
			return nil, err
		}
		f.State = &state
	}
	out := []voucher{}
	n := 0
	err = c.scan(func() error {
		for v, err := range c.DB.Vouchers(c.ctx(), f) {
			if err != nil {
				return err
			}
			if n++; n > c.skip() && len(out) < c.perPage() {
				out = append(out, c.showVoucher(v))
			}
		}
		return nil
	})
	c.last = n <= c.skip()+c.perPage()
	return out, err
}

func getVoucher(c *call) (any, error) {
	code := c.r.PathValue("code")
	v, _, err := c.DB.Voucher(code)
	return c.showVoucher(v), noVoucher(err, code)
}
