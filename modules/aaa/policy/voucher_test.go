package policy

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"mbox/hotspotdb"
)

// batch makes vouchers with the codes given.
func (w *world) batch(b hotspotdb.VoucherBatch, codes ...string) {
	w.t.Helper()
	if b.Profile == "" {
		b.Profile = "voucher"
		w.profile(b.Profile, "CS-Total-MB-All", "100")
	}
	w.update(func(tx *hotspotdb.Tx) error { return tx.AddBatch(b, codes, "test") })
}

// uses counts the uses of a code.
func (w *world) uses(code string) int {
	w.t.Helper()
	v, _, err := w.db.Voucher(code)
	w.must(err)
	return len(v.Uses)
}

func TestVoucherLogin(t *testing.T) {
	w := newWorld(t)
	w.batch(hotspotdb.VoucherBatch{Name: "day", Validity: day}, "ABCD2345")
	d := w.login(Login{Username: "abcd-2345", MAC: phone, Proof: PAP{""}})
	w.expect(d, OK)
	if s := d.Subject; s.Kind != Voucher || s.Username != "ABCD2345" || s.Batch != "day" || s.ID == 0 {
		t.Errorf("subject %+v", s)
	}
	if d.Limits.SessionTimeout != day || d.Limits.TotalOctets != 100*mb {
		t.Errorf("limits %+v", d.Limits)
	}
	w.pass(time.Hour)
	again := w.login(Login{Username: "ABCD2345", MAC: phone, Proof: PAP{"abcd 2345"}})
	w.expect(again, OK)
	if again.Subject.ID != d.Subject.ID || again.Limits.SessionTimeout != 23*time.Hour || w.uses("ABCD2345") != 1 {
		t.Errorf("the same device, again: %+v", again)
	}
	other := w.login(Login{Username: "ABCD2345", MAC: laptop, Proof: PAP{""}})
	w.expect(other, VoucherUsedUp)
	if other.Message != VoucherUsedUp.Message() {
		t.Errorf("who has the code is told %q", other.Message)
	}
	w.used(d.Subject.ID, 100*mb, 60)
	w.expect(w.login(Login{Username: "ABCD2345", MAC: phone, Proof: PAP{""}}), TrafficQuota)
	w.pass(day)
	w.expect(w.login(Login{Username: "ABCD2345", MAC: phone, Proof: PAP{""}}), VoucherExpired)
}

func TestVoucherProofs(t *testing.T) {
	for name, test := range map[string]struct {
		username string
		proof    Proof
		want     Reason
	}{
		"alone":          {"ABCD2345", PAP{""}, OK},
		"twice":          {"ABCD2345", PAP{"ABCD2345"}, OK},
		"as printed":     {"abcd-2345", PAP{"ABCD-2345"}, OK},
		"chap":           {"abcd-2345", chap("abcd-2345"), OK},
		"chap, empty":    {"abcd-2345", chap(""), OK},
		"chap, stored":   {"abcd-2345", chap("ABCD2345"), OK},
		"mschap":         {"abcd-2345", mschap2(t, "abcd-2345", "abcd-2345"), OK},
		"another":        {"ABCD2345", PAP{"x"}, WrongPassword},
		"chap, another":  {"ABCD2345", chap("x"), WrongPassword},
		"device":         {"ABCD2345", MAC{}, WrongPassword},
		"no such code":   {"ABCD2346", PAP{""}, UnknownUser},
		"no code at all": {"AB", PAP{""}, UnknownUser},
		"like a MAC":     {"3A71B4E9F711", PAP{"3A71B4E9F711"}, OK},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.batch(hotspotdb.VoucherBatch{Name: "day"}, "ABCD2345", "3A71B4E9F711")
			w.expect(w.login(Login{Username: test.username, MAC: phone, Proof: test.proof}), test.want)
			if test.want != OK && w.uses("ABCD2345") != 0 {
				t.Error("a refused login has spent a use")
			}
		})
	}
}

