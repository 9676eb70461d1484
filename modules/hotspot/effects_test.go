package hotspot

import (
	"context"
	"fmt"
	"testing"
	"time"

	"mbox/hotspotdb"
)

// start runs the module until the test ends.
func (b *box) start() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.mod.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			b.t.Errorf("Run: %v", err)
		}
	}
	b.t.Cleanup(stop)
	return stop
}

func (b *box) open(username string) hotspotdb.Segment {
	b.t.Helper()
	a, err := b.db.Account(username)
	if err != nil {
		b.t.Fatal(err)
	}
	var s hotspotdb.Segment
	err = b.db.Update(b.t.Context(), func(tx *hotspotdb.Tx) (err error) {
		s, err = tx.OpenSegment(hotspotdb.Segment{Account: a.ID, Username: username, MAC: "3a:71:b4:e9:f7:99", Hotspot: "lobby", Number: 1, MultiSessionID: "m1"})
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// ended waits until a session has ended and returns it.
func (b *box) ended(id uint64) hotspotdb.Segment {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	defer cancel()
	for {
		before := b.db.Durable() // taken first: what becomes durable behind it is waited for
		s, err := b.db.Segment(id)
		if err != nil {
			b.t.Fatal(err)
		}
		if !s.Active() {
			return s
		}
		if _, err = b.db.Wait(ctx, before); err != nil {
			b.t.Fatalf("session %d goes on: %v", id, err)
		}
	}
}

// follow applies everything in the dataset Users of one database to another, as a peer would.
func follow(t *testing.T, from, to *hotspotdb.DB) {
	t.Helper()
	batch := hotspotdb.Batch{Dataset: hotspotdb.Users, From: from.ID(), Kind: hotspotdb.Above}
	if _, err := from.Wait(t.Context(), from.Head(hotspotdb.Users)-1); err != nil {
		t.Fatal(err)
	}
	view := from.View()
	defer view.Close()
	err := view.Scan(hotspotdb.Users, 0, view.Seq, func(e hotspotdb.Entry) (bool, error) {
		batch.Changes = append(batch.Changes, append([]byte(nil), e.Change...))
		batch.Seqs = append(batch.Seqs, e.Seq)
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := to.Apply(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}

func TestPeersChangesEndSessionsHere(t *testing.T) {
	for name, line := range map[string]string{
		"disabled": `hotspot user disable alice`, "deleted": `hotspot user delete alice`, "expired": `hotspot user set alice expires 2020-01-01`,
	} {
		t.Run(name, func(t *testing.T) {
			peer, b := newBox(t), newBox(t)
			peer.must(`hotspot user add alice password wonderland`, `hotspot user add bob password builder1`)
			follow(t, peer.db, b.db)
			b.start()
			alice, bob := b.open("alice"), b.open("bob")
			peer.must(line)
			follow(t, peer.db, b.db)
			if s := b.ended(alice.ID); s.TerminateCause != causeAdminReset || s.Stop.IsZero() {
				t.Errorf("got %+v", s)
			}
			if s, err := b.db.Segment(bob.ID); err != nil || !s.Active() {
				t.Errorf("bob's session: %+v, %v", s, err)
			}
		})
	}
}

// An effect that the box had no time for, because it went down, is made good at the next start.
func TestChangesBeforeTheStartEndSessions(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot user add alice password wonderland`)
	s := b.open("alice")
	b.must(`hotspot user disable alice`)
	b.start()
	if got := b.ended(s.ID); got.TerminateCause != causeAdminReset {
		t.Errorf("got %+v", got)
	}
}

func TestSessionsEndWhenTheAccountsTimeRunsOut(t *testing.T) {
	b := newBox(t)
	b.start()
	b.must(fmt.Sprintf(`hotspot user add alice password wonderland expires %s`, time.Now().Add(2*time.Second).UTC().Format(time.RFC3339)))
	s := b.open("alice")
	if got := b.ended(s.ID); got.TerminateCause != causeSessionTimeout {
		t.Errorf("got %+v", got)
	}
}

// A session that another box serves is that box's to end.
func TestSessionsOfOtherBoxesAreLeftAlone(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot user add alice password wonderland`, `hotspot user add bob password builder1`)
	mine, ghost := b.open("bob"), hotspotdb.Segment{ID: 4711, Account: accountID(t, b, "alice")}
	s := newServing()
	s.add(ghost.Account, ghost.ID) // as if it were ours: it is not there
	b.must(`hotspot user disable alice`)
	if err := b.mod.judge(t.Context(), s, ghost.Account); err != nil {
		t.Errorf("a session that is gone: %v", err)
	}
	if len(s.segments) != 0 || len(s.account) != 0 {
		t.Errorf("still known: %v", s)
	}
	if got, err := b.db.Segment(mine.ID); err != nil || !got.Active() {
		t.Errorf("bob's session: %+v, %v", got, err)
	}
	e := hotspotdb.Event{Key: hotspotdb.SegmentKey(7), Source: hotspotdb.Source{Kind: hotspotdb.Above}}
	if _, ok := changeOf(e); ok {
		t.Error("a peer's session is followed")
	}
}

func accountID(t *testing.T, b *box, name string) uint64 {
	t.Helper()
	a, err := b.db.Account(name)
	if err != nil {
		t.Fatal(err)
	}
	return a.ID
}

func TestFullDiskDelaysTheEffect(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot user add alice password wonderland`)
	s := b.open("alice")
	b.must(`hotspot user disable alice`)
	known := newServing()
	known.add(s.Account, s.ID)

	b.fill(0)
	b.clock.Add(int64(time.Hour)) // what is known of the disk is out of date
	if err := b.mod.judge(t.Context(), known, s.Account); err != nil {
		t.Fatalf("a full disk ends the effects: %v", err)
	}
	if got, err := b.db.Segment(s.ID); err != nil || !got.Active() {
		t.Fatalf("got %+v, %v", got, err)
	}
	if wait := known.expires.wait(b.now()); wait <= 0 || wait > retryAfter {
		t.Errorf("tries again after %v", wait)
	}

	b.fill(1 << 40)
	b.clock.Add(int64(retryAfter))
	if err := b.mod.judgeDue(t.Context(), known); err != nil {
		t.Fatal(err)
	}
	if got, err := b.db.Segment(s.ID); err != nil || got.TerminateCause != causeAdminReset {
		t.Errorf("got %+v, %v", got, err)
	}
}

// An account set to expire while its session goes on, and one whose expiry is put off.
func TestExpiryIsFollowed(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot user add alice password wonderland expires +1h`)
	s := b.open("alice")
	known := newServing()
	if err := b.mod.catchUp(t.Context(), known); err != nil {
		t.Fatal(err)
	}
	b.must(`hotspot user set alice expires +3h`)
	if err := b.mod.judge(t.Context(), known, s.Account); err != nil {
		t.Fatal(err)
	}
	b.clock.Add(int64(2 * time.Hour))
	if err := b.mod.judgeDue(t.Context(), known); err != nil {
		t.Fatal(err)
	}
	if got, err := b.db.Segment(s.ID); err != nil || !got.Active() {
		t.Errorf("ended an hour early: %+v, %v", got, err)
	}
	b.clock.Add(int64(2 * time.Hour))
	if err := b.mod.judgeDue(t.Context(), known); err != nil {
		t.Fatal(err)
	}
	if got, err := b.db.Segment(s.ID); err != nil || got.TerminateCause != causeSessionTimeout {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestADisabledAccountGetsNoSession(t *testing.T) {
	b := newBox(t)
	b.start()
	b.must(`hotspot user add alice password wonderland disabled`)
	if got := b.ended(b.open("alice").ID); got.TerminateCause != causeAdminReset {
		t.Errorf("got %+v", got)
	}
}
