package hotspotdb

import (
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// group is the work of several jobs that is written at once. Later jobs see what earlier ones staged.
type group struct {
	db      *DB
	jobs    []*job
	parts   []*pebble.Batch // one for each job that succeeded or is running
	last    *Tx             // of the last job that succeeded
	ops     []op
	audit   []stagedEntry         // of the jobs' edits
	entries []byte                // their bytes
	traced  []int32               // those of ops that leave a trace
	latest  map[recordID]int32    // the last op on a record
	claims  map[uint64]int32      // the last op that claims a username
	named   map[uint64][]uint64   // segments that were staged, by sessionName
	usages  map[uint64][]usageRef // likewise usage records, by account
	stale   []staleClaim
	next    uint64 // the sequence of the last op
	sync    bool
	bytes   int
	erased  map[uint64]erasedIn // by account, by what was staged
	life    life                // db.life with what was staged
	tally   tally               // likewise
	undo    []func()            // takes back what jobs did to the committer's own maps
	batch   *pebble.Batch
	state   durableState
}

// op is one staged change of a record.
type op struct {
	record
	traits
	ds        Dataset
	source    Source
	part      int32  // the batch that holds the entry; removedPart if the op removes the record,
	offset    uint32 // where in it,
	length    uint32 // and how long it is
	prev      int32  // the op before on this record, or -1
	prevClaim int32  // the op before with this claim, or -1
}

const removedPart = -1

func (o *op) removed() bool { return o.part == removedPart }

// claims says whether the op gives an account a username.
func (o *op) claims() bool { return o.traits.flags&flagAccess != 0 && !o.removed() }

type staleClaim struct{ hash, id uint64 }

func (g *group) stage(o op) {
	id := recordID{o.ds, o.hash}
	o.prev, o.prevClaim = -1, -1
	if i, ok := g.latest[id]; ok {
		o.prev = i
	}
	n := int32(len(g.ops))
	g.latest[id] = n
	if o.claims() {
		if i, ok := g.claims[o.claim]; ok {
			o.prevClaim = i
		}
		g.claims[o.claim] = n
	}
	g.ops = append(g.ops, o)
	if o.trace != nil {
		g.traced = append(g.traced, n)
	}
	g.noteSession(&o)
}

// truncate takes the ops from n on back.
func (g *group) truncate(n int) {
	for i := len(g.ops) - 1; i >= n; i-- {
		o := &g.ops[i]
		restore(g.latest, recordID{o.ds, o.hash}, o.prev)
		if o.claims() {
			restore(g.claims, o.claim, o.prevClaim)
		}
	}
	g.ops = g.ops[:n]
	for i := len(g.traced) - 1; i >= 0 && int(g.traced[i]) >= n; i-- {
		g.traced = g.traced[:i]
	}
}

func restore[K comparable](m map[K]int32, k K, i int32) {
	if i < 0 {
		delete(m, k)
	} else {
		m[k] = i
	}
}

func (g *group) rollback(undo int) {
	for i := len(g.undo) - 1; i >= undo; i-- {
		g.undo[i]()
	}
	g.undo = g.undo[:undo]
}

// assemble makes one batch of the jobs' batches.
func (g *group) assemble() (*pebble.Batch, error) {
	batch := g.parts[0]
	if len(g.parts) > 1 {
		batch = g.db.engn.NewBatchWithSize(g.bytes + 64)
		for _, part := range g.parts {
			if err := batch.Apply(part, nil); err != nil {
				return nil, err
			}
		}
		for _, part := range g.parts {
			part.Close()
		}
	}
	g.parts = nil
	g.tally.last = g.next
	if g.tally == g.db.tally {
		return batch, nil
	}
	return batch, batch.Set(metaKey(tallyName), g.tally.encode(), nil)
}

// applyToIndex needs db.mu.
func (g *group) applyToIndex() {
	db := g.db
	for _, s := range g.stale { // before the ops, which may claim the name again
		db.index.claims.remove(s.hash, s.id)
	}
	for i := range g.ops {
		o := &g.ops[i]
		if o.removed() {
			db.index.remove(o.ds, o.hash, o.traits)
		} else {
			db.index.put(o.ds, o.record, o.traits, o.source)
		}
	}
	if g.life.touched {
		db.life = g.life
	}
	if len(g.erased) > 0 {
		db.upkeep.unswept.Store(true)
		db.upkeep.signal()
	}
	for _, p := range g.state.positions {
		db.positions[p.id] = p.position
	}
	db.last, db.tally = g.next, g.tally
	g.leave()
}

// finishApplied wakes the jobs that wait for no more.
func (g *group) finishApplied() {
	g.jobs = slices.DeleteFunc(g.jobs, func(j *job) bool {
		if !j.durable {
			j.finish(g.db.failed.get())
		}
		return !j.durable
	})
}

// release wakes the jobs that waited for the disk.
func (g *group) release(err error) {
	for _, j := range g.jobs {
		j.finish(err)
	}
	if err == nil {
		g.batch.Close()
	}
}

// abandon drops the group: nothing of it is stored.
func (g *group) abandon(err error) {
	g.rollback(0)
	for _, part := range g.parts {
		part.Close()
	}
	for _, j := range g.jobs {
		j.finish(err)
	}
}
