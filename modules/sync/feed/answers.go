package feed

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"mbox/hotspotdb"
	"mbox/proto/syncpb"
)

// beat asks the sending goroutine for a heartbeat.
type beat struct{}

// answer serves one request of the peer, in the order of the stream.
func (s *sender) answer(ctx context.Context, request any) error {
	s.queued.Add(-requestSize(request))
	if _, asks := request.(*syncpb.Subscribe); !asks && s.halt.Load() {
		if _, own := request.(beat); own {
			return s.conn.Send(frameOf(&syncpb.Heartbeat{ClockUs: uint64(time.Now().UnixMicro())}))
		}
		return nil
	}
	switch r := request.(type) {
	case *syncpb.Subscribe:
		return s.subscribe(r)
	case *syncpb.BucketsQuery:
		return s.sendBuckets(ctx, r)
	case *syncpb.Compare:
		return s.compare(ctx, r)
	case beat:
		return s.heartbeat()
	}
	return fmt.Errorf("no answer to %T", request)
}

// subscribe begins what the peer asked for, unless some of it cannot be continued: then none of it flows.
func (s *sender) subscribe(r *syncpb.Subscribe) error {
	type asked struct {
		ds   hotspotdb.Dataset
		p    *syncpb.Position
		from standing
	}
	var list []asked
	stale := false
	for _, p := range r.Positions {
		ds, err := hotspotdb.ParseDataset(p.Dataset)
		if err != nil || !s.grant[ds] {
			continue // the peer may know more datasets than we, or ask for more than it was granted
		}
		from := s.stands(ds, p)
		list = append(list, asked{ds, p, from})
		stale = stale || from.stale
	}
	if stale {
		s.halt.Store(true)
		if s.stale != nil {
			s.stale()
		}
	}
	for _, a := range list {
		var err error
		switch {
		case a.from.stale:
			err = s.refuseStale(a.ds, a.from)
		case !s.halt.Load():
			err = s.begin(a.ds, a.p, a.from)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// standing is where a peer goes on reading.
type standing struct {
	hotspotdb.Position
	lost  bool // part of what it had read was forgotten here
	stale bool // deletions that it has not read were forgotten here
}

// stands finds the position of a peer in our history.
func (s *sender) stands(ds hotspotdb.Dataset, p *syncpb.Position) standing {
	db := s.db.ID()
	pos := hotspotdb.Position{Incarnation: p.Incarnation, Seq: p.Seq}
	if string(p.Database) != string(db[:]) {
		pos = hotspotdb.Position{}
	}
	asked := pos
	if pos.Seq > s.db.Durable() {
		pos = hotspotdb.Position{} // nobody can have received what is not durable here
	}
	from, lost := rewind(pos, nil, s.db.History())
	return standing{from, lost, !p.Reseed && !s.reseeding && s.staleAt(ds, asked, from)}
}

// refuseStale tells a peer that it has been away for too long.
func (s *sender) refuseStale(ds hotspotdb.Dataset, from standing) error {
	s.mu.Lock()
	out := s.outgoing(ds)
	out.Stale, out.Start, out.Stored = true, from.Seq, from.Seq
	s.mu.Unlock()
	return s.conn.Send(frameOf(&syncpb.FeedStart{Dataset: ds.String(), Incarnation: from.Incarnation, Seq: from.Seq, Head: s.db.Head(ds), Stale: true}))
}

// begin starts the feed of a dataset where the peer stands.
func (s *sender) begin(ds hotspotdb.Dataset, p *syncpb.Position, from standing) error {
	st := &stream{dataset: ds}
	start := &syncpb.FeedStart{Dataset: ds.String()}
	st.pos, st.told = from.Seq, from.Seq
	st.resumed = from.Seq > 0 && !p.Reseed && !s.reseeding
	start.Incarnation, start.Seq, start.Rewound = from.Incarnation, from.Seq, from.lost && from.Position != (hotspotdb.Position{})
	if st.pos == 0 && len(p.Sums) > 0 {
		if err := s.skipEqual(st, p); err != nil {
			return err
		}
		start.Partial = st.equal != nil
	}
	st.announced = max(s.db.Head(ds), st.pos)
	start.Head = st.announced
	s.streams[ds] = st
	s.fresh, st.fresh = true, true
	s.note(st)
	s.mu.Lock()
	out := s.outgoing(ds)
	out.Start, out.Stored, out.Returning = st.pos, st.pos, s.returning[ds]
	if out.Stored < out.Head {
		out.AtHead = time.Time{} // this peer has not been there yet
	}
	s.mu.Unlock()
	return s.conn.Send(frameOf(start))
}

// skipEqual finds the buckets in which the peer holds the same already.
func (s *sender) skipEqual(st *stream, p *syncpb.Position) error {
	sums, err := parseSums(p.Sums)
	if err != nil {
		return err
	}
	view := s.db.View(hotspotdb.WithSums(st.dataset))
	defer view.Close()
	ours, err := view.Sums(st.dataset)
	if err != nil {
		return err
	}
	if !bytes.Equal(p.DigestKey, view.DigestKeyID()) {
		return nil
	}
	st.equal, st.bucketOf = make([]bool, hotspotdb.Buckets), view.BucketOf()
	for i := range ours {
		st.equal[i] = ours[i] == sums[i]
	}
	st.equalUpto = view.Seq
	return nil
}

// settle sends everything up to view, so that what is said next holds exactly there.
func (s *sender) settle(ctx context.Context, view *hotspotdb.View, datasets ...hotspotdb.Dataset) error {
	for s.db.Durable() < view.Seq {
		if _, err := s.db.Wait(ctx, s.db.Durable()); err != nil {
			return err
		}
	}
	for _, ds := range datasets {
		st := s.streams[ds]
		for st.pos < view.Seq {
			b, err := s.next(st, view.Seq, view.Seq, func() *hotspotdb.View { return view })
			if err != nil {
				return err
			}
			if err := s.sendBatch(st, b); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *sender) maybeState(ctx context.Context) error {
	now := time.Now()
	if s.window.full() || s.behind() {
		return nil // the bulk is still on its way
	}
	due := s.fresh && now.Sub(s.lastSent) >= digestIdle || now.Sub(s.statedAll) >= digestQuiet
	if !due {
		return nil
	}
	return s.stateDigests(ctx)
}

// behind says whether there is something to send.
func (s *sender) behind() bool {
	durable := s.db.Durable()
	for ds, st := range s.streams {
		if min(durable, s.db.Head(ds)) > st.pos {
			return true
		}
	}
	return false
}

// stateDigests tells the peer what the datasets sum up to: those of which something was sent, and all of them once in a while.
func (s *sender) stateDigests(ctx context.Context) error {
	now := time.Now()
	all := now.Sub(s.statedAll) >= digestQuiet
	s.fresh, s.stated = false, now
	if all {
		s.statedAll = now
	}
	for ds, st := range s.streams {
		if s.up && !s.proves[ds] || !all && !st.fresh {
			continue
		}
		st.fresh = false
		if err := s.sendDigest(ctx, ds); err != nil {
			return err
		}
	}
	return nil
}

func (s *sender) sendDigest(ctx context.Context, ds hotspotdb.Dataset) error {
	view := s.db.View(s.options(ds)...)
	defer view.Close()
	if err := s.settle(ctx, view, ds); err != nil {
		return err
	}
	total, err := s.total(view, ds)
	if err != nil {
		return err
	}
	return s.conn.Send(frameOf(&syncpb.Digest{
		Dataset: ds.String(), Seq: view.Seq, Total: total[:], DigestKey: view.DigestKeyID(), Upwards: s.up,
	}))
}

func (s *sender) sendBuckets(ctx context.Context, r *syncpb.BucketsQuery) error {
	ds, err := hotspotdb.ParseDataset(r.Dataset)
	if err != nil || s.streams[ds] == nil {
		return nil
	}
	if r.Total {
		return s.sendDigest(ctx, ds)
	}
	view := s.db.View(hotspotdb.WithSums(ds))
	defer view.Close()
	sums, err := s.sums(view, ds)
	if err != nil {
		return err
	}
	if err := s.settle(ctx, view, ds); err != nil {
		return err
	}
	return s.conn.Send(frameOf(&syncpb.Buckets{Dataset: ds.String(), Seq: view.Seq, Sums: packSums(sums), DigestKey: view.DigestKeyID()}))
}

// compare re-sends what the peer does not hold of one bucket and names what only the peer holds.
func (s *sender) compare(ctx context.Context, r *syncpb.Compare) error {
	ds, err := hotspotdb.ParseDataset(r.Dataset)
	if err != nil || s.streams[ds] == nil || r.Bucket >= hotspotdb.Buckets || len(r.Have) > maxHave {
		return nil
	}
	view := s.db.View()
	defer view.Close()
	if err := s.settle(ctx, view, ds); err != nil {
		return err
	}
	missing := make(map[uint64]bool, len(r.Have))
	for _, h := range r.Have {
		missing[h] = true
	}
	p := s.cache.codec.packer()
	defer s.cache.codec.done(p)
	err = view.Bucket(ds, int(r.Bucket), func(e hotspotdb.Entry) (bool, error) {
		if s.up && !s.fromBelow(e.Source) {
			return true, nil
		}
		digest, err := view.Digest(e)
		if err != nil {
			return false, err
		}
		short := shortDigest(digest)
		if missing[short] {
			delete(missing, short)
			return true, nil
		}
		if !p.full() { // what does not fit is found by the next comparison
			p.add(e.Change, e.Seq)
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	answer := &syncpb.Compared{Dataset: r.Dataset, Bucket: r.Bucket, Seq: view.Seq}
	if s.up {
		clear(missing) // a primary holds more than we send
	}
	for h := range missing {
		answer.Extra = append(answer.Extra, h)
	}
	all := s.cache.codec.pack(p)
	answer.Changes, answer.Size = all.data, all.size
	return s.conn.Send(frameOf(answer))
}

func (s *sender) heartbeat() error {
	if err := s.progress(); err != nil {
		return err
	}
	hb := &syncpb.Heartbeat{ClockUs: uint64(time.Now().UnixMicro())}
	for ds, st := range s.streams {
		st.announced = max(s.db.Head(ds), st.pos)
		hb.Heads = append(hb.Heads, &syncpb.Head{Dataset: ds.String(), Seq: st.announced})
	}
	return s.conn.Send(frameOf(hb))
}

// stored takes the peer's acknowledgement.
func (s *sender) stored(ds hotspotdb.Dataset, seq uint64) {
	s.window.stored(ds, seq)
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.outgoing(ds)
	out.Stored = min(seq, out.Head)
	if out.Stored >= out.Sent {
		out.AtHead = time.Now()
	}
}

// heldUpTo is what the peer held of ours when the connection began.
func (s *sender) heldUpTo(ds hotspotdb.Dataset) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if out := s.state[ds]; out != nil {
		return out.Start
	}
	return 0
}

// verified takes what the peer found when it compared digests.
func (s *sender) verified(ds hotspotdb.Dataset, v *syncpb.Verified) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.outgoing(ds)
	out.Lost = min(v.Lost, v.LocalChanges)
	out.LocalChanges, out.Unexplained = v.LocalChanges-out.Lost, v.Unexplained
	if v.Unexplained == 0 {
		out.Verified = time.Now()
	}
}

// snapshot copies what is known of all datasets.
func (s *sender) snapshot() map[hotspotdb.Dataset]Outgoing {
	oldest := s.window.oldest()
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[hotspotdb.Dataset]Outgoing, len(s.state))
	for ds, o := range s.state {
		state := *o
		state.Oldest, state.Provable = oldest[ds], !s.up || s.proves[ds]
		out[ds] = state
	}
	return out
}

func packSums(sums []hotspotdb.Sum) []byte {
	out := make([]byte, 0, len(sums)*len(hotspotdb.Sum{}))
	for i := range sums {
		out = append(out, sums[i][:]...)
	}
	return out
}

func parseSums(raw []byte) ([]hotspotdb.Sum, error) {
	const width = len(hotspotdb.Sum{})
	if len(raw) != hotspotdb.Buckets*width {
		return nil, fmt.Errorf("bucket sums of %d bytes; %d are needed", len(raw), hotspotdb.Buckets*width)
	}
	sums := make([]hotspotdb.Sum, hotspotdb.Buckets)
	for i := range sums {
		sums[i] = hotspotdb.Sum(raw[i*width:])
	}
	return sums, nil
}

// shortDigest names a record version within one bucket.
func shortDigest(sum hotspotdb.Sum) uint64 { return binary.LittleEndian.Uint64(sum[:8]) }
