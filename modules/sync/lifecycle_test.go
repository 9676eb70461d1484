package sync_test

import (
	"strings"
	"testing"

	"mbox/boxtest"
	"mbox/hotspotdb/dbtest"
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
	boxtest.Eventually(t, "the follower is back", func() bool { return primary.Status("downstream").State != "none" })
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
	boxtest.InSync(primary, follower)
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
