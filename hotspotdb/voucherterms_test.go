package hotspotdb

import (
	"errors"
	"testing"
	"time"
)

// What a login finds without asking anybody is what Redeem would find.
func TestOwnUseAgreesWithRedeem(t *testing.T) {
	const one, two, three = "3A-71-B4-E9-F7-01", "3A-71-B4-E9-F7-02", "3A-71-B4-E9-F7-03"
	for _, uses := range []uint32{1, 2} {
		db := openMem(t)
		must(t, db.Update(t.Context(), func(tx *Tx) error {
			return tx.AddBatch(VoucherBatch{Name: "day", Profile: "guest", Validity: day, MaxUses: uses}, []string{"ABCD2345"}, "admin")
		}))
		for _, mac := range []string{"", one, two, three} {
			v, b, err := db.VoucherTerms("abcd-2345")
			must(t, err)
			if v.Code != "ABCD2345" || v.Batch != "day" || b.MaxUses != uses || v.Uses != nil {
				t.Errorf("terms %+v, %+v", v, b)
			}
			before, err := db.OwnUse(&v, &b, mac, time.Now())
			if err != nil && !errors.Is(err, ErrNotFound) {
				t.Fatal(err)
			}
			known := err == nil
			var redeemed VoucherUse
			fresh := false
			err = db.Update(t.Context(), func(tx *Tx) (err error) { redeemed, fresh, err = tx.Redeem("ABCD2345", mac); return err })
			switch {
			case known && (err != nil || fresh || redeemed != before), !known && err == nil && !fresh:
				t.Errorf("%d uses, device %q: own %+v, redeemed %+v, fresh %v, %v", uses, mac, before, redeemed, fresh, err)
			case err != nil || mac == "" && uses > 1: // nobody knows whose use it is
				continue
			}
			if after, err := db.OwnUse(&v, &b, mac, time.Now()); err != nil || after != redeemed {
				t.Errorf("%d uses, device %q: own %+v, %v, redeemed %+v", uses, mac, after, err, redeemed)
			}
			if _, err := db.OwnUse(&v, &b, mac, redeemed.Expires); !errors.Is(err, ErrNotFound) {
				t.Errorf("%d uses, device %q, at its end: %v", uses, mac, err)
			}
		}
	}
	db := openMem(t)
	for _, code := range []string{"ABCD2345", "A", "", "' OR 1=1"} {
		if _, _, err := db.VoucherTerms(code); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", code, err)
		}
	}
}
