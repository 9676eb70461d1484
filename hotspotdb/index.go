package hotspotdb

import "slices"

// record is what memory keeps of each record: enough to decide whether a change is newer, and to take the old version out
// of the feed and the sums, without reading it. It holds no pointers, so the collector does not look at millions of them.
type record struct {
	hash         keyHash
	clock, seq   uint64
	contribution u128
	origin       uint32 // number in origins
	source       uint16 // number in sources; in what was padding
	flags        recordFlags
}

type recordFlags uint8

const (
	flagDeleted recordFlags = 1 << iota
	flagAccess              // a live account
	flagSegment             // a live session segment
	flagActive              // a segment that has not stopped
	flagUsage               // a usage record, live or not
	flagErasure             // an erased account
	flagVoucher             // a live voucher
)

// Counts are the records of a dataset.
type Counts struct {
	Live       int
	Tombstones int
}

// datasetIndex is the index of one dataset.
type datasetIndex struct {
	tables   [Buckets]table
	sums     [Buckets]u128
	changed  [Buckets]uint64 // seq of the bucket's last change
	sources  []u128          // sums by the number of the source
	total    u128
	head     uint64 // seq of the last change
	removals uint64 // grows whenever an entry is removed: its bucket's last change is then not the last any more
	counts   Counts
	access   int // live accounts
	segment  int // live segments
	voucher  int // live vouchers
}

func (d *datasetIndex) get(h keyHash) *record { return d.tables[h.bucket()].get(h) }

// put replaces the record of r's hash, keeps sums and counts exact, and returns what it replaced.
func (d *datasetIndex) put(r record) (old record, fresh bool) {
	bucket := r.hash.bucket()
	place := d.tables[bucket].get(r.hash)
	if place != nil {
		old = *place
		d.account(&old, -1)
		*place = r
	} else {
		d.tables[bucket].add(r)
	}
	d.account(&r, 1)
	d.changed[bucket] = max(d.changed[bucket], r.seq)
	d.head = max(d.head, r.seq)
	return old, place == nil
}

// remove takes a record out; the head stays where it was.
func (d *datasetIndex) remove(h keyHash) (old record, found bool) {
	bucket := h.bucket()
	place := d.tables[bucket].get(h)
	if place == nil {
		return old, false
	}
	old = *place
	d.account(&old, -1)
	d.tables[bucket].remove(h)
	d.removals++
	return old, true
}

// account adds a record to sums and counts, n 1, or takes it out, n -1.
func (d *datasetIndex) account(r *record, n int) {
	d.count(r.flags, n)
	for int(r.source) >= len(d.sources) {
		d.sources = append(d.sources, u128{})
	}
	bucket, contribution := r.hash.bucket(), r.contribution
	if n < 0 {
		contribution = u128{}.sub(contribution)
	}
	d.sums[bucket] = d.sums[bucket].add(contribution)
	d.sources[r.source] = d.sources[r.source].add(contribution)
	d.total = d.total.add(contribution)
}

func (d *datasetIndex) count(f recordFlags, n int) {
	switch {
	case f&flagDeleted != 0:
		d.counts.Tombstones += n
	default:
		d.counts.Live += n
	}
	if f&flagAccess != 0 {
		d.access += n
	}
	if f&flagSegment != 0 {
		d.segment += n
	}
	if f&flagVoucher != 0 {
		d.voucher += n
	}
}

// index is everything that is kept in memory about the records, and rebuilt by one scan.
type index struct {
	digestKey [16]byte
	datasets  [Audit + 1]*datasetIndex
	sources   *sources
	claims    claims
	active    map[uint64]struct{} // ids of the segments that have not stopped
	sessions  sessionIndex
	usage     map[uint64][]usageRef // by account
	erased    map[uint64]erasedIn   // by account
	uses      related[keyHash, useRef]
	purchases related[uint64, bought] // by account
}

func newIndex(digestKey [16]byte) *index {
	x := &index{
		digestKey: digestKey, sources: newSources(), claims: newClaims(),
		active: map[uint64]struct{}{}, usage: map[uint64][]usageRef{}, erased: map[uint64]erasedIn{},
		sessions: newSessionIndex(), uses: newRelated[keyHash, useRef](), purchases: newRelated[uint64, bought](),
	}
	for _, ds := range Datasets() {
		x.datasets[ds] = new(datasetIndex)
	}
	return x
}

// put takes a record in; traits say what the typed API wants to know of it.
func (x *index) put(ds Dataset, r record, t traits, source Source) {
	r.source = x.sources.take(source)
	old, fresh := x.datasets[ds].put(r)
	if !fresh {
		x.sources.drop(old.source)
	}
	if r.flags&flagAccess != 0 {
		x.claims.add(t.claim, t.id)
	}
	if r.flags&flagErasure != 0 {
		x.erased[t.id] |= erasedFrom(ds)
	}
	if t.trace != nil {
		t.trace.put(x)
	}
	if r.flags&flagSegment != 0 {
		x.sessions.put(t.id, t.session, source.Kind == Local)
	} else if ds == Sessions && r.flags&(flagUsage|flagErasure) == 0 {
		x.sessions.remove(t.id)
	}
	switch {
	case ds != Sessions || t.id == 0 || r.flags&flagErasure != 0:
	case r.flags&flagUsage != 0:
		if fresh {
			x.usage[t.id] = append(x.usage[t.id], usageRef{int64(t.claim), r.hash})
		}
	case r.flags&flagActive != 0:
		x.active[t.id] = struct{}{}
	default:
		delete(x.active, t.id)
	}
}

// remove takes a record out; traits are those of the version that goes.
func (x *index) remove(ds Dataset, h keyHash, t traits) {
	old, found := x.datasets[ds].remove(h)
	if !found {
		return
	}
	x.sources.drop(old.source)
	if t.trace != nil {
		t.trace.remove(x)
	}
	switch {
	case t.flags&flagAccess != 0:
		x.claims.remove(t.claim, t.id)
	case t.flags&flagUsage != 0:
		refs := slices.DeleteFunc(x.usage[t.id], func(ref usageRef) bool { return ref.hash == h })
		if x.usage[t.id] = refs; len(refs) == 0 {
			delete(x.usage, t.id)
		}
	case ds == Sessions && t.flags&flagErasure == 0:
		delete(x.active, t.id)
		x.sessions.remove(t.id)
	}
}

// origins numbers the databases that stamps speak of, so that a record holds 4 bytes instead of 16. Only the committer
// uses them.
type origins struct {
	ids     []DatabaseID
	numbers map[DatabaseID]uint32
}

func newOrigins() *origins { return &origins{numbers: map[DatabaseID]uint32{}} }

func (o *origins) number(id DatabaseID) uint32 {
	n, known := o.numbers[id]
	if !known {
		n = uint32(len(o.ids))
		o.ids = append(o.ids, id)
		o.numbers[id] = n
	}
	return n
}
