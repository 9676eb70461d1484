package acct

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mbox/hotspotdb"
)

// step is a report that arrives so many seconds after the one before.
type step struct {
	after int
	r     Request
}

func (r Request) narrow(input, output uint64) Request {
	r.Input, r.Output = narrow(input), narrow(output)
	return r
}

func (r Request) event(t time.Time) Request { r.EventTimestamp = t; return r }
func (r Request) late(s uint32) Request     { r.Delay, r.HasDelay = s, true; return r }
func (r Request) user(name, mac string) Request {
	r.Username, r.MAC, r.Account = name, mac, 7
	return r
}
func (r Request) because(cause string) Request { r.TerminateCause = cause; return r }

// shape tells the sessions, the oldest first: input octets and seconds of each segment, and why it stopped; - while it goes on.
func shape(list []hotspotdb.Segment) string {
	slices.Reverse(list)
	var out []string
	for i := range list {
		s := &list[i]
		end := "-"
		if !s.Active() {
			end = s.TerminateCause
		}
		out = append(out, fmt.Sprintf("%d/%ds %s", s.InputOctets(), s.SessionTime(), end))
	}
	return strings.Join(out, ", ")
}

func TestSessionsOfOneBox(t *testing.T) {
	boot := time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC) // by a clock of the NAS that is wrong
	event := func(s int) time.Time { return boot.Add(time.Duration(s) * time.Second) }
	const giga = 1 << 32
	for _, c := range []struct {
		name  string
		steps []step
		want  string
		input uint64
	}{
		{"a whole session", []step{
			{0, at(Start, "1", 0, 0, 0)}, {60, at(InterimUpdate, "1", 60, 100, 10)}, {30, at(Stop, "1", 90, 150, 20).because("User-Request")},
		}, "150/90s User-Request", 150},
		{"all twice", []step{
			{0, at(Start, "1", 0, 0, 0)}, {1, at(Start, "1", 0, 0, 0)}, {60, at(InterimUpdate, "1", 60, 100, 10)},
			{1, at(InterimUpdate, "1", 60, 100, 10)}, {30, at(Stop, "1", 90, 150, 20).because("User-Request")}, {9, at(Stop, "1", 90, 150, 20).because("User-Request")},
		}, "150/90s User-Request", 150},
		{"an interim update after the Stop", []step{
			{0, at(Start, "1", 0, 0, 0)}, {90, at(Stop, "1", 90, 150, 20).because("User-Request")}, {5, at(InterimUpdate, "1", 60, 100, 10)},
		}, "150/90s User-Request", 150},
		{"the Stop before the Start", []step{
			{0, at(Stop, "1", 90, 150, 20).because("User-Request")}, {1, at(Start, "1", 0, 0, 0)},
		}, "150/90s User-Request", 150},
		{"the Stop before the Start, with times", []step{
			{0, at(Stop, "1", 90, 150, 20).because("User-Request").event(event(90))}, {700, at(Start, "1", 0, 0, 0).event(event(0))},
		}, "150/90s User-Request", 150},
		{"the Start is lost", []step{
			{0, at(InterimUpdate, "1", 600, 100, 10)}, {60, at(InterimUpdate, "1", 660, 120, 10)},
		}, "120/660s -", 120},
		{"the Start comes behind", []step{
			{0, at(InterimUpdate, "1", 60, 100, 10)}, {2, at(Start, "1", 0, 0, 0)}, {60, at(Stop, "1", 122, 120, 10).because("Idle-Timeout")},
		}, "120/122s Idle-Timeout", 120},
		{"an id is used again after the Stop", []step{
			{0, at(Start, "1", 0, 0, 0)}, {60, at(Stop, "1", 60, 100, 10).because("User-Request")},
			{0, at(Start, "1", 0, 0, 0)}, {60, at(Stop, "1", 60, 30, 10).because("Idle-Timeout")},
		}, "100/60s User-Request, 30/60s Idle-Timeout", 130},
		{"an id is used again, and the Stop was lost", []step{
			{0, at(Start, "1", 0, 0, 0).event(event(0))}, {60, at(InterimUpdate, "1", 60, 100, 10).event(event(60))},
			{90, at(Start, "1", 0, 0, 0).event(event(150))}, {60, at(InterimUpdate, "1", 60, 30, 10).event(event(210))},
		}, "100/60s Lost-Service, 30/60s -", 130},
		{"an id is used again, and Stop and Start were lost", []step{
			{0, at(Start, "1", 0, 0, 0)}, {60, at(InterimUpdate, "1", 60, 100, 10)}, {300, at(InterimUpdate, "1", 60, 30, 10)},
		}, "100/60s Lost-Service, 30/60s -", 130},
		{"an id is used again by another guest", []step{
			{0, at(Start, "1", 0, 0, 0)}, {60, at(InterimUpdate, "1", 60, 100, 10)},
			{1, at(Start, "1", 0, 0, 0).user("bob", "02-00-00-00-00-02")}, {60, at(InterimUpdate, "1", 60, 30, 10).user("bob", "02-00-00-00-00-02")},
		}, "100/60s Lost-Service, 30/60s -", 130},
		{"a Stop comes after the id was used again", []step{
			{0, at(Start, "1", 0, 0, 0).event(event(0))}, {100, at(Start, "1", 0, 0, 0).event(event(100))},
			{20, at(Stop, "1", 100, 100, 10).event(event(100)).because("User-Request")}, {40, at(InterimUpdate, "1", 60, 30, 10).event(event(160))},
		}, "100/100s Lost-Service, 30/60s -", 130},
		{"an id is used again by another guest on the same device", []step{
			{0, at(Start, "1", 0, 0, 0)}, {60, at(InterimUpdate, "1", 60, 100, 10)},
			{1, at(InterimUpdate, "1", 60, 30, 10).user("bob", "02-00-00-00-00-01")},
		}, "100/60s Lost-Service, 30/60s -", 130},
		{"an id is used again, and a report of before comes behind", []step{
			{0, at(Start, "1", 0, 0, 0).late(0)}, {60, at(InterimUpdate, "1", 60, 100, 10).late(0)},
			{200, at(InterimUpdate, "1", 5, 7, 1).late(0)}, {10, at(Stop, "1", 90, 150, 10).late(180).because("User-Request")},
		}, "150/90s Lost-Service, 7/5s -", 157},
		{"an id is used again after a boot, and the Start is lost", []step{
			{0, at(Start, "1", 0, 0, 0)}, {60, at(InterimUpdate, "1", 60, 100, 10)}, {5, Request{Status: AccountingOn, NAS: "ap1"}},
			{20, at(InterimUpdate, "1", 10, 30, 10)},
		}, "100/60s NAS-Reboot, 30/10s -", 130},
		{"counters of 32 bits", []step{
			{0, at(Start, "1", 0, 0, 0).narrow(0, 0)}, {60, at(InterimUpdate, "1", 60, 0, 0).narrow(giga-300, 5)},
			{60, at(InterimUpdate, "1", 120, 0, 0).narrow(500, 9)}, {2, at(InterimUpdate, "1", 60, 0, 0).narrow(giga-300, 5)},
			{60, at(Stop, "1", 180, 0, 0).narrow(700, 10).because("User-Request")},
		}, fmt.Sprintf("%d/180s User-Request", uint64(giga+700)), giga + 700},
		{"counters that begin anew while the session goes on", []step{
			{0, at(Start, "1", 0, 0, 0).narrow(0, 0)}, {60, at(InterimUpdate, "1", 60, 0, 0).narrow(5000, 5000)},
			{60, at(InterimUpdate, "1", 120, 0, 0).narrow(40, 30)},
		}, "5000/120s -", 5000},
		{"Gigawords only when there are some", []step{
			{0, at(Start, "1", 0, 0, 0)}, {60, at(InterimUpdate, "1", 60, 0, 0).narrow(4_000_000_000, 5)},
			{60, at(InterimUpdate, "1", 120, giga+7, 9)}, {2, at(InterimUpdate, "1", 60, 0, 0).narrow(4_000_000_000, 5)},
		}, fmt.Sprintf("%d/120s -", uint64(giga+7)), giga + 7},
		{"the clock of the NAS is set", []step{
			{0, at(Start, "1", 0, 0, 0).event(time.Unix(30, 0))}, {60, at(InterimUpdate, "1", 60, 100, 10).event(event(60))},
			{1, at(Start, "1", 0, 0, 0).event(time.Unix(30, 0))}, {60, at(Stop, "1", 120, 120, 10).event(event(120)).because("User-Request")},
		}, "120/120s User-Request", 120},
		{"a delayed report of long ago", []step{
			{0, at(Start, "1", 0, 0, 0).late(0)}, {60, at(Stop, "1", 60, 100, 10).late(0).because("User-Request")},
			{3600, at(InterimUpdate, "1", 30, 50, 10).late(3630)},
		}, "100/60s User-Request", 100},
		{"a NAS that sends no session time", []step{
			{0, at(Start, "1", 0, 0, 0)}, {60, func() Request { r := at(InterimUpdate, "1", 0, 100, 10); r.HasSessionTime = false; return r }()},
			{60, func() Request { r := at(Stop, "1", 0, 150, 10); r.HasSessionTime = false; return r }().because("User-Request")},
		}, "150/120s User-Request", 150},
		{"another NAS calls its session the same", []step{
			{0, at(Start, "1", 0, 0, 0)}, {60, at(InterimUpdate, "1", 60, 100, 10)},
			{0, func() Request { r := at(InterimUpdate, "1", 30, 7, 1); r.NAS = "ap2"; return r }()},
		}, "100/60s -, 7/30s -", 107},
		{"the NAS begins anew", []step{
			{0, at(Start, "1", 0, 0, 0)}, {0, at(Start, "2", 0, 0, 0)}, {60, at(InterimUpdate, "1", 60, 100, 10)},
			{9, Request{Status: AccountingOn, NAS: "ap1"}}, {0, Request{Status: AccountingOn, NAS: "ap1"}},
			{1, at(InterimUpdate, "1", 68, 110, 10)}, // of before
			{1, at(Start, "1", 0, 0, 0)}, {60, at(Stop, "1", 60, 30, 10).because("User-Request")},
		}, "", 140},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newTestBox(t)
			for _, s := range c.steps {
				b.clock.add(time.Duration(s.after) * time.Second)
				b.report(s.r)
			}
			if got := shape(b.segments()); got != c.want && c.want != "" {
				t.Errorf("sessions %s\nexpected %s", got, c.want)
			}
			if got := b.usage(7).InputOctets; got != c.input {
				t.Errorf("%d octets, expected %d", got, c.input)
			}
		})
	}
}

