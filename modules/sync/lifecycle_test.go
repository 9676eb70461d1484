package sync_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"mbox/boxtest"
	"mbox/hotspotdb"
	"mbox/hotspotdb/dbtest"
	"mbox/modules/sync"
)

// TestPause holds replication on either side until resume, across a restart too.
func TestPause(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, follower := lan.Box("primary"), lan.Box("follower")
	primary.Add("before", 3)
	follower.Follow(primary, "", "")
	boxtest.InSync(primary, follower)

	exec(t, primary, "mbox sync pause")
	follower.WaitState("upstream", "paused")
	if why := boxtest.Text(follower.Status("upstream").Reason); !strings.Contains(why, "mbox sync resume") {
		t.Errorf("the follower says %q", why)
	}
	primary.Add("during", 2)
	primary.Shutdown()
	primary.Start()
	follower.WaitState("upstream", "paused")
	if n := follower.Users(); n != 3 {
		t.Errorf("the follower has %d accounts while the primary is paused", n)
	}
	if _, err := primary.Exec("mbox sync pause"); err == nil {
		t.Error("paused twice")
	}
	exec(t, primary, "mbox sync resume")
	boxtest.InSync(primary, follower)

	exec(t, follower, "mbox sync pause")
	if s := follower.Status("upstream"); s.State != "paused" {
		t.Errorf("the paused follower says %s", s.State)
	}
	primary.Add("later", 1)
	exec(t, follower, "mbox sync resume")
	boxtest.InSync(primary, follower)
	if n := follower.Users(); n != 6 {
		t.Errorf("the follower has %d accounts, want 6", n)
	}
}

func exec(t *testing.T, b *boxtest.Box, line string) {
	t.Helper()
	if _, err := b.Exec(line); err != nil {
		t.Fatalf("%s: %s: %v", b.Name, line, err)
	}
}

// TestRecoverWipedPrimary: the disk of a primary is replaced. Its follower, which sends nothing, returns what the primary
// had made, and keeps to itself what it has made itself.
func TestRecoverWipedPrimary(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, follower := lan.Box("primary"), lan.Box("follower")
	primary.Add("guest", 200)
	follower.Follow(primary, "", "")
	boxtest.InSync(primary, follower)
	follower.Add("own", 5)

	wipe(t, primary)
	if n := primary.Users(); n != 0 {
		t.Fatalf("the new disk holds %d accounts", n)
	}
	follower.WaitState("upstream", "diverged")
	primary.WaitState("downstream", "diverged")
	boxtest.Eventually(t, "the wiped primary knows all that it lacks: two records for each account, and who added them", func() bool {
		return primary.Status("downstream").Lost == 401
	})
	if advice := boxtest.Text(primary.Status("downstream").Advice); advice != "Type here: mbox sync recover from follower" {
		t.Errorf("the wiped primary says %q", advice)
	}
	exec(t, primary, "mbox sync recover from follower")
	boxtest.Eventually(t, "everything is back", func() bool { return primary.Users() == 200 })
	follower.WaitState("upstream", "in-sync")
	boxtest.Eventually(t, "the recovery has ended", func() bool { return strings.Contains(primary.Log.String(), "is here again") })
	if _, err := primary.DB.Account("own0"); err == nil {
		t.Error("the follower returned an account that it had made itself and does not send")
	}
	if n := follower.Users(); n != 205 {
		t.Errorf("the follower has %d accounts, want 205", n)
	}
	// What the follower made is still to be sent, from the first, once it may.
	primary.Must("mbox sync allow " + follower.Addr.String() + " accept users")
	follower.Must("no mbox sync primary "+primary.Addr.String(), follower.FollowLine(primary, "send users"))
	boxtest.InSync(primary, follower, hotspotdb.Users)
	if n := primary.Users(); n != 205 {
		t.Errorf("the primary has %d accounts, want 205", n)
	}
}

