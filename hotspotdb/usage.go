package hotspotdb

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"mbox/proto/hotspotpb"
)

// Usage is what an account has used in some time. Input is what the NAS received from the user.
type Usage struct {
	InputOctets  uint64
	OutputOctets uint64
	SessionTime  uint64 // seconds

	// Of the above, what was taken from purchased quota.
	PurchasedOctets uint64
	PurchasedTime   uint64 // seconds
}

const usagePeriod = 24 * time.Hour // as long as a usage day is, but for the change to summer time

// usage is what the counters come to.
func (c counters) usage() Usage {
	less := func(counted, returned uint64) uint64 { return counted - min(counted, returned) }
	return Usage{
		InputOctets:     less(c[countInput], c[countInputReturned]),
		OutputOctets:    less(c[countOutput], c[countOutputReturned]),
		SessionTime:     less(c[countTime], c[countTimeReturned]),
		PurchasedOctets: c[countPurchasedOctets],
		PurchasedTime:   c[countPurchasedTime],
	}
}

// SetUsageDay says when the usage day that holds an instant began; nil: at midnight UTC. Usage that was counted before stays in
// the days in which it was counted.
func (db *DB) SetUsageDay(began func(time.Time) time.Time) {
	if began == nil {
		db.usageDay.Store(nil)
		return
	}
	db.usageDay.Store(&began)
}

// UsageDay is when the usage day that holds an instant began.
func (db *DB) UsageDay(at time.Time) time.Time {
	if began := db.usageDay.Load(); began != nil {
		return (*began)(at)
	}
	return at.UTC().Truncate(usagePeriod)
}

// ChargePurchased counts that so much of what an account used on a day came from its purchased quota.
func (tx *Tx) ChargePurchased(account uint64, at time.Time, octets, seconds uint64) error {
	return tx.raiseUsage(account, at, counters{countPurchasedOctets: octets, countPurchasedTime: seconds})
}

// raiseUsage adds to what this box counted for an account on a day. Account 0 has no usage.
func (tx *Tx) raiseUsage(account uint64, at time.Time, grown counters) error {
	if account == 0 || grown == (counters{}) {
		return nil
	}
	start := tx.db.UsageDay(at).Unix()
	key := UsageKey(account, tx.db.id, start)
	pb := &hotspotpb.Usage{}
	if err := readMessage(tx, Sessions, key, pb); err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("usage of account %d: %w", account, err)
	}
	pb.Account, pb.Origin, pb.PeriodStartS = account, tx.db.id[:], start
	fields := counterRefs(pb)
	var sum counters
	for i, field := range fields {
		sum[i] = *field
	}
	for i, v := range sum.add(grown) {
		*fields[i] = v
	}
	if err := tx.putMessage(Sessions, key, pb); err != nil {
		return fmt.Errorf("usage of account %d: %w", account, err)
	}
	return nil
}

// usageRef finds a usage record of an account.
type usageRef struct {
	start int64 // of its period, Unix seconds
	hash  keyHash
}

func (r usageRef) within(first int64, end time.Time) bool {
	return r.start >= first && time.Unix(r.start, 0).Before(end)
}

// Usage sums what all boxes counted for an account on the usage days from the one of from up to, but not including, the
// instant to. It reads the records of the account in that time, and no others.
func (db *DB) Usage(account uint64, from, to time.Time) (Usage, error) {
	if err := db.gate.enter(); err != nil {
		return Usage{}, fmt.Errorf("usage of account %d: %w", account, err)
	}
	defer db.gate.leave()
	first, end := db.UsageDay(from).Unix(), to.UTC()
	for {
		db.mu.RLock()
		seqs := db.index.usageSeqs(account, first, end)
		db.mu.RUnlock()
		sum, err := db.sumUsage(seqs)
		if isNotFound(err) {
			continue // one was replaced meanwhile
		}
		if err != nil {
			return Usage{}, fmt.Errorf("usage of account %d: %w", account, err)
		}
		return sum.usage(), nil
	}
}

