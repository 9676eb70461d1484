package hotspotdb

import "math/bits"

// record is what memory keeps of each record: enough to decide whether a change is newer, and to take the old version out
// of the feed and the sums, without reading it. It holds no pointers, so the collector does not look at millions of them.
type record struct {
	hash         keyHash
	clock, seq   uint64
	contribution u128
	origin       uint32 // number in origins
	flags        recordFlags
}

type recordFlags uint8

const (
	flagDeleted recordFlags = 1 << iota
	flagLocal               // its source is Local
	flagAccess              // a live account
	flagSegment             // a live session segment
	flagActive              // a segment that has not stopped
	flagUsage               // a usage record, live or not
)

// table is a hash table of one bucket's records with linear probing. It grows by a quarter, so a million records waste
// little, and its hash being keyed nobody can make it degenerate.
type table struct {
	slots []record // an empty slot has seq 0
	used  int
}

func (t *table) slot(h keyHash) int {
	hi, _ := bits.Mul64(h.b, uint64(len(t.slots)))
	return int(hi)
}

// get returns the record or nil; the pointer is good until the next put.
func (t *table) get(h keyHash) *record {
	if t.used == 0 {
		return nil
	}
	for i := t.slot(h); ; i++ {
		if i == len(t.slots) {
			i = 0
		}
		switch r := &t.slots[i]; {
		case r.seq == 0:
			return nil
		case r.hash == h:
			return r
		}
	}
}

// add inserts a record that is not there yet.
func (t *table) add(r record) {
	if 5*(t.used+1) > 4*len(t.slots) {
		old := t.slots
		t.slots = make([]record, max(4, len(old)+len(old)/4+1))
		for i := range old {
			if old[i].seq != 0 {
				t.place(old[i])
			}
		}
	}
	t.place(r)
	t.used++
}

func (t *table) place(r record) {
	i := t.slot(r.hash)
	for t.slots[i].seq != 0 {
		if i++; i == len(t.slots) {
			i = 0
		}
	}
	t.slots[i] = r
}

// Counts are the records of a dataset.
type Counts struct {
	Live       int
	Tombstones int
}

// datasetIndex is the index of one dataset.
type datasetIndex struct {
	tables  [Buckets]table
	sums    [Buckets]u128
	changed [Buckets]uint64 // seq of the bucket's last change
	total   u128
	head    uint64 // seq of the last change
	counts  Counts
	access  int // live accounts
	segment int // live segments
}

func (d *datasetIndex) get(h keyHash) *record { return d.tables[h.bucket()].get(h) }

// put replaces the record of r's hash, keeps sums and counts exact, and says whether there was none before.
func (d *datasetIndex) put(r record) (fresh bool) {
	bucket := r.hash.bucket()
	old := d.tables[bucket].get(r.hash)
	if old != nil {
		d.count(old.flags, -1)
		d.sums[bucket] = d.sums[bucket].sub(old.contribution)
		d.total = d.total.sub(old.contribution)
		*old = r
	} else {
		d.tables[bucket].add(r)
	}
	d.count(r.flags, 1)
	d.sums[bucket] = d.sums[bucket].add(r.contribution)
	d.total = d.total.add(r.contribution)
	d.changed[bucket] = max(d.changed[bucket], r.seq)
	d.head = max(d.head, r.seq)
	return old == nil
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
}

// index is everything that is kept in memory about the records, and rebuilt by one scan.
type index struct {
	digestKey [16]byte
	datasets  [Audit + 1]*datasetIndex
	claims    claims
	active    map[uint64]struct{}   // ids of the segments that have not stopped
	usage     map[uint64][]usageRef // by account
}

func newIndex(digestKey [16]byte) *index {
	x := &index{digestKey: digestKey, claims: newClaims(), active: map[uint64]struct{}{}, usage: map[uint64][]usageRef{}}
	for _, ds := range Datasets() {
		x.datasets[ds] = new(datasetIndex)
	}
	return x
}

// put takes a record in; traits say what the typed API wants to know of it.
func (x *index) put(ds Dataset, r record, t traits) {
	fresh := x.datasets[ds].put(r)
	if r.flags&flagAccess != 0 {
		x.claims.add(t.claim, t.id)
	}
	switch {
	case ds != Sessions || t.id == 0:
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