func TestBootOfANAS(t *testing.T) {
	b := newTestBox(t)
	b.report(at(Start, "1", 0, 0, 0))
	b.clock.add(time.Minute)
	b.report(at(InterimUpdate, "1", 60, 100, 10))
	other := at(Start, "1", 0, 0, 0)
	other.NAS = "ap2"
	b.report(other)
	b.report(Request{Status: AccountingOff, NAS: "ap1"})
	b.clock.add(time.Second)
	b.report(at(InterimUpdate, "1", 60, 100, 10))
	if got := shape(b.segments()); got != "100/60s NAS-Reboot, 0/0s -" {
		t.Errorf("sessions %s", got)
	}
	// One that was sent again, late: what the NAS has now was not there then.
	b.clock.add(time.Minute)
	b.report(at(Start, "9", 0, 0, 0).late(0))
	b.clock.add(time.Minute)
	b.report(Request{Status: AccountingOn, NAS: "ap1", Delay: 90, HasDelay: true})
	if n := b.db.Statistics().SessionsActive; n != 2 {
		t.Errorf("%d sessions go on, expected 2", n)
	}
}

// A NAS that reports the whole life of a session twice, to a box that was restarted at each step.
func TestRestarts(t *testing.T) {
	b := newTestBox(t)
	for _, r := range []Request{
		at(Start, "1", 0, 0, 0), at(InterimUpdate, "1", 60, 100, 10), at(InterimUpdate, "1", 120, 200, 20),
		at(InterimUpdate, "1", 60, 100, 10), at(Stop, "1", 180, 300, 30).because("User-Request"), at(Stop, "1", 180, 300, 30).because("User-Request"),
	} {
		b.report(r)
		b.restart(30 * time.Second)
	}
	if got := shape(b.segments()); got != "300/180s User-Request" {
		t.Errorf("sessions %s", got)
	}
}

