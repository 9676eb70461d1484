package feed

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"mbox/hotspotdb"
	"mbox/proto/syncpb"
)

// acknowledgeEvery bounds how late a peer learns of positions that were stored without a change.
const acknowledgeEvery = time.Second

// Memory keeps what a box knows of another's history, durably.
type Memory interface {
	Get(key string) ([]byte, bool, error)
	Put(key string, value []byte) error
	Delete(key string) error
}

// receiver is the other direction of a link: it stores what the peer sends and proves that it is complete.
type receiver struct {
	db     *hotspotdb.DB
	conn   frames // never blocks: the receiver must go on reading while the peer does not
	direct frames // for acknowledgements, which have a goroutine of their own
	codec  *codec
	memory Memory
	log    *slog.Logger
	remote hotspotdb.DatabaseID
	name   string // of the peer, for messages
	kind   hotspotdb.SourceKind
	halt   *halt

	recover  map[hotspotdb.Dataset]bool        // lost here, and asked back
	accept   map[hotspotdb.Dataset]bool        // taken from the peer anyhow
	heldUpTo func(ds hotspotdb.Dataset) uint64 // what the peer has stored of ours
	done     func()                            // all that was asked back has arrived
	stale    func()                            // we have been away for too long

	turn     sync.Mutex   // held while a frame is handled
	waiting  atomic.Int64 // frames in incoming, or taken from there and not handled yet
	incoming chan any
	room     func() error // may more be stored; nil: always
	aside    seldom       // changes that were set aside; used by run only
	clashes  seldom

	mu       sync.Mutex // guards what follows
	state    map[hotspotdb.Dataset]*Incoming
	clockOff time.Duration // the peer's clock minus ours
}

// Incoming is what is known of one dataset that we receive.
type Incoming struct {
	Begun        bool   // the peer has begun to send it
	Start        uint64 // where this connection began
	Position     uint64 // stored here
	Head         uint64 // at the peer
	AtHead       time.Time
	Verified     time.Time
	LocalChanges uint64 // records that differ because we changed them
	Lost         uint64 // records that the peer lacks although they came from above: it was wiped or replaced
	Unexplained  uint64 // records that differ and should not
	Rehomed      uint64 // changes that the peer has forgotten, kept here
	Changes      uint64 // received on this connection
	Repaired     uint64 // records that had gone missing here, and were fetched again
	Stale        bool   // away for longer than the peer keeps deletions: nothing flows
	Reseeding    bool   // being fetched anew after that
	Dropped      uint64 // records dropped in that, which the peer had deleted
	Recovering   bool   // taking back what we have lost
	Provable     bool   // digests are compared

	stream  bool   // FeedStart was seen
	until   uint64 // the peer's head when the feed began
	applied uint64 // our sequence after what was stored last
	first   bool   // the bulk of a first sync or catch-up is still coming
	proof   proof
}

func newReceiver(db *hotspotdb.DB, conn, direct frames, c *codec, memory Memory, remote hotspotdb.DatabaseID, name string,
	kind hotspotdb.SourceKind, log *slog.Logger) *receiver {
	return &receiver{
		db: db, conn: conn, direct: direct, codec: c, memory: memory, log: log, remote: remote, name: name, kind: kind,
		halt: &halt{}, recover: map[hotspotdb.Dataset]bool{}, accept: map[hotspotdb.Dataset]bool{},
		incoming: make(chan any, 4), state: map[hotspotdb.Dataset]*Incoming{},
	}
}

// subscribe asks for datasets from where we stand. If the peer has forgotten what it sent us once, because it was restored
// from a backup or lost an unsynced tail, those changes become ours.
func (r *receiver) subscribe(ctx context.Context, current history, datasets ...hotspotdb.Dataset) error {
	ask := &syncpb.Subscribe{}
	for _, ds := range datasets {
		old, err := r.recall(ds)
		if err != nil {
			return err
		}
		p, err := r.standing(ctx, ds, old, current)
		if err != nil {
			return err
		}
		if err := r.remember(ds, current); err != nil {
			return err
		}
		ask.Positions = append(ask.Positions, p)
	}
	return r.conn.Send(frameOf(ask))
}

// The peer's history is kept for each dataset: a dataset that is left out for a while still stands in the old one.
func (r *receiver) historyKey(ds hotspotdb.Dataset) string {
	return fmt.Sprintf("history/%s/%s", r.remote, ds)
}

