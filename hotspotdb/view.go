package hotspotdb

import (
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// View is the database as it was after one change: all changes up to Seq, some of which may not be durable yet, and none
// after. A view must be closed, because it keeps what has been replaced since on disk.
type View struct {
	Seq uint64

	db       *DB
	snapshot *pebble.Snapshot // nil if the database was closed
	index    *index           // to notice that the digest key was changed
	totals   [Audit + 1]u128
	removals [Audit + 1]uint64 // to notice that entries were removed
	sums     map[Dataset][]Sum
	sources  map[Dataset]*sourceTotals
}

// ViewOption asks for something to be kept with a view.
type ViewOption func(*View)

// WithSums copies the sums of datasets when the view is made. Without it Sums is as exact, but has to read the
// whole dataset if that has changed in the meantime.
func WithSums(datasets ...Dataset) ViewOption {
	return func(v *View) {
		for _, ds := range datasets {
			v.sums[ds] = v.db.index.datasets[ds].sumsCopy()
		}
	}
}

func (d *datasetIndex) sumsCopy() []Sum {
	sums := make([]Sum, Buckets)
	for i := range d.sums {
		sums[i] = d.sums[i].sum()
	}
	return sums
}

// View looks at the database as it is now.
func (db *DB) View(options ...ViewOption) *View {
	v := &View{db: db, sums: map[Dataset][]Sum{}, sources: map[Dataset]*sourceTotals{}}
	if db.gate.enter() != nil {
		return v
	}
	defer db.gate.leave()
	db.mu.RLock()
	v.Seq, v.index, v.snapshot = db.last, db.index, db.engn.NewSnapshot()
	for _, ds := range Datasets() {
		v.totals[ds], v.removals[ds] = db.index.datasets[ds].total, db.index.datasets[ds].removals
	}
	for _, option := range options {
		option(v)
	}
	db.mu.RUnlock()
	db.keepView(v)
	return v
}

func (db *DB) keepView(v *View) {
	db.viewsMu.Lock()
	defer db.viewsMu.Unlock()
	db.views[v] = struct{}{}
}

// Close ends the view. It may be called more than once, but not during another method.
func (v *View) Close() error {
	if v.snapshot == nil || v.db.gate.enter() != nil {
		return nil // Close of the database closes its views
	}
	defer v.db.gate.leave()
	v.db.viewsMu.Lock()
	delete(v.db.views, v)
	v.db.viewsMu.Unlock()
	snapshot := v.snapshot
	v.snapshot = nil
	return snapshot.Close()
}

func (v *View) enter() error {
	if v.snapshot == nil {
		return ErrClosed
	}
	return v.db.gate.enter()
}

// Entry is one record in the feed: its only version here, live or a tombstone.
type Entry struct {
	Seq      uint64
	Source   Source
	StoredAt time.Time
	Change   []byte // as its origin encoded it
}

// Decode reads the change; the result points into it.
func (e Entry) Decode() (Change, error) { return DecodeChange(e.Change) }

func decodeEntry(seq uint64, value []byte) (Entry, error) {
	source, stored, raw, err := parseHeader(value)
	return Entry{seq, source, time.UnixMicro(int64(stored)), raw}, err
}

// Scan calls fn with the entries whose sequence is greater than after and at most upto, in ascending order, until fn
// returns false or an error. The bytes of an entry are good until fn returns.
func (v *View) Scan(ds Dataset, after, upto uint64, fn func(Entry) (more bool, err error)) error {
	c, err := v.cursor(ds, after, upto)
	if err != nil {
		return fmt.Errorf("scan %s: %w", ds, err)
	}
	more := true
	for more && err == nil && c.next() {
		more, err = fn(c.entry)
	}
	if closeErr := c.close(); err == nil {
		err = closeErr
	}
	return err
}

// cursor reads a range of a feed.
type cursor struct {
	view  *View
	iter  *pebble.Iterator
	begun bool
	steps int
	entry Entry
	err   error
}

func (v *View) cursor(ds Dataset, after, upto uint64) (*cursor, error) {
	if err := v.enter(); err != nil {
		return nil, err
	}
	upto = min(upto, v.Seq)
	iter, err := v.snapshot.NewIter(&pebble.IterOptions{
		LowerBound: recordKey(ds, min(after, upto)+1), UpperBound: recordKey(ds, upto+1),
	})
	if err != nil {
		v.db.gate.leave()
		return nil, err
	}
	return &cursor{view: v, iter: iter}, nil
}

func (c *cursor) next() bool {
	if c.steps++; c.steps%1024 == 0 && c.view.db.gate.isClosed() {
		c.err = ErrClosed
		return false
	}
	ok := false
	if c.begun {
		ok = c.iter.Next()
	} else {
		ok, c.begun = c.iter.First(), true
	}
	if !ok {
		return false
	}
	_, seq, err := parseRecordKey(c.iter.Key())
	var value []byte
	if err == nil {
		value, err = c.iter.ValueAndErr()
	}
	if err == nil {
		c.entry, err = decodeEntry(seq, value)
	}
	c.err = err
	return err == nil
}

func (c *cursor) close() error {
	defer c.view.db.gate.leave()
	if err := c.iter.Close(); c.err == nil {
		c.err = err
	}
	return c.err
}

// Total is the sum of a dataset.
func (v *View) Total(ds Dataset) Sum { return v.totals[ds].sum() }

// Sums are the sums of the buckets of a dataset.
func (v *View) Sums(ds Dataset) ([]Sum, error) {
	if sums, kept := v.sums[ds]; kept {
		return slices.Clone(sums), nil
	}
	if sums := v.liveSums(ds); sums != nil {
		return sums, nil
	}
	sums := make([]Sum, Buckets)
	h := newHasher(v.digestKey())
	err := v.Scan(ds, 0, v.Seq, func(e Entry) (bool, error) {
		var c Change
		if err := c.decode(e.Change); err != nil {
			return false, err
		}
		bucket := h.key(c.Key).bucket()
		sums[bucket] = AddSum(sums[bucket], h.contribution(&c).sum())
		return true, nil
	})
	if err != nil {
		return nil, fmt.Errorf("sum up %s: %w", ds, err)
	}
	return sums, nil
}

// liveSums copies the sums from memory if they are still those of the view.
func (v *View) liveSums(ds Dataset) []Sum {
	v.db.mu.RLock()
	defer v.db.mu.RUnlock()
	if !v.current(ds) || v.index.datasets[ds].head > v.Seq {
		return nil
	}
	return v.index.datasets[ds].sumsCopy()
}

// current says whether memory still has all that the view has of a dataset, and perhaps more. It needs db.mu.
func (v *View) current(ds Dataset) bool {
	return v.index != nil && v.db.index == v.index && v.index.datasets[ds].removals == v.removals[ds]
}

func (v *View) digestKey() [16]byte {
	if v.index == nil {
		return [16]byte{}
	}
	return v.index.digestKey
}

// Bucket calls fn with every entry, live and tombstone, of one bucket, in ascending order, until fn returns false or an
// error. If the bucket has changed since the view was made, the whole dataset has to be read.
func (v *View) Bucket(ds Dataset, bucket int, fn func(Entry) (bool, error)) error {
	if bucket < 0 || bucket >= Buckets {
		return fmt.Errorf("%w bucket %d of %s", ErrInvalid, bucket, ds)
	}
	seqs, exact := v.bucketSeqs(ds, bucket)
	if !exact {
		return v.scanBucket(ds, bucket, fn)
	}
	if err := v.read(ds, seqs, fn); err != nil {
		return fmt.Errorf("read bucket %d of %s: %w", bucket, ds, err)
	}
	return nil
}

// read calls fn with the entries of some sequences, all of which the view has, until fn returns false or an error.
func (v *View) read(ds Dataset, seqs []uint64, fn func(Entry) (bool, error)) error {
	if err := v.enter(); err != nil {
		return err
	}
	defer v.db.gate.leave()
	for _, seq := range seqs {
		value, closer, err := v.snapshot.Get(recordKey(ds, seq))
		if err != nil {
			return fmt.Errorf("read %s entry %d: %w", ds, seq, err)
		}
		more := false
		entry, err := decodeEntry(seq, value)
		if err == nil {
			more, err = fn(entry)
		}
		closer.Close()
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// bucketSeqs lists a bucket from memory if that is still as it was in the view.
func (v *View) bucketSeqs(ds Dataset, bucket int) (seqs []uint64, exact bool) {
	v.db.mu.RLock()
	defer v.db.mu.RUnlock()
	if !v.current(ds) || v.index.datasets[ds].changed[bucket] > v.Seq {
		return nil, false
	}
	for _, r := range v.index.datasets[ds].tables[bucket].slots {
		if r.seq != 0 {
			seqs = append(seqs, r.seq)
		}
	}
	slices.Sort(seqs)
	return seqs, true
}

func (v *View) scanBucket(ds Dataset, bucket int, fn func(Entry) (bool, error)) error {
	h := newHasher(v.digestKey())
	return v.Scan(ds, 0, v.Seq, func(e Entry) (bool, error) {
		var c Change
		if err := c.decode(e.Change); err != nil {
			return false, err
		}
		if h.key(c.Key).bucket() != bucket {
			return true, nil
		}
		return fn(e)
	})
}