// That a NAS booted is not forgotten when the box restarts.
func TestIDIsUsedAgainAfterABootAndARestart(t *testing.T) {
	b := newTestBox(t)
	b.report(at(InterimUpdate, "1", 60, 100, 10))
	b.report(Request{Status: AccountingOn, NAS: "ap1"})
	b.restart(20 * time.Second)
	b.report(at(InterimUpdate, "1", 18, 30, 10))
	if got := shape(b.segments()); got != "100/60s NAS-Reboot, 30/18s -" {
		t.Errorf("sessions %s", got)
	}
}

// While the box was down the NAS used an id again.
func TestIDIsUsedAgainWhileTheBoxIsDown(t *testing.T) {
	b := newTestBox(t)
	b.report(at(InterimUpdate, "1", 60, 100, 10))
	b.restart(time.Hour)
	b.report(at(InterimUpdate, "1", 90, 30, 10))
	if got := shape(b.segments()); got != "100/60s Lost-Service, 30/90s -" {
		t.Errorf("sessions %s", got)
	}
}

// The box had no clock when the session began: its beginning is computed from what the NAS says.
func TestClockOfTheBoxIsSet(t *testing.T) {
	b := newTestBox(t)
	right := b.clock.now()
	b.clock.set(time.Unix(100, 0))
	b.report(at(Start, "1", 0, 0, 0))
	b.clock.add(time.Minute)
	b.clock.set(right)
	b.report(at(InterimUpdate, "1", 60, 100, 10))
	s := b.segments()
	if len(s) != 1 || !s[0].Start.Equal(right.Add(-time.Minute)) || s[0].InputOctets() != 100 {
		t.Errorf("sessions %+v", s)
	}
}