func (r *receiver) recall(ds hotspotdb.Dataset) (history, error) {
	raw, ok, err := r.memory.Get(r.historyKey(ds))
	if err == nil && ok {
		var old history
		if old, err = unmarshalHistory(raw); err == nil {
			return old, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read what is known of the history of %s: %w", r.name, err)
	}
	return nil, nil
}

func (r *receiver) remember(ds hotspotdb.Dataset, current history) error {
	if err := r.memory.Put(r.historyKey(ds), current.marshal()); err != nil {
		return fmt.Errorf("remember the history of %s: %w", r.name, err)
	}
	return nil
}

func (r *receiver) standing(ctx context.Context, ds hotspotdb.Dataset, old, current history) (*syncpb.Position, error) {
	pos := r.db.Position(r.remote, ds)
	from, lost := rewind(pos, old, current)
	if lost {
		if err := r.rehome(ctx, ds, from); err != nil {
			return nil, err
		}
	}
	reseed, err := r.marked(ds)
	if err != nil {
		return nil, err
	}
	reseed = reseed && r.kind == hotspotdb.Above // from below nothing is fetched anew
	if reseed || r.recover[ds] {
		from = hotspotdb.Position{}
	}
	p := &syncpb.Position{Dataset: ds.String(), Database: r.remote[:], Incarnation: from.Incarnation, Seq: from.Seq, Reseed: reseed}
	if from.Seq == 0 && r.db.Counts(ds).Live > 0 {
		sums, key, err := r.sums(ds)
		if err != nil {
			return nil, err
		}
		p.Sums, p.DigestKey = packSums(sums), key
	}
	r.with(ds, func(in *Incoming) {
		in.stream, in.first, in.Start, in.Position = false, true, from.Seq, from.Seq
		in.Reseeding, in.Recovering = reseed, r.recover[ds]
	})
	return p, nil
}

func (r *receiver) sums(ds hotspotdb.Dataset) (sums []hotspotdb.Sum, digestKey []byte, err error) {
	view := r.db.View(hotspotdb.WithSums(ds))
	defer view.Close()
	sums, err = view.Sums(ds)
	return sums, view.DigestKeyID(), err
}

func (r *receiver) rehome(ctx context.Context, ds hotspotdb.Dataset, after hotspotdb.Position) error {
	n, err := r.db.Rehome(ctx, r.remote, ds, after)
	if err != nil {
		return fmt.Errorf("keep the changes of %s that %s has forgotten: %w", ds, r.name, err)
	}
	r.with(ds, func(in *Incoming) { in.Rehomed += uint64(n) })
	if n > 0 {
		r.log.Warn("sync: the peer has forgotten changes that it sent before (restored from a backup?); they are kept here",
			"peer", r.name, "dataset", ds, "changes", n)
	}
	return nil
}

// run stores what the connection's reader hands over until ctx ends.
func (r *receiver) run(ctx context.Context) error {
	tick := time.NewTicker(proofEvery)
	defer tick.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case frame := <-r.incoming:
			r.turn.Lock()
			err = r.handle(ctx, frame)
			r.turn.Unlock()
			r.waiting.Add(-1)
		case <-tick.C:
			r.turn.Lock()
			err = r.askAgain()
			r.turn.Unlock()
		}
		if err != nil {
			return err
		}
	}
}

// soon is the size of a batch, in bytes, that is stored in less time than another goroutine needs to wake up.
const soon = 16 << 10

