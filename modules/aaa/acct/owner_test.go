package acct

import (
	"slices"
	"testing"
	"time"

	"mbox/hotspotdb"
	"mbox/modules/aaa/policy"
)

// The limits under which a session began are kept with it, also when it goes on at another box.
func TestLimitsAreKept(t *testing.T) {
	a, b := newPair(t)
	limits := []hotspotdb.Attribute{{Name: "Session-Timeout", Value: "3600"}}
	for _, box := range []*box{a, b} {
		box.rules.verdict = func(s hotspotdb.Segment) policy.Verdict {
			if s.Account != 7 || s.NAS != "ap1" || s.Hotspot != "lobby" {
				t.Errorf("asked about %+v", s)
			}
			return policy.Verdict{Limits: policy.Limits{Attributes: limits}}
		}
	}
	r := at(Start, "1", 0, 0, 0)
	r.Hotspot = "lobby"
	a.report(r)
	a.send(b)
	b.clock.add(time.Minute)
	r = at(InterimUpdate, "1", 60, 100, 10)
	r.Hotspot = "lobby"
	b.report(r)
	for _, s := range b.segments() {
		if !slices.Equal(s.Limits, limits) {
			t.Errorf("segment %d: %v", s.Number, s.Limits)
		}
	}
}

// A voucher's use is found by the device: each device has a use of its own.
func TestOwnerByVoucher(t *testing.T) {
	b := newTestBox(t)
	const first, second = "02-00-00-00-00-01", "02-00-00-00-00-02"
	uses := map[string]uint64{}
	if err := b.db.UpdateHere(t.Context(), func(tx *hotspotdb.Tx) error {
		if err := tx.AddBatch(hotspotdb.VoucherBatch{Name: "day", Profile: "guest", MaxUses: 2}, []string{"ABCD2345"}, "test"); err != nil {
			return err
		}
		for _, mac := range []string{first, second} {
			u, _, err := tx.Redeem("ABCD2345", mac)
			if err != nil {
				return err
			}
			uses[mac] = u.ID
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for i, mac := range []string{first, second} {
		r := at(InterimUpdate, mac, 60, uint64(100*(i+1)), 0).user("abcd-2345", mac)
		r.Account = 0
		b.report(r)
	}
	r := at(InterimUpdate, "other", 60, 5, 0).user("abcd-2345", "02-00-00-00-00-03")
	r.Account = 0
	b.report(r)
	if one, two := b.usage(uses[first]), b.usage(uses[second]); one.InputOctets != 100 || two.InputOctets != 200 {
		t.Errorf("usage %+v and %+v", one, two)
	}
	if n := len(b.db.ActiveOf(uses[first])); n != 1 {
		t.Errorf("%d sessions of the first device", n)
	}
}
