package sync_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"mbox/boxtest"
	"mbox/hotspotdb"
)

func TestFirstSyncThenLive(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, backup := lan.Box("primary"), lan.Box("backup")
	primary.Add("guest", 5000)
	backup.Follow(primary, "", "")
	boxtest.InSync(primary, backup)
	if backup.Users() != 5000 {
		t.Fatalf("%d accounts arrived", backup.Users())
	}

	primary.Add("late", 1)
	boxtest.Eventually(t, "the new account is on the backup", func() bool {
		_, err := backup.DB.Account("late0")
		return err == nil
	})
	// The guest's password can be read there, for CHAP, though it never was in clear in the database or on the wire.
	if got, err := backup.DB.Password("late0"); err != nil || got != "guestpass" {
		t.Fatalf("password on the backup: %q, %v", got, err)
	}
	boxtest.InSync(primary, backup)

	err := primary.DB.Update(context.Background(), func(tx *hotspotdb.Tx) error { return tx.DeleteAccount("guest7", "test") })
	if err != nil {
		t.Fatal(err)
	}
	boxtest.Eventually(t, "the deletion arrives", func() bool { return backup.Users() == 5000 })
	boxtest.InSync(primary, backup)
}

// Use 2 of the product: both boxes accept writes and end equal, with one box dialing.
func TestPairSendsBothWays(t *testing.T) {
	lan := boxtest.NewLAN(t)
	a, b := lan.Box("a"), lan.Box("b")
	a.Add("a", 300)
	b.Add("b", 200)
	b.Follow(a, "send all", "accept all")
	boxtest.InSync(a, b)
	if a.Users() != 500 || b.Users() != 500 {
		t.Fatalf("a has %d, b has %d", a.Users(), b.Users())
	}
	b.Add("late", 1)
	boxtest.Eventually(t, "b's account is on a", func() bool { _, err := a.DB.Account("late0"); return err == nil })
	if got, err := a.DB.Password("b3"); err != nil || got != "guestpass" {
		t.Fatalf("password of an account from b: %q, %v", got, err)
	}
	boxtest.InSync(a, b)
}

// The same with both boxes dialing, and no send or accept.
func TestMutualFollowers(t *testing.T) {
	lan := boxtest.NewLAN(t)
	a, b := lan.Box("a"), lan.Box("b")
	a.Add("a", 300)
	b.Add("b", 200)
	b.Follow(a, "", "")
	a.Follow(b, "", "")
	boxtest.Eventually(t, "both have everything", func() bool { return a.Users() == 500 && b.Users() == 500 })
	boxtest.InSync(a, b)
	boxtest.InSync(b, a)
	if a.Store.Keyring().Domain().ID != b.Store.Keyring().Domain().ID {
		t.Error("the boxes are in two domains")
	}
}

func TestChain(t *testing.T) {
	lan := boxtest.NewLAN(t)
	first, second, third := lan.Box("first"), lan.Box("second"), lan.Box("third")
	first.Add("guest", 1000)
	second.Follow(first, "", "")
	third.Follow(second, "", "")
	boxtest.InSync(first, second)
	boxtest.InSync(second, third)
	first.Add("late", 1)
	boxtest.Eventually(t, "the change reaches the end of the chain", func() bool { _, err := third.DB.Account("late0"); return err == nil })
	if first.Digest(hotspotdb.Datasets()...) != third.Digest(hotspotdb.Datasets()...) {
		boxtest.InSync(second, third)
	}
	if first.Digest(hotspotdb.Datasets()...) != third.Digest(hotspotdb.Datasets()...) {
		t.Error("first and third differ")
	}
	if got, err := third.DB.Password("late0"); err != nil || got != "guestpass" {
		t.Errorf("password at the end of the chain: %q, %v", got, err)
	}
}

func TestDatasetFilter(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, branch := lan.Box("primary"), lan.Box("branch")
	primary.Add("guest", 100)
	openSession(t, primary, "guest1", "S1")
	branch.Follow(primary, "datasets users profiles", "")
	boxtest.InSync(primary, branch, hotspotdb.Users, hotspotdb.Profiles)
	// The sessions were there before the accounts arrived; if they were sent they would be here.
	if n := branch.DB.Counts(hotspotdb.Sessions).Live; n != 0 {
		t.Fatalf("%d session records on a branch that does not get them", n)
	}
	for _, d := range branch.Status("upstream").Datasets {
		if d.Dataset != hotspotdb.Users && d.Dataset != hotspotdb.Profiles {
			t.Errorf("%s flows", d.Dataset)
		}
	}
	// A dataset that is added later starts at the beginning.
	branch.Must(branch.FollowLine(primary, "datasets users profiles sessions"))
	boxtest.InSync(primary, branch, hotspotdb.Users, hotspotdb.Profiles, hotspotdb.Sessions)
	if n := branch.DB.Counts(hotspotdb.Sessions).Live; n == 0 {
		t.Fatal("the added dataset did not arrive")
	}
}

