package sync_test

import (
	"context"
	"errors"
	"fmt"
	stdsync "sync"
	"testing"
	"time"

	"mbox/boxtest"
	"mbox/boxtest/wire"
	"mbox/hotspotdb"
	boxsync "mbox/modules/sync"
)

// issue makes a batch of one voucher on a box and returns its code.
func issue(t *testing.T, owner *boxtest.Box, batch string, uses uint32) (code string) {
	t.Helper()
	code = hotspotdb.NormalCode("CODE" + batch)
	err := owner.DB.Update(t.Context(), func(tx *hotspotdb.Tx) error {
		b := hotspotdb.VoucherBatch{Name: batch, Profile: "guest", Validity: time.Hour, MaxUses: uses}
		return tx.AddBatch(b, []string{code}, "test")
	})
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// redeem claims a voucher at the owner that this box believes it to have.
func redeem(t *testing.T, b *boxtest.Box, code, mac string) (hotspotdb.VoucherUse, error) {
	t.Helper()
	_, batch, err := b.DB.Voucher(code)
	if err != nil {
		return hotspotdb.VoucherUse{}, fmt.Errorf("%s does not know the voucher: %w", b.Name, err) // it may be called by any goroutine
	}
	return b.Sync.Claim(context.Background(), batch.Owner, code, mac)
}

func device(i int) string { return fmt.Sprintf("02:00:00:%02x:%02x:%02x", i>>16&255, i>>8&255, i&255) }

func uses(t *testing.T, b *boxtest.Box, code string) []hotspotdb.VoucherUse {
	t.Helper()
	v, _, err := b.DB.Voucher(code)
	if err != nil {
		t.Fatal(err)
	}
	return v.Uses
}

// race has many guests of both boxes redeem one voucher at once and counts the winners.
func race(t *testing.T, code string, each int, boxes ...*boxtest.Box) (won int) {
	t.Helper()
	var mu stdsync.Mutex // guards won
	var all stdsync.WaitGroup
	begin := make(chan struct{})
	for n, b := range boxes {
		for i := range each {
			all.Go(func() {
				<-begin
				_, err := redeem(t, b, code, device(n<<16|i))
				switch {
				case err == nil:
					mu.Lock()
					won++
					mu.Unlock()
				case !errors.Is(err, hotspotdb.ErrVoucherUsedUp):
					t.Errorf("%s: %v", b.Name, err)
				}
			})
		}
	}
	close(begin)
	all.Wait()
	return won
}

// The last use of a voucher has one winner among hundreds of guests at two boxes, whichever of them owns it and whoever
// dialed.
func TestLastUseHasOneWinner(t *testing.T) {
	for name, connect := range map[string]func(owner, other *boxtest.Box){
		"the other follows the owner": func(owner, other *boxtest.Box) { other.Follow(owner, "send all", "accept all") },
		"the owner follows the other": func(owner, other *boxtest.Box) { owner.Follow(other, "send all", "accept all") },
		"both follow": func(owner, other *boxtest.Box) {
			owner.Follow(other, "send all", "accept all")
			other.Follow(owner, "send all", "accept all")
		},
	} {
		t.Run(name, func(t *testing.T) {
			lan := boxtest.NewLAN(t)
			owner, other := lan.Box("owner"), lan.Box("other")
			connect(owner, other)
			for round, most := range []uint32{1, 1, 7, 1} {
				code := issue(t, owner, fmt.Sprintf("B%d", round), most)
				together(t, owner, other)
				if won := race(t, code, 200, owner, other); won != int(most) {
					t.Errorf("round %d: %d guests have won, and there were %d uses", round, won, most)
				}
				together(t, owner, other)
				for _, b := range []*boxtest.Box{owner, other} {
					if n := len(uses(t, b, code)); n != int(most) {
						t.Errorf("round %d: %d uses at %s", round, n, b.Name)
					}
				}
			}
		})
	}
}

// together waits until two boxes that both send everything hold the same and can ask each other.
func together(t *testing.T, a, b *boxtest.Box) {
	t.Helper()
	boxtest.Eventually(t, "both boxes are in contact and hold the same vouchers", func() bool {
		return a.Sync.InContact(b.DB.ID()) && b.Sync.InContact(a.DB.ID()) && a.Digest(hotspotdb.Vouchers) == b.Digest(hotspotdb.Vouchers)
	})
}

// A device that comes again goes on with its use, at whichever box, and the use has the same id everywhere.
func TestSameDeviceHasTheSameUse(t *testing.T) {
	lan := boxtest.NewLAN(t)
	owner, other := lan.Box("owner"), lan.Box("other")
	other.Follow(owner, "", "")
	code := issue(t, owner, "B", 1)
	boxtest.InSync(owner, other)
	first, err := redeem(t, other, code, "02-00-00-00-00-01")
	if err != nil {
		t.Fatal(err)
	}
	if stored, err := other.DB.VoucherUse(first.ID); err != nil || stored.Box != owner.DB.ID() || stored.MAC != "02-00-00-00-00-01" {
		t.Errorf("stored %+v, %v", stored, err)
	}
	for _, b := range []*boxtest.Box{other, owner} {
		if again, err := redeem(t, b, code, "020000000001"); err != nil || again.ID != first.ID {
			t.Errorf("%s: %+v, %v", b.Name, again, err)
		}
	}
	if _, err := redeem(t, other, code, "02-00-00-00-00-02"); !errors.Is(err, hotspotdb.ErrVoucherUsedUp) {
		t.Errorf("another device: %v", err)
	}
	if _, err := redeem(t, other, code, "no device"); err == nil || errors.Is(err, boxsync.ErrUnreachable) {
		t.Errorf("a device that is none: %v", err)
	}
	// What the owner says of the use replaces what this box has noted: the two do not differ for ever.
	boxtest.InSync(owner, other)
}

// The owner says why it refuses.
func TestRefusalsComeBack(t *testing.T) {
	lan := boxtest.NewLAN(t)
	owner, other := lan.Box("owner"), lan.Box("other")
	other.Follow(owner, "", "")
	off, late, gone := issue(t, owner, "OFF", 1), issue(t, owner, "LATE", 1), issue(t, owner, "GONE", 1)
	boxtest.InSync(owner, other)
	id := owner.DB.ID()
	err := owner.DB.Update(t.Context(), func(tx *hotspotdb.Tx) error {
		if err := tx.SetVoucher(off, "test", func(v *hotspotdb.Voucher) error { v.Disabled = true; return nil }); err != nil {
			return err
		}
		if _, err := tx.EditBatch("LATE", "test", func(b *hotspotdb.VoucherBatch) error { b.Expires = time.Now().Add(-time.Hour); return nil }); err != nil {
			return err
		}
		_, err := tx.DeleteVoucher(gone, "test")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for code, want := range map[string]error{off: hotspotdb.ErrVoucherDisabled, late: hotspotdb.ErrVoucherExpired, gone: hotspotdb.ErrNotFound} {
		if _, err := other.Sync.Claim(t.Context(), id, code, device(1)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", code, err, want)
		}
	}
}

// A branch asks another branch by way of the centre; who owns nothing only passes on.
func TestClaimIsPassedOn(t *testing.T) {
	lan := boxtest.NewLAN(t)
	centre, one, two := lan.Box("centre"), lan.Box("one"), lan.Box("two")
	one.Follow(centre, "send vouchers", "accept vouchers")
	two.Follow(centre, "send vouchers", "accept vouchers")
	code := issue(t, two, "B", 1)
	boxtest.Eventually(t, "the voucher is at the other branch", func() bool {
		_, _, err := one.DB.Voucher(code)
		return err == nil && one.Sync.InContact(two.DB.ID()) && centre.Sync.InContact(two.DB.ID())
	})
	if won := race(t, code, 100, one, two, centre); won != 1 {
		t.Errorf("%d guests have won", won)
	}
	second := issue(t, two, "C", 1)
	boxtest.Eventually(t, "the voucher is at the other branch", func() bool { _, _, err := one.DB.Voucher(second); return err == nil })
	two.Shutdown()
	boxtest.Eventually(t, "the centre has noticed", func() bool { return !centre.Sync.InContact(two.DB.ID()) })
	if _, err := redeem(t, one, second, device(1)); !errors.Is(err, boxsync.ErrUnreachable) {
		t.Errorf("while the owner is away: %v", err)
	}
	two.Start()
}

// Over a satellite link a claim has room for its round trip.
func TestClaimOverSatellite(t *testing.T) {
	primary, follower, w := linked(t)
	code := issue(t, primary, "B", 1)
	back := issue(t, follower, "C", 1)
	together(t, primary, follower)
	w.Shape(wire.Link{Delay: 300 * time.Millisecond, Rate: 1_000_000})
	if _, err := redeem(t, follower, code, device(1)); err != nil {
		t.Errorf("up: %v", err)
	}
	if _, err := redeem(t, primary, back, device(1)); err != nil {
		t.Errorf("down: %v", err)
	}
}

// A box that does not get vouchers has no say in them, nor has one of an older version.
func TestClaimNeedsTheDataset(t *testing.T) {
	lan := boxtest.NewLAN(t)
	owner, none, some := lan.Box("owner"), lan.Box("none"), lan.Box("some")
	none.Follow(owner, "", "datasets users profiles")
	some.Follow(owner, "", "")
	code := issue(t, owner, "B", 1)
	boxtest.InSync(owner, some)
	none.WaitState("upstream", "in-sync")
	if _, err := none.Sync.Claim(t.Context(), owner.DB.ID(), code, device(1)); !errors.Is(err, boxsync.ErrUnreachable) {
		t.Errorf("without the dataset: %v", err)
	}
	if none.Sync.InContact(owner.DB.ID()) || !some.Sync.InContact(owner.DB.ID()) {
		t.Errorf("in contact: %v without the dataset, %v with it", none.Sync.InContact(owner.DB.ID()), some.Sync.InContact(owner.DB.ID()))
	}
	if n := len(uses(t, owner, code)); n != 0 {
		t.Errorf("%d uses", n)
	}
}

// A batch that was given another owner is granted by that one, and by no other any more.
func TestOwnerChanges(t *testing.T) {
	lan := boxtest.NewLAN(t)
	a, b := lan.Box("a"), lan.Box("b")
	b.Follow(a, "send all", "accept all")
	code := issue(t, a, "B", 2)
	together(t, a, b)
	was := a.DB.ID()
	err := b.DB.Update(t.Context(), func(tx *hotspotdb.Tx) error {
		_, err := tx.EditBatch("B", "test", func(batch *hotspotdb.VoucherBatch) error { batch.Owner = b.DB.ID(); return nil })
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	together(t, a, b)
	if _, err := b.Sync.Claim(t.Context(), was, code, device(1)); !errors.Is(err, boxsync.ErrUnreachable) {
		t.Errorf("the old owner: %v", err)
	}
	for i, box := range []*boxtest.Box{a, b} {
		if use, err := redeem(t, box, code, device(i)); err != nil || use.Box != b.DB.ID() {
			t.Errorf("%s: %+v, %v", box.Name, use, err)
		}
	}
}