// sumUsage reads usage records, from memory if it can: those of days that are over do not change.
func (db *DB) sumUsage(seqs []uint64) (sum counters, err error) {
	for _, seq := range seqs {
		slot := &db.guests.slots[seq%guestSlots]
		if d := slot.Load(); d != nil && d.seq == seq {
			sum = sum.add(*d.value.(*counters))
			continue
		}
		raw, err := db.entryAt(Sessions, seq)
		if err != nil {
			return sum, err
		}
		var c Change
		if err := c.decode(raw); err != nil {
			return sum, err
		}
		counted := countersOf(c.Body) // none of a tombstone
		slot.Store(&decoded{seq, &counted})
		sum = sum.add(counted)
	}
	return sum, nil
}

// Usage is DB.Usage with what the transaction has counted.
func (tx *Tx) Usage(account uint64, from, to time.Time) (Usage, error) {
	first, end := tx.db.UsageDay(from).Unix(), to.UTC()
	refs := tx.db.index.usage[account]
	var sum counters
	take := func(ref usageRef) error {
		r, op, found := tx.find(Sessions, ref.hash)
		if !found || !ref.within(first, end) {
			return nil
		}
		raw, err := tx.load(Sessions, r, op)
		if err != nil {
			return fmt.Errorf("usage of account %d: %w", account, err)
		}
		var c Change
		if err := c.decode(raw); err != nil {
			return fmt.Errorf("%w: usage of account %d: %v", ErrDamaged, account, err)
		}
		sum = sum.add(countersOf(c.Body))
		return nil
	}
	for _, ref := range refs {
		if err := take(ref); err != nil {
			return Usage{}, err
		}
	}
	for _, ref := range tx.g.usages[account] {
		if slices.Contains(refs, ref) {
			continue
		}
		if err := take(ref); err != nil {
			return Usage{}, err
		}
	}
	return sum.usage(), nil
}

// usageSeqs lists the usage records of an account whose periods began in a time, in the order of the feed.
func (x *index) usageSeqs(account uint64, first int64, end time.Time) []uint64 {
	var seqs []uint64
	for _, ref := range x.usage[account] {
		if ref.within(first, end) {
			seqs = append(seqs, x.datasets[Sessions].get(ref.hash).seq)
		}
	}
	slices.Sort(seqs)
	return seqs
}

// counters are the counters of a hotspotpb.Usage, which only grow.
type counters [11 - firstCounter + 1]uint64

const firstCounter = protowire.Number(4) // input_octets; the others follow

// What each of counters is, in the order of their fields.
const (
	countInput = iota
	countOutput
	countTime
	countPurchasedOctets
	countPurchasedTime
	countInputReturned
	countOutputReturned
	countTimeReturned
)

func counterRefs(pb *hotspotpb.Usage) [len(counters{})]*uint64 {
	return [...]*uint64{
		&pb.InputOctets, &pb.OutputOctets, &pb.SessionTimeS, &pb.PurchasedOctets, &pb.PurchasedTimeS,
		&pb.InputOctetsReturned, &pb.OutputOctetsReturned, &pb.SessionTimeReturnedS,
	}
}

// Statistics are the counts of what is live. They are kept up to date in memory.
type Statistics struct {
	Users          int `json:"users"`
	Profiles       int `json:"profiles"`
	SessionsActive int `json:"sessions_active"`
	Sessions       int `json:"sessions"`
	Sticky         int `json:"sticky"`
	Vouchers       int `json:"vouchers"` // codes
}

// Statistics counts what is live.
func (db *DB) Statistics() Statistics {
	db.mu.RLock()
	defer db.mu.RUnlock()
	x := db.index
	return Statistics{
		Users:          x.datasets[Users].access,
		Profiles:       x.datasets[Profiles].counts.Live,
		SessionsActive: len(x.active),
		Sessions:       x.datasets[Sessions].segment,
		Sticky:         x.datasets[Sticky].counts.Live - x.erasures(Sticky),
		Vouchers:       x.datasets[Vouchers].voucher,
	}
}
