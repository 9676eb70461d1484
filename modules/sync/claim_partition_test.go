package sync_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"mbox/boxtest"
	"mbox/boxtest/wire"
	"mbox/hotspotdb"
	"mbox/hotspotdb/dbtest"
	boxsync "mbox/modules/sync"
)

// apart cuts two linked boxes from each other until both have noticed.
func apart(t *testing.T, primary, follower *boxtest.Box, w *wire.Wire) {
	t.Helper()
	w.Refuse(true)
	w.Cut()
	boxtest.Eventually(t, "both have noticed", func() bool {
		return len(primary.Sync.Apart()) == 1 && len(follower.Sync.Apart()) == 1 &&
			!primary.Sync.InContact(follower.DB.ID()) && !follower.Sync.InContact(primary.DB.ID())
	})
}

func healed(t *testing.T, primary, follower *boxtest.Box, w *wire.Wire) {
	t.Helper()
	w.Heal()
	together(t, primary, follower)
	boxtest.InSync(primary, follower)
}

// While two boxes are out of contact the owner alone, nobody, or both grant uses, as configured; afterwards all is well again.
func TestPartition(t *testing.T) {
	for name, c := range map[string]struct {
		mode         boxsync.Partition
		owner, other error
	}{
		"owner-only": {boxsync.OwnerOnly, nil, boxsync.ErrUnreachable},
		"deny":       {boxsync.Deny, boxsync.ErrApart, boxsync.ErrApart},
		"allow":      {boxsync.Allow, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			primary, follower, w := linked(t)
			for _, b := range []*boxtest.Box{primary, follower} {
				b.Partition.Store(int32(c.mode))
			}
			up, down := issue(t, primary, "UP", 1), issue(t, follower, "DOWN", 1)
			together(t, primary, follower)
			apart(t, primary, follower, w)
			for _, side := range []struct {
				code         string
				owner, other *boxtest.Box
			}{{up, primary, follower}, {down, follower, primary}} {
				if _, err := redeem(t, side.owner, side.code, device(1)); !errors.Is(err, c.owner) {
					t.Errorf("the owner %s: %v, want %v", side.owner.Name, err, c.owner)
				}
				if _, err := redeem(t, side.other, side.code, device(2)); !errors.Is(err, c.other) {
					t.Errorf("the other box %s: %v, want %v", side.other.Name, err, c.other)
				}
			}
			healed(t, primary, follower, w)
			quiet(t, primary, follower)
			for _, b := range []*boxtest.Box{primary, follower} {
				overused, err := b.DB.Overused()
				if want := c.mode == boxsync.Allow; err != nil || want != (len(overused) == 2) {
					t.Errorf("%s: %d overused vouchers, %v", b.Name, len(overused), err)
				}
			}
			if c.mode == boxsync.Deny { // they can be used now
				if won := race(t, up, 10, primary, follower); won != 1 {
					t.Errorf("%d guests have won", won)
				}
			}
		})
	}
}

// quiet looks for what would alarm an operator of sync.
func quiet(t *testing.T, boxes ...*boxtest.Box) {
	t.Helper()
	for _, b := range boxes {
		s := b.Sync.Status()
		if s.State != "in-sync" || s.Conflicts != 0 || s.SetAside != 0 {
			t.Errorf("%s is %s, with %d conflicts and %d changes set aside", b.Name, s.State, s.Conflicts, s.SetAside)
		}
		for _, p := range s.Peers {
			if p.LocalChanges != 0 || p.Lost != 0 {
				t.Errorf("%s: %d local changes, %d lost", b.Name, p.LocalChanges, p.Lost)
			}
		}
	}
}

// A branch that only gets vouchers notes what it was granted, and that does not differ from what the owner has.
func TestGrantedUsesAreNoLocalChanges(t *testing.T) {
	lan := boxtest.NewLAN(t)
	owner, branch := lan.Box("owner"), lan.Box("branch")
	branch.Follow(owner, "", "")
	code := issue(t, owner, "B", 50)
	boxtest.InSync(owner, branch)
	if won := race(t, code, 60, branch); won != 50 {
		t.Errorf("%d guests have won", won)
	}
	boxtest.InSync(owner, branch)
	quiet(t, owner, branch)
}

