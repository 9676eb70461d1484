package sync_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"mbox/boxtest"
	"mbox/hotspotdb"
	"mbox/hotspotdb/dbtest"
)

// Rule 4: a change is not returned to the database that it came from, in either direction.
func TestChangesAreNotReturned(t *testing.T) {
	for _, from := range []string{"primary", "backup"} {
		t.Run("made on the "+from, func(t *testing.T) {
			lan := boxtest.NewLAN(t)
			primary, backup := lan.Box("primary"), lan.Box("backup")
			backup.Follow(primary, "send all", "accept all")
			boxtest.InSync(primary, backup)
			maker, role := primary, "downstream"
			if from == "backup" {
				maker, role = backup, "upstream"
			}
			before := maker.Status(role)
			maker.Add("guest", 5000)
			boxtest.InSync(primary, backup)
			s := maker.Status(role)
			sent, back := s.SentBytes-before.SentBytes, s.ReceivedBytes-before.ReceivedBytes
			if back > sent/10 {
				t.Errorf("%d bytes were sent and %d came back", sent, back)
			}
		})
	}
}

// Rule 4: profiles go first, so that no account is denied only because its profile is still on its way.
func TestProfilesGoFirst(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, backup := lan.Box("primary"), lan.Box("backup")
	primary.Add("guest", 3000)
	const profiles = 20_000 // ten batches
	err := primary.DB.Update(context.Background(), func(tx *hotspotdb.Tx) error {
		for i := range profiles {
			if err := tx.PutProfile(hotspotdb.Profile{Name: fmt.Sprintf("p%d", i)}, "test"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := errors.New("the first account is here")
	there := make(chan int, 1)
	go func() {
		err := backup.DB.Watch(t.Context(), []hotspotdb.Dataset{hotspotdb.Users}, 0, func(hotspotdb.Event) error { return seen })
		if errors.Is(err, seen) {
			there <- backup.DB.Counts(hotspotdb.Profiles).Live
		}
	}()
	backup.Follow(primary, "", "")
	if n := <-there; n != profiles {
		t.Fatalf("the first account came when %d of %d profiles were there", n, profiles)
	}
}

// Rule 6: two boxes change one account at the same time, each its own part: both survive. Both change the same part: one
// wins everywhere, and the other version is on the conflict list of a box that saw both, without a password.
func TestConcurrentEdits(t *testing.T) {
	lan := boxtest.NewLAN(t)
	a, b := lan.Box("a"), lan.Box("b")
	b.Follow(a, "send all", "accept all")
	a.Add("guest", 2)
	boxtest.InSync(a, b)
	b.Must("no mbox sync primary " + a.Addr.String())
	edit := func(box *boxtest.Box, name string, change func(*hotspotdb.AccountEdit)) {
		t.Helper()
		err := box.DB.Update(context.Background(), func(tx *hotspotdb.Tx) error {
			_, err := tx.EditAccount(name, "test", func(e *hotspotdb.AccountEdit) error { change(e); return nil })
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	fresh := "a-new-password"
	edit(a, "guest0", func(e *hotspotdb.AccountEdit) { e.Disabled = true })
	edit(b, "guest0", func(e *hotspotdb.AccountEdit) { e.Password = &fresh })
	edit(a, "guest1", func(e *hotspotdb.AccountEdit) { e.Profiles = []string{"gold"} })
	edit(b, "guest1", func(e *hotspotdb.AccountEdit) { e.Profiles = []string{"silver"} })
	b.Must(b.FollowLine(a, "send all"))
	boxtest.InSync(a, b)
	listed := 0 // a box whose version had won elsewhere before it got the other does not see that
	for _, box := range []*boxtest.Box{a, b} {
		account, err := box.DB.Account("guest0")
		if password, perr := box.DB.Password("guest0"); err != nil || perr != nil || !account.Disabled || password != fresh {
			t.Errorf("%s: guest0 is %+v, password %q: %v, %v", box.Name, account, password, err, perr)
		}
		if account, err := box.DB.Account("guest1"); err != nil || len(account.Profiles) != 1 || account.Profiles[0] != "silver" {
			t.Errorf("%s: guest1 is %+v: %v; the later edit must win", box.Name, account, err)
		}
		n := box.DB.ConflictCount()
		if listed += n; n > 1 {
			t.Errorf("%s: %d conflicts, want the one of guest1", box.Name, n)
		}
	}
	if listed == 0 {
		t.Error("no box lists the conflict of guest1")
	}
}

// Rule 9: a replicated change acts at the receiver as if made there, and subscribers get it after commit.
func TestSubscribersSeeReplicatedChanges(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, backup := lan.Box("primary"), lan.Box("backup")
	events := make(chan hotspotdb.Event, 10)
	go func() {
		_ = backup.DB.Watch(t.Context(), []hotspotdb.Dataset{hotspotdb.Users}, 0, func(e hotspotdb.Event) error {
			if _, err := backup.DB.Account("guest0"); err != nil && !e.Deleted {
				t.Errorf("the subscriber heard of guest0 before it could be read: %v", err)
			}
			events <- e
			return nil
		})
	}()
	backup.Follow(primary, "", "")
	primary.Add("guest", 1)
	if e := <-events; e.Source.Database != primary.DB.ID() {
		t.Errorf("the event says that it came from %s", e.Source.Database)
	}
}

// Rule 3: the feed stops at the durable watermark. What a power cut could still take back is on no other box.
func TestFeedStopsAtTheDurableWatermark(t *testing.T) {
	lan := boxtest.NewLAN(t)
	disk := dbtest.NewDisk()
	primary, backup := lan.BoxOn("primary", disk), lan.Box("backup")
	backup.Follow(primary, "", "")
	primary.Add("before", 1)
	boxtest.InSync(primary, backup)

	boxtest.Eventually(t, "the follower has all of it on its disk", func() bool {
		return !slices.ContainsFunc(hotspotdb.Datasets(), func(ds hotspotdb.Dataset) bool { return backup.DB.Head(ds) > backup.DB.Durable() })
	})
	release := disk.HoldSyncs()
	written := make(chan struct{})
	go func() {
		defer close(written)
		primary.Add("pending", 1)
	}()
	boxtest.Eventually(t, "the write waits for the disk", func() bool { return primary.DB.Head(hotspotdb.Users) > primary.DB.Durable() })
	arrived := make(chan struct{})
	go func() {
		_, _ = backup.DB.Wait(t.Context(), backup.DB.Durable())
		close(arrived)
	}()
	select {
	case <-arrived:
		t.Error("a change that is not durable has reached the follower")
	case <-written:
		t.Error("the write was confirmed before it was on disk")
	case <-time.After(time.Second): // digests are stated meanwhile; nothing may come with them
	}
	release()
	<-written
	boxtest.InSync(primary, backup)
	if backup.Users() != 2 {
		t.Errorf("%d accounts arrived", backup.Users())
	}
}