// A branch returns its own sessions and nothing else, whatever it would like to send.
func TestPrimaryTakesOnlyWhatItAccepts(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, branch := lan.Box("primary"), lan.Box("branch")
	primary.Add("guest", 10)
	branch.Follow(primary, "datasets users profiles send sessions users", "accept sessions")
	boxtest.InSync(primary, branch, hotspotdb.Users)
	branch.Add("rogue", 5)
	openSession(t, branch, "guest1", "S1")
	boxtest.Eventually(t, "the session arrives", func() bool { return primary.DB.Counts(hotspotdb.Sessions).Live > 0 })
	if primary.Users() != 10 {
		t.Fatalf("the primary has %d accounts: it took some that it does not accept", primary.Users())
	}
	boxtest.Eventually(t, "the primary's status names the branch's own changes", func() bool { return primary.Status("downstream").LocalChanges > 0 })
}

func openSession(t *testing.T, b *boxtest.Box, username, id string) {
	t.Helper()
	err := b.DB.Update(context.Background(), func(tx *hotspotdb.Tx) error {
		_, err := tx.OpenSegment(hotspotdb.Segment{Username: username, AcctSessionID: id, NAS: "10.0.0.5", Hotspot: "lobby", Start: time.Now()})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Rule 6 of the security chapter: `no mbox sync allow` under load ends the stream within a second, nothing arrives later,
// and the follower says why.
func TestRevocationEndsTheStreamAtOnce(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, backup := lan.Box("primary"), lan.Box("backup")
	backup.Follow(primary, "", "")
	boxtest.InSync(primary, backup)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				primary.Add(fmt.Sprintf("load%d-", i), 1)
			}
		}
	}()
	boxtest.Eventually(t, "load arrives", func() bool { return backup.Users() > 50 })
	primary.Must(fmt.Sprintf("no mbox sync allow %s", backup.Addr))
	began := time.Now()
	boxtest.Eventually(t, "the follower says why", func() bool {
		s := backup.Status("upstream")
		return s.State == "refused" && strings.Contains(boxtest.Text(s.Reason), "allow")
	})
	if took := time.Since(began); took > time.Second {
		t.Errorf("the stream lived for %v", took)
	}
	arrived := backup.Users()
	before := primary.Users()
	boxtest.Eventually(t, "the primary writes on", func() bool { return primary.Users() > before+200 })
	if got := backup.Users(); got != arrived {
		t.Errorf("%d accounts arrived after the revocation", got-arrived)
	}
	close(stop)
	<-stopped
	// Allowed again, the follower comes back by itself.
	primary.Must(fmt.Sprintf("mbox sync allow %s", backup.Addr))
	boxtest.InSync(primary, backup)
}

func TestPasswordChangeAndRemovedAccountEndTheStream(t *testing.T) {
	for name, change := range map[string]func(*boxtest.Box){
		"password": func(b *boxtest.Box) { b.Account("mboxadmin", "", "another-password") },
		"removed":  func(b *boxtest.Box) { b.RemoveAccount("mboxadmin") },
		"role":     func(b *boxtest.Box) { b.Account("mboxadmin", "", boxtest.Password) }, // the same password set anew is a new generation
	} {
		t.Run(name, func(t *testing.T) {
			lan := boxtest.NewLAN(t)
			primary, backup := lan.Box("primary"), lan.Box("backup")
			backup.Follow(primary, "", "")
			boxtest.InSync(primary, backup)
			since := backup.Status("upstream").Since
			change(primary)
			boxtest.Eventually(t, "the stream ends", func() bool {
				s := backup.Status("upstream")
				return s.State != "in-sync" || s.Since.After(since)
			})
			if name == "role" {
				boxtest.InSync(primary, backup)
				return
			}
			backup.WaitState("upstream", "refused")
		})
	}
}

