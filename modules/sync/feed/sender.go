package feed

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"mbox/hotspotdb"
	"mbox/modules/sync/auth"
	"mbox/proto/syncpb"
)

const (
	// digestIdle is how long a feed rests at the head before its digests are stated; under steady load they are stated
	// every digestBusy, without changes every digestQuiet (in-sync wants proof within five minutes).
	digestIdle  = 500 * time.Millisecond
	digestBusy  = 10 * time.Second
	digestQuiet = time.Minute

	// maxRequests bounds what a peer can ask for before it has read the answers.
	maxRequests = 256
	maxQueued   = 4 << 20 // bytes
)

var errTooManyRequests = errors.New("the peer asks faster than it reads")

// frames is where a sender or receiver writes to the peer.
type frames interface {
	Send(*syncpb.Frame) error
}

// sender is one direction of a link: it sends the datasets that the peer subscribed to, from the store.
type sender struct {
	db     *hotspotdb.DB
	conn   frames
	cache  *Cache
	remote hotspotdb.DatabaseID
	grant  map[hotspotdb.Dataset]bool
	up     bool // to our primary: only what did not come from above

	returning map[hotspotdb.Dataset]bool // the primary has lost these and takes them back
	upwards   map[hotspotdb.Dataset]bool // we send these to the primary anyhow
	proves    map[hotspotdb.Dataset]bool // the primary compares digests of these, which flow only up
	reseeding bool                       // we start anew with this peer: what it missed of ours does not matter
	halt      *halt
	stale     func() // the peer was away for too long

	requests chan any
	queued   atomic.Int64                  // bytes of requests
	streams  map[hotspotdb.Dataset]*stream // owned by run

	prompt    func() bool // a writer waits for this peer; nil: never
	ahead     bool        // of the steps of the others
	fresh     bool        // changes were sent since the last digests
	lastSent  time.Time
	stated    time.Time // the last digests
	statedAll time.Time // the last digests of all datasets

	window window

	mu    sync.Mutex // guards state
	state map[hotspotdb.Dataset]*Outgoing
}

// stream is the sending side of one dataset.
type stream struct {
	dataset   hotspotdb.Dataset
	pos       uint64               // everything up to here was sent or skipped
	told      uint64               // the position that the peer knows
	announced uint64               // the head that the peer knows
	equal     []bool               // buckets that need no sending, up to equalUpto
	bucketOf  func(key []byte) int // as when equal was found
	equalUpto uint64
	resumed   bool // the peer goes on where it stood: it must get each deletion since
	fresh     bool // changes were sent since its digest was stated
}

// Outgoing is what is known of one dataset that we send.
type Outgoing struct {
	Start        uint64 // where this connection began
	Sent         uint64
	Stored       uint64 // durable at the peer
	Head         uint64
	AtHead       time.Time // when the peer last held everything
	Verified     time.Time
	LocalChanges uint64
	Lost         uint64 // records that we lack, which the peer had from our like
	Unexplained  uint64
	Changes      uint64    // sent on this connection
	Oldest       time.Time // when the oldest batch was sent that is not durable at the peer; zero if there is none
	Stale        bool      // the peer was away for longer than we keep deletions: nothing flows
	Provable     bool      // the peer compares digests
	Returning    bool      // the peer takes back what it has lost
}

func newSender(db *hotspotdb.DB, conn frames, cache *Cache, remote hotspotdb.DatabaseID) *sender {
	return &sender{
		db: db, conn: conn, cache: cache, remote: remote, grant: map[hotspotdb.Dataset]bool{}, halt: &halt{},
		returning: map[hotspotdb.Dataset]bool{}, upwards: map[hotspotdb.Dataset]bool{}, proves: map[hotspotdb.Dataset]bool{},
		requests: make(chan any, maxRequests), streams: map[hotspotdb.Dataset]*stream{},
		state: map[hotspotdb.Dataset]*Outgoing{}, window: window{moved: make(chan struct{}, 1)},
	}
}

// request hands a frame of the peer to the sending goroutine. It never blocks: reading must go on while we write.
func (s *sender) request(r any) error {
	if s.queued.Add(requestSize(r)) > maxQueued {
		return errTooManyRequests
	}
	select {
	case s.requests <- r:
		return nil
	default:
		return errTooManyRequests
	}
}

// requestSize is about what a waiting request holds, in bytes.
func requestSize(r any) int64 {
	if m, ok := r.(proto.Message); ok {
		return int64(proto.Size(m))
	}
	return 0
}

