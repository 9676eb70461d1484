package acct

import (
	"testing"
	"time"
)

func newPair(t *testing.T) (a, b *box) {
	clock := newTimes()
	a, b = newBox(t, clock), newBox(t, clock)
	t.Cleanup(func() { a.close(); b.close() })
	return a, b
}

func expectUsage(t *testing.T, input uint64, boxes ...*box) {
	t.Helper()
	for i, b := range boxes {
		if u := b.usage(7); u.InputOctets != input {
			t.Errorf("box %d: %d octets, expected %d", i, u.InputOctets, input)
		}
		var sum uint64
		for _, s := range b.segments() {
			sum += s.InputOctets()
		}
		if sum != input {
			t.Errorf("box %d: the segments add up to %d octets, expected %d", i, sum, input)
		}
	}
}

// The session goes on at another box: under the same multi-session id, from where the first one's counters ended, and counts
// as one session.
func TestTakeover(t *testing.T) {
	a, b := newPair(t)
	a.report(at(Start, "1", 0, 0, 0))
	a.clock.add(time.Minute)
	a.report(at(InterimUpdate, "1", 60, 100, 10))
	a.send(b)
	b.clock.add(time.Minute)
	b.report(at(InterimUpdate, "1", 120, 150, 20))
	if n := len(b.db.ActiveOf(7)); n != 1 {
		t.Errorf("%d sessions go on at the second box", n)
	}
	s := b.segments()
	if len(s) != 2 || s[0].MultiSessionID != s[1].MultiSessionID || s[0].Number != 2 || s[0].InputOctetsFrom != 100 || s[0].SessionTimeFrom != 60 ||
		s[0].Account != 7 || s[0].Username != "alice" {
		t.Errorf("segments %+v", s)
	}
	expectUsage(t, 150, b)
	b.send(a)
	if n := len(a.db.ActiveOf(7)); n != 1 {
		t.Errorf("%d sessions go on at the first box", n)
	}
	if got := shape(a.segments()); got != "100/60s Taken-Over, 50/60s -" {
		t.Errorf("segments %s", got)
	}
	// And back, and to its end.
	a.clock.add(time.Minute)
	a.report(at(InterimUpdate, "1", 180, 170, 20))
	a.report(at(Stop, "1", 190, 180, 20).because("User-Request"))
	meet(a, b)
	expectUsage(t, 180, a, b)
	if a.db.Statistics().SessionsActive != 0 || b.db.Statistics().SessionsActive != 0 {
		t.Errorf("sessions %s", shape(a.segments()))
	}
}

// The second box did not know how far the first had come, or did not know the session at all.
func TestTakeoverWithoutNews(t *testing.T) {
	for _, heard := range []bool{true, false} {
		a, b := newPair(t)
		a.report(at(Start, "1", 0, 0, 0))
		if heard {
			a.send(b)
		}
		a.clock.add(time.Minute)
		a.report(at(InterimUpdate, "1", 60, 100, 10))
		b.clock.add(time.Minute)
		b.report(at(InterimUpdate, "1", 120, 150, 20))
		meet(a, b)
		expectUsage(t, 150, a, b)
		b.clock.add(time.Minute)
		b.report(at(Stop, "1", 180, 190, 20).because("User-Request"))
		a.clock.add(time.Second)
		a.report(at(InterimUpdate, "1", 60, 100, 10)) // sent again to the first
		meet(a, b)
		expectUsage(t, 190, a, b)
		if a.db.Statistics().SessionsActive != 0 || b.db.Statistics().SessionsActive != 0 {
			t.Errorf("heard %v: sessions %s", heard, shape(a.segments()))
		}
	}
}

// The second box heard of an earlier session of this id only.
func TestTakeoverOfAnotherSessionOfTheName(t *testing.T) {
	a, b := newPair(t)
	a.report(at(Start, "1", 0, 0, 0))
	a.clock.add(90 * time.Second)
	a.send(b)
	a.clock.add(30 * time.Second)
	a.report(at(InterimUpdate, "1", 29, 530, 25))
	b.clock.add(4 * time.Second)
	b.report(at(InterimUpdate, "1", 29, 530, 25))
	meet(a, b)
	expectUsage(t, 530, a, b)
}

// What the first box counted on without the second's knowledge does not count there either when it grows over it.
func TestGrowthOverWhatAnotherBoxHolds(t *testing.T) {
	a, b := newPair(t)
	report := func(box *box, seconds uint32, octets uint64) {
		t.Helper()
		box.clock.add(time.Minute)
		box.report(at(InterimUpdate, "1", seconds, octets, 0))
	}
	report(a, 60, 100)
	a.send(b)
	report(b, 120, 150)
	report(a, 180, 300)
	a.send(b)
	expectUsage(t, 300, b)
	report(b, 240, 350)
	expectUsage(t, 350, b)
	meet(a, b)
	expectUsage(t, 350, a, b)
}

// A Stop that says nothing new is no sign of life: a session that begins with the same id soon after is another one.
func TestIDIsUsedAgainBehindATakeover(t *testing.T) {
	a, b := newPair(t)
	a.report(at(Start, "1", 0, 0, 0))
	a.clock.add(time.Minute)
	a.report(at(InterimUpdate, "1", 60, 100, 10))
	a.send(b)
	b.clock.add(5 * time.Minute)
	b.report(at(Stop, "1", 60, 100, 10).because("User-Request"))
	b.clock.add(time.Minute)
	b.report(at(InterimUpdate, "1", 100, 30, 10))
	meet(a, b)
	expectUsage(t, 130, a, b)
}

// The box that served the session is gone for good: the guest is not locked out by it.
func TestSessionOfABoxThatIsGone(t *testing.T) {
	a, b := newPair(t)
	a.report(at(Start, "1", 0, 0, 0))
	a.send(b)
	b.clock.add(3*time.Minute - time.Second)
	if len(b.db.ActiveOf(7)) != 1 {
		t.Error("it is gone too soon")
	}
	b.clock.add(2 * time.Second)
	if len(b.db.ActiveOf(7)) != 0 {
		t.Error("it goes on for ever")
	}
}

// The NAS begins anew while another box serves it.
func TestBootOfANASAtAnotherBox(t *testing.T) {
	a, b := newPair(t)
	a.report(at(Start, "1", 0, 0, 0))
	a.clock.add(time.Minute)
	a.report(at(InterimUpdate, "1", 60, 100, 10))
	a.send(b)
	b.report(Request{Status: AccountingOn, NAS: "ap1"})
	if len(b.db.ActiveOf(7)) != 0 {
		t.Error("it goes on at the second box")
	}
	meet(a, b)
	if len(a.db.ActiveOf(7)) != 0 {
		t.Error("it goes on at the first box")
	}
	b.clock.add(20 * time.Second)
	b.report(at(InterimUpdate, "1", 10, 30, 10)) // another one
	meet(a, b)
	expectUsage(t, 130, a, b)
	b.report(at(Stop, "1", 10, 30, 10))
	if got := shape(b.segments()); got != "100/60s Taken-Over, 0/0s NAS-Reboot, 30/10s " {
		t.Errorf("segments %q", got)
	}
}
