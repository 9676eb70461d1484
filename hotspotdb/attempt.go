package hotspotdb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"mbox/proto/hotspotpb"
)

// Attempt is one attempt to log in. It never holds a password.
type Attempt struct {
	At              time.Time  `json:"at"`
	Username        string     `json:"username"` // as it was sent, made printable
	Account         uint64     `json:"account"`  // or the use of a voucher; 0 if not known
	Accepted        bool       `json:"accepted"`
	Reason          string     `json:"reason"` // one word
	Reply           string     `json:"reply"`  // what the guest was told
	MAC             string     `json:"macaddress"`
	NAS             string     `json:"nas"`
	Hotspot         string     `json:"hotspot"` // NAS-Identifier
	CalledStationID string     `json:"calledstationid"`
	Box             DatabaseID `json:"-"`
}

// Attempts are kept in a ring for each box, one half of it for those that were accepted: who floods a box with wrong passwords
// does not push out who was let in, and when.
const (
	attemptSlots   = 100_000
	attemptsInHalf = attemptSlots / 2

	maxAttemptsPerSecond = 200 // stored; the rest is counted,
	maxRefusedPerSecond  = 150 // of them refused ones
	maxAttempt           = 8 << 10
	attemptDelay         = 250 * time.Millisecond // gathers attempts for one write
)

// attempts is what waits to be stored, and how much of it there may be.
type attempts struct {
	mu       sync.Mutex // guards pending and the budget
	pending  []Attempt
	second   int64 // of running time, that the budget belongs to
	stored   int   // in it
	refused  int   // of them
	overflow atomic.Uint64
	wake     chan struct{}

	storing sync.Mutex // held while attempts are stored; guards next
	next    [2]uint32  // the slots that follow in the two halves,
	known   bool       // once they were looked up
}

// RecordAttempt notes an attempt to log in; At defaults to now, Box is this one. It never waits, and is stored within a second: at
// most 200 are in one second, 150 of them refused; those beyond are counted. An Account that is not given is found by the username.
func (db *DB) RecordAttempt(a Attempt) {
	if db.opts.ReadOnly {
		return
	}
	if a.At.IsZero() {
		a.At = db.opts.Now()
	}
	q := &db.attempts
	if !q.push(a, int64(db.opts.Elapsed()/time.Second)) {
		q.overflow.Add(1)
		return
	}
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// AttemptsDropped is how many attempts were too many to be stored since the database was opened.
func (db *DB) AttemptsDropped() uint64 { return db.attempts.overflow.Load() }

// push is false if there have been too many.
func (q *attempts) push(a Attempt, second int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if second != q.second {
		q.second, q.stored, q.refused = second, 0, 0
	}
	full := len(q.pending) >= 2*maxAttemptsPerSecond // the disk does not keep up
	if full || q.stored >= maxAttemptsPerSecond || !a.Accepted && q.refused >= maxRefusedPerSecond {
		return false
	}
	q.stored++
	if !a.Accepted {
		q.refused++
	}
	q.pending = append(q.pending, a)
	return true
}

func (q *attempts) take() []Attempt {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := q.pending
	q.pending = nil
	return list
}

// attemptLoop stores attempts a little after they came, many at a time.
func (db *DB) attemptLoop(ctx context.Context) {
	timer := time.NewTimer(0)
	<-timer.C
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-db.attempts.wake:
		}
		timer.Reset(attemptDelay)
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if err := db.storeAttempts(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, ErrClosed) {
			db.opts.Log.Error("cannot store login attempts", "err", err)
		}
	}
}

// storeAttempts stores what is pending. It returns once that can be read; the disk follows.
func (db *DB) storeAttempts(ctx context.Context) error {
	q := &db.attempts
	q.storing.Lock()
	defer q.storing.Unlock()
	list := q.take()
	if len(list) == 0 {
		return nil
	}
	if !q.known {
		q.next, q.known = db.nextSlots(), true
	}
	next := q.next
	err := db.do(ctx, &job{run: func(tx *Tx) error {
		next = q.next
		for i := range list {
			if err := tx.putAttempt(&list[i], &next); err != nil {
				return err
			}
		}
		return nil
	}})
	if err != nil {
		q.overflow.Add(uint64(len(list)))
		return fmt.Errorf("store %d login attempts: %w", len(list), err)
	}
	q.next = next
	return nil
}

func (tx *Tx) putAttempt(a *Attempt, next *[2]uint32) error {
	if a.Account == 0 {
		if id, _, err := resolve(tx, a.Username); err == nil {
			a.Account = id
		}
	}
	mac := tidy(a.MAC, maxAuditValue)
	if parsed, err := ParseMAC(a.MAC); err == nil {
		mac = FormatMAC(parsed)
	}
	body, err := proto.Marshal(&hotspotpb.Attempt{
		AtUs: toMicros(a.At), Username: tidy(a.Username, maxUsername), Account: a.Account, Accepted: a.Accepted,
		Reason: tidy(a.Reason, maxAuditValue), Reply: tidy(a.Reply, maxAuditText), Mac: mac, Nas: tidy(a.NAS, maxAuditValue),
		Hotspot: tidy(a.Hotspot, maxAuditValue), CalledStationId: tidy(a.CalledStationID, maxAuditValue),
	})
	if err != nil {
		return fmt.Errorf("encode login attempt: %w", err)
	}
	half := halfOf(a.Accepted)
	slot := uint32(half*attemptsInHalf) + next[half]
	if err := tx.Put(Audit, AttemptKey(tx.db.id, slot), body); err != nil {
		if errors.Is(err, ErrErased) || errors.Is(err, ErrInvalid) {
			return nil // nothing may be kept of him; or it has no form, which must not keep the others out
		}
		return err
	}
	next[half] = (next[half] + 1) % attemptsInHalf
	return nil
}

func halfOf(accepted bool) int {
	if accepted {
		return 0
	}
	return 1
}

// nextSlots finds where the ring goes on: behind the slot that was written last.
func (db *DB) nextSlots() (next [2]uint32) {
	const step = 1000 // slots looked at while writers wait
	var newest [2]uint64
	for from := uint32(0); from < attemptSlots; from += step {
		db.mu.RLock()
		h := newHasher(db.index.digestKey)
		for slot := from; slot < from+step; slot++ {
			half := slot / attemptsInHalf
			if r := db.index.datasets[Audit].get(h.key(AttemptKey(db.id, slot))); r != nil && r.seq > newest[half] {
				newest[half], next[half] = r.seq, (slot%attemptsInHalf+1)%attemptsInHalf
			}
		}
		db.mu.RUnlock()
	}
	return next
}
