package feed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"mbox/hotspotdb"
	"mbox/modules/sync/auth"
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

// greet exchanges Welcomes, the primary first: a follower joins the primary's domain before it speaks of digests.
func (l *Link) greet(ctx context.Context) error {
	if l.cfg.Primary {
		token, err := l.cfg.Renew()
		if err == nil {
			err = ctx.Err() // revoked meanwhile: not even the keys may go out
		}
		if err != nil {
			return err
		}
		if err := l.welcome(token); err != nil {
			return err
		}
	}
	frame, err := l.cfg.Session.Receive()
	if err != nil {
		return err
	}
	w := frame.GetWelcome()
	if err := l.parted(frame); err != nil {
		return err
	}
	if w == nil {
		return auth.Refuse(auth.CodeProtocol, "the peer sent %T where Welcome was due", frame.Kind)
	}
	current, err := historyOf(w.History)
	if err != nil {
		return err
	}
	if !l.cfg.Primary {
		// The primary may grant less than was asked for, never more.
		grant := &l.cfg.Session.Grant
		grant.Down, grant.Up = Both(grant.Down, w.Down), Both(grant.Up, w.Up)
		l.recover, l.proves = parse(Both(grant.Down, w.Recover)), w.ProvesUpwards
		l.cfg.Token(w.Token)
	}
	if err := l.learn(w); err != nil {
		return err
	}
	if !l.cfg.Primary {
		if err := l.welcome(""); err != nil {
			return err
		}
	}
	return l.open(ctx, current)
}

// open starts both directions: what is granted to the other side, and a subscription to what is granted to us.
func (l *Link) open(ctx context.Context, current history) error {
	grant := l.cfg.Session.Grant
	sends, receives := parse(grant.Up), parse(grant.Down)
	if l.cfg.Primary {
		sends, receives = receives, sends
	}
	if l.cfg.Primary {
		for _, ds := range receives {
			l.in.accept[ds] = true
		}
		for _, ds := range l.recover {
			l.in.recover[ds] = true
		}
		receives = union(receives, l.recover)
	} else {
		for _, ds := range sends {
			l.out.upwards[ds] = true
			l.out.proves[ds] = l.proves && !slices.Contains(receives, ds)
		}
		for _, ds := range l.recover {
			l.out.returning[ds] = true
		}
		sends = union(sends, l.recover)
	}
	for _, ds := range sends {
		l.out.grant[ds] = true
	}
	if err := l.in.startAnew(l.out, receives, sends); err != nil {
		return err
	}
	var ours []hotspotdb.Dataset
	for _, ds := range receives {
		var release func()
		if yields, err := l.yields(ds); err != nil {
			return err
		} else if !yields {
			release, _ = l.cfg.Claims.Try(l.cfg.Session.Database, ds)
		}
		if release == nil {
			l.group.Go(func() error { return l.takeOver(ctx, current, ds) })
			continue
		}
		l.keep(release)
		ours = append(ours, ds)
	}
	if len(ours) == 0 {
		return nil
	}
	return l.in.subscribe(ctx, current, ours...)
}

// takeOver waits until the other connection to the same box no longer receives a dataset.
func (l *Link) takeOver(ctx context.Context, current history, ds hotspotdb.Dataset) error {
	l.elsewhere.Add(1)
	defer l.elsewhere.Add(-1)
	release, err := l.claim(ctx, ds)
	if err != nil {
		return err
	}
	l.keep(release)
	return l.in.subscribe(ctx, current, ds)
}

// yieldEvery is how often a link that yields looks whether it still has to.
const yieldEvery = time.Second

// yieldMost is how long the other connection may need to come about. If it does not, we do not follow that box any more.
const yieldMost = 10 * time.Second

// claim waits for a dataset, also while this link has to leave it to the other one.
func (l *Link) claim(ctx context.Context, ds hotspotdb.Dataset) (release func(), err error) {
	for {
		release, err := l.cfg.Claims.Wait(ctx, l.cfg.Session.Database, ds)
		if err != nil {
			return nil, err
		}
		yields, err := l.yields(ds)
		if err == nil && !yields {
			return release, nil
		}
		release()
		if err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(yieldEvery):
		}
	}
}

