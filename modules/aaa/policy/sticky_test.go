package policy

import (
	"errors"
	"slices"
	"testing"
	"time"

	"mbox/hotspotdb"
	"mbox/modules/moduletest"
)

// configure applies lines as the operator types them.
func (w *world) configure(text string) {
	w.t.Helper()
	w.must(w.p.Apply(w.t.Context(), moduletest.Tree(w.t, text, w.p)))
}

const day = 24 * time.Hour

// returns is the phone coming back without its guest.
func (w *world) returns() Decision {
	w.t.Helper()
	return w.login(Login{Username: "3a71b4e9f799", MAC: phone, Proof: PAP{"3a71b4e9f799"}})
}

func TestStickyFromFirstLogin(t *testing.T) {
	w := newWorld(t)
	w.configure("security hotspot lobby\n client-sticky start 7\n")
	w.user("alice", func(a *hotspotdb.Account) { a.Attributes = attributes("Session-Timeout", "600") })
	w.expect(w.returns(), UnknownUser)
	w.expect(w.pap("alice", "wonderland"), OK)
	entries, err := w.db.AuditEntries(t.Context(), hotspotdb.AuditFilter{Username: "alice"})
	if err != nil || !slices.ContainsFunc(entries, func(e hotspotdb.AuditEntry) bool { return e.Object == "sticky" && e.Author.Via == "radius" }) {
		t.Errorf("the audit log says %+v, %v", entries, err)
	}
	w.pass(3 * day)
	d := w.returns()
	w.expect(d, OK)
	if d.Subject.Kind != Bound || d.Subject.Username != "alice" || d.Limits.SessionTimeout != 600*time.Second {
		t.Errorf("decision %+v", d)
	}
	w.expect(w.login(Login{Username: phone, MAC: phone, Proof: MAC{}}), OK)
	w.expect(w.login(Login{Username: phone, MAC: phone, Proof: PAP{""}}), OK)
	w.expect(w.login(Login{Username: "3a71b4e9f799", MAC: phone, Proof: chap("3a71b4e9f799")}), OK)
	w.expect(w.login(Login{Username: phone, MAC: phone, Hotspot: "pool", Proof: MAC{}}), UnknownUser)
	w.expect(w.login(Login{Username: laptop, MAC: laptop, Proof: MAC{}}), UnknownUser)
	w.expect(w.login(Login{Username: phone, MAC: laptop, Proof: PAP{phone}}), UnknownUser)
	w.pass(2 * day)
	w.expect(w.pap("alice", "wonderland"), OK) // another login does not begin anew
	w.pass(2*day - time.Second)
	w.expect(w.returns(), OK)
	w.pass(time.Second)
	d = w.returns()
	w.expect(d, StickyExpired)
	if d.Message != stranger {
		t.Errorf("a device is told %q", d.Message)
	}
	w.expect(w.pap("alice", "wonderland"), OK)
	w.pass(7*day - time.Second)
	w.expect(w.returns(), OK)
}

func TestStickyFromLastLogout(t *testing.T) {
	w := newWorld(t)
	w.configure("security hotspot lobby\n client-sticky last 3\n")
	alice := w.user("alice", nil)
	w.expect(w.pap("alice", "wonderland"), OK)
	s := w.session(alice.ID, phone)
	w.run()
	logout := func(s hotspotdb.Segment) {
		t.Helper()
		w.update(func(tx *hotspotdb.Tx) error { return tx.CloseSegment(s.ID, "User-Request", w.now()) })
	}
	w.pass(2 * day)
	logout(s)
	w.await(func() bool {
		bound, err := w.db.Sticky(phone, lobby)
		return err == nil && bound.LastLogout.Equal(w.now())
	})
	w.pass(3*day - time.Second)
	w.expect(w.returns(), OK)
	w.pass(2 * day)
	w.expect(w.returns(), OK)
	w.pass(3 * day)
	w.expect(w.returns(), StickyExpired)
	bound, err := w.db.Sticky(phone, lobby)
	w.must(err)
	if !bound.FirstLogin.Equal(noon) || !bound.LastLogout.Equal(noon.Add(2*day)) {
		t.Errorf("binding %+v", bound)
	}
	other := w.user("bob", nil)
	logout(w.session(other.ID, phone))  // of somebody else on the same device
	logout(w.session(other.ID, laptop)) // without a binding
	w.pass(time.Second)
	w.expect(w.login(Login{Username: "bob", MAC: laptop, Proof: PAP{"wonderland"}}), OK)
	logout(w.session(other.ID, laptop))
	w.await(func() bool { // what came before has been seen then
		bound, err := w.db.Sticky(laptop, lobby)
		return err == nil && bound.LastLogout.Equal(w.now())
	})
	if after, err := w.db.Sticky(phone, lobby); err != nil || after != bound {
		t.Errorf("binding %+v after another's logout, %v", after, err)
	}
}