func TestTextsThatTheDatabaseDoesNotKeep(t *testing.T) {
	b := newTestBox(t)
	long := strings.Repeat("ä", 126) + "x" // 253 octets
	for _, r := range []Request{
		at(Start, "a\x00b", 0, 0, 0).user("ev\x00il\n", "nonsense"), at(Start, "a\x01b", 0, 0, 0).user("\xff\xfe", ""), at(Start, long, 0, 0, 0).user(long, ""),
		at(Start, strings.Repeat("\x00", 253), 0, 0, 0).user("'; DROP TABLE radacct; --", "02:00:00:00:00:01"),
	} {
		b.report(r)
		b.report(r)
	}
	names := map[string]bool{}
	for _, s := range b.segments() {
		names[s.Username] = true
	}
	if want := 4; len(b.segments()) != want || !names[`ev\x00il\x0a`] || !names[`\xff\xfe`] || !names[long] || !names["'; DROP TABLE radacct; --"] {
		t.Errorf("%d sessions, %v", len(b.segments()), names)
	}
	for _, r := range []Request{{Status: Start, NAS: "ap1"}, {Status: 15, NAS: "ap1", SessionID: "1"}, {Status: Stop, SessionID: "1"}} {
		if err := b.acct.Handle(t.Context(), r); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

// Whose a session is, when the NAS does not return the Class.
func TestOwnerByName(t *testing.T) {
	b := newTestBox(t)
	var id uint64
	err := b.db.UpdateHere(context.Background(), func(tx *hotspotdb.Tx) error {
		a, err := tx.AddAccount(hotspotdb.Account{Username: "alice"}, "", "test")
		id = a.ID
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	r := at(Start, "1", 0, 0, 0)
	r.Account = 0
	b.report(r)
	r = at(InterimUpdate, "1", 60, 100, 10)
	r.Account = 0
	b.clock.add(time.Minute)
	b.report(r)
	stranger := r.user("nobody", "")
	stranger.Account, stranger.SessionID = 0, "2"
	b.report(stranger)
	if u := b.usage(id); u.InputOctets != 100 || u.SessionTime != 60 {
		t.Errorf("usage %+v", u)
	}
	if s := b.segments(); len(s) != 2 {
		t.Errorf("%d sessions", len(s))
	}
}

func TestPurchasedQuota(t *testing.T) {
	b := newTestBox(t)
	b.rules.free = 150
	for i, octets := range []uint64{100, 180, 180, 300} {
		b.clock.add(time.Minute)
		b.report(at(InterimUpdate, "1", uint32(60*(i+1)), octets, 0))
	}
	if u := b.usage(7); u.InputOctets != 300 || u.PurchasedOctets != 150 {
		t.Errorf("usage %+v", u)
	}
}