// take handles what the reader of the connection has read. A small frame is handled at once if none waits; others are left
// to run, so that the next can be read meanwhile.
func (r *receiver) take(ctx context.Context, frame any) error {
	if b, ok := frame.(*syncpb.Batch); ok && b.Size <= soon && r.waiting.Load() == 0 && r.turn.TryLock() {
		defer r.turn.Unlock()
		return r.handle(ctx, frame)
	}
	r.waiting.Add(1)
	select {
	case r.incoming <- frame:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *receiver) handle(ctx context.Context, frame any) error {
	switch f := frame.(type) {
	case *syncpb.FeedStart:
		return r.started(ctx, f)
	}
	if r.halt.Load() {
		return nil
	}
	switch f := frame.(type) {
	case *syncpb.Batch:
		return r.store(ctx, f)
	case *syncpb.Digest:
		return r.digest(f)
	case *syncpb.Buckets:
		return r.buckets(f)
	case *syncpb.Compared:
		return r.compared(ctx, f)
	}
	return fmt.Errorf("no use for %T", frame)
}

// known finds the state of a dataset that we subscribed to; the peer may not send others.
func (r *receiver) known(name string) (hotspotdb.Dataset, error) {
	ds, err := hotspotdb.ParseDataset(name)
	if err != nil {
		return 0, fmt.Errorf("the peer sends %.32q, which was not asked for", name)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state[ds] == nil {
		return 0, fmt.Errorf("the peer sends %s, which was not asked for", ds)
	}
	return ds, nil
}

func (r *receiver) started(ctx context.Context, f *syncpb.FeedStart) error {
	ds, err := r.known(f.Dataset)
	if err != nil {
		return err
	}
	if r.begun(ds) {
		return fmt.Errorf("the peer began %s twice", ds)
	}
	if f.Stale {
		r.halt.Store(true)
		r.with(ds, func(in *Incoming) { in.Stale, in.Head, in.Position = true, f.Head, f.Seq })
		if r.stale != nil {
			r.stale()
		}
		return nil
	}
	if f.Rewound {
		if err := r.rehome(ctx, ds, hotspotdb.Position{Incarnation: f.Incarnation, Seq: f.Seq}); err != nil {
			return err
		}
	}
	r.with(ds, func(in *Incoming) {
		in.stream, in.Start, in.Position, in.Head = true, f.Seq, f.Seq, f.Head
		in.until = f.Head
		in.arrived()
	})
	return r.maybeRecovered(ctx, ds)
}

func (r *receiver) begun(ds hotspotdb.Dataset) (begun bool) {
	r.with(ds, func(in *Incoming) { begun = in.stream })
	return begun
}

func (r *receiver) store(ctx context.Context, f *syncpb.Batch) error {
	ds, err := r.known(f.Dataset)
	if err != nil {
		return err
	}
	if !r.begun(ds) {
		return fmt.Errorf("the peer sent a batch of %s before it began", ds)
	}
	changes, seqs, err := r.codec.unpack(f.Changes, f.Size)
	if err != nil {
		return err
	}
	result, err := r.apply(ctx, hotspotdb.Batch{
		Dataset: ds, Changes: changes, Seqs: seqs,
		Position: hotspotdb.Position{Incarnation: f.Incarnation, Seq: f.Last},
	})
	if err != nil {
		return err
	}
	r.with(ds, func(in *Incoming) {
		in.arrived() // until now it held everything that it knew of
		in.Position, in.Head = f.Last, max(f.Head, f.Last)
		in.applied = max(in.applied, result.Seq)
		in.Changes += uint64(len(changes))
		in.arrived()
	})
	return r.maybeRecovered(ctx, ds)
}

func (r *receiver) apply(ctx context.Context, b hotspotdb.Batch) (hotspotdb.Result, error) {
	b.From, b.Kind = r.remote, r.kind
	if r.room != nil && len(b.Changes) > 0 {
		if err := r.room(); err != nil {
			return hotspotdb.Result{}, err
		}
	}
	result, err := r.db.Apply(ctx, b)
	if err != nil {
		return result, fmt.Errorf("store changes of %s from %s: %w", b.Dataset, r.name, err)
	}
	if n, ok := r.aside.due(time.Now(), result.SetAside); ok {
		r.log.Warn("sync: changes are set aside until our clock reaches their stamps; check the clocks of both boxes",
			"peer", r.name, "dataset", b.Dataset, "changes", n)
	}
	if n, ok := r.clashes.due(time.Now(), result.Conflicts); ok {
		r.log.Warn("sync: records were changed on two boxes at once; the losing versions are in the conflict list",
			"peer", r.name, "dataset", b.Dataset, "records", n)
	}
	return result, nil
}

// arrived notes when the end of the feed is reached.
func (in *Incoming) arrived() {
	if in.stream && in.Position >= in.Head {
		in.AtHead, in.first = time.Now(), false
	}
}

// acknowledge tells the peer what is durable here, each time that it grows.
func (r *receiver) acknowledge(ctx context.Context) error {
	tick := time.NewTicker(acknowledgeEvery) // positions without changes do not move the watermark
	defer tick.Stop()
	told := map[hotspotdb.Dataset]hotspotdb.Position{}
	aside := -1
	for {
		moved, datasets := r.db.Moved(), r.datasets()
		if len(datasets) == 0 {
			moved = nil // a thousand followers that send nothing need not wake us for each change
		}
		stored := &syncpb.Stored{ClockUs: uint64(time.Now().UnixMicro()), SetAside: uint64(r.db.SetAsideCount())}
		for _, ds := range datasets {
			if !r.begun(ds) {
				continue // the peer would take it for what was before it begins
			}
			pos := r.db.DurablePosition(r.remote, ds)
			if pos != told[ds] {
				told[ds] = pos
				stored.Positions = append(stored.Positions, &syncpb.Position{
					Dataset: ds.String(), Database: r.remote[:], Incarnation: pos.Incarnation, Seq: pos.Seq,
				})
			}
		}
		if len(stored.Positions) > 0 || int(stored.SetAside) != aside {
			aside = int(stored.SetAside)
			if err := r.direct.Send(frameOf(stored)); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-moved:
		case <-tick.C:
		}
	}
}

func (r *receiver) heard(hb *syncpb.Heartbeat) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clockOff = time.Until(time.UnixMicro(int64(hb.ClockUs)))
	for _, h := range hb.Heads {
		ds, err := hotspotdb.ParseDataset(h.Dataset)
		if err != nil || r.state[ds] == nil {
			continue
		}
		in := r.state[ds]
		in.arrived()
		in.Head = max(in.Head, h.Seq)
		in.arrived()
	}
}

func (r *receiver) with(ds hotspotdb.Dataset, change func(*Incoming)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	in := r.state[ds]
	if in == nil {
		in = &Incoming{proof: proof{suspects: map[int]*suspect{}}}
		r.state[ds] = in
	}
	change(in)
}

func (r *receiver) datasets() []hotspotdb.Dataset {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []hotspotdb.Dataset
	for _, ds := range hotspotdb.Datasets() {
		if r.state[ds] != nil {
			out = append(out, ds)
		}
	}
	return out
}

func (r *receiver) snapshot() (map[hotspotdb.Dataset]Incoming, time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make(map[hotspotdb.Dataset]Incoming, len(r.state))
	for ds, in := range r.state {
		state := *in
		state.Begun = in.stream
		out[ds] = state
	}
	return out, r.clockOff
}
