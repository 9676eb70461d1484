// Package acct records what the NAS report of their sessions, exactly, in the hotspot database (RFC 2866, RFC 2869), and ends
// sessions that may not go on. What it is given are decoded requests; it knows nothing of packets.
//
// A report says how far the counters of a session have come since it began. What is stored is therefore not a sum of
// reports but the highest that was reported, so that it does not matter which of them were lost, came twice or out of order.
// What is left to decide is which session a report is about, because a NAS may use an Acct-Session-Id again
// (identify.go), and how a counter of 32 bits goes on (level.go).
package acct

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"mbox/hotspotdb"
	"mbox/modules/aaa/policy"
)

// ErrInvalid refuses a request that cannot be recorded, however often it comes.
var ErrInvalid = hotspotdb.ErrInvalid

// ErrNoSession is what a NAS returns when it says that it has no such session: RFC 5176 section 3.5,
// Error-Cause 503.
var ErrNoSession = errors.New("the NAS has no such session")

// ErrRefused is what a NAS returns that will not do it; asking again is of no use.
var ErrRefused = errors.New("the NAS refuses")

// NAS is asked to end a session, or to go on with it under other limits (RFC 5176). Without an error it has acknowledged that.
type NAS interface {
	Disconnect(ctx context.Context, s hotspotdb.Segment) error
	ChangeOfAuthorization(ctx context.Context, s hotspotdb.Segment, limits policy.Limits) error
}

// Policy decides which sessions may go on, and what purchases pay for.
type Policy interface {
	Judge(ctx context.Context, s hotspotdb.Segment) (policy.Verdict, error)
	PurchasedPart(tx *hotspotdb.Tx, account uint64, at time.Time, grownOctets, grownSeconds uint64) (octets, seconds uint64, err error)
}

// Options is what accounting needs of the rest of the box.
type Options struct {
	DB     *hotspotdb.DB
	Policy Policy               // nil: sessions go on, and nothing is charged
	NAS    func() NAS           // asked when it is needed; nil, or returns nil: no NAS can be told
	Now    func() time.Time     // nil: time.Now
	Ran    func() time.Duration // running time, by a clock that nobody sets; nil: since New
	Log    *slog.Logger         // nil: no log
}

// DefaultInterim is how often sessions are reported unless SetInterim says otherwise.
const DefaultInterim = time.Minute

// staleIntervals is how many reports in a row must be missing before a session counts as over.
const staleIntervals = 3

// Accounting keeps the sessions that are reported to this box. Handle may be called from many goroutines.
type Accounting struct {
	db     *hotspotdb.DB
	policy Policy
	nas    func() NAS
	now    func() time.Time
	ran    func() time.Duration
	log    *slog.Logger
	from   uint64 // the database's sequence when this was made: what is ended since then is heard of

	stale atomic.Int64 // after so much silence a session is over; nanoseconds

	wake    chan struct{} // something is due earlier than Run knows
	results chan result   // answers of NAS

	mu      sync.Mutex                    // guards what follows; it may be taken in a transaction
	live    map[uint64]*served            // by segment
	guests  map[uint64]map[uint64]*served // by account and segment
	held    map[string]int                // by client: how many are live
	due     agenda[*served]               // when to look at which
	endings map[name]*ending
	tells   agenda[*ending]          // when to tell a NAS
	asking  int                      // requests to NAS that were not answered yet
	nases   map[string]*asked        // NAS that have not answered yet
	boots   map[string]time.Duration // running time at which a NAS last said that it begins anew
}

// name is what a NAS calls a session.
type name struct{ nas, session string }

func nameOf(s *hotspotdb.Segment) name { return name{s.NAS, s.AcctSessionID} }

// New makes the accounting of a box. Run must be running for sessions to be ended.
func New(o Options) *Accounting {
	a := &Accounting{
		db: o.DB, policy: o.Policy, nas: o.NAS, now: o.Now, ran: o.Ran, log: o.Log, from: o.DB.Durable(),
		live: map[uint64]*served{}, held: map[string]int{}, guests: map[uint64]map[uint64]*served{}, endings: map[name]*ending{}, boots: map[string]time.Duration{}, nases: map[string]*asked{},
		wake: make(chan struct{}, 1), results: make(chan result, maxAsking),
	}
	if a.now == nil {
		a.now = time.Now
	}
	if a.ran == nil {
		began := time.Now()
		a.ran = func() time.Duration { return time.Since(began) }
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	a.SetInterim(DefaultInterim)
	return a
}

// SetInterim says how often sessions are reported (Acct-Interim-Interval). One of which three reports in a row are missing is
// over.
func (a *Accounting) SetInterim(interval time.Duration) { a.SetStale(staleIntervals * interval) }

// SetStale says after how much silence a session is over, instead of three intervals.
func (a *Accounting) SetStale(silence time.Duration) {
	a.stale.Store(int64(silence))
	a.db.SetSilence(silence)
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.live {
		a.due.set(&s.node, s.next(silence))
	}
	a.signal()
}

func (a *Accounting) staleAfter() time.Duration { return time.Duration(a.stale.Load()) }

// signal wakes Run.
func (a *Accounting) signal() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}