// TestRecoverRestoredPrimary: an old backup of the primary is put back; what it had made since comes back from the follower.
func TestRecoverRestoredPrimary(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, follower := lan.BoxOn("primary", dbtest.NewDisk()), lan.Box("follower")
	primary.Add("old", 20)
	saved := primary.Disk.Crash(100, 1)
	follower.Follow(primary, "", "")
	boxtest.InSync(primary, follower)
	primary.Add("new", 30)
	boxtest.InSync(primary, follower)

	primary.Shutdown()
	primary.Disk = saved
	primary.Start()
	boxtest.Eventually(t, "the follower keeps what was forgotten", func() bool { return follower.Status("upstream").Rehomed > 0 })
	exec(t, primary, "mbox sync recover from follower")
	boxtest.Eventually(t, "everything is back", func() bool { return primary.Users() == 50 })
	boxtest.InSync(primary, follower)
}

// TestRecoverNeedsAFollower refuses what cannot be, and says what to type.
func TestRecoverNeedsAFollower(t *testing.T) {
	lan := boxtest.NewLAN(t)
	box := lan.Box("alone")
	if _, err := box.Exec("mbox sync recover from nobody"); err == nil || !strings.Contains(err.Error(), "show mbox sync peers") {
		t.Errorf("recover from nobody: %v", err)
	}
	if _, err := box.Exec("clear mbox sync nobody resync"); err == nil {
		t.Error("resync with nobody succeeded")
	}
}

// TestResyncDropsNothingThatIsLive starts anew with a healthy primary: nothing changes, and what only the follower has stays.
func TestResyncDropsNothingThatIsLive(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, follower := lan.Box("primary"), lan.Box("follower")
	primary.Add("guest", 50)
	follower.Follow(primary, "", "")
	boxtest.InSync(primary, follower)
	follower.Add("own", 3)
	exec(t, follower, "clear mbox sync "+primary.Addr.String()+" resync")
	boxtest.Eventually(t, "it was compared anew", func() bool { return strings.Contains(follower.Log.String(), "was fetched anew") })
	follower.WaitState("upstream", "in-sync")
	if n := follower.Users(); n != 53 {
		t.Errorf("the follower has %d accounts, want 53", n)
	}
}

// wipe replaces the disk of a box by an empty one.
func wipe(t *testing.T, b *boxtest.Box) {
	t.Helper()
	b.Shutdown()
	b.Dir += "-new"
	b.Start()
}

