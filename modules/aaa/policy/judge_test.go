package policy

import (
	"testing"
	"time"

	"mbox/hotspotdb"
)

// judged asks about a session as it is stored.
func (w *world) judged(s hotspotdb.Segment) Verdict {
	w.t.Helper()
	s, err := w.db.Segment(s.ID)
	w.must(err)
	v, err := w.p.Judge(w.t.Context(), s)
	w.must(err)
	if v.End != (v.Reason != OK) || v.End != (v.Cause != "") {
		w.t.Errorf("verdict %+v contradicts itself", v)
	}
	return v
}

func TestJudgeFollowsTheAccount(t *testing.T) {
	for name, test := range map[string]struct {
		change func(w *world)
		reason Reason
		cause  string
	}{
		"nothing":          {func(*world) {}, OK, ""},
		"another password": {func(w *world) { w.edit("alice", func(e *hotspotdb.AccountEdit) { p := "other"; e.Password = &p }) }, OK, ""},
		"disabled":         {func(w *world) { w.edit("alice", func(e *hotspotdb.AccountEdit) { e.Disabled = true }) }, Disabled, "Admin-Reset"},
		"expired":          {func(w *world) { w.edit("alice", func(e *hotspotdb.AccountEdit) { e.Expires = noon }) }, Expired, "Session-Timeout"},
		"deleted": {func(w *world) { w.update(func(tx *hotspotdb.Tx) error { return tx.DeleteAccount("alice", "test") }) },
			Deleted, "Admin-Reset"},
		"its profile is deleted": {func(w *world) { w.update(func(tx *hotspotdb.Tx) error { return tx.DeleteProfile("guest", "test") }) },
			ProfileMissing, "Admin-Reset"},
		"a tighter profile":    {func(w *world) { w.profile("guest", "Login-Time", "Al1300-1400") }, LoginTime, "Session-Timeout"},
		"not here any more":    {func(w *world) { w.profile("guest", "Allowed-Hotspots", "pool") }, HotspotNotAllowed, "Admin-Reset"},
		"not by this client":   {func(w *world) { w.profile("guest", "Allowed-NAS", "ap2") }, NASNotAllowed, "Admin-Reset"},
		"no traffic any more":  {func(w *world) { w.profile("guest", "CS-Total-MB-Daily", "10") }, TrafficQuota, "Session-Timeout"},
		"no time any more":     {func(w *world) { w.profile("guest", "Max-Daily-Session", "600") }, TimeQuota, "Session-Timeout"},
		"a session too long":   {func(w *world) { w.profile("guest", "Session-Timeout", "600") }, SessionTimeout, "Session-Timeout"},
		"a session too much":   {func(w *world) { w.profile("guest", "Simultaneous-Use", "0") }, SimultaneousUse, "Admin-Reset"},
		"a session with limit": {func(w *world) { w.profile("guest", "CS-Total-MB", "10") }, TrafficQuota, "Session-Timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.profile("guest")
			alice := w.user("alice", func(a *hotspotdb.Account) { a.Profiles = []string{"guest"} })
			s := w.grow(w.session(alice.ID, phone), 10*mb, 600)
			if v := w.judged(s); v.End {
				t.Fatalf("before: %+v", v)
			}
			test.change(w)
			if v := w.judged(s); v.Reason != test.reason || v.Cause != test.cause {
				t.Errorf("verdict %+v, want %s, %s", v, test.reason, test.cause)
			}
		})
	}
}

// A quota that runs out ends the session at the report that shows it, and what is bought lets it go on.
func TestJudgeQuota(t *testing.T) {
	w := newWorld(t)
	alice := w.user("alice", func(a *hotspotdb.Account) {
		a.Attributes = attributes("CS-Total-MB-Daily", "100", "Max-Daily-Session", "3600")
	})
	w.used(alice.ID, 20*mb, 600)
	s := w.grow(w.session(alice.ID, phone), 79*mb, 100)
	v := w.judged(s)
	if v.End || v.Limits.TotalOctets != 80*mb || v.Limits.SessionTimeout != 3000*time.Second || !v.Next.Equal(noon.Add(2900*time.Second)) {
		t.Errorf("verdict %+v", v)
	}
	s = w.grow(s, 80*mb, 100)
	if v := w.judged(s); v.Reason != TrafficQuota {
		t.Errorf("verdict %+v", v)
	}
	w.buy(alice.ID, 10*mb, 0)
	if v := w.judged(s); v.End || v.Limits.TotalOctets != 90*mb {
		t.Errorf("verdict %+v after a purchase", v)
	}
	s = w.grow(s, 95*mb, 100)
	if v := w.judged(s); v.Reason != TrafficQuota {
		t.Errorf("verdict %+v", v)
	}
	w.pass(12 * time.Hour)
	if v := w.judged(s); v.End || v.Limits.TotalOctets != 195*mb {
		t.Errorf("verdict %+v on the next day", v)
	}
}

