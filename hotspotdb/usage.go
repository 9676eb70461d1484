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
	err := readMessage(tx, Sessions, key, pb)
	fields := counterRefs(pb)
	var sum counters
	for i, field := range fields {
		sum[i] = *field
	}
	if errors.Is(err, ErrNotFound) {
		sum, err = tx.carried(key)
	}
	if err != nil {
		return fmt.Errorf("usage of account %d: %w", account, err)
	}
	pb.Account, pb.Origin, pb.PeriodStartS = account, tx.db.id[:], start
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
// instant to. It reads the records of the account in that time, and no others. From before 2020 it is the whole life of the account, days
// included that are no longer kept.
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
		days, err := db.usageDays(seqs)
		if isNotFound(err) {
			continue // one was replaced meanwhile
		}
		if err != nil {
			return Usage{}, fmt.Errorf("usage of account %d: %w", account, err)
		}
		return sumUsage(days, first), nil
	}
}

// usageDays reads usage records, from memory if it can: those of days that are over hardly change.
func (db *DB) usageDays(seqs []uint64) ([]usageDay, error) {
	days := make([]usageDay, 0, len(seqs))
	for _, seq := range seqs {
		slot := &db.guests.slots[seq%guestSlots]
		if d := slot.Load(); d != nil && d.seq == seq {
			days = append(days, *d.value.(*usageDay))
			continue
		}
		raw, err := db.entryAt(Sessions, seq)
		if err != nil {
			return nil, err
		}
		var c Change
		if err := c.decode(raw); err != nil {
			return nil, err
		}
		one := usageDayOf(&c)
		slot.Store(&decoded{seq, &one})
		days = append(days, one)
	}
	return days, nil
}

// Usage is DB.Usage with what the transaction has counted.
func (tx *Tx) Usage(account uint64, from, to time.Time) (Usage, error) {
	first, end := tx.db.UsageDay(from).Unix(), to.UTC()
	var days []usageDay
	for _, ref := range tx.usageRefs(account) {
		if !ref.within(first, end) {
			continue
		}
		stored, err := tx.usageAt(ref)
		if err != nil {
			return Usage{}, fmt.Errorf("usage of account %d: %w", account, err)
		}
		if stored != nil {
			days = append(days, usageDayOf(&stored.Change))
		}
	}
	return sumUsage(days, first), nil
}

// storedDay is a usage record, and where it is.
type storedDay struct {
	Change
	record
	op int32
}

// usageAt reads a usage record, or what is staged of it; nil if it is gone.
func (tx *Tx) usageAt(ref usageRef) (*storedDay, error) {
	d := &storedDay{}
	var found bool
	if d.record, d.op, found = tx.find(Sessions, ref.hash); !found {
		return nil, nil
	}
	raw, err := tx.load(Sessions, d.record, d.op)
	if err != nil {
		return nil, err
	}
	if err := d.decode(raw); err != nil {
		return nil, fmt.Errorf("%w: usage record %d: %v", ErrDamaged, d.seq, err)
	}
	return d, nil
}

// usageRefs are the usage records that an account may have.
func (tx *Tx) usageRefs(account uint64) []usageRef {
	refs := slices.Clone(tx.db.index.usage[account])
	for _, ref := range tx.g.usages[account] {
		if !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	return refs
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

// counters are the counters of a hotspotpb.Usage, which only grow: of its period, and of all periods before.
type counters [19 - firstCounter + 1]uint64

const (
	firstCounter = protowire.Number(4) // input_octets; the others follow
	countBefore  = len(counters{}) / 2 // the first one of before; the others follow in the same order
)

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
		&pb.InputOctetsBefore, &pb.OutputOctetsBefore, &pb.SessionTimeBeforeS, &pb.PurchasedOctetsBefore, &pb.PurchasedTimeBeforeS,
		&pb.InputOctetsReturnedBefore, &pb.OutputOctetsReturnedBefore, &pb.SessionTimeReturnedBeforeS,
	}
}