// awayTooLong makes a follower miss deletions that its primary then forgets, and plugs it in again.
func awayTooLong(t *testing.T, options, allow string) (primary, follower *boxtest.Box) {
	t.Helper()
	lan := boxtest.NewLAN(t)
	primary, follower = lan.Box("primary"), lan.Box("follower")
	primary.Shutdown()
	primary.Retention = 48 * time.Hour
	primary.Start()
	primary.Add("guest", 40)
	follower.Follow(primary, options, allow)
	boxtest.InSync(primary, follower)
	follower.Must("no mbox sync primary " + primary.Addr.String())
	boxtest.Eventually(t, "the follower is gone", func() bool { return primary.Status("downstream").State == "none" })
	for i := range 10 {
		remove(t, primary, fmt.Sprintf("guest%d", i))
	}
	follower.Add("offline", 4)
	for range 4 {
		primary.Ahead.Add(int64(24 * time.Hour))
		follower.Ahead.Add(int64(24 * time.Hour))
		if err := primary.DB.Upkeep(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if primary.DB.Floor(hotspotdb.Users) == 0 {
		t.Fatal("the primary has kept its tombstones")
	}
	primary.Add("new", 5)
	follower.Must(follower.FollowLine(primary, options))
	return primary, follower
}

func remove(t *testing.T, b *boxtest.Box, name string) {
	t.Helper()
	if err := b.DB.Update(context.Background(), func(tx *hotspotdb.Tx) error { return tx.DeleteAccount(name, "test") }); err != nil {
		t.Fatal(err)
	}
}

// TestStale: a follower that was away for longer than deletions are kept exchanges nothing until it starts anew. Then what
// was deleted is gone, what it never sent is kept, and the rest is fetched.
func TestStale(t *testing.T) {
	primary, follower := awayTooLong(t, "send users", "accept users")
	follower.WaitState("upstream", "stale")
	primary.WaitState("downstream", "stale")
	if n, m := primary.Users(), follower.Users(); n != 35 || m != 44 {
		t.Errorf("something flowed: the primary has %d accounts (want 35), the follower %d (want 44)", n, m)
	}
	if why := boxtest.Text(follower.Status("upstream").Advice); !strings.Contains(why, "clear mbox sync "+primary.Addr.String()+" resync") {
		t.Errorf("the follower does not say what to do: %q", why)
	}
	exec(t, follower, "clear mbox sync "+primary.Addr.String()+" resync")
	boxtest.InSync(primary, follower, hotspotdb.Users) // who has changed them is not sent
	if n := primary.Users(); n != 39 {
		t.Errorf("the primary has %d accounts, want 30 old, 5 new and 4 from the follower", n)
	}
	if _, err := follower.DB.Account("guest3"); !errors.Is(err, hotspotdb.ErrNotFound) {
		t.Errorf("a deleted account is on the follower: %v", err)
	}
}

// TestNewFollowerIsNotStale: a box that never was there has missed nothing, and it gets nothing whose deletion is forgotten,
// though batches are shared with the followers that were there before.
func TestNewFollowerIsNotStale(t *testing.T) {
	primary, old := awayTooLong(t, "", "")
	old.Must("no mbox sync primary " + primary.Addr.String())
	fresh := primary.Neighbour("fresh")
	fresh.Ahead.Store(primary.Ahead.Load())
	fresh.Follow(primary, "", "")
	boxtest.InSync(primary, fresh)
}

// TestAutoResync does the same without an operator.
func TestAutoResync(t *testing.T) {
	primary, follower := awayTooLong(t, "auto-resync", "")
	boxtest.Eventually(t, "the deleted accounts are gone, the new ones there", func() bool { return follower.Users() == 39 })
	follower.WaitState("upstream", "in-sync")
	for i := range 4 {
		if _, err := follower.DB.Account(fmt.Sprintf("offline%d", i)); err != nil {
			t.Errorf("what the follower made itself: %v", err)
		}
	}
	if n := primary.Users(); n != 35 {
		t.Errorf("the primary has %d accounts, want 35", n)
	}
}

// TestUnsentDeletionsAreKept: a box that sends to a primary does not forget deletions that the primary has not heard of.
func TestUnsentDeletionsAreKept(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, follower := lan.Box("primary"), lan.Box("follower")
	follower.Shutdown()
	follower.Retention = 48 * time.Hour
	follower.Start()
	follower.Add("guest", 10)
	follower.Follow(primary, "send users", "accept users")
	boxtest.InSync(primary, follower, hotspotdb.Users)
	primary.Must("no mbox sync allow " + follower.Addr.String())
	boxtest.Eventually(t, "the follower is gone", func() bool { return primary.Status("downstream").State == "none" })
	remove(t, follower, "guest4")
	for range 4 {
		follower.Ahead.Add(int64(24 * time.Hour))
		primary.Ahead.Add(int64(24 * time.Hour))
		if err := follower.DB.Upkeep(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	primary.Must("mbox sync allow " + follower.Addr.String() + " accept users")
	boxtest.InSync(primary, follower, hotspotdb.Users)
	if _, err := primary.DB.Account("guest4"); !errors.Is(err, hotspotdb.ErrNotFound) {
		t.Errorf("the deletion was forgotten before it was sent: %v", err)
	}
}

// TestUpwardsProved: what flows only upwards is compared, and what is missing above is sent again.
func TestUpwardsProved(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, branch, other := lan.Box("primary"), lan.Box("branch"), lan.Box("other")
	branch.Add("guest", 300)
	other.Add("elsewhere", 100)
	branch.Follow(primary, "datasets profiles send users", "accept users")
	other.Follow(primary, "datasets profiles send users", "accept users")
	boxtest.Eventually(t, "all accounts are at the primary", func() bool { return primary.Users() == 400 })
	branch.WaitState("upstream", "in-sync")
	proved := func() *sync.DatasetStatus {
		for _, d := range branch.Status("upstream").Datasets {
			if d.Dataset == hotspotdb.Users && d.Direction == "send" && d.VerifiedAt != nil {
				return &d
			}
		}
		return nil
	}
	boxtest.Eventually(t, "the upward feed is proved", func() bool { return proved() != nil })

	// Something is lost at the primary, without a trace.
	a, err := primary.DB.Account("guest7")
	if err != nil {
		t.Fatal(err)
	}
	forgetRecord(t, primary, hotspotdb.AccessKey(a.ID))
	if _, err := primary.DB.Account("guest7"); err == nil {
		t.Fatal("it is still there")
	}
	branch.Add("more", 1) // the next digest
	boxtest.Eventually(t, "it was sent again", func() bool {
		_, err := primary.DB.Account("guest7")
		return err == nil
	})
	// What is changed above and does not flow down is explained, not an alarm.
	remove(t, primary, "guest9")
	branch.Add("evenmore", 1)
	boxtest.Eventually(t, "the difference is explained", func() bool {
		d := proved()
		return d != nil && d.LocalChanges > 0 && d.Unexplained == 0
	})
	branch.WaitState("upstream", "in-sync")
}

// forgetRecord removes a record as a failing disk would.
func forgetRecord(t *testing.T, b *boxtest.Box, key []byte) {
	t.Helper()
	view := b.DB.View()
	defer view.Close()
	var seq uint64
	err := view.Bucket(hotspotdb.Users, b.DB.BucketOf(key), func(e hotspotdb.Entry) (bool, error) {
		c, err := e.Decode()
		if err == nil && string(c.Key) == string(key) {
			seq = e.Seq
		}
		return true, err
	})
	if err == nil {
		_, err = b.DB.Forget(context.Background(), hotspotdb.Users, []uint64{seq})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestStaleRelay: a box in the middle of a chain was away for too long. What it drops, its followers drop too.
func TestStaleRelay(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, relay, leaf := lan.Box("primary"), lan.Box("relay"), lan.Box("leaf")
	primary.Shutdown()
	primary.Retention = 48 * time.Hour
	primary.Start()
	primary.Add("guest", 20)
	relay.Follow(primary, "auto-resync", "")
	leaf.Follow(relay, "", "")
	boxtest.InSync(primary, relay)
	boxtest.InSync(relay, leaf)
	relay.Must("no mbox sync primary " + primary.Addr.String())
	boxtest.Eventually(t, "the relay is gone", func() bool { return primary.Status("downstream").State == "none" })
	for i := range 5 {
		remove(t, primary, fmt.Sprintf("guest%d", i))
	}
	for range 4 {
		for _, b := range []*boxtest.Box{primary, relay, leaf} {
			b.Ahead.Add(int64(24 * time.Hour))
		}
		if err := primary.DB.Upkeep(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	relay.Must(relay.FollowLine(primary, "auto-resync"))
	boxtest.InSync(primary, relay)
	boxtest.InSync(relay, leaf)
	if n := leaf.Users(); n != 15 {
		t.Errorf("the leaf has %d accounts, want 15", n)
	}
}

// TestMutualStatus: of two boxes that dial each other and send everything both ways, one connection has nothing to do, and
// that is not shown as trouble.
func TestMutualStatus(t *testing.T) {
	lan := boxtest.NewLAN(t)
	a, b := lan.Box("a"), lan.Box("b")
	a.Follow(b, "send all", "accept all")
	b.Follow(a, "send all", "accept all")
	a.Add("guest", 10)
	for _, box := range []*boxtest.Box{a, b} {
		box.WaitState("upstream", "in-sync")
		box.WaitState("downstream", "in-sync")
	}
}

// TestResyncKeepsWhatAnotherPrimaryGave: what came from another primary was never this one's to delete.
func TestResyncKeepsWhatAnotherPrimaryGave(t *testing.T) {
	lan := boxtest.NewLAN(t)
	a, b, follower := lan.Box("a"), lan.Box("b"), lan.Box("follower")
	a.Add("ofa", 4)
	b.Add("ofb", 3)
	follower.Follow(a, "send users", "accept users")
	boxtest.InSync(a, follower)
	follower.Must("no mbox sync primary " + a.Addr.String())
	follower.Follow(b, "", "")
	boxtest.Eventually(t, "the accounts of both", func() bool { return follower.Users() == 7 })
	follower.Must("no mbox sync primary "+b.Addr.String(), follower.FollowLine(a, "send users"))
	follower.Add("own", 1)
	boxtest.Eventually(t, "the feed up has passed them", func() bool { return a.Users() == 5 })
	exec(t, follower, "clear mbox sync "+a.Addr.String()+" resync")
	boxtest.Eventually(t, "it was compared anew", func() bool { return strings.Count(follower.Log.String(), "was fetched anew") >= 7 })
	if n := follower.Users(); n != 8 {
		t.Errorf("the follower has %d accounts, want 8", n)
	}
}

// TestResyncOfAPairThatDialsEachOther ends, whichever connection carried the data.
func TestResyncOfAPairThatDialsEachOther(t *testing.T) {
	lan := boxtest.NewLAN(t)
	a, b := lan.Box("a"), lan.Box("b")
	a.Follow(b, "send all", "accept all")
	b.Follow(a, "send all", "accept all")
	a.Add("ofa", 5)
	b.Add("ofb", 5)
	boxtest.InSync(a, b)
	exec(t, a, "clear mbox sync "+b.Addr.String()+" resync")
	boxtest.Eventually(t, "it was compared anew", func() bool { return strings.Count(a.Log.String(), "was fetched anew") >= 7 })
	boxtest.InSync(a, b)
	if n := a.Users(); n != 10 {
		t.Errorf("%d accounts, want 10", n)
	}
}

// TestRecoverInAPairThatDialsEachOther: the box that lost its disk also follows the one that returns everything.
func TestRecoverInAPairThatDialsEachOther(t *testing.T) {
	lan := boxtest.NewLAN(t)
	a, b := lan.Box("a"), lan.Box("b")
	a.Follow(b, "send users", "accept users")
	b.Follow(a, "send users", "accept users")
	a.Add("ofa", 50)
	boxtest.InSync(a, b)
	wipe(t, a)
	boxtest.Eventually(t, "b is back", func() bool { return a.Status("downstream").State != "none" })
	exec(t, a, "mbox sync recover from b")
	boxtest.Eventually(t, "everything is back", func() bool { return a.Users() == 50 })
	boxtest.InSync(a, b)
}

// TestAutoResyncWhenTheFollowerHasForgotten: it may be the follower that no longer knows deletions which its primary has not heard of.
func TestAutoResyncWhenTheFollowerHasForgotten(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, follower := lan.Box("primary"), lan.Box("follower")
	follower.Shutdown()
	follower.Retention = 48 * time.Hour
	follower.Start()
	follower.Add("guest", 5)
	follower.Follow(primary, "send users auto-resync", "accept users")
	boxtest.InSync(primary, follower, hotspotdb.Users)
	follower.Must("no mbox sync primary " + primary.Addr.String())
	remove(t, follower, "guest2")
	for range 4 {
		follower.Ahead.Add(int64(24 * time.Hour))
		primary.Ahead.Add(int64(24 * time.Hour))
		if err := follower.DB.Upkeep(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if follower.DB.Floor(hotspotdb.Users) == 0 {
		t.Fatal("the follower has kept its tombstones")
	}
	follower.Must(follower.FollowLine(primary, "send users auto-resync"))
	boxtest.InSync(primary, follower, hotspotdb.Users)
}

// TestRecoverBeginsAtTheBeginning: of a damaged database the end of the feed may be left, and records before it lost.
func TestRecoverBeginsAtTheBeginning(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, follower := lan.Box("primary"), lan.Box("follower")
	primary.Add("guest", 100)
	follower.Follow(primary, "", "")
	boxtest.InSync(primary, follower)
	follower.Must("no mbox sync primary " + primary.Addr.String())
	wipe(t, primary)
	history := follower.DB.History()
	pos := hotspotdb.Position{Incarnation: history[len(history)-1].ID, Seq: follower.DB.Durable()}
	if err := primary.DB.SetPosition(context.Background(), follower.DB.ID(), hotspotdb.Users, pos); err != nil {
		t.Fatal(err)
	}
	follower.Must(follower.FollowLine(primary, ""))
	primary.WaitState("downstream", "diverged")
	exec(t, primary, "mbox sync recover from follower")
	boxtest.Eventually(t, "everything is back", func() bool { return primary.Users() == 100 })
}
