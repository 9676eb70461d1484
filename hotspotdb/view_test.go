package hotspotdb

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestViewIsConsistent: under concurrent writers, what a view says in memory is what its entries add up to.
func TestViewIsConsistent(t *testing.T) {
	db := openMem(t)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 3 {
		wg.Go(func() {
			for i := 0; ; i++ {
				key := fmt.Appendf(nil, "x%d", rand.IntN(200))
				must(t, db.Update(t.Context(), func(tx *Tx) error {
					if i%5 == 0 {
						return tx.Delete(Users, key)
					}
					return errors.Join(tx.Put(Users, key, fmt.Append(nil, w, i)), tx.Put(Sessions, key, []byte("s")))
				}))
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	_, err := db.Wait(t.Context(), 300)
	must(t, err)
	for range 12 {
		kept, bare := db.View(WithSums(Users)), db.View()
		checkView(t, kept)
		checkView(t, bare)
		must(t, kept.Close())
		must(t, bare.Close())
	}
	close(stop)
	wg.Wait()
	v := db.View()
	checkView(t, v)
	must(t, v.Close())
}

func checkView(t *testing.T, v *View) {
	t.Helper()
	for _, ds := range []Dataset{Users, Sessions} {
		if v.Total(ds) != recompute(t, v, ds, key16(7)) {
			t.Errorf("%s at %d: the total is not the sum of the entries", ds, v.Seq)
		}
	}
	sums, err := v.Sums(Users)
	must(t, err)
	var all Sum
	for _, s := range sums {
		all = AddSum(all, s)
	}
	if len(sums) != Buckets || all != v.Total(Users) {
		t.Errorf("at %d: the buckets do not add up to the total", v.Seq)
	}
	var last uint64
	seen := map[string]bool{}
	must(t, v.Scan(Users, 0, v.Seq+1000, func(e Entry) (bool, error) {
		c, err := e.Decode()
		if e.Seq <= last || e.Seq > v.Seq || seen[string(c.Key)] {
			t.Errorf("entry %d after %d in a view of %d, key %q", e.Seq, last, v.Seq, c.Key)
		}
		last, seen[string(c.Key)] = e.Seq, true
		return true, err
	}))
	checkBucket(t, v, v.db.BucketOf([]byte("x1")), sums)
}

func checkBucket(t *testing.T, v *View, bucket int, sums []Sum) {
	t.Helper()
	h := newHasher(key16(7))
	var sum Sum
	var fast, slow []uint64
	must(t, v.Bucket(Users, bucket, func(e Entry) (bool, error) {
		c, err := e.Decode()
		sum = AddSum(sum, h.contribution(&c).sum())
		fast = append(fast, e.Seq)
		return true, err
	}))
	must(t, v.scanBucket(Users, bucket, func(e Entry) (bool, error) { slow = append(slow, e.Seq); return true, nil }))
	if sum != sums[bucket] || !slices.Equal(fast, slow) {
		t.Errorf("at %d: bucket %d has entries %v, by a scan %v", v.Seq, bucket, fast, slow)
	}
}

func TestScanRangeAndStop(t *testing.T) {
	db := openMem(t)
	for i := range 10 {
		put(t, db, fmt.Sprint("x", i), "")
	}
	v := db.View()
	defer v.Close()
	var got []uint64
	must(t, v.Scan(Users, 3, 8, func(e Entry) (bool, error) { got = append(got, e.Seq); return len(got) < 4, nil }))
	if !slices.Equal(got, []uint64{4, 5, 6, 7}) {
		t.Errorf("scanned %v", got)
	}
	boom := errors.New("boom")
	if err := v.Scan(Users, 0, 10, func(Entry) (bool, error) { return true, boom }); !errors.Is(err, boom) {
		t.Errorf("error %v", err)
	}
	must(t, v.Scan(Users, ^uint64(0), ^uint64(0), func(Entry) (bool, error) { t.Error("an entry behind the end"); return true, nil }))
}

func TestBucketChanged(t *testing.T) {
	db := openMem(t)
	put(t, db, "x1", "")
	put(t, db, "x2", "")
	if got := db.BucketChanged(Users, db.BucketOf([]byte("x1"))); got != 1 {
		t.Errorf("bucket of x1 changed at %d", got)
	}
	must(t, db.Update(t.Context(), func(tx *Tx) error { return tx.Delete(Users, []byte("x1")) }))
	if got := db.BucketChanged(Users, db.BucketOf([]byte("x1"))); got != 3 {
		t.Errorf("bucket of x1 changed at %d", got)
	}
}

// TestSetDigestKey changes the key under writers; afterwards sums are those of a database that always had it.
func TestSetDigestKey(t *testing.T) {
	fs := vfs.NewMem()
	db := mustOpen(t, memOptions(fs))
	applyOne(t, db, Users, change("later", uint64(db.opts.Now().UnixMicro())+1e12, dbID(1), ""))
	before := db.View()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 3 {
		wg.Go(func() {
			for i := 0; ; i++ {
				put(t, db, fmt.Sprint("x", w, i%50), fmt.Sprint(i))
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for i := range 5 {
		must(t, db.SetDigestKey(key16(byte(20+i))))
		_, err := db.Wait(t.Context(), db.Durable()+50)
		must(t, err)
	}
	close(stop)
	wg.Wait()
	v := db.View()
	defer v.Close()
	if v.Total(Users) != recompute(t, v, Users, key16(24)) {
		t.Error("the total is not the sum of the entries under the new key")
	}
	if sums, err := before.Sums(Users); err != nil || AddSum(sums[0], Sum{}) != (Sum{}) || before.Total(Users) != (Sum{}) {
		t.Errorf("an old view has other sums now (%v)", err)
	}
	must(t, before.Close())
	if db.SetAsideCount() != 1 {
		t.Errorf("%d set aside", db.SetAsideCount())
	}
	want, counts := v.Total(Users), db.Counts(Users)
	must(t, v.Close())
	must(t, db.Close())
	o := memOptions(fs)
	o.DigestKey = key16(24)
	db = mustOpen(t, o)
	if total(db, Users) != want || db.Counts(Users) != counts {
		t.Error("opened with the new key the sums are others")
	}
}

func TestWatch(t *testing.T) {
	db := openMem(t)
	put(t, db, "old", "")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events := make(chan Event, 100)
	done := make(chan error, 1)
	go func() {
		done <- db.Watch(ctx, []Dataset{Users, Sessions}, 1, func(e Event) error { events <- e; return nil })
	}()
	must(t, db.Update(t.Context(), func(tx *Tx) error {
		return errors.Join(tx.Put(Sessions, []byte("s"), nil), tx.Put(Users, []byte("u"), nil), tx.Put(Sticky, []byte("k"), nil))
	}))
	applyOne(t, db, Users, AppendChange(nil, &Change{Key: []byte("gone"), Stamp: Stamp{5, dbID(3)}, Deleted: true}))
	for _, want := range []struct {
		key     string
		ds      Dataset
		deleted bool
		kind    SourceKind
	}{{"s", Sessions, false, Local}, {"u", Users, false, Local}, {"gone", Users, true, Above}} {
		e := <-events
		if string(e.Key) != want.key || e.Dataset != want.ds || e.Deleted != want.deleted || e.Source.Kind != want.kind || e.Seq > db.Durable() {
			t.Errorf("event %+v, expected %+v", e, want)
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("watch ended with %v", err)
	}
	boom := errors.New("boom")
	if err := db.Watch(t.Context(), []Dataset{Users}, 0, func(Event) error { return boom }); !errors.Is(err, boom) {
		t.Errorf("watch ended with %v", err)
	}
}
