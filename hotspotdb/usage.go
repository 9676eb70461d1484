package hotspotdb

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"mbox/proto/hotspotpb"
)

// Usage is what an account has used in some time. Input is what the NAS received from the user.
type Usage struct {
	InputOctets  uint64
	OutputOctets uint64
	SessionTime  uint64 // seconds
}

const usagePeriod = 24 * time.Hour // UTC days

// raiseUsage adds to what this box counted for an account on a day. Account 0 has no usage.
func (tx *Tx) raiseUsage(account uint64, at time.Time, grown counters) error {
	if account == 0 || grown == (counters{}) {
		return nil
	}
	start := at.UTC().Truncate(usagePeriod).Unix()
	key := UsageKey(account, tx.db.id, start)
	pb := &hotspotpb.Usage{}
	if err := readMessage(tx, Sessions, key, pb); err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("usage of account %d: %w", account, err)
	}
	pb.Account, pb.Origin, pb.PeriodStartS = account, tx.db.id[:], start
	sum := counters{pb.InputOctets, pb.OutputOctets, pb.SessionTimeS}.add(grown)
	pb.InputOctets, pb.OutputOctets, pb.SessionTimeS = sum[0], sum[1], sum[2]
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

// Usage sums what all boxes counted for an account on the UTC days from the one of from up to, but not including, the
// instant to. It reads the records of the account in that time, and no others.
func (db *DB) Usage(account uint64, from, to time.Time) (Usage, error) {
	first, end := from.UTC().Truncate(usagePeriod).Unix(), to.UTC()
	var seqs []uint64
	view := db.View(func(*View) { seqs = db.index.usageSeqs(account, first, end) })
	defer view.Close()
	var sum counters
	err := view.read(Sessions, seqs, func(e Entry) (bool, error) {
		var c Change
		err := c.decode(e.Change)
		if err == nil {
			sum = sum.add(countersOf(c.Body)) // none of a tombstone
		}
		return true, err
	})
	if err != nil {
		return Usage{}, fmt.Errorf("usage of account %d: %w", account, err)
	}
	return Usage{sum[0], sum[1], sum[2]}, nil
}

// usageSeqs lists the usage records of an account whose periods began in a time, in the order of the feed.
func (x *index) usageSeqs(account uint64, first int64, end time.Time) []uint64 {
	var seqs []uint64
	for _, ref := range x.usage[account] {
		if ref.start >= first && time.Unix(ref.start, 0).Before(end) {
			seqs = append(seqs, x.datasets[Sessions].get(ref.hash).seq)
		}
	}
	slices.Sort(seqs)
	return seqs
}

// Statistics are the counts of what is live. They are kept up to date in memory.
type Statistics struct {
	Users          int `json:"users"`
	Profiles       int `json:"profiles"`
	SessionsActive int `json:"sessions_active"`
	Sessions       int `json:"sessions"`
	Sticky         int `json:"sticky"`
	Vouchers       int `json:"vouchers"`
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
		Vouchers:       x.datasets[Vouchers].counts.Live,
	}
}