func TestVoucherRefused(t *testing.T) {
	for name, test := range map[string]struct {
		batch hotspotdb.VoucherBatch
		edit  func(w *world)
		want  Reason
	}{
		"fine":             {hotspotdb.VoucherBatch{Name: "b"}, func(*world) {}, OK},
		"expired batch":    {hotspotdb.VoucherBatch{Name: "b", Expires: noon}, func(*world) {}, VoucherExpired},
		"disabled batch":   {hotspotdb.VoucherBatch{Name: "b", Disabled: true}, func(*world) {}, VoucherDisabled},
		"no profile":       {hotspotdb.VoucherBatch{Name: "b", Profile: "gone"}, func(*world) {}, ProfileMissing},
		"elsewhere only":   {hotspotdb.VoucherBatch{Name: "b"}, func(w *world) { w.profile("voucher", "Allowed-Hotspots", "pool") }, HotspotNotAllowed},
		"at another time":  {hotspotdb.VoucherBatch{Name: "b"}, func(w *world) { w.profile("voucher", "Login-Time", "Su") }, LoginTime},
		"nothing to begin": {hotspotdb.VoucherBatch{Name: "b"}, func(w *world) { w.profile("voucher", "CS-Total-MB-All", "0") }, TrafficQuota},
		"disabled voucher": {hotspotdb.VoucherBatch{Name: "b"}, func(w *world) {
			w.update(func(tx *hotspotdb.Tx) error {
				return tx.SetVoucher("ABCD2345", "test", func(v *hotspotdb.Voucher) error { v.Disabled = true; return nil })
			})
		}, VoucherDisabled},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.batch(test.batch, "ABCD2345")
			test.edit(w)
			d := w.login(Login{Username: "ABCD2345", MAC: phone, Proof: PAP{""}})
			w.expect(d, test.want)
			if spent := w.uses("ABCD2345"); (spent == 1) != (test.want == OK) {
				t.Errorf("%d uses are spent", spent)
			}
			if !d.Accept && d.Message != test.want.Message() {
				t.Errorf("who has the code is told %q", d.Message)
			}
		})
	}
}

func TestVoucherOfSeveralUses(t *testing.T) {
	w := newWorld(t)
	w.batch(hotspotdb.VoucherBatch{Name: "family", MaxUses: 2, Validity: day}, "FAMILY22")
	first := w.login(Login{Username: "FAMILY22", MAC: phone, Proof: PAP{""}})
	second := w.login(Login{Username: "FAMILY22", MAC: laptop, Proof: PAP{""}})
	w.expect(first, OK)
	w.expect(second, OK)
	if first.Subject.ID == second.Subject.ID {
		t.Error("two devices have one use")
	}
	w.expect(w.login(Login{Username: "FAMILY22", MAC: "3A-71-B4-E9-F7-BB", Proof: PAP{""}}), VoucherUsedUp)
	w.used(first.Subject.ID, 100*mb, 1)
	w.expect(w.login(Login{Username: "FAMILY22", MAC: phone, Proof: PAP{""}}), TrafficQuota)
	w.expect(w.login(Login{Username: "FAMILY22", MAC: laptop, Proof: PAP{""}}), OK)
}

// elsewhere is the box that owns a batch.
type elsewhere struct {
	asked []string
	use   hotspotdb.VoucherUse
	err   error
}

func (e *elsewhere) Claim(_ context.Context, _ hotspotdb.DatabaseID, code, mac string) (hotspotdb.VoucherUse, error) {
	e.asked = append(e.asked, code+" "+mac)
	return e.use, e.err
}

func TestVoucherOfAnotherBox(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want Reason
	}{
		"granted":     {nil, OK},
		"unreachable": {fmt.Errorf("the link is down: %w", ErrUnreachable), VoucherElsewhere},
		"used up":     {hotspotdb.ErrVoucherUsedUp, VoucherUsedUp},
		"expired":     {hotspotdb.ErrVoucherExpired, VoucherExpired},
		"disabled":    {hotspotdb.ErrVoucherDisabled, VoucherDisabled},
		"deleted":     {hotspotdb.ErrNotFound, VoucherDisabled},
	} {
		t.Run(name, func(t *testing.T) {
			owner := &elsewhere{err: test.err, use: hotspotdb.VoucherUse{ID: 77, Code: "ABCD2345", Batch: "day", MAC: phone, At: noon, Expires: noon.Add(day)}}
			w := newWorldWith(t, func(o *Options) { o.Claimer = owner })
			w.batch(hotspotdb.VoucherBatch{Name: "day"}, "ABCD2345")
			d := w.login(Login{Username: "abcd2345", MAC: phone, Proof: PAP{""}})
			w.expect(d, test.want)
			if len(owner.asked) != 1 || owner.asked[0] != "ABCD2345 "+phone {
				t.Errorf("asked %q", owner.asked)
			}
			if d.Accept && (d.Subject.ID != 77 || d.Limits.SessionTimeout != day) {
				t.Errorf("decision %+v", d)
			}
		})
	}
}

