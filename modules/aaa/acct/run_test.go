package acct

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"mbox/hotspotdb"
	"mbox/modules/aaa/policy"
)

// A power cut at the access point: its sessions are over after three reports that did not come, at the last one that did.
func TestSilentSessionsAreClosed(t *testing.T) {
	b := newTestBox(t)
	b.report(at(Start, "1", 0, 0, 0))
	b.clock.add(time.Minute)
	b.report(at(InterimUpdate, "1", 60, 100, 10))
	last := b.clock.now()
	b.clock.add(3*time.Minute - time.Second)
	b.tick()
	if len(b.db.ActiveOf(7)) != 1 {
		t.Fatal("closed before its time")
	}
	b.clock.add(time.Second)
	b.tick()
	s := b.segments()
	if len(b.db.ActiveOf(7)) != 0 || len(s) != 1 || !s[0].Stop.Equal(last) || s[0].TerminateCause != causeLost {
		t.Errorf("%+v", s)
	}
	if len(b.acct.live)+len(b.acct.due.nodes) != 0 {
		t.Error("it is still in memory")
	}
	// It was not over after all.
	b.clock.add(time.Minute)
	b.report(at(InterimUpdate, "1", 360, 150, 10))
	b.clock.add(time.Minute)
	b.report(at(Stop, "1", 400, 170, 10).because("User-Request"))
	if got := shape(b.segments()); got != "100/60s Lost-Service, 70/340s User-Request" {
		t.Errorf("sessions %s", got)
	}
	if u := b.usage(7); u.InputOctets != 170 || u.SessionTime != 400 {
		t.Errorf("usage %+v", u)
	}
}

// The box was down: nobody could be heard, so that nobody is over for it.
func TestTimeInWhichTheBoxWasDownDoesNotCount(t *testing.T) {
	b := newTestBox(t)
	b.report(at(Start, "1", 0, 0, 0))
	b.restart(24 * time.Hour)
	b.tick()
	b.clock.add(3*time.Minute - time.Second)
	b.tick()
	if len(b.db.ActiveOf(7)) != 1 {
		t.Fatal("closed for a time in which the box was down")
	}
	b.clock.add(time.Second)
	b.tick()
	if len(b.db.ActiveOf(7)) != 0 {
		t.Error("it is not closed")
	}
}

// A report of long ago, which the NAS could not send before, is no sign of life.
func TestDelayedReportIsNoSignOfLife(t *testing.T) {
	b := newTestBox(t)
	b.report(at(InterimUpdate, "1", 60, 100, 10).late(3600))
	b.report(at(Start, "2", 0, 0, 0))
	b.clock.add(2 * time.Minute)
	b.report(at(Start, "2", 0, 0, 0).late(120)) // sent again
	b.tick()
	if got := shape(b.segments()); got != "100/60s Lost-Service, 0/0s -" {
		t.Errorf("sessions %s", got)
	}
	b.clock.add(time.Minute)
	b.tick()
	if b.db.Statistics().SessionsActive != 0 {
		t.Error("a Start that was sent again is no sign of life either")
	}
}

// Something is heard of a session while Run is about to close it.
func TestHeardWhileItIsClosed(t *testing.T) {
	b := newTestBox(t)
	b.report(at(Start, "1", 0, 0, 0))
	b.clock.add(10 * time.Minute)
	silent, _ := b.acct.takeDue()
	b.report(at(InterimUpdate, "1", 600, 100, 10))
	if err := b.acct.closeSilent(t.Context(), silent); err != nil || len(silent) != 1 {
		t.Fatalf("%d were silent, %v", len(silent), err)
	}
	if got := shape(b.segments()); got != "100/600s -" || len(b.acct.live) != 1 {
		t.Errorf("sessions %s, %d are served", got, len(b.acct.live))
	}
}

func TestSetStale(t *testing.T) {
	b := newTestBox(t)
	b.report(at(Start, "1", 0, 0, 0))
	b.acct.SetInterim(10 * time.Minute)
	b.clock.add(29 * time.Minute)
	b.tick()
	if len(b.db.ActiveOf(7)) != 1 {
		t.Error("closed before 30 minutes")
	}
	b.acct.SetStale(20 * time.Minute)
	b.tick()
	if len(b.db.ActiveOf(7)) != 0 {
		t.Error("not closed after 20 minutes")
	}
}

