package acct

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"mbox/hotspotdb"
	"mbox/modules/aaa/policy"
)

// gate is a NAS "ap1" that answers when the test lets it; all others obey at once.
type gate struct {
	answers chan error
	nasLog
}

func (g *gate) Disconnect(_ context.Context, s hotspotdb.Segment) error {
	if s.NAS == "ap1" {
		return <-g.answers
	}
	return nil
}

// A NAS that is silent, with however many sessions to be ended, does not keep others from being told; and is told of all once it
// answers.
func TestSilentNASKeepsNobodyWaiting(t *testing.T) {
	const sessions = 300
	b := newTestBox(t)
	g := &gate{answers: make(chan error)}
	b.acct.nas = func() NAS { return g }
	b.rules.verdict = func(hotspotdb.Segment) policy.Verdict { return policy.Verdict{End: true, Reason: policy.Disabled} }
	for n := range sessions {
		b.report(at(Start, fmt.Sprint(n), 0, 0, 0))
	}
	b.clock.add(2 * gather)
	b.tick()
	if b.acct.asking != maxAskingNAS {
		t.Fatalf("the NAS is asked %d things at once", b.acct.asking)
	}
	other := at(Start, "x", 0, 0, 0)
	other.NAS = "ap2"
	b.report(other)
	b.clock.add(2 * gather)
	b.tick()
	r := <-b.acct.results
	if r.ending.name.nas != "ap2" || r.err != nil {
		t.Fatalf("%+v", r)
	}
	b.acct.answered(t.Context(), r)

	for range maxAskingNAS {
		g.answers <- errors.New("no answer")
		b.acct.answered(t.Context(), <-b.acct.results)
		b.tick()
	}
	if b.acct.asking != 1 {
		t.Errorf("the NAS is silent and asked %d things at once", b.acct.asking)
	}
	for b.acct.asking > 0 {
		g.answers <- nil
		b.acct.answered(t.Context(), <-b.acct.results)
		b.clock.add(time.Second)
		b.tick()
	}
	b.clock.add(giveUp)
	b.tick()
	if len(b.acct.endings)+len(b.acct.nases)+len(b.acct.tells.nodes) != 0 {
		t.Errorf("%d endings and %d NAS are left", len(b.acct.endings), len(b.acct.nases))
	}
}

// Endings that were given up while they waited, or became void, do not hold up the others.
func TestParkedEndingsAreGivenUp(t *testing.T) {
	b := newTestBox(t)
	g := &gate{answers: make(chan error)}
	b.acct.nas = func() NAS { return g }
	b.rules.verdict = func(hotspotdb.Segment) policy.Verdict { return policy.Verdict{End: true, Reason: policy.Disabled} }
	for n := range 50 {
		b.report(at(Start, fmt.Sprint(n), 0, 0, 0))
	}
	b.clock.add(2 * gather)
	b.tick()
	for n := range 10 { // the NAS ends some by itself
		b.report(at(Stop, fmt.Sprint(40+n), 1, 0, 0))
	}
	b.tick()
	b.clock.add(giveUp + time.Second)
	for b.acct.asking > 0 {
		g.answers <- errors.New("no answer")
		b.acct.answered(t.Context(), <-b.acct.results)
		b.tick()
	}
	b.clock.add(lastRetry)
	b.tick()
	if len(b.acct.endings)+len(b.acct.nases) != 0 {
		t.Errorf("%d endings and %d NAS are left", len(b.acct.endings), len(b.acct.nases))
	}
}

// The NAS that are known to have booted are bounded, whoever says so.
func TestBootsAreBounded(t *testing.T) {
	b := newTestBox(t)
	for n := range maxBoots + 100 {
		b.acct.noteBoot(&Request{NAS: fmt.Sprint(n)})
	}
	if n := len(b.acct.boots); n > maxBoots {
		t.Errorf("%d boots are remembered", n)
	}
	if again := b.acct.noteBoot(&Request{NAS: "ap"}); again {
		t.Error("the first boot is taken for one more")
	}
	if again := b.acct.noteBoot(&Request{NAS: "ap"}); !again {
		t.Error("the second boot is news")
	}
}

// Counters that add up to more than 64 bits are charged as much as can be.
func TestChargeDoesNotWrap(t *testing.T) {
	b := newTestBox(t)
	b.rules.free = 1000
	b.report(at(Start, "1", 0, 0, 0))
	b.report(at(InterimUpdate, "1", 60, 1<<63, 1<<63))
	if u := b.usage(7); u.PurchasedOctets != math.MaxUint64-1000 {
		t.Errorf("%d octets are charged", u.PurchasedOctets)
	}
}

// A client reports no more open sessions than it may have; those that it has go on, and other clients have theirs.
func TestOpenSessionsOfAClientAreBounded(t *testing.T) {
	b := newTestBox(t)
	report := func(client, nas, session string) Request {
		r := at(Start, session, 0, 0, 0)
		r.Client, r.NAS, r.Account, r.Username = client, nas, 0, ""
		return r
	}
	b.report(report("branches", "10.1.0.1", "1"))
	b.report(report("branches", "10.1.0.2", "1"))
	if b.acct.held["branches"] != 2 {
		t.Fatalf("%v", b.acct.held)
	}
	b.acct.held["branches"] = maxOpen
	if err := b.acct.Handle(t.Context(), report("branches", "10.1.0.3", "1")); !errors.Is(err, errTooMany) || errors.Is(err, ErrInvalid) {
		t.Errorf("one too many: %v", err)
	}
	update := report("branches", "10.1.0.2", "1")
	update.Status, update.HasSessionTime, update.SessionTime = InterimUpdate, true, 60
	b.report(update)
	b.report(report("", "lobby", "1"))
	update.Status, update.SessionTime = Stop, 61
	b.report(update)
	b.report(report("branches", "10.1.0.3", "1"))
	if b.acct.held["branches"] != maxOpen || b.acct.held["lobby"] != 1 {
		t.Errorf("%v", b.acct.held)
	}
}