// Whoever is away for good is forgotten by the operator; until then, with deny, nothing is granted.
func TestApartNamesWhoIsAway(t *testing.T) {
	lan := boxtest.NewLAN(t)
	owner, branch, other := lan.Box("owner"), lan.Box("branch"), lan.Box("other")
	branch.Follow(owner, "", "")
	other.Follow(owner, "", "datasets users")
	owner.Partition.Store(int32(boxsync.Deny))
	code := issue(t, owner, "B", 1)
	boxtest.InSync(owner, branch)
	other.WaitState("upstream", "in-sync")
	branch.Shutdown()
	other.Shutdown()
	boxtest.Eventually(t, "the branch is away", func() bool { return slices.Equal(owner.Sync.Apart(), []string{"branch"}) })
	if _, err := redeem(t, owner, code, device(1)); !errors.Is(err, boxsync.ErrApart) {
		t.Errorf("while a branch is away: %v", err)
	}
	for options, want := range map[string]int{" datasets users": 0, "": 1} {
		owner.Must(fmt.Sprintf("mbox sync allow %s%s", branch.Addr, options))
		if away := owner.Sync.Apart(); len(away) != want {
			t.Errorf("allowed%s, away are %q", options, away)
		}
	}
	owner.Must(fmt.Sprintf("mbox sync allow %s", branch.Addr))
	if _, err := owner.Exec("clear mbox sync peer branch"); err != nil {
		t.Fatal(err)
	}
	boxtest.Eventually(t, "the branch is forgotten", func() bool { return len(owner.Sync.Apart()) == 0 })
	if _, err := redeem(t, owner, code, device(1)); err != nil {
		t.Errorf("after it was forgotten: %v", err)
	}
	branch.Start()
	other.Start()
}

// The owner loses power in the middle of a claim: the use is on its disk or it was not granted, and it is never granted twice.
func TestOwnerDiesInTheMiddleOfAClaim(t *testing.T) {
	for seed, unsynced := range []int{0, 50, 100} {
		lan := boxtest.NewLAN(t)
		disk := dbtest.NewDisk()
		owner, other := lan.BoxOn("owner", disk), lan.Box("other")
		w := wire.New(t, owner.ListenAddr())
		followOver(owner, other, w)
		code := issue(t, owner, "B", 1)
		together(t, owner, other)
		boxtest.InSync(owner, other)

		release := disk.HoldSyncs()
		answer := make(chan error, 1)
		ask := func() { _, err := redeem(t, other, code, device(1)); answer <- err }
		go ask()
		boxtest.Eventually(t, "the owner writes the use", func() bool {
			select {
			case err := <-answer: // on a machine that is busy a claim may end before it gets there
				if !errors.Is(err, boxsync.ErrUnreachable) {
					t.Fatalf("the claim has ended before the use was written: %v", err)
				}
				go ask()
			default:
			}
			return owner.DB.Head(hotspotdb.Vouchers) > owner.DB.Durable()
		})
		w.Refuse(true)
		w.Cut() // before anything is said by the world in which the power stays
		after := disk.Crash(unsynced, uint64(seed))
		granted := <-answer == nil
		release()
		owner.Shutdown()
		owner.Disk = after
		owner.Start()
		w.Refuse(false)
		together(t, owner, other)

		recorded := len(uses(t, owner, code)) == 1
		if granted && !recorded {
			t.Errorf("%d%% of what was not synced is there: granted and not recorded", unsynced)
		}
		_, err := redeem(t, owner, code, device(2))
		if second := err == nil; second == recorded {
			t.Errorf("the use is recorded: %v, and a second guest got it: %v (%v)", recorded, second, err)
		}
		if again, err := redeem(t, other, code, device(1)); recorded != (err == nil) {
			t.Errorf("the use is recorded: %v, and its guest who comes again gets %+v, %v", recorded, again, err)
		}
		if overused, err := owner.DB.Overused(); err != nil || len(overused) != 0 {
			t.Errorf("%d overused vouchers, %v", len(overused), err)
		}
	}
}