// A session that policy ends is disconnected once. The NAS then reports the Stop with its last counters.
func TestJudgement(t *testing.T) {
	b := newTestBox(t)
	b.rules.verdict = func(s hotspotdb.Segment) policy.Verdict {
		if s.InputOctetsTo > 50 {
			return policy.Verdict{End: true, Cause: "Session-Timeout", Reason: policy.TrafficQuota}
		}
		return policy.Verdict{Next: b.clock.now().Add(20 * time.Second)}
	}
	b.report(at(Start, "1", 0, 0, 0))
	b.clock.add(gather)
	b.tick()
	if b.rules.judged != 1 {
		t.Fatalf("judged %d times", b.rules.judged)
	}
	b.clock.add(20 * time.Second)
	b.tick()
	if b.rules.judged != 2 {
		t.Fatalf("judged %d times after Next", b.rules.judged)
	}
	b.clock.add(40 * time.Second)
	b.report(at(InterimUpdate, "1", 60, 100, 10))
	b.clock.add(gather)
	b.tick()
	b.tick()
	b.settleNAS()
	b.clock.add(time.Second)
	b.report(at(InterimUpdate, "1", 61, 101, 10)) // was on its way
	b.clock.add(gather)
	b.tick()
	b.settleNAS()
	if !slices.Equal(b.nas.told, []string{"ap1/1"}) {
		t.Fatalf("told %v", b.nas.told)
	}
	b.report(at(Stop, "1", 62, 102, 10).because("Admin-Reset"))
	b.tick()
	if got := shape(b.segments()); got != "102/62s Session-Timeout" || len(b.acct.endings) != 0 {
		t.Errorf("sessions %s, %d endings", got, len(b.acct.endings))
	}
}

// A NAS that does not answer is told again, less and less often, until it does.
func TestDisconnectIsTriedAgain(t *testing.T) {
	b := newTestBox(t)
	b.rules.verdict = func(hotspotdb.Segment) policy.Verdict {
		return policy.Verdict{End: true, Cause: "Session-Timeout"}
	}
	b.nas.answer = func(n int) error {
		if n < 5 {
			return errors.New("no answer")
		}
		return nil
	}
	b.report(at(Start, "1", 0, 0, 0))
	b.clock.add(gather)
	b.tick()
	b.settleNAS()
	var waits []time.Duration
	for len(b.nas.told) < 5 && len(waits) < 100 {
		told, begin := len(b.nas.told), b.clock.ran()
		for len(b.nas.told) == told {
			b.clock.add(b.acct.untilDue())
			if b.clock.ran()-begin > 2*lastRetry {
				t.Fatalf("it was not told again after %v, told %d times", b.clock.ran()-begin, told)
			}
			b.tick()
			b.settleNAS()
		}
		waits = append(waits, b.clock.ran()-begin)
	}
	if !slices.Equal(waits, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}) {
		t.Errorf("waited %v", waits)
	}
	if retryAfter(1) != time.Second || retryAfter(50) != lastRetry {
		t.Errorf("%v, %v", retryAfter(1), retryAfter(50))
	}
	b.clock.add(giveUp)
	b.tick()
	if len(b.nas.told) != 5 {
		t.Errorf("told %d times", len(b.nas.told))
	}
}

// Policy ends a session, and another room closes it too: the NAS is told once.
func TestTwoReasonsToEndASession(t *testing.T) {
	b := newTestBox(t)
	b.rules.verdict = func(hotspotdb.Segment) policy.Verdict { return policy.Verdict{End: true, Cause: "Session-Timeout"} }
	b.report(at(Start, "1", 0, 0, 0))
	b.clock.add(gather)
	b.tick()
	id := b.segments()[0].ID
	if err := b.db.UpdateHere(t.Context(), func(tx *hotspotdb.Tx) error { return tx.CloseSegment(id, "Admin-Reset", b.clock.now()) }); err != nil {
		t.Fatal(err)
	}
	b.acct.closedByOthers(id)
	b.tick()
	b.settleNAS()
	b.clock.add(time.Minute)
	b.report(at(InterimUpdate, "1", 60, 5, 5))
	b.tick()
	b.settleNAS()
	if len(b.nas.told) != 1 || len(b.acct.live) != 0 {
		t.Errorf("told %v, %d are served", b.nas.told, len(b.acct.live))
	}
	if u := b.usage(7); u.InputOctets != 5 {
		t.Errorf("usage %+v", u)
	}
}

// The NAS does not know the session any more: it is over.
func TestDisconnectOfASessionThatIsGone(t *testing.T) {
	b := newTestBox(t)
	b.rules.verdict = func(hotspotdb.Segment) policy.Verdict {
		return policy.Verdict{End: true, Cause: "Session-Timeout"}
	}
	b.nas.answer = func(int) error { return ErrNoSession }
	b.report(at(InterimUpdate, "1", 60, 5, 5))
	b.clock.add(gather)
	b.tick()
	b.settleNAS()
	b.tick()
	if got := shape(b.segments()); got != "5/60s Session-Timeout" || len(b.nas.told) != 1 {
		t.Errorf("sessions %s, told %v", got, b.nas.told)
	}
}

