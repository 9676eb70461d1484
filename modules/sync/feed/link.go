package feed

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"mbox/hotspotdb"
	"mbox/modules/sync/peer"
	"mbox/proto/syncpb"
)

// Domain is the replication domain of this box: the keys that all its boxes share.
type Domain interface {
	// Describe is what a peer is told; the password keys only if it gets `users`.
	Describe(withKeys bool) (*syncpb.Domain, []*syncpb.DomainKey)
	// FromPrimary takes over the domain of a box that we follow; its password keys only if we get `users` from it.
	FromPrimary(w *syncpb.Welcome, users bool) error
	// FromFollower learns the keys of a box that sends us `users`.
	FromFollower(w *syncpb.Welcome) error
	// Changed is closed at the next change.
	Changed() <-chan struct{}
}

// Config of a link.
type Config struct {
	DB      *hotspotdb.DB
	Session *peer.Session
	Primary bool   // we are the primary, the peer follows us
	Name    string // of the peer, for messages
	Cache   *Cache
	Memory  Memory
	Domain  Domain
	Follows func(boxID string) bool           // do we also follow this box
	Claims  *Claims                           // of the box
	Renew   func() (token string, err error)  // primary: the next token, or why there is none
	Recover func() bool                       // have we lost what this box, as our follower, can return
	Held    func(ds hotspotdb.Dataset) uint64 // up to where this box held ours when its connections began
	Done    func()                            // primary: it has returned everything
	Room    func() error                      // may more be stored for the peer; nil: always
	Stale   func()                            // we have been away for too long to go on with these
	Token   func(token string)                // follower: a token for the next connection
	Log     *slog.Logger
	Prompt  func() bool                                          // a writer waits for this peer: it gets each change at once; nil: never
	Stored  func(ds hotspotdb.Dataset, seq uint64)               // told what the peer says is durable there; nil: nobody asks
	Claim   func(context.Context, *syncpb.Claim) *syncpb.Claimed // answers a claim of the peer; nil: none is
}

// Link is one connection at work.
type Link struct {
	cfg       Config
	out       *sender
	in        *receiver
	outbox    *outbox
	claiming  *claiming
	since     time.Time
	aside     atomic.Uint64       // changes that the peer has set aside
	heard     atomic.Int64        // when the last frame came, in nanoseconds since `since`, which no step of the clock moves; 0: none came
	elsewhere atomic.Int64        // datasets that another connection to the same box receives
	proves    bool                // the primary compares what we send up
	recover   []hotspotdb.Dataset // that we have lost and ask back, or that the primary asks back
	group     *errgroup.Group     // of Run
	left      atomic.Bool         // the peer has taken its leave
	domains   int                 // of the peer, so far; only the reader uses it and digestKey
	digestKey []byte
	changed   <-chan struct{} // the domain changed after the last Welcome

	mu       sync.Mutex // guards releases
	releases []func()
}

// NewLink prepares a link on an authenticated connection.
func NewLink(cfg Config) *Link {
	s := cfg.Session
	l := &Link{cfg: cfg, outbox: newOutbox(s), claiming: newClaiming(s), since: time.Now()}
	l.out = newSender(cfg.DB, s, cfg.Cache, s.Database)
	l.out.up, l.out.prompt = !cfg.Primary, cfg.Prompt
	kind := hotspotdb.Above
	if cfg.Primary {
		kind = hotspotdb.Below
	}
	l.in = newReceiver(cfg.DB, l.outbox, s, cfg.Cache.codec, cfg.Memory, s.Database, cfg.Name, kind, cfg.Log)
	l.in.room, l.out.stale = cfg.Room, cfg.Stale
	l.in.halt, l.in.heldUpTo, l.in.stale, l.in.done = l.out.halt, cfg.Held, cfg.Stale, cfg.Done
	if cfg.Primary && cfg.Recover() {
		l.recover = parse(s.Grant.Down)
	}
	return l
}

// Run feeds in both directions until ctx ends or something fails. If ctx ends with an *auth.Refusal as its cause, the peer is
// told so. The error is why the link ended.
func (l *Link) Run(ctx context.Context) error {
	defer l.release()
	defer l.cfg.Session.Close()
	group, gctx := errgroup.WithContext(ctx)
	l.group, l.changed = group, l.cfg.Domain.Changed()
	group.Go(func() error { // whoever fails first, or the caller, makes all others stop
		<-gctx.Done()
		l.claiming.end()
		if refusal := farewell(context.Cause(gctx)); refusal != nil && !l.left.Load() {
			l.cfg.Session.Part(refusal.Code, refusal.Reason)
		}
		_ = l.cfg.Session.Close()
		return nil
	})
	group.Go(func() error {
		if err := l.greet(gctx); err != nil {
			return err
		}
		group.Go(func() error { return l.out.run(gctx) })
		group.Go(func() error { return l.in.run(gctx) })
		group.Go(func() error { return l.in.acknowledge(gctx) })
		group.Go(func() error { return l.outbox.run(gctx) })
		group.Go(func() error { return l.claiming.out.run(gctx) })
		group.Go(func() error { return l.beat(gctx) })
		group.Go(func() error { return l.announce(gctx) })
		if l.cfg.Primary {
			group.Go(func() error { return l.renew(gctx) })
		}
		return l.read(gctx)
	})
	err := group.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// Heard is when the peer said something last.
func (l *Link) Heard() time.Time {
	after := l.heard.Load()
	if after == 0 {
		return time.Time{}
	}
	return l.since.Add(time.Duration(after))
}

// Held is up to where the peer held a dataset of ours when the connection began.
func (l *Link) Held(ds hotspotdb.Dataset) uint64 { return l.out.heldUpTo(ds) }

// Report is what is known of a link.
type Report struct {
	Since          time.Time
	Incoming       map[hotspotdb.Dataset]Incoming
	Outgoing       map[hotspotdb.Dataset]Outgoing
	ClockOff       time.Duration // the peer's clock minus ours
	PeerSetAside   uint64
	Elsewhere      int   // datasets that another connection to the same box receives
	Received, Sent int64 // bytes
}

// Report takes a snapshot.
func (l *Link) Report() Report {
	r := Report{Since: l.since, Outgoing: l.out.snapshot(), PeerSetAside: l.aside.Load(), Elsewhere: int(l.elsewhere.Load())}
	r.Incoming, r.ClockOff = l.in.snapshot()
	r.Received, r.Sent = l.cfg.Session.Traffic()
	return r
}