// run sends until ctx ends or the connection fails.
func (s *sender) run(ctx context.Context) error {
	defer s.cache.pulse.join(s.db)()
	tick := time.NewTicker(digestIdle)
	defer tick.Stop()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		durable, moved := s.readable()
		busy, err := s.step(ctx, durable)
		if err != nil {
			return err
		}
		if busy {
			continue
		}
		select {
		case <-ctx.Done():
		case r := <-s.requests:
			err = s.answer(ctx, r)
		case <-moved:
		case <-s.window.moved:
		case <-tick.C:
			err = s.maybeState(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// readable is up to where this feed may read now, and a channel that is closed when that grows. A peer that a writer waits for
// does not move in step with many others.
func (s *sender) readable() (seq uint64, moved <-chan struct{}) {
	seq, moved, steps := s.cache.pulse.next(s.db)
	if s.ahead = steps && s.prompt != nil && s.prompt(); s.ahead {
		moved = s.db.Moved() // before the watermark, so that no move is missed
		seq = s.db.Durable()
	}
	return seq, moved
}

// step answers what was asked and sends at most one batch of each dataset; profiles first, until there are no more.
func (s *sender) step(ctx context.Context, durable uint64) (busy bool, err error) {
	select {
	case r := <-s.requests:
		return true, s.answer(ctx, r)
	default:
	}
	if s.window.full() || s.halt.Load() {
		return false, nil
	}
	for _, ds := range hotspotdb.Datasets() {
		st := s.streams[ds]
		if st == nil || s.db.Head(ds) <= st.pos || durable <= st.pos {
			continue
		}
		sent, err := s.sendNext(st, durable)
		if err != nil {
			return false, err
		}
		busy = busy || sent
		if sent && ds == hotspotdb.Profiles {
			return true, nil
		}
	}
	if !busy && s.fresh && time.Since(s.stated) > digestBusy {
		return false, s.stateDigests(ctx)
	}
	return busy, nil
}

// sendNext sends the next batch of a dataset.
func (s *sender) sendNext(st *stream, upto uint64) (sent bool, err error) {
	var view *hotspotdb.View
	b, err := s.next(st, upto, math.MaxUint64, func() *hotspotdb.View {
		if view == nil {
			view = s.db.View()
		}
		return view
	})
	if view != nil {
		defer view.Close()
	}
	if err != nil {
		return false, err
	}
	sent = b.last > st.pos
	return sent, s.sendBatch(st, b)
}

// next is the next batch of a dataset: from the cache, if another peer stood at the same position and its batch does not
// reach beyond most; otherwise it is read up to upto.
func (s *sender) next(st *stream, upto, most uint64, view func() *hotspotdb.View) (b *batch, err error) {
	if s.cacheable(st) {
		b = s.cache.get(cacheKey{st.dataset, st.pos})
	}
	if b == nil || b.last > most || b.seen < s.db.Floor(st.dataset) { // deletions of what it holds may not follow any more
		if b, err = s.build(view(), st, upto); err != nil {
			return nil, err
		}
	}
	if _, own := b.sources[s.remote]; own {
		return s.collect(view(), st, upto, s.wanted(st))
	}
	return b, nil
}

// cacheable says whether batches are shared with other peers: not if they are filtered for this one, or shorter than theirs.
func (s *sender) cacheable(st *stream) bool { return !s.up && st.equal == nil && !s.ahead }

// build reads the next batch, shared with other peers where nothing needs to be filtered for this one.
func (s *sender) build(view *hotspotdb.View, st *stream, upto uint64) (*batch, error) {
	if !s.cacheable(st) {
		return s.collect(view, st, upto, s.wanted(st))
	}
	b, err := s.collect(view, st, upto, nil)
	if err == nil && b.count > 0 {
		s.cache.put(cacheKey{st.dataset, st.pos}, b)
	}
	return b, err
}

// wanted says which entries this peer gets: not its own changes back, upwards nothing that came from above, and nothing
// in buckets that are known to be equal.
func (s *sender) wanted(st *stream) func(hotspotdb.Entry) (bool, error) {
	return func(e hotspotdb.Entry) (bool, error) {
		flows, err := s.flows(st.dataset, e)
		if err != nil || !flows {
			return false, err
		}
		if st.equal == nil || e.Seq > st.equalUpto {
			return true, nil
		}
		change, err := e.Decode()
		if err != nil {
			return false, err
		}
		// Sums are over live records: two boxes with equal sums may still know of different deletions, and one that is
		// not told would let an older version from a third box come back.
		return change.Deleted || !st.equal[st.bucketOf(change.Key)], nil
	}
}

func (s *sender) flows(ds hotspotdb.Dataset, e hotspotdb.Entry) (bool, error) {
	switch {
	case s.returning[ds]:
		return s.returns(ds, e)
	case e.Source.Database == s.remote && e.Source.Kind != hotspotdb.Local:
		return false, nil
	}
	return !s.up || e.Source.Kind != hotspotdb.Above, nil
}

// returns says what a primary that has lost its data gets back: whatever was not made here, since that came from it or its
// like; and what was made here only if we would send that anyhow.
func (s *sender) returns(ds hotspotdb.Dataset, e hotspotdb.Entry) (bool, error) {
	if s.upwards[ds] {
		return true, nil
	}
	origin, err := originOf(e)
	return origin != s.db.ID(), err
}

func (s *sender) collect(view *hotspotdb.View, st *stream, upto uint64, wanted func(hotspotdb.Entry) (bool, error)) (*batch, error) {
	b := &batch{last: upto, seen: view.Seq, sources: map[hotspotdb.DatabaseID]struct{}{}}
	p := s.cache.codec.packer()
	defer s.cache.codec.done(p)
	err := view.Scan(st.dataset, st.pos, upto, func(e hotspotdb.Entry) (bool, error) {
		if wanted != nil {
			if ok, err := wanted(e); err != nil || !ok {
				return err == nil, err
			}
		}
		p.add(e.Change, e.Seq)
		if e.Source.Kind != hotspotdb.Local {
			b.sources[e.Source.Database] = struct{}{}
		}
		if p.full() {
			b.last = e.Seq
			return false, nil
		}
		return true, nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the feed of %s: %w", st.dataset, err)
	}
	b.count, b.packed = p.count, s.cache.codec.pack(p)
	return b, nil
}

// sendBatch sends b, or only remembers the progress if nothing in it is for this peer and the peer need not know yet.
func (s *sender) sendBatch(st *stream, b *batch) error {
	if st.resumed && st.pos < s.db.Floor(st.dataset) {
		return auth.Refuse(auth.CodeChanged, "deletions that were not sent yet are forgotten")
	}
	st.pos = b.last
	if st.equal != nil && st.pos >= st.equalUpto {
		st.equal = nil
	}
	if b.count == 0 && st.announced <= st.told {
		s.note(st)
		return nil
	}
	if b.count > 0 {
		s.fresh, st.fresh, s.lastSent = true, true, time.Now()
		s.mu.Lock()
		s.outgoing(st.dataset).Changes += uint64(b.count)
		s.mu.Unlock()
	}
	return s.tell(st, b.packed)
}

func (s *sender) tell(st *stream, p packed) error {
	st.told, st.announced = st.pos, max(s.db.Head(st.dataset), st.pos)
	s.note(st)
	s.window.add(st.dataset, st.pos, len(p.data))
	return s.conn.Send(frameOf(&syncpb.Batch{
		Dataset: st.dataset.String(), Incarnation: history(s.db.History()).at(st.pos), Last: st.pos, Head: st.announced,
		Changes: p.data, Size: p.size,
	}))
}

// note keeps the progress for the status. What was skipped because it is not for this peer does not count as behind.
func (s *sender) note(st *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.outgoing(st.dataset)
	head := st.told
	if unsent := s.db.Head(st.dataset); unsent > st.pos {
		head = unsent
	}
	out.advance(st.told, head, time.Now())
}

// advance notes what was sent and what there is to send. A peer that held everything until now was at the head until now,
// however long ago it said so.
func (o *Outgoing) advance(sent, head uint64, now time.Time) {
	if o.Stored >= o.Head {
		o.AtHead = now
	}
	o.Sent, o.Head = sent, head
}

// outgoing is called with s.mu held.
func (s *sender) outgoing(ds hotspotdb.Dataset) *Outgoing {
	out := s.state[ds]
	if out == nil {
		out = &Outgoing{}
		s.state[ds] = out
	}
	return out
}

// progress tells the peer positions that it does not know yet, because nothing since was for it.
func (s *sender) progress() error {
	for _, st := range s.streams {
		if st.told < st.pos {
			if err := s.tell(st, packed{}); err != nil {
				return err
			}
		}
	}
	return nil
}