// A use that this box knows of goes on although its owner cannot be asked, and what it knows to be used up is refused as that.
func TestVoucherGoesOnWithoutItsOwner(t *testing.T) {
	owner := &elsewhere{err: ErrUnreachable}
	w := newWorldWith(t, func(o *Options) { o.Claimer = owner })
	w.batch(hotspotdb.VoucherBatch{Name: "day"}, "ABCD2345")
	w.update(func(tx *hotspotdb.Tx) error {
		return tx.PutUse(hotspotdb.VoucherUse{ID: 78, Code: "ABCD2345", Batch: "day", MAC: phone, At: noon, Expires: noon.Add(day)})
	})
	d := w.login(Login{Username: "ABCD2345", MAC: phone, Proof: PAP{""}})
	w.expect(d, OK)
	if d.Subject.ID != 78 || len(owner.asked) != 0 {
		t.Errorf("decision %+v, asked %q", d, owner.asked)
	}
	w.expect(w.login(Login{Username: "ABCD2345", MAC: laptop, Proof: PAP{""}}), VoucherUsedUp)
	w.update(func(tx *hotspotdb.Tx) error {
		_, err := tx.EditBatch("day", "test", func(b *hotspotdb.VoucherBatch) error { b.MaxUses = 2; return nil })
		return err
	})
	w.expect(w.login(Login{Username: "ABCD2345", MAC: laptop, Proof: PAP{""}}), VoucherElsewhere)
}

func TestAClaimThatFailsIsNotDecided(t *testing.T) {
	owner := &elsewhere{err: hotspotdb.ErrNoSpace}
	w := newWorldWith(t, func(o *Options) { o.Claimer = owner })
	w.batch(hotspotdb.VoucherBatch{Name: "day"}, "ABCD2345")
	d, err := w.p.Login(t.Context(), Login{Username: "ABCD2345", MAC: phone, NAS: ap, Proof: PAP{""}})
	if !errors.Is(err, hotspotdb.ErrNoSpace) || d.Accept || d.Reason != "" {
		t.Errorf("decision %+v, %v", d, err)
	}
}

func TestStickyVoucher(t *testing.T) {
	w := newWorld(t)
	w.configure("security hotspot lobby\n client-sticky start 7\n")
	w.batch(hotspotdb.VoucherBatch{Name: "day", Validity: 2 * day}, "ABCD2345")
	d := w.login(Login{Username: "ABCD2345", MAC: phone, Proof: PAP{""}})
	w.expect(d, OK)
	w.pass(day)
	back := w.returns()
	w.expect(back, OK)
	if back.Subject.ID != d.Subject.ID || back.Limits.SessionTimeout != day {
		t.Errorf("decision %+v", back)
	}
	w.pass(day)
	w.expect(w.returns(), VoucherExpired)
}

// One code, many guests at once: as many get in as it has uses.
func TestVoucherRace(t *testing.T) {
	w := newWorld(t)
	w.batch(hotspotdb.VoucherBatch{Name: "three", MaxUses: 3}, "THREE333")
	const guests = 12
	results := make(chan Decision, guests)
	for i := range guests {
		go func() {
			d, err := w.p.Login(context.Background(), Login{Username: "THREE333", MAC: fmt.Sprintf("3a71b4e9f7%02x", i), NAS: ap, Proof: PAP{""}})
			if err != nil {
				t.Error(err)
			}
			results <- d
		}()
	}
	in := 0
	for range guests {
		switch d := <-results; d.Reason {
		case OK:
			in++
		case VoucherUsedUp:
		default:
			t.Errorf("reason %s", d.Reason)
		}
	}
	if in != 3 || w.uses("THREE333") != 3 {
		t.Errorf("%d got in with %d uses", in, w.uses("THREE333"))
	}
}