// An account that was changed is not waited for until its next report.
func TestChangedAccountIsJudged(t *testing.T) {
	b := newTestBox(t)
	told := make(chanNAS)
	b.acct.nas = func() NAS { return told }
	var id uint64
	edit := func(fn func(*hotspotdb.Tx) error) {
		t.Helper()
		if err := b.db.UpdateHere(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
	}
	edit(func(tx *hotspotdb.Tx) error {
		a, err := tx.AddAccount(hotspotdb.Account{Username: "alice"}, "", "test")
		id = a.ID
		return err
	})
	b.rules.verdict = func(s hotspotdb.Segment) policy.Verdict {
		a, err := b.db.AccountByID(s.Account)
		return policy.Verdict{End: err == nil && len(a.Attributes) > 0, Cause: "Session-Timeout"}
	}
	r := at(Start, "1", 0, 0, 0)
	r.Account = id
	b.report(r)
	b.clock.add(gather)
	b.tick()
	b.running(t)
	edit(func(tx *hotspotdb.Tx) error {
		_, err := tx.EditAccount("alice", "test", func(e *hotspotdb.AccountEdit) error {
			e.Attributes = []hotspotdb.Attribute{{Name: "Session-Timeout", Value: "1"}}
			return nil
		})
		return err
	})
	if s := <-told; s.AcctSessionID != "1" {
		t.Errorf("told of %+v", s)
	}
}

// running runs accounting for real.
func (b *box) running(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.acct.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

// chanNAS says what it was told.
type chanNAS chan hotspotdb.Segment

func (c chanNAS) Disconnect(ctx context.Context, s hotspotdb.Segment) error {
	select {
	case c <- s:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Another room closes the sessions of an account that was disabled: the NAS is told, once; of what is closed here it is not.
func TestSessionsThatOthersClose(t *testing.T) {
	b := newTestBox(t)
	told := make(chanNAS)
	b.acct.nas = func() NAS { return told }
	b.running(t)
	for _, id := range []string{"1", "2", "3", "4"} {
		r := at(Start, id, 0, 0, 0)
		b.report(r)
	}
	b.report(at(Stop, "2", 10, 5, 5).because("Admin-Reset"))
	find := func(session string) hotspotdb.Segment {
		for _, s := range b.db.ActiveOf(7) {
			if s.AcctSessionID == session {
				return s
			}
		}
		t.Fatalf("no session %s", session)
		return hotspotdb.Segment{}
	}
	for _, id := range []string{"1", "3"} {
		s := find(id)
		if err := b.db.UpdateHere(t.Context(), func(tx *hotspotdb.Tx) error { return tx.CloseSegment(s.ID, "Admin-Reset", b.clock.now()) }); err != nil {
			t.Fatal(err)
		}
		if got := <-told; got.AcctSessionID != id || got.Username != "alice" {
			t.Fatalf("told of %+v", got)
		}
	}
	// What the NAS reports in the meantime counts, and does not make it go on.
	b.clock.add(time.Minute)
	b.report(at(InterimUpdate, "1", 60, 70, 5))
	if n := len(b.db.ActiveOf(7)); n != 1 {
		t.Errorf("%d sessions go on, expected that of the fourth", n)
	}
	b.report(at(Stop, "1", 61, 80, 5).because("Admin-Reset"))
	if n := len(b.db.ActiveOf(7)); n != 1 {
		t.Errorf("%d sessions go on, expected that of the fourth", n)
	}
	if u := b.usage(7); u.InputOctets != 85 {
		t.Errorf("usage %+v", u)
	}
	// The next one that is told is the erased guest's; nobody was told of another session before.
	if _, err := b.db.Erase(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	if got := <-told; got.AcctSessionID != "4" {
		t.Errorf("told of %+v", got)
	}
	b.report(at(InterimUpdate, "4", 120, 1, 1))
	r := at(Stop, "4", 121, 1, 1)
	r.Account = 0
	b.report(r)
	if s := b.segments(); len(s) != 0 {
		t.Errorf("kept %+v", s)
	}
}

// While the disk is full nothing is confirmed, and what memory holds is what is stored.
func TestNothingIsConfirmedThatIsNotStored(t *testing.T) {
	clock := newTimes()
	b := newBox(t, clock)
	b.close()
	free := uint64(1 << 40)
	db, err := hotspotdb.Open(hotspotdb.Options{Dir: "db", FS: b.fs, Now: clock.now, FreeSpace: func() (uint64, error) { return free, nil }, Reserve: 1})
	if err != nil {
		t.Fatal(err)
	}
	b.db, b.acct = db, New(Options{DB: db, Policy: b.rules, Now: clock.now, Ran: clock.ran})
	t.Cleanup(func() { b.close() })
	b.report(at(Start, "1", 0, 0, 0))
	free = 0
	clock.add(time.Minute)
	for _, r := range []Request{at(Stop, "1", 60, 5, 5), at(Start, "2", 0, 0, 0)} {
		if err := b.acct.Handle(t.Context(), r); !errors.Is(err, hotspotdb.ErrNoSpace) {
			t.Fatalf("%s: %v", r.Status, err)
		}
	}
	if len(b.acct.live) != 1 || len(b.db.ActiveOf(7)) != 1 {
		t.Errorf("%d are served, %d go on", len(b.acct.live), len(b.db.ActiveOf(7)))
	}
	clock.add(time.Hour)
	b.tick()
	free = 1 << 40
	clock.add(judgeAgain)
	b.report(at(Stop, "1", 60, 5, 5).because("User-Request"))
	if got := shape(b.segments()); got != "5/60s User-Request" || len(b.acct.live) != 0 {
		t.Errorf("sessions %s, %d are served", got, len(b.acct.live))
	}
}

func (chanNAS) ChangeOfAuthorization(context.Context, hotspotdb.Segment, policy.Limits) error {
	return nil
}
