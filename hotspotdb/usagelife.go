package hotspotdb

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"
)

// What an account has used in its whole life outlives the history: when a day expires, what was counted up to and with it is
// written into the next day of the same box that stays, as a level. docs/adr/0016 says why that is exact in whatever order boxes do it.

// usageDay is a usage record.
type usageDay struct {
	origin DatabaseID
	start  int64 // of its period, Unix seconds
	counters
}

// usageDayOf reads a record; a tombstone counts nothing.
func usageDayOf(c *Change) usageDay {
	return usageDay{usageOrigin(c.Key), int64(usageStart(c.Key)), countersOf(c.Body)}
}

func usageOrigin(key []byte) DatabaseID { return DatabaseID(key[9:25]) }

// day is what was counted in the period.
func (c counters) day() (d counters) {
	copy(d[:countBefore], c[:])
	return d
}

// before is what was counted before the period, in the place of what is counted in it.
func (c counters) before() (d counters) {
	copy(d[:], c[countBefore:])
	return d
}

// asBefore is the reverse of before.
func (c counters) asBefore() (d counters) {
	copy(d[countBefore:], c[:countBefore])
	return d
}

// sumUsage sums up the days of an account that lie in a time; from before these boxes were made, its whole life.
func sumUsage(days []usageDay, first int64) Usage {
	var sum counters
	if first < firstInstant {
		for _, of := range byOrigin(days) {
			sum = sum.add(lifeOf(of))
		}
		return sum.usage()
	}
	for _, d := range days {
		sum = sum.add(d.day())
	}
	return sum.usage()
}

// byOrigin cuts days by the box that counted them, each in the order of time.
func byOrigin(days []usageDay) (origins [][]usageDay) {
	slices.SortFunc(days, func(a, b usageDay) int {
		return cmp.Or(bytes.Compare(a.origin[:], b.origin[:]), cmp.Compare(a.start, b.start))
	})
	for len(days) > 0 {
		n := 1
		for n < len(days) && days[n].origin == days[0].origin {
			n++
		}
		origins, days = append(origins, days[:n]), days[n:]
	}
	return origins
}

// lifeOf is what one box has counted in all. What each day says of the time before it is true or too little, and so is that with
// the days from then on: the greatest of them is what is known.
func lifeOf(days []usageDay) (most counters) {
	var since counters
	for _, d := range slices.Backward(days) {
		since = since.add(d.day())
		most = most.join(since.add(d.before()))
	}
	return most
}

// carried is what a new usage record of this box begins with: if it lies before one that says what came before that, as the sessions
// of an import do, the same.
func (tx *Tx) carried(key []byte) (c counters, err error) {
	next, err := tx.nextUsage(key, tx.usageRefs(keyID(key)))
	if err != nil || next == nil {
		return c, err
	}
	return countersOf(next.Body).before().asBefore(), nil
}

// nextUsage is the first usage record behind another one that the same box has counted; nil if there is none.
func (tx *Tx) nextUsage(key []byte, refs []usageRef) (next *storedDay, err error) {
	first := usageRef{}
	for _, ref := range refs {
		if isLater(key, ref, &tx.db.hasher) && (first.start == 0 || ref.start < first.start) && tx.hasUsage(ref.hash) {
			first = ref
		}
	}
	if first.start == 0 {
		return nil, nil
	}
	return tx.usageAt(first)
}

func (tx *Tx) hasUsage(hash keyHash) bool {
	r, _, found := tx.find(Sessions, hash)
	return found && r.flags&flagDeleted == 0
}

// isLater says whether a reference is to a later usage record of the account and box of key.
func isLater(key []byte, ref usageRef, h *hasher) bool {
	return ref.start > int64(usageStart(key)) && h.key(UsageKey(keyID(key), usageOrigin(key), ref.start)) == ref.hash
}

func isUsage(key []byte) bool { return key[0] == KindUsage && len(key) == 33 }

// lastUsage says whether a usage record that is not here would be the last one of its box: it is taken however old it is.
func (tx *Tx) lastUsage(key []byte) bool {
	return isUsage(key) && !slices.ContainsFunc(tx.usageRefs(keyID(key)), func(ref usageRef) bool {
		return isLater(key, ref, &tx.db.hasher) && tx.hasUsage(ref.hash)
	})
}

// lasts says whether a usage record stays although its day has expired: it is the last one of its box, and says what the account
// has used in its life. Of an account that is not here it goes when it is twice as old; where no accounts are, nobody knows.
func (db *DB) lasts(c *Change) bool {
	if !isUsage(c.Key) || c.Deleted {
		return false
	}
	db.mu.RLock()
	defer db.mu.RUnlock()
	x := db.index
	h := newHasher(x.digestKey)
	live := func(ds Dataset, hash keyHash) bool {
		r := x.datasets[ds].get(hash)
		return r != nil && r.flags&flagDeleted == 0
	}
	later := func(ref usageRef) bool { return isLater(c.Key, ref, &h) && live(Sessions, ref.hash) }
	if slices.ContainsFunc(x.usage[keyID(c.Key)], later) {
		return false
	}
	account := keyID(c.Key)
	if live(Users, h.key(AccessKey(account))) || live(Vouchers, h.key(UseKey(account))) || x.datasets[Users].access == 0 {
		return true
	}
	at, _ := ended(c)
	return at > db.upkeep.horizon.Load()-db.upkeep.days.Load()*int64(day/time.Second)
}

// foldUsage removes the days of an account that have expired, once their level stands in a day that stays. It returns how many. It reads
// the days that go and, for each box, one more.
func (tx *Tx) foldUsage(account uint64) (removed int, err error) {
	refs := tx.usageRefs(account)
	stored := map[usageID]*storedDay{}
	var days []usageDay
	for _, ref := range refs {
		if ref.start >= tx.db.upkeep.horizon.Load() {
			continue
		}
		d, err := tx.usageAt(ref)
		if err != nil {
			return 0, fmt.Errorf("usage of account %d: %w", account, err)
		}
		if d != nil && tx.db.expired(&d.Change) { // which no tombstone has
			one := usageDayOf(&d.Change)
			stored[one.id()], days = d, append(days, one)
		}
	}
	for _, of := range byOrigin(days) {
		last := stored[of[len(of)-1].id()]
		stays, err := tx.nextUsage(last.Key, refs)
		if err == nil && stays == nil && tx.db.lasts(&last.Change) {
			stays, of = last, of[:len(of)-1]
		}
		if err == nil && stays != nil && len(of) > 0 {
			err = tx.raiseBefore(stays, lifeOf(of))
		}
		for i := range of {
			if d := stored[of[i].id()]; err == nil {
				err = tx.removeFound(Sessions, d.record, d.op)
				removed++
			}
		}
		if err != nil {
			return 0, fmt.Errorf("keep the usage of account %d: %w", account, err)
		}
	}
	return removed, nil
}

// usageID identifies a usage record of an account.
type usageID struct {
	origin DatabaseID
	start  int64
}

func (d *usageDay) id() usageID { return usageID{d.origin, d.start} }

// raiseBefore writes what a box has counted before a day into that day, unless it says so already. The stamp stays: every box comes to the
// same counters, and joins them with what the others write.
func (tx *Tx) raiseBefore(into *storedDay, level counters) error {
	stored := countersOf(into.Body)
	joined := stored.join(level.asBefore())
	if joined == stored {
		return nil
	}
	in := incoming{Change: into.Change, ds: Sessions}
	return tx.storeJoined(&in, &into.Change, joined, &Result{})
}