// The answer is lost: the guest is refused, and has his use when he comes again; nobody else gets it.
func TestLostAnswer(t *testing.T) {
	primary, follower, w := linked(t)
	code := issue(t, primary, "B", 1)
	together(t, primary, follower)
	boxtest.InSync(primary, follower)
	w.Stall(wire.Down, wire.Swallows)
	if _, err := redeem(t, follower, code, device(1)); !errors.Is(err, boxsync.ErrUnreachable) {
		t.Errorf("without an answer: %v", err)
	}
	if n := len(uses(t, primary, code)); n != 1 {
		t.Fatalf("%d uses are recorded", n)
	}
	w.Heal()
	w.Cut()
	together(t, primary, follower)
	if _, err := redeem(t, follower, code, device(2)); !errors.Is(err, hotspotdb.ErrVoucherUsedUp) {
		t.Errorf("somebody else: %v", err)
	}
	if _, err := redeem(t, follower, code, device(1)); err != nil {
		t.Errorf("the guest who comes again: %v", err)
	}
}

// With `allow` the guest whose answer was lost gets a use of this box. When the two meet, the device has one use all the same:
// nobody looks for a thief, and nobody else gets the voucher.
func TestLostAnswerIsNoSecondUse(t *testing.T) {
	primary, follower, w := linked(t)
	follower.Partition.Store(int32(boxsync.Allow))
	code := issue(t, primary, "B", 1)
	together(t, primary, follower)
	boxtest.InSync(primary, follower)
	w.Stall(wire.Down, wire.Swallows)
	first, err := redeem(t, follower, code, device(1))
	if err != nil || first.Box != follower.DB.ID() || len(uses(t, primary, code)) != 1 {
		t.Fatalf("without an answer: %+v, %v; the owner has %d uses", first, err, len(uses(t, primary, code)))
	}
	w.Heal()
	w.Cut()
	together(t, primary, follower)
	for _, b := range []*boxtest.Box{follower, primary} {
		if again, err := redeem(t, b, code, device(1)); err != nil || again.ID != first.ID {
			t.Errorf("%s: the guest comes again and gets %+v, %v", b.Name, again, err)
		}
		if _, err := redeem(t, b, code, device(2)); !errors.Is(err, hotspotdb.ErrVoucherUsedUp) {
			t.Errorf("%s: somebody else: %v", b.Name, err)
		}
		v, _, err := b.DB.Voucher(code)
		if err != nil || len(v.Uses) != 1 || v.State != hotspotdb.VoucherUsedUp {
			t.Errorf("%s: the voucher is %s with %d uses, %v", b.Name, v.State, len(v.Uses), err)
		}
		if overused, err := b.DB.Overused(); err != nil || len(overused) != 0 {
			t.Errorf("%s: %d overused vouchers, %v", b.Name, len(overused), err)
		}
	}
}

// Who is told of a use that is there already is told when it is on the disk: the one for whom it was granted a moment ago may
// not have heard of it yet.
func TestKnownUseIsOnTheDisk(t *testing.T) {
	disk := dbtest.NewDisk()
	owner := boxtest.NewLAN(t).BoxOn("owner", disk)
	code := issue(t, owner, "B", 1)
	release := disk.HoldSyncs()
	first := make(chan error, 1)
	go func() { _, err := redeem(t, owner, code, device(1)); first <- err }()
	boxtest.Eventually(t, "the owner writes the use", func() bool { return owner.DB.Head(hotspotdb.Vouchers) > owner.DB.Durable() })
	ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	if use, err := owner.Sync.Claim(ctx, owner.DB.ID(), code, device(1)); err == nil {
		t.Errorf("%+v was granted while it could still be lost", use)
	}
	release()
	if err := <-first; err != nil {
		t.Error(err)
	}
	if _, err := redeem(t, owner, code, device(1)); err != nil {
		t.Error(err)
	}
}
