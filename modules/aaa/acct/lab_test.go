package acct

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"mbox/hotspotdb"
	"mbox/modules/aaa/policy"
)

// tester is what testing.T and rapid.T have in common.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// times is a clock on the wall and running time, which go on only when they are told to.
type times struct {
	mu   sync.Mutex // guards what follows
	wall time.Time
	run  time.Duration
}

func newTimes() *times { return &times{wall: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)} }

func (c *times) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall
}

func (c *times) ran() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.run
}

func (c *times) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.run = c.wall.Add(d), c.run+d
}

// set sets the clock on the wall.
func (c *times) set(to time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall = to
}

// box is a database and the accounting upon it.
type box struct {
	t     tester
	clock *times
	fs    vfs.FS
	db    *hotspotdb.DB
	acct  *Accounting
	rules *rules
	nas   *nasLog
}

func newBox(t tester, clock *times) *box {
	b := &box{t: t, clock: clock, fs: vfs.NewMem(), rules: &rules{}, nas: &nasLog{}}
	b.open()
	return b
}

func (b *box) open() {
	b.t.Helper()
	opened := b.clock.ran()
	db, err := hotspotdb.Open(hotspotdb.Options{
		Dir: "db", FS: b.fs, CacheBytes: 1 << 20, Now: b.clock.now, FreeSpace: func() (uint64, error) { return 1 << 40, nil },
		Elapsed: func() time.Duration { return b.clock.ran() - opened },
	})
	if err != nil {
		b.t.Fatalf("open: %v", err)
	}
	b.db = db
	b.acct = New(Options{
		DB: db, Policy: b.rules, NAS: func() NAS { return b.nas }, Now: b.clock.now, Ran: b.clock.ran,
		Log: slog.New(slog.DiscardHandler),
	})
	if err := b.acct.resume(context.Background()); err != nil {
		b.t.Fatalf("resume: %v", err)
	}
}

func (b *box) close() {
	if err := b.db.Close(); err != nil {
		b.t.Errorf("close: %v", err)
	}
}

// restart is a box that goes down and comes up again, d later.
func (b *box) restart(d time.Duration) {
	b.close()
	b.clock.add(d)
	b.open()
}

func (b *box) report(r Request) {
	b.t.Helper()
	if err := b.acct.Handle(context.Background(), r); err != nil {
		b.t.Fatalf("%s of %s: %v", r.Status, r.SessionID, err)
	}
}

func (b *box) tick() {
	b.t.Helper()
	if err := b.acct.tick(context.Background()); err != nil {
		b.t.Fatalf("tick: %v", err)
	}
}

func (b *box) segments() []hotspotdb.Segment {
	b.t.Helper()
	list, err := b.db.Segments(context.Background(), hotspotdb.SegmentFilter{})
	if err != nil {
		b.t.Fatalf("segments: %v", err)
	}
	return list
}

func (b *box) usage(account uint64) hotspotdb.Usage {
	b.t.Helper()
	u, err := b.db.Usage(account, time.Unix(0, 0), b.clock.now().Add(10*365*24*time.Hour))
	if err != nil {
		b.t.Fatalf("usage: %v", err)
	}
	return u
}

// send copies the sessions of a box to another, which then hears of them.
func (b *box) send(to *box) {
	b.t.Helper()
	batch := hotspotdb.Batch{Dataset: hotspotdb.Sessions, From: b.db.ID(), Kind: hotspotdb.Above}
	view := b.db.View()
	err := view.Scan(hotspotdb.Sessions, 0, view.Seq, func(e hotspotdb.Entry) (bool, error) {
		batch.Changes, batch.Seqs = append(batch.Changes, bytes.Clone(e.Change)), append(batch.Seqs, e.Seq)
		return true, nil
	})
	if err := errors.Join(err, view.Close()); err != nil {
		b.t.Fatalf("scan: %v", err)
	}
	if _, err := to.db.Apply(context.Background(), batch); err != nil {
		b.t.Fatalf("apply: %v", err)
	}
	for _, raw := range batch.Changes {
		c, err := hotspotdb.DecodeChange(raw)
		if err != nil {
			b.t.Fatalf("decode: %v", err)
		}
		if c.Key[0] != hotspotdb.KindSegment {
			continue
		}
		if id := binary.BigEndian.Uint64(c.Key[1:]); to.db.Shared(id) {
			if err := to.acct.heardElsewhere(context.Background(), id); err != nil {
				b.t.Fatalf("hear: %v", err)
			}
		}
	}
}

// meet lets two boxes hear of each other until nothing changes any more.
func meet(a, b *box) {
	for range 3 {
		a.send(b)
		b.send(a)
	}
}

// rules are a Policy that lets all go on, unless told otherwise.
type rules struct {
	verdict func(hotspotdb.Segment) policy.Verdict
	judged  int
	free    uint64 // octets; beyond them everything is purchased. 0: all is free
}

func (r *rules) Judge(_ context.Context, s hotspotdb.Segment) (policy.Verdict, error) {
	if s.ID != 0 {
		r.judged++
	}
	if r.verdict == nil {
		return policy.Verdict{}, nil
	}
	return r.verdict(s), nil
}

func (r *rules) PurchasedPart(tx *hotspotdb.Tx, account uint64, _ time.Time, octets, _ uint64) (uint64, uint64, error) {
	if r.free == 0 {
		return 0, 0, nil
	}
	u, err := tx.Usage(account, time.Unix(0, 0), time.Now().Add(1e6*time.Hour))
	if err != nil {
		return 0, 0, err
	}
	used := u.InputOctets + u.OutputOctets - u.PurchasedOctets
	return octets - min(octets, r.free-min(r.free, used)), 0, nil
}

// nasLog is a NAS that remembers what it was told, and answers as it should.
type nasLog struct {
	told    []string
	answer  func(n int) error
	renewed []policy.Limits
	obeys   func(n int) error
}

func (n *nasLog) ChangeOfAuthorization(_ context.Context, s hotspotdb.Segment, limits policy.Limits) error {
	n.renewed = append(n.renewed, limits)
	if n.obeys == nil {
		return nil
	}
	return n.obeys(len(n.renewed))
}

func (n *nasLog) Disconnect(_ context.Context, s hotspotdb.Segment) error {
	n.told = append(n.told, s.NAS+"/"+s.AcctSessionID)
	if n.answer == nil {
		return nil
	}
	return n.answer(len(n.told))
}

// settleNAS lets the box act on the answers of NAS, one after another.
func (b *box) settleNAS() {
	for {
		b.acct.mu.Lock()
		asking := b.acct.asking
		b.acct.mu.Unlock()
		if asking == 0 {
			return
		}
		b.acct.answered(context.Background(), <-b.acct.results)
	}
}

// at is a report of a session of account 7 with counters in Gigawords.
func at(status Status, session string, seconds uint32, input, output uint64) Request {
	return Request{
		Status: status, NAS: "ap1", SessionID: session, Username: "alice", Account: 7, MAC: "02-00-00-00-00-01",
		Input: wide(input), Output: wide(output), SessionTime: seconds, HasSessionTime: status != Start,
	}
}

func wide(n uint64) Octets {
	return Octets{Low: uint32(n), High: uint32(n >> 32), Known: true, Wide: true}
}

func narrow(n uint64) Octets { return Octets{Low: uint32(n), Known: true} }

func newTestBox(t *testing.T) *box {
	b := newBox(t, newTimes())
	t.Cleanup(func() { b.close() })
	return b
}
