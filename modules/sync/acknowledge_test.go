package sync_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	stdsync "sync"
	"sync/atomic"
	"testing"
	"time"

	"mbox/boxtest"
	badlink "mbox/boxtest/wire"
	"mbox/hotspotdb"
	"mbox/hotspotdb/dbtest"
)

// added adds an account as an operator does and returns how that ended.
func added(b *boxtest.Box, name string) error {
	return b.DB.Update(context.Background(), func(tx *hotspotdb.Tx) error {
		_, err := tx.AddAccount(hotspotdb.Account{Username: name}, "guestpass", "test")
		return err
	})
}

func confirmed(t *testing.T, b *boxtest.Box, name string) {
	t.Helper()
	if err := added(b, name); err != nil {
		t.Fatalf("%s: %s was not confirmed: %v\n%s", b.Name, name, err, b.Log)
	}
}

func unconfirmed(t *testing.T, b *boxtest.Box, name string) {
	t.Helper()
	if err := added(b, name); !errors.Is(err, hotspotdb.ErrUnconfirmed) {
		t.Fatalf("%s: %s ended with %v", b.Name, name, err)
	}
	if _, err := b.DB.Account(name); err != nil {
		t.Fatalf("%s: the unconfirmed %s is not stored: %v", b.Name, name, err)
	}
}

func waitConfirmations(t *testing.T, b *boxtest.Box, state string) {
	t.Helper()
	boxtest.Eventually(t, b.Name+": confirmations are "+state, func() bool { return b.Sync.Status().Acknowledge.State == state })
}

// Rule 10, G5: a write is confirmed by what is on the other box's disk: not by what it has only applied, nor by the position
// with which it subscribes when it connects again.
func TestConfirmationWaitsForThePeersDisk(t *testing.T) {
	lan := boxtest.NewLAN(t)
	disk := dbtest.NewDisk()
	primary, backup := lan.Box("primary"), lan.BoxOn("backup", disk)
	backup.Follow(primary, "", "")
	boxtest.InSync(primary, backup)
	primary.Must("mbox sync acknowledge 1 timeout 60000 block")
	confirmed(t, primary, "first")
	if _, err := backup.DB.Account("first"); err != nil {
		t.Errorf("a confirmed write is not on the other box: %v", err)
	}
	release := stdsync.OnceFunc(disk.HoldSyncs())
	defer release()
	var early atomic.Bool
	ended := make(chan error, 1)
	go func() {
		err := added(primary, "second")
		early.Store(true)
		ended <- err
	}()
	boxtest.Eventually(t, "the backup has applied the write", func() bool { return backup.DB.Counts(hotspotdb.Users).Live == 4 })
	for range 2 { // it connects again, and subscribes from behind what is not on its disk
		backup.Must("no mbox sync primary " + primary.Addr.String())
		boxtest.Eventually(t, "the backup is gone", func() bool { return primary.Status("downstream").State == "none" })
		backup.Must(backup.FollowLine(primary, ""))
		boxtest.Eventually(t, "the feed has begun again", func() bool {
			s := primary.Status("downstream")
			return len(s.Datasets) == len(hotspotdb.Datasets()) && s.ReceivedBytes > 0
		})
	}
	select {
	case <-time.After(time.Second): // acknowledgements are sent at least so often
	case err := <-ended:
		t.Fatalf("confirmed (%v) before it was on the other box's disk", err)
	}
	if early.Load() {
		t.Fatal("confirmed before it was on the other box's disk")
	}
	release()
	if err := <-ended; err != nil {
		t.Errorf("not confirmed although it is on the other box's disk: %v", err)
	}
}