func TestStickyEndsWithItsAccount(t *testing.T) {
	for name, test := range map[string]struct {
		change func(w *world)
		want   Reason
	}{
		"nothing":          {func(*world) {}, OK},
		"another password": {func(w *world) { w.edit("alice", func(e *hotspotdb.AccountEdit) { p := "other"; e.Password = &p }) }, PasswordChanged},
		"the same password again": {func(w *world) { w.edit("alice", func(e *hotspotdb.AccountEdit) { p := "wonderland"; e.Password = &p }) },
			PasswordChanged},
		"other info": {func(w *world) {
			w.edit("alice", func(e *hotspotdb.AccountEdit) { e.Info = map[string]string{"email": "a@example.com"} })
		}, OK},
		"another name": {func(w *world) { w.edit("alice", func(e *hotspotdb.AccountEdit) { e.Username = "alicia" }) }, OK},
		"disabled":     {func(w *world) { w.edit("alice", func(e *hotspotdb.AccountEdit) { e.Disabled = true }) }, Disabled},
		"expired":      {func(w *world) { w.edit("alice", func(e *hotspotdb.AccountEdit) { e.Expires = w.now() }) }, Expired},
		"without profile": {func(w *world) { w.edit("alice", func(e *hotspotdb.AccountEdit) { e.Profiles = []string{"gone"} }) },
			ProfileMissing},
		"deleted": {func(w *world) { w.update(func(tx *hotspotdb.Tx) error { return tx.DeleteAccount("alice", "test") }) }, Deleted},
		"another account of that name": {func(w *world) {
			w.update(func(tx *hotspotdb.Tx) error { return tx.DeleteAccount("alice", "test") })
			w.user("alice", nil)
		}, Deleted},
		"no longer configured": {func(w *world) { w.configure("security hotspot lobby\n") }, UnknownUser},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.configure("security hotspot lobby\n client-sticky start 7\n")
			w.user("alice", nil)
			w.expect(w.pap("alice", "wonderland"), OK)
			test.change(w)
			d := w.returns()
			w.expect(d, test.want)
			if test.want == OK && d.Subject.ID == 0 {
				t.Errorf("subject %+v", d.Subject)
			}
		})
	}
}

// A device that is bound to the use of a voucher comes back only as long as the voucher is good.
func TestStickyEndsWithItsVoucher(t *testing.T) {
	disable := func(w *world, code string) {
		w.update(func(tx *hotspotdb.Tx) error {
			return tx.SetVoucher(code, "test", func(v *hotspotdb.Voucher) error { v.Disabled = true; return nil })
		})
	}
	for name, test := range map[string]struct {
		change func(w *world)
		want   Reason
	}{
		"nothing":                  {func(*world) {}, OK},
		"the code is disabled":     {func(w *world) { disable(w, "ABCD2345") }, VoucherDisabled},
		"another code is disabled": {func(w *world) { disable(w, "EFGH2345") }, OK},
		"the batch is disabled": {func(w *world) {
			w.update(func(tx *hotspotdb.Tx) error {
				_, err := tx.EditBatch("day", "test", func(b *hotspotdb.VoucherBatch) error { b.Disabled = true; return nil })
				return err
			})
		}, VoucherDisabled},
		"its time is over": {func(w *world) { w.pass(2 * day) }, VoucherExpired},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.configure("security hotspot lobby\n client-sticky start 7\n")
			w.batch(hotspotdb.VoucherBatch{Name: "day", Validity: 2 * day}, "ABCD2345", "EFGH2345")
			w.expect(w.login(Login{Username: "ABCD2345", MAC: phone, Proof: PAP{""}}), OK)
			test.change(w)
			w.expect(w.returns(), test.want)
		})
	}
}

// The hash of a password is no other password.
func TestStickySurvivesHashing(t *testing.T) {
	w := newWorld(t)
	w.configure("security hotspot lobby\n client-sticky start 7\n")
	w.user("alice", nil)
	w.expect(w.pap("alice", "wonderland"), OK)
	w.db.SetHashedPasswords(true)
	w.expect(w.login(Login{Username: "alice", MAC: laptop, Proof: PAP{"wonderland"}}), OK)
	if _, err := w.db.Password("alice"); !errors.Is(err, hotspotdb.ErrHashed) {
		t.Fatalf("the password is not hashed: %v", err)
	}
	w.expect(w.returns(), OK)
}

func TestOnlyGuestsAreBound(t *testing.T) {
	w := newWorld(t)
	w.configure("security hotspot lobby\n client-sticky start 7\n")
	w.user("alice", nil)
	w.user(laptop, func(a *hotspotdb.Account) { a.UserType = hotspotdb.UserMAC })
	w.expect(w.login(Login{Username: laptop, MAC: laptop, Proof: MAC{}}), OK)
	w.expect(w.pap("alice", "wrong"), WrongPassword)
	w.expect(w.login(Login{Username: "alice", Hotspot: "pool", MAC: phone, Proof: PAP{"wonderland"}}), OK)
	w.expect(w.login(Login{Username: "alice", Proof: PAP{"wonderland"}}), OK) // from nowhere
	if list, err := w.db.Stickies(); err != nil || len(list) != 0 {
		t.Errorf("bound %+v, %v", list, err)
	}
}

// A device that logs in again and again is not written each time.
func TestStickyIsWrittenWhenItChanges(t *testing.T) {
	for _, line := range []string{"client-sticky start 7", "client-sticky last 7"} {
		w := newWorld(t)
		w.configure("security hotspot lobby\n " + line + "\n")
		w.user("alice", nil)
		w.expect(w.pap("alice", "wonderland"), OK)
		head := w.db.Head(hotspotdb.Sticky)
		w.pass(30 * time.Minute)
		w.expect(w.pap("alice", "wonderland"), OK)
		w.expect(w.returns(), OK)
		if after := w.db.Head(hotspotdb.Sticky); after != head {
			t.Errorf("%s: written again", line)
		}
		w.user("bob", nil)
		w.expect(w.pap("bob", "wonderland"), OK)
		if bound, err := w.db.Sticky(phone, lobby); err != nil || bound.Username != "bob" {
			t.Errorf("%s: %+v, %v after another guest's login", line, bound, err)
		}
	}
}

func TestGrammar(t *testing.T) {
	moduletest.Grammar(t, newWorld(t).p,
		"security hotspot lobby",
		"security hotspot lobby\n client-sticky start 7",
		"security hotspot \"pool bar\"\n client-sticky last 3660",
	)
}