// yields says whether the other connection to the same box is to receive a dataset first: the one that we dialed starts anew,
// the one on which we are the primary takes back what we have lost.
func (l *Link) yields(ds hotspotdb.Dataset) (bool, error) {
	if !l.cfg.Primary {
		return l.cfg.Recover != nil && l.cfg.Recover(), nil
	}
	if !l.cfg.Follows(l.cfg.Session.BoxID) && time.Since(l.since) > yieldMost {
		return false, nil
	}
	return l.in.marked(ds)
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

func (l *Link) keep(release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.releases = append(l.releases, release)
}

func (l *Link) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.releases {
		r()
	}
}

func (l *Link) welcome(token string) error {
	grant := l.cfg.Session.Grant
	theirs := parse(grant.Up)
	if l.cfg.Primary {
		theirs = parse(grant.Down)
	}
	w := &syncpb.Welcome{
		History: history(l.cfg.DB.History()).proto(), ClockUs: uint64(time.Now().UnixMicro()), Token: token,
		FollowsYou: l.cfg.Follows(l.cfg.Session.BoxID), AnswersClaims: l.sharesVouchers(),
	}
	if l.cfg.Primary {
		w.Down, w.Up, w.ProvesUpwards = grant.Down, grant.Up, true
		for _, ds := range l.recover {
			w.Recover = append(w.Recover, ds.String())
		}
	}
	w.Domain, w.Keys = l.cfg.Domain.Describe(slices.Contains(theirs, hotspotdb.Users))
	return l.cfg.Session.Send(frameOf(w))
}

func (l *Link) learn(w *syncpb.Welcome) error {
	l.claiming.answers.Store(w.AnswersClaims)
	if d := w.Domain.GetDigestKey(); !bytes.Equal(d, l.digestKey) {
		l.digestKey = d
		if l.domains++; l.domains > maxDomains {
			return auth.Refuse(auth.CodeProtocol, "the peer changes its domain again and again")
		}
	}
	users := hotspotdb.Users.String()
	switch {
	case !l.cfg.Primary:
		return l.cfg.Domain.FromPrimary(w, slices.Contains(l.cfg.Session.Grant.Down, users))
	case slices.Contains(l.cfg.Session.Grant.Up, users):
		return l.cfg.Domain.FromFollower(w)
	}
	return nil
}

// maxDomains bounds how often a peer may change its domain on one connection: joining one recomputes all digests. A Welcome
// that only brings another password key does not count; a primary of many branches sends one for each that it learns.
const maxDomains = 16