// Rule 10: `block` reports each write that was not confirmed. The state is seen without any write.
func TestBlockReportsEachWrite(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, backup := lan.Box("primary"), lan.Box("backup")
	backup.Follow(primary, "", "")
	boxtest.InSync(primary, backup)
	primary.Must("mbox sync acknowledge 1 from backup timeout 200 block")
	confirmed(t, primary, "first")
	waitConfirmations(t, primary, "confirming")
	began := time.Now()
	backup.Must("no mbox sync primary " + primary.Addr.String())
	waitConfirmations(t, primary, "blocked")
	t.Logf("seen %v after the connection was given up", time.Since(began))
	for i := range 3 {
		unconfirmed(t, primary, fmt.Sprint("lonely", i))
	}
	s := primary.Sync.Status().Acknowledge
	if s.Unconfirmed != 3 || s.PeersReady != 0 || s.Required != 1 || s.Warning == nil {
		t.Errorf("status %+v", s)
	}
	var text strings.Builder
	if err := primary.Sync.Status().Text(&text, 0); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Acknowledge: blocked for ", ", 0 of 1 ready", "3 writes not confirmed", "stored by backup", "losing either box stops confirmations"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the status does not say %q:\n%s", want, &text)
		}
	}
	backup.Must(backup.FollowLine(primary, ""))
	waitConfirmations(t, primary, "confirming")
	confirmed(t, primary, "again")
	if !strings.Contains(primary.Log.String(), "%SYNC-2-DEGRADED: writes are not confirmed by other boxes: blocked") {
		t.Errorf("the log does not say so:\n%s", primary.Log)
	}
	primary.Must("no mbox sync acknowledge")
	backup.Must("no mbox sync primary " + primary.Addr.String())
	confirmed(t, primary, "alone") // nobody asks any more
	if s := primary.Sync.Status().Acknowledge; s != nil {
		t.Errorf("status without the line: %+v", s)
	}
}

// Rule 10: `degrade` with a peer that is connected and answers nothing. One write is reported, the later ones go through, the
// state is seen, and it ends only when the other box holds all of it.
func TestDegradeWithAStalledPeer(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, backup := lan.Box("primary"), lan.Box("backup")
	w := badlink.New(t, primary.ListenAddr())
	primary.Must("mbox sync allow " + backup.Addr.String())
	backup.Must(fmt.Sprintf("mbox sync primary %s port %d username mboxadmin password %s", w.Addr().Addr(), w.Addr().Port(), boxtest.Password))
	boxtest.InSync(primary, backup)
	primary.Must("mbox sync acknowledge 1 timeout 300 degrade")
	confirmed(t, primary, "first")
	waitConfirmations(t, primary, "confirming")

	w.Partition(badlink.Holds)
	const writers = 8
	var reported atomic.Int64
	var all stdsync.WaitGroup
	for i := range writers { // who waits when it happens is told
		all.Go(func() {
			if errors.Is(added(primary, fmt.Sprint("waiting", i)), hotspotdb.ErrUnconfirmed) {
				reported.Add(1)
			}
		})
	}
	all.Wait()
	if reported.Load() == 0 {
		t.Error("no write was reported when confirmations degraded")
	}
	if s := primary.Sync.Status().Acknowledge; s.State != "degraded" {
		t.Fatalf("right after a write that was not confirmed: %+v", s)
	}
	for i := range 20 {
		confirmed(t, primary, fmt.Sprint("later", i))
	}
	if n := primary.Sync.Status().Acknowledge.Unconfirmed; n != writers+20 {
		t.Errorf("%d writes are counted as unconfirmed", n)
	}
	w.Shape(badlink.Link{Rate: 100_000}) // so that it comes bit by bit
	w.Heal()
	waitConfirmations(t, primary, "confirming")
	if n := backup.Users(); n != 1+writers+20 {
		t.Errorf("confirmations are back, but only %d accounts are on the backup", n)
	}
	for _, line := range []string{
		"level=ERROR msg=\"%SYNC-2-DEGRADED: writes are not confirmed by other boxes: degraded", "%SYNC-5-CONFIRMING: writes are confirmed by 1 other box again",
	} {
		boxtest.Eventually(t, "the log says "+line, func() bool { return strings.Contains(primary.Log.String(), line) })
	}
	confirmed(t, primary, "after")
}

// Rule 10: confirmations come back while writes go on without a pause, once the peer keeps up with them.
func TestDegradationEndsUnderLoad(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, backup := lan.Box("primary"), lan.Box("backup")
	w := badlink.New(t, primary.ListenAddr())
	primary.Must("mbox sync allow " + backup.Addr.String())
	backup.Must(fmt.Sprintf("mbox sync primary %s port %d username mboxadmin password %s", w.Addr().Addr(), w.Addr().Port(), boxtest.Password))
	boxtest.InSync(primary, backup)
	w.Shape(badlink.Link{Delay: 200 * time.Millisecond}) // so that there is always a write that the peer has not stored yet
	primary.Must("mbox sync acknowledge 1 timeout 3000 degrade")
	ctx, stop := context.WithCancel(t.Context())
	var writers stdsync.WaitGroup
	for n := range 4 {
		writers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				_ = added(primary, fmt.Sprintf("load%d-%d", n, i))
			}
		})
	}
	waitConfirmations(t, primary, "confirming")
	w.Partition(badlink.Holds)
	waitConfirmations(t, primary, "degraded")
	w.Heal()
	waitConfirmations(t, primary, "confirming")
	stop()
	writers.Wait()
}