// The primary's folder is copied, accounts are added, the copy is put back, others are added: nothing is lost on either.
func TestRestoredPrimaryLosesNothing(t *testing.T) {
	for _, both := range []bool{true, false} {
		t.Run(fmt.Sprintf("sendBack=%v", both), func(t *testing.T) {
			lan := boxtest.NewLAN(t)
			primary, backup := lan.Box("primary"), lan.Box("backup")
			primary.Add("old", 500)
			if both {
				backup.Follow(primary, "send all", "accept all")
			} else {
				backup.Follow(primary, "", "")
			}
			boxtest.InSync(primary, backup)
			primary.Shutdown()
			saved := t.TempDir()
			copyDir(t, primary.Dir, saved)
			primary.Start()
			primary.Add("lost", 1000)
			boxtest.Eventually(t, "the backup has them", func() bool { return backup.Users() == 1500 })
			primary.Shutdown()
			if err := os.RemoveAll(primary.Dir); err != nil {
				t.Fatal(err)
			}
			copyDir(t, saved, primary.Dir)
			primary.Start()
			if primary.Users() != 500 {
				t.Fatalf("the restored copy has %d accounts", primary.Users())
			}
			primary.Add("new", 2000)
			boxtest.Eventually(t, "the backup has everything", func() bool { return backup.Users() == 3500 })
			boxtest.Eventually(t, "the backup says what was forgotten", func() bool { return backup.Status("upstream").Rehomed >= 1000 })
			if both {
				boxtest.Eventually(t, "the primary got back what it had forgotten", func() bool { return primary.Users() == 3500 })
				boxtest.InSync(primary, backup)
				return
			}
			boxtest.Eventually(t, "the difference is explained", func() bool {
				s := backup.Status("upstream")
				return s.State == "in-sync" && s.LocalChanges >= 1000
			})
			if primary.Users() != 2500 {
				t.Fatalf("primary has %d", primary.Users())
			}
		})
	}
}

func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	root := os.DirFS(from)
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == "." {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(to+"/"+path, 0o700)
		}
		data, err := fs.ReadFile(root, path)
		if err != nil {
			return err
		}
		return os.WriteFile(to+"/"+path, data, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A follower that was ahead in its position but lacks records (a failing disk, a bug) is found out by the digests, says so,
// and fetches them again.
func TestMissingRecordsAreFoundAndFetched(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, backup := lan.Box("primary"), lan.Box("backup")
	primary.Add("guest", 200)
	// A position at the head that nothing was received for.
	view := primary.DB.View()
	seq := view.Seq
	view.Close()
	boxtest.Eventually(t, "durable", func() bool { return primary.DB.Durable() >= seq })
	history := primary.DB.History()
	pos := hotspotdb.Position{Incarnation: history[len(history)-1].ID, Seq: seq}
	if err := backup.DB.SetPosition(context.Background(), primary.DB.ID(), hotspotdb.Users, pos); err != nil {
		t.Fatal(err)
	}
	backup.Follow(primary, "", "")
	boxtest.InSync(primary, backup)
	boxtest.Eventually(t, "an alarm is logged", func() bool { return strings.Contains(backup.Log.String(), "gone missing") })
}

// What both sides had before they met is not sent again: only differing buckets travel.
func TestUnknownDatabaseMergesByBuckets(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, backup := lan.Box("primary"), lan.Box("backup")
	primary.Add("guest", 3000)
	backup.Follow(primary, "", "")
	boxtest.InSync(primary, backup)
	backup.Must("no mbox sync primary " + primary.Addr.String())
	for _, ds := range hotspotdb.Datasets() {
		if err := backup.DB.SetPosition(context.Background(), primary.DB.ID(), ds, hotspotdb.Position{}); err != nil {
			t.Fatal(err)
		}
	}
	primary.Add("late", 1)
	backup.Must(backup.FollowLine(primary, ""))
	boxtest.InSync(primary, backup)
	if got := backup.Status("upstream").ReceivedBytes; got > 100_000 {
		t.Errorf("%d bytes were received for one new account", got)
	}
}

// A change with a stamp far in the future waits until the clock allows it; the peer is told; nothing else is held up.
func TestFutureStampIsSetAside(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, backup := lan.Box("primary"), lan.Box("backup")
	backup.Follow(primary, "", "")
	boxtest.InSync(primary, backup)
	primary.Ahead.Store(int64(24 * time.Hour))
	primary.Add("future", 1)
	primary.Ahead.Store(0)
	primary.Add("today", 1)
	boxtest.Eventually(t, "today's account arrives", func() bool { _, err := backup.DB.Account("today0"); return err == nil })
	backup.WaitState("upstream", "skewed")
	primary.WaitState("downstream", "skewed")
	if _, err := backup.DB.Account("future0"); err == nil {
		t.Fatal("tomorrow's account is already there")
	}
}