func TestJudgeSaysWhenToLookAgain(t *testing.T) {
	for name, test := range map[string]struct {
		edit func(*hotspotdb.Account)
		next time.Time
		then Reason
	}{
		"never":   {func(*hotspotdb.Account) {}, time.Time{}, OK},
		"timeout": {func(a *hotspotdb.Account) { a.Attributes = attributes("Session-Timeout", "700") }, noon.Add(100 * time.Second), SessionTimeout},
		"expiry":  {func(a *hotspotdb.Account) { a.Expires = noon.Add(time.Minute) }, noon.Add(time.Minute), Expired},
		"hours":   {func(a *hotspotdb.Account) { a.Attributes = attributes("Login-Time", "Al0000-1202") }, noon.Add(2 * time.Minute), LoginTime},
		"quota":   {func(a *hotspotdb.Account) { a.Attributes = attributes("Max-All-Session", "660") }, noon.Add(time.Minute), TimeQuota},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			alice := w.user("alice", test.edit)
			s := w.grow(w.session(alice.ID, phone), 0, 600)
			if v := w.judged(s); v.End || !v.Next.Equal(test.next) {
				t.Fatalf("verdict %+v, want the next look at %s", v, test.next)
			}
			if test.next.IsZero() {
				return
			}
			w.set(test.next)
			if test.then == TimeQuota {
				s = w.grow(s, 0, 660) // seconds are counted when they are reported
			}
			if v := w.judged(s); v.Reason != test.then {
				t.Errorf("then %+v, want %s", v, test.then)
			}
		})
	}
}

// A clock that is set forward ends no session before its time.
func TestJudgeAfterTheClockWasSet(t *testing.T) {
	w := newWorld(t)
	alice := w.user("alice", func(a *hotspotdb.Account) { a.Attributes = attributes("Session-Timeout", "36000") })
	s := w.grow(w.session(alice.ID, phone), 0, 600)
	w.pass(365 * day)
	if v := w.judged(s); v.End {
		t.Errorf("verdict %+v", v)
	}
}

func TestNobodysSessionGoesOn(t *testing.T) {
	w := newWorld(t)
	if v := w.judged(w.session(0, phone)); v.End || !v.Next.IsZero() {
		t.Errorf("verdict %+v", v)
	}
}

func TestSimultaneousUse(t *testing.T) {
	w := newWorld(t)
	alice := w.user("alice", func(a *hotspotdb.Account) { a.Attributes = attributes("Simultaneous-Use", "1") })
	from := func(mac string) Decision {
		return w.login(Login{Username: "alice", MAC: mac, Proof: PAP{"wonderland"}})
	}
	w.expect(from(phone), OK)
	first := w.session(alice.ID, phone)
	w.expect(from(laptop), SimultaneousUse)
	w.expect(from(phone), OK) // the device replaces its own session, whose end was not heard of
	w.pass(time.Second)
	second := w.session(alice.ID, phone)
	for _, s := range []hotspotdb.Segment{first, second} {
		if v := w.judged(s); v.End {
			t.Errorf("one device: %+v", v)
		}
	}
	w.pass(time.Second)
	third := w.session(alice.ID, laptop) // at a box that had not heard of the first
	if v := w.judged(first); v.End {
		t.Errorf("the first device: %+v", v)
	}
	if v := w.judged(third); v.Reason != SimultaneousUse {
		t.Errorf("the second device: %+v", v)
	}
	w.update(func(tx *hotspotdb.Tx) error {
		for _, s := range []hotspotdb.Segment{first, second} {
			if err := tx.CloseSegment(s.ID, "User-Request", w.now()); err != nil {
				return err
			}
		}
		return nil
	})
	if v := w.judged(third); v.End {
		t.Errorf("alone: %+v", v)
	}
	w.expect(from(phone), SimultaneousUse)
	w.expect(from(laptop), OK)
}

// Segments of one session at two boxes are one use, with and without the address of the device.
func TestSimultaneousUseCountsSessionsNotSegments(t *testing.T) {
	for _, mac := range []string{phone, ""} {
		active := []hotspotdb.Segment{
			{ID: 1, MultiSessionID: "a", MAC: mac, Start: noon}, {ID: 2, MultiSessionID: "a", MAC: mac, Start: noon.Add(time.Minute), Number: 2},
		}
		if n := inUse(active, laptop); n != 1 {
			t.Errorf("mac %q: %d uses", mac, n)
		}
		for i := range active {
			if !amongFirst(active, &active[i], 1) {
				t.Errorf("mac %q: segment %d is one too many", mac, active[i].ID)
			}
		}
	}
	if n := inUse([]hotspotdb.Segment{{MultiSessionID: "a"}, {MultiSessionID: "b"}}, phone); n != 2 {
		t.Errorf("two devices that are not known: %d uses", n)
	}
}