// Rule 10: boxes are counted by their keys, not by their connections, and only those that are named.
func TestConfirmationsAreCountedByBox(t *testing.T) {
	lan := boxtest.NewLAN(t)
	a, b, c := lan.Box("a"), lan.Box("b"), lan.Box("c")
	b.Follow(a, "send all", "accept all")
	a.Follow(b, "send all", "accept all")
	boxtest.Eventually(t, "each of a and b follows the other", func() bool {
		return a.Status("upstream").SentBytes > 0 && a.Status("downstream").SentBytes > 0
	})
	a.Must("mbox sync acknowledge 1 timeout 60000 block")
	confirmed(t, a, "by-b-alone")
	a.Must("mbox sync acknowledge 2 timeout 300 block")
	unconfirmed(t, a, "twice-connected")
	c.Follow(a, "", "")
	c.WaitState("upstream", "in-sync")
	confirmed(t, a, "by-two")
	a.Must("mbox sync acknowledge 1 from b timeout 300 block")
	confirmed(t, a, "by-b")
	b.Must("no mbox sync primary " + a.Addr.String())
	a.Must("no mbox sync primary " + b.Addr.String())
	boxtest.Eventually(t, "b is gone", func() bool { return len(a.Sync.Status().Peers) == 1 })
	unconfirmed(t, a, "not-by-b")
	a.Must("mbox sync acknowledge 1 from b sha256:" + c.Sync.Status().Box + " timeout 300 block")
	confirmed(t, a, "by-c")
	if w := a.Sync.Status().Acknowledge.Warning; w != nil {
		t.Errorf("a warning of known boxes: %s", *w)
	}
	a.Must("mbox sync acknowledge 1 from b typo timeout 300 block")
	if w := a.Sync.Status().Acknowledge.Warning; w == nil || !strings.Contains(*w, "no box named typo was ever connected") {
		t.Errorf("no warning of a name that no box has: %v", w)
	}
	if err := a.Typed("mbox sync acknowledge 2 from b timeout 300 block"); err == nil {
		t.Error("two boxes of one are asked for, and that was accepted")
	}
}

// Rule 10: a box that does not carry a dataset confirms no write to it; and a primary confirms what its follower sends.
func TestConfirmationByThePrimary(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, branch := lan.Box("primary"), lan.Box("branch")
	branch.Follow(primary, "send users", "accept users")
	boxtest.InSync(primary, branch)
	branch.Must("mbox sync acknowledge 1 timeout 1000 block")
	confirmed(t, branch, "guest")
	if _, err := primary.DB.Account("guest"); err != nil {
		t.Errorf("a confirmed write is not on the primary: %v", err)
	}
	err := branch.DB.Update(t.Context(), func(tx *hotspotdb.Tx) error { return tx.PutProfile(hotspotdb.Profile{Name: "gold"}, "test") })
	if !errors.Is(err, hotspotdb.ErrUnconfirmed) {
		t.Errorf("a profile, which is not sent to the primary: %v", err)
	}
}

// Rules 3 and 10: a record that is changed again and again, by writers who do not wait for each other, is on the other box when
// the first of them is told so.
func TestConfirmedThoughChangedAgain(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, backup := lan.Box("primary"), lan.Box("backup")
	backup.Follow(primary, "", "")
	boxtest.InSync(primary, backup)
	primary.Must("mbox sync acknowledge 1 timeout 5000 block")
	var all stdsync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for i := range 40 {
				name := fmt.Sprintf("guest%d-%d", n, i)
				var again stdsync.WaitGroup
				ready := make(chan struct{})
				again.Go(func() {
					<-ready
					_ = primary.DB.Update(context.Background(), func(tx *hotspotdb.Tx) error {
						_, err := tx.EditAccount(name, "test", func(e *hotspotdb.AccountEdit) error { e.Disabled = true; return nil })
						return err
					})
				})
				err := primary.DB.Update(context.Background(), func(tx *hotspotdb.Tx) error {
					_, err := tx.AddAccount(hotspotdb.Account{Username: name}, "guestpass", "test")
					close(ready) // the other may be in the next group, while this one goes to the disk
					return err
				})
				if _, there := backup.DB.Account(name); err == nil && there != nil {
					t.Errorf("%s was confirmed and is not on the backup: %v", name, there)
				}
				again.Wait()
			}
		})
	}
	all.Wait()
}
