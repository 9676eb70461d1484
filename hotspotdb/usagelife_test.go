package hotspotdb

import (
	"math/rand/v2"
	"testing"
	"time"
)

// usedInLife is what an account has used in all, as a box knows it.
func usedInLife(t *testing.T, b *agingBox, account uint64) uint64 {
	t.Helper()
	u, err := b.Usage(account, time.Time{}, b.clock.Now().Add(10*366*day))
	must(t, err)
	var staged Usage
	must(t, b.Update(t.Context(), func(tx *Tx) (err error) {
		staged, err = tx.Usage(account, time.Unix(0, 0), b.clock.Now().Add(10*366*day))
		return err
	}))
	if staged != u {
		t.Errorf("a transaction sees %+v, else it is %+v", staged, u)
	}
	return u.InputOctets
}

func (b *agingBox) use(account uint64, at time.Time, octets uint64) {
	b.t.Helper()
	must(b.t, b.Update(b.t.Context(), func(tx *Tx) error { return tx.raiseUsage(account, at, counters{octets}) }))
}

// guestOf adds an account that all boxes know.
func guestOf(t *testing.T, name string, boxes ...*agingBox) uint64 {
	t.Helper()
	var id uint64
	must(t, boxes[0].Update(t.Context(), func(tx *Tx) error {
		a, err := tx.AddAccount(Account{Username: name}, "", "admin")
		id = a.ID
		return err
	}))
	for _, b := range boxes[1:] {
		exchange(t, boxes[0].DB, b.DB, Users)
	}
	return id
}

// usageRecords counts the usage records of an account.
func usageRecords(b *agingBox, account uint64) int { return len(b.index.usage[account]) }

// TestUsageOfAWholeLife: whatever expires where and when, is heard twice or late, or is read from the disk again: two boxes know exactly what
// an account has used in its life once they have heard each other, and never more than that.
func TestUsageOfAWholeLife(t *testing.T) {
	const history, steps = 5, 120
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 1))
		a, b := newAgingBox(t), newAgingBox(t)
		boxes := []*agingBox{a, b}
		for _, box := range boxes {
			box.SetHistory(history)
			box.run(time.Hour)
		}
		alice := guestOf(t, "alice", boxes...)
		used, days := uint64(0), [2]int{}
		forward := func(i int) { boxes[i].run(day); days[i]++ }
		for range steps {
			i := random.IntN(2)
			box := boxes[i]
			switch random.IntN(10) {
			case 0, 1, 2:
				octets := random.Uint64N(1000)
				box.use(alice, box.clock.Now().Add(-time.Duration(random.IntN(2*history))*day/2), octets)
				used += octets
			case 3, 4, 5, 6:
				if days[i] <= days[1-i]+2 {
					forward(i)
				}
			case 7:
				box.reopen()
				box.SetHistory(history)
				must(t, box.Upkeep(t.Context()))
			default:
				exchange(t, a.DB, b.DB, Sessions)
			}
			if got := usedInLife(t, box, alice); got > used {
				t.Fatalf("seed %d: %d octets are counted of %d", seed, got, used)
			}
		}
		for i := range boxes {
			for days[i] < days[1-i] {
				forward(i)
			}
		}
		exchange(t, a.DB, b.DB, Sessions)
		forward(0)
		forward(1)
		exchange(t, a.DB, b.DB, Sessions)
		for i, box := range boxes {
			if got := usedInLife(t, box, alice); got != used {
				t.Errorf("seed %d: box %d counts %d octets of %d", seed, i, got, used)
			}
			if n := usageRecords(box, alice); n > 2*(history+2) {
				t.Errorf("seed %d: box %d keeps %d records", seed, i, n)
			}
			checkIndex(t, box.DB)
		}
		if total(a.DB, Sessions) != total(b.DB, Sessions) {
			t.Errorf("seed %d: digests differ", seed)
		}
	}
}

// TestLifeGoesOn: who comes back after years has used what he had; a day of before that an import adds counts as well.
func TestLifeGoesOn(t *testing.T) {
	b := newAgingBox(t)
	b.SetHistory(30)
	b.run(time.Hour)
	alice := guestOf(t, "alice", b)
	b.use(alice, b.clock.Now(), 100)
	b.run(50 * day)
	b.use(alice, b.clock.Now(), 10)
	b.run(2 * day)
	if n := usageRecords(b, alice); n != 1 || usedInLife(t, b, alice) != 110 {
		t.Fatalf("%d records say %d octets", n, usedInLife(t, b, alice))
	}
	b.use(alice, b.clock.Now().Add(-20*day), 1) // before the only day that is left
	if got := usedInLife(t, b, alice); got != 111 {
		t.Errorf("with a session of 20 days ago: %d", got)
	}
	if u, err := b.Usage(alice, b.clock.Now().Add(-30*day), b.clock.Now()); err != nil || u.InputOctets != 11 {
		t.Errorf("in the last 30 days: %+v, %v", u, err)
	}
	b.run(15 * day)
	b.reopen()
	if n := usageRecords(b, alice); n != 1 || usedInLife(t, b, alice) != 111 {
		t.Errorf("in the end, %d records say %d octets", n, usedInLife(t, b, alice))
	}
}