// Both returns what two lists have in common, once.
func Both(a, b []string) []string {
	out := []string{}
	for _, s := range a {
		if slices.Contains(b, s) && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func union(a, b []hotspotdb.Dataset) []hotspotdb.Dataset {
	out := slices.Clone(a)
	for _, ds := range b {
		if !slices.Contains(out, ds) {
			out = append(out, ds)
		}
	}
	return out
}

func parse(names []string) []hotspotdb.Dataset {
	var out []hotspotdb.Dataset
	for _, name := range names {
		if ds, err := hotspotdb.ParseDataset(name); err == nil {
			out = append(out, ds)
		}
	}
	return out
}

// read hands each frame to whom it concerns.
func (l *Link) read(ctx context.Context) error {
	for {
		frame, err := l.cfg.Session.Receive()
		if err != nil {
			return err
		}
		l.heard.Store(int64(max(time.Since(l.since), 1)))
		l.debugFrame(ctx, frame)
		if err := l.dispatch(ctx, frame); err != nil {
			return err
		}
	}
}

// debugFrame shows the kind and size of what comes, never its content.
func (l *Link) debugFrame(ctx context.Context, frame *syncpb.Frame) {
	if l.cfg.Log.Enabled(ctx, slog.LevelDebug) {
		l.cfg.Log.DebugContext(ctx, "sync: frame", "peer", l.cfg.Name, "kind", strings.TrimPrefix(fmt.Sprintf("%T", frame.Kind), "*syncpb.Frame_"),
			"bytes", proto.Size(frame))
	}
}

func (l *Link) dispatch(ctx context.Context, frame *syncpb.Frame) error {
	switch k := frame.Kind.(type) {
	case *syncpb.Frame_Subscribe:
		return l.out.request(k.Subscribe)
	case *syncpb.Frame_BucketsQuery:
		return l.out.request(k.BucketsQuery)
	case *syncpb.Frame_Compare:
		return l.out.request(k.Compare)
	case *syncpb.Frame_FeedStart:
		return l.in.take(ctx, k.FeedStart)
	case *syncpb.Frame_Batch:
		return l.in.take(ctx, k.Batch)
	case *syncpb.Frame_Digest:
		return l.in.take(ctx, k.Digest)
	case *syncpb.Frame_Buckets:
		return l.in.take(ctx, k.Buckets)
	case *syncpb.Frame_Compared:
		return l.in.take(ctx, k.Compared)
	case *syncpb.Frame_Heartbeat:
		l.in.heard(k.Heartbeat)
	case *syncpb.Frame_Stored:
		l.stored(k.Stored)
	case *syncpb.Frame_Verified:
		if ds, err := hotspotdb.ParseDataset(k.Verified.Dataset); err == nil && l.out.grant[ds] {
			l.out.verified(ds, k.Verified)
		}
	case *syncpb.Frame_Token:
		if !l.cfg.Primary {
			l.cfg.Token(k.Token.Token)
		}
	case *syncpb.Frame_Welcome:
		return l.learn(k.Welcome)
	case *syncpb.Frame_Claim:
		l.asked(ctx, k.Claim)
	case *syncpb.Frame_Claimed:
		l.claiming.answered(k.Claimed)
	case *syncpb.Frame_Goodbye:
		return l.parted(frame)
	}
	return nil // a kind that a newer version knows
}

// farewell is what the peer is told of why we end: nothing if it is the connection that failed.
func farewell(err error) *auth.Refusal {
	var refusal *auth.Refusal
	var network net.Error
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.Is(err, hotspotdb.ErrInvalid): // may wrap the end of a body
	case err == nil, errors.Is(err, peer.ErrSilent), errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, context.Canceled):
		return nil
	case errors.Is(err, hotspotdb.ErrNoSpace):
		return auth.Refuse(auth.CodeSpace, "the disk of the other box is full")
	}
	return auth.Refuse(auth.CodeProtocol, "%s", peer.Printable(err.Error()))
}

func (l *Link) parted(frame *syncpb.Frame) error {
	l.left.Store(frame.GetGoodbye() != nil || frame.GetRefused() != nil)
	if g := frame.GetGoodbye(); g != nil {
		return &auth.Refusal{Code: peer.Printable(g.Code), Reason: peer.Printable(g.Reason)}
	}
	if r := frame.GetRefused(); r != nil {
		return &auth.Refusal{Code: peer.Printable(r.Code), Reason: peer.Printable(r.Reason)}
	}
	return nil
}

func (l *Link) stored(s *syncpb.Stored) {
	l.aside.Store(s.SetAside)
	for _, p := range s.Positions {
		if ds, err := hotspotdb.ParseDataset(p.Dataset); err == nil && l.out.grant[ds] {
			l.out.stored(ds, p.Seq)
			l.vouch(ds, p, s.ClockUs)
		}
	}
}

func (l *Link) beat(ctx context.Context) error {
	return every(ctx, peer.HeartbeatEvery, func() error {
		_ = l.out.request(beat{}) // a full queue means that the peer hears enough from us
		return nil
	})
}

// every calls do again and again until ctx ends or do fails.
func every(ctx context.Context, pause time.Duration, do func() error) error {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if err := do(); err != nil {
				return err
			}
		}
	}
}

// announce tells the peer when our domain has changed.
func (l *Link) announce(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.changed:
			l.changed = l.cfg.Domain.Changed()
			if err := l.welcome(""); err != nil {
				return err
			}
		}
	}
}

// renew sends a new token before the old one ends; if there may be none, the stream ends.
func (l *Link) renew(ctx context.Context) error {
	return every(ctx, auth.RenewEvery, func() error {
		token, err := l.cfg.Renew()
		if err != nil {
			return fmt.Errorf("renew the token: %w", err)
		}
		return l.cfg.Session.Send(frameOf(&syncpb.Token{Token: token}))
	})
}

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