// TestLifeThatOneBoxMissed: a day that had expired on a box before it heard of it stands in the level of a later day, when the other has
// let it expire as well, together with the days between, which this one still has.
func TestLifeThatOneBoxMissed(t *testing.T) {
	a, b := newAgingBox(t), newAgingBox(t)
	alice := guestOf(t, "alice", a, b)
	b.SetHistory(5)
	b.run(9 * day)
	for _, used := range []struct {
		pass   time.Duration
		octets uint64
	}{{3 * day, 100}, {day, 10}, {4 * day, 1}, {day, 0}} {
		a.run(used.pass)
		a.use(alice, a.clock.Now(), used.octets)
	}
	feed := feedOf(t, a.DB, Sessions, 0)
	rest := feed
	rest.Changes, rest.Seqs = feed.Changes[1:], feed.Seqs[1:]
	for _, batch := range []Batch{rest, feed} { // the first day comes last
		batch.Position = Position{}
		_, err := b.Apply(t.Context(), batch)
		must(t, err)
	}
	if got := usedInLife(t, b, alice); got != 11 {
		t.Fatalf("without the first day: %d", got)
	}
	a.SetHistory(2)
	must(t, a.Upkeep(t.Context()))
	if usageRecords(a, alice) != 1 || usageRecords(b, alice) != 2 {
		t.Fatalf("%d and %d days are kept", usageRecords(a, alice), usageRecords(b, alice))
	}
	exchange(t, a.DB, b.DB, Sessions)
	for _, box := range []*agingBox{a, b} {
		if got := usedInLife(t, box, alice); got != 111 {
			t.Errorf("in the end: %d", got)
		}
	}
}

// TestLifeIsNotForEver: with the account what it has used goes, in time, and at once if the person is erased.
func TestLifeIsNotForEver(t *testing.T) {
	b := newAgingBox(t)
	b.SetHistory(30)
	b.run(time.Hour)
	deleted, erased, stays := guestOf(t, "alice", b), guestOf(t, "bob", b), guestOf(t, "eve", b)
	for _, account := range []uint64{deleted, erased, stays} {
		b.use(account, b.clock.Now(), 100)
	}
	b.run(40 * day)
	before := feedOf(t, b.DB, Sessions, 0)
	before.From = dbID(3)
	must(t, b.Update(t.Context(), func(tx *Tx) error { return tx.DeleteAccount("alice", "admin") }))
	if e, err := b.Erase(t.Context(), erased); err != nil || e.Usage != 1 {
		t.Errorf("erased %+v, %v", e, err)
	}
	if got := usedInLife(t, b, deleted); got != 100 {
		t.Errorf("of a deleted account, at first: %d", got)
	}
	b.run(30 * day)
	before.Position = Position{}
	_, err := b.Apply(t.Context(), before) // a backup comes back
	must(t, err)
	b.run(day)
	for account, want := range map[uint64]uint64{deleted: 0, erased: 0, stays: 100} {
		if got := usedInLife(t, b, account); got != want || (usageRecords(b, account) == 0) != (want == 0) {
			t.Errorf("account %d: %d octets in %d records, want %d", account, got, usageRecords(b, account), want)
		}
	}
	checkIndex(t, b.DB)
}

// TestLifeComesToANewBox: what expired long ago elsewhere is there on a box that comes new, and is no difference.
func TestLifeComesToANewBox(t *testing.T) {
	a := newAgingBox(t)
	a.SetHistory(30)
	a.run(time.Hour)
	alice := guestOf(t, "alice", a)
	a.use(alice, a.clock.Now(), 100)
	a.run(5 * day)
	a.use(alice, a.clock.Now(), 10)
	a.run(100 * day)
	b := newAgingBox(t)
	b.clock.Add(a.clock.Now().Sub(b.clock.Now()))
	b.SetHistory(30)
	b.run(8 * day)
	exchange(t, a.DB, b.DB, Sessions) // before its account
	exchange(t, a.DB, b.DB, Users)
	b.run(day)
	if got := usedInLife(t, b, alice); got != 110 || total(a.DB, Sessions) != total(b.DB, Sessions) {
		t.Errorf("%d octets, digests %x and %x", got, total(a.DB, Sessions), total(b.DB, Sessions))
	}
	c, err := b.Get(Sessions, UsageKey(alice, a.ID(), newYear.Add(5*day).Truncate(day).Unix()))
	if err != nil || b.Expiring(c) {
		t.Errorf("it would not be missed: %v", err)
	}
}
