package hotspotdb

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// agingBox is a database whose wall clock and running time tests move.
type agingBox struct {
	*DB
	t     testing.TB
	fs    *vfs.MemFS
	clock *fakeClock
	ran   atomic.Int64
	o     Options
}

func newAgingBox(t testing.TB) *agingBox {
	b := &agingBox{t: t, fs: vfs.NewCrashableMem(), clock: newFakeClock()}
	b.o = memOptions(b.fs)
	b.o.Now, b.o.Elapsed = b.clock.Now, func() time.Duration { return time.Duration(b.ran.Load()) }
	b.DB = mustOpen(t, b.o)
	return b
}

// run lets time pass on a box that is on, with upkeep every few hours.
func (b *agingBox) run(d time.Duration) {
	b.t.Helper()
	step := min(d, 4*time.Hour)
	for range d / step {
		b.clock.Add(step)
		b.ran.Add(int64(step))
		must(b.t, b.Upkeep(context.Background()))
	}
}

func (b *agingBox) purgeAll() PurgeResult {
	b.t.Helper()
	r, err := b.Purge(context.Background(), PurgeOptions{})
	must(b.t, err)
	return r
}

// reopen opens what a power cut leaves.
func (b *agingBox) reopen() {
	b.t.Helper()
	fs := b.fs.CrashClone(vfs.CrashCloneCfg{})
	must(b.t, b.Close())
	b.fs, b.o.FS = fs, fs
	b.DB = mustOpen(b.t, b.o)
}

func deleteKey(t testing.TB, db *DB, key string) {
	t.Helper()
	must(t, db.Update(context.Background(), func(tx *Tx) error { return tx.Delete(Users, []byte(key)) }))
}

// TestPurge: a tombstone goes after 180 days, and the floor says so, durably; what is live stays.
func TestPurge(t *testing.T) {
	b := newAgingBox(t)
	put(t, b.DB, "x", "")
	put(t, b.DB, "y", "")
	deleteKey(t, b.DB, "x")
	tombstone := b.Head(Users)
	b.run(179 * day)
	if r := b.purgeAll(); r.Purged != 0 || b.Floor(Users) != 0 {
		t.Fatalf("after 179 days: %+v, floor %d", r, b.Floor(Users))
	}
	b.run(2 * day)
	deleteKey(t, b.DB, "y")
	if r := b.purgeAll(); r != (PurgeResult{Purged: 1}) {
		t.Fatalf("after 181 days: %+v", r)
	}
	want := Counts{Tombstones: 1} // of y
	for range 2 {
		if b.Floor(Users) != tombstone || b.Floor(Sessions) != 0 || b.Counts(Users) != want {
			t.Errorf("floor %d, want %d; counts %+v", b.Floor(Users), tombstone, b.Counts(Users))
		}
		if _, err := b.Get(Users, []byte("x")); !errors.Is(err, ErrNotFound) {
			t.Errorf("the tombstone: %v", err)
		}
		checkIndex(t, b.DB)
		b.reopen()
	}
}

// TestPurgeNeedsDaysOfRunning: a clock that was wrong when tombstones were stored, or is wrong now, ages nothing.
func TestPurgeNeedsDaysOfRunning(t *testing.T) {
	b := newAgingBox(t)
	b.clock.us.Store(0) // 1970
	put(t, b.DB, "x", "")
	deleteKey(t, b.DB, "x")
	b.clock.us.Store(newYear.UnixMicro())
	b.run(3 * day)
	b.clock.Add(365 * day) // a year ahead for an hour
	if r := b.purgeAll(); r.Purged != 0 {
		t.Errorf("a clock a year ahead: %+v", r)
	}
	b.clock.Add(-365 * day)
	for i := range 400 { // another year every few minutes, and a start after each
		b.clock.us.Store(newYear.AddDate(i%90, i%12, 0).UnixMicro())
		b.ran.Add(int64(10 * time.Minute))
		if r := b.purgeAll(); r.Purged != 0 {
			t.Fatalf("a clock that flaps, after %d hours: %+v", i/6, r)
		}
	}
	b.clock.us.Store(newYear.UnixMicro())
	b.run(190 * day)
	if r := b.purgeAll(); r.Purged != 1 {
		t.Errorf("after half a year: %+v", r)
	}
}

// TestPurgeWaitsForTheStoredTime: what was stored lately stays, also if the clock was ahead when it was stored.
func TestPurgeWaitsForTheStoredTime(t *testing.T) {
	b := newAgingBox(t)
	b.o.Retention = 2 * time.Hour
	b.reopen()
	put(t, b.DB, "x", "")
	deleteKey(t, b.DB, "x")
	for _, step := range []struct {
		by   time.Duration
		want int
	}{{0, 0}, {-time.Hour, 0}, {2 * time.Hour, 0}, {2 * time.Hour, 1}} {
		b.clock.Add(step.by)
		if r := b.purgeAll(); r.Purged != step.want {
			t.Errorf("after %s: %+v", step.by, r)
		}
	}
}

// TestPurgeSurvivesRestarts: the days count across starts, also without a clean end.
func TestPurgeSurvivesRestarts(t *testing.T) {
	b := newAgingBox(t)
	put(t, b.DB, "x", "")
	deleteKey(t, b.DB, "x")
	for range 91 {
		b.run(2 * day)
		b.reopen()
	}
	if r := b.purgeAll(); r.Purged != 1 {
		t.Errorf("%+v", r)
	}
}

// TestPurgeKeepsForPeers: what a peer has not stored stays, whether Purge is called or the database purges by itself.
func TestPurgeKeepsForPeers(t *testing.T) {
	b := newAgingBox(t)
	b.o.Retention = time.Minute
	b.reopen()
	for _, key := range []string{"x", "y"} {
		put(t, b.DB, key, "")
		deleteKey(t, b.DB, key)
	}
	b.clock.Add(time.Hour)
	must(t, b.Upkeep(t.Context()))
	if b.Floor(Users) != 0 {
		t.Error("purged before SetKeep")
	}
	b.SetKeep(func() map[Dataset]uint64 { return map[Dataset]uint64{Users: 2, Sessions: 0} })
	must(t, b.Upkeep(t.Context()))
	if b.Floor(Users) != 2 || b.Counts(Users).Tombstones != 1 {
		t.Errorf("floor %d, counts %+v", b.Floor(Users), b.Counts(Users))
	}
	r, err := b.Purge(t.Context(), PurgeOptions{Keep: map[Dataset]uint64{Users: 3}})
	if err != nil || r != (PurgeResult{Kept: 1}) || b.Floor(Users) != 2 {
		t.Errorf("%+v, floor %d, %v", r, b.Floor(Users), err)
	}
	if r := b.purgeAll(); r.Purged != 1 || b.Floor(Users) != 4 {
		t.Errorf("%+v, floor %d", r, b.Floor(Users))
	}
}

// TestSequencesAreNotGivenOutTwice: after the newest entries were removed, a start goes on behind them.
func TestSequencesAreNotGivenOutTwice(t *testing.T) {
	b := newAgingBox(t)
	put(t, b.DB, "x", "")
	put(t, b.DB, "y", "")
	if n, err := b.Forget(t.Context(), Users, []uint64{1, 2, 77}); n != 2 || err != nil {
		t.Fatalf("forgot %d: %v", n, err)
	}
	b.reopen()
	put(t, b.DB, "z", "")
	if history := b.History(); b.Head(Users) != 3 || history[len(history)-1].First != 3 || b.Floor(Users) != 0 {
		t.Errorf("head %d, history %v, floor %d", b.Head(Users), history, b.Floor(Users))
	}
	must(t, b.SetDigestKey(key16(9)))
	if b.Head(Users) != 3 || b.forgetOne(3) != 1 || b.SetDigestKey(key16(8)) != nil || b.Head(Users) != 3 {
		t.Errorf("head %d after another digest key", b.Head(Users))
	}
}

func (b *agingBox) forgetOne(seq uint64) int {
	n, err := b.Forget(context.Background(), Users, []uint64{seq})
	must(b.t, err)
	return n
}

// TestForgetKeepsWhatIsNewer: an entry that was replaced after it was listed stays, and there is no trace of the others.
func TestForgetKeepsWhatIsNewer(t *testing.T) {
	b := newAgingBox(t)
	put(t, b.DB, "x", "1")
	put(t, b.DB, "y", "1")
	release := holdCommitter(t, b.DB)
	done := make(chan int, 1)
	go func() {
		n, err := b.Forget(context.Background(), Users, []uint64{1, 2})
		if err != nil {
			t.Error(err)
		}
		done <- n
	}()
	waitQueued(b.DB, 1)
	must(t, func() error { // ahead of it in the same group
		j := &job{run: func(tx *Tx) error { return tx.Put(Users, []byte("x"), []byte("2")) }, durable: true, done: make(chan struct{})}
		b.queue.mu.Lock()
		b.queue.jobs = append([]*job{j}, b.queue.jobs...)
		b.queue.mu.Unlock()
		release()
		<-j.done
		return j.err
	}())
	if n := <-done; n != 1 {
		t.Errorf("forgot %d", n)
	}
	if c, err := b.Get(Users, []byte("x")); err != nil || string(c.Body) != "2" || b.Counts(Users) != (Counts{Live: 1}) {
		t.Errorf("%s, %v; %+v", c.Body, err, b.Counts(Users))
	}
	checkIndex(t, b.DB)
}

// TestOlderVersionRefusesRemovals: a database from which entries were removed has the format that older versions refuse,
// and one from which none were has the first.
func TestOlderVersionRefusesRemovals(t *testing.T) {
	b := newAgingBox(t)
	put(t, b.DB, "x", "")
	format := func() byte {
		value, err := b.getMeta("format")
		must(t, err)
		return value[3]
	}
	if format() != firstFormat {
		t.Errorf("format %d of a fresh database", format())
	}
	b.forgetOne(1)
	if format() != formatVersion {
		t.Errorf("format %d after a removal", format())
	}
}

// TestPurgeCrash cuts the power while tombstones are purged under load: the floor is never behind what is gone, and every
// confirmed write is there.
func TestPurgeCrash(t *testing.T) {
	b := newAgingBox(t)
	b.o.Retention = time.Minute
	b.reopen()
	const n = 4000
	must(t, b.Update(t.Context(), func(tx *Tx) error {
		for i := range n {
			if err := errors.Join(tx.Put(Users, fmt.Appendf(nil, "x%d", i), nil), tx.Delete(Users, fmt.Appendf(nil, "x%d", i))); err != nil {
				return err
			}
		}
		return nil
	}))
	b.clock.Add(time.Hour)
	var confirmed atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := int64(1); ; i++ {
			put(t, b.DB, "w", fmt.Sprint(i))
			confirmed.Store(i)
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	images := make(chan *vfs.MemFS, 64)
	least := make(chan int64, 64)
	purged := make(chan struct{})
	wg.Go(func() {
		defer close(purged)
		b.purgeAll()
	})
	rng := rand.New(rand.NewPCG(3, 4))
	for round, done := 0, false; !done || round < 6; round++ {
		select {
		case <-purged:
			done = true
		default:
		}
		if len(images) == cap(images) {
			continue
		}
		w := confirmed.Load()
		least <- w
		images <- b.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 100}[round%3], RNG: rng})
	}
	close(stop)
	wg.Wait()
	close(images)
	between := 0
	for image := range images {
		if gone := checkPurged(t, image, <-least, n); gone > 0 && gone < n {
			between++
		}
	}
	t.Logf("%d images of an unfinished purge", between)
}

func checkPurged(t *testing.T, image *vfs.MemFS, least int64, n int) (gone int) {
	t.Helper()
	db := mustOpen(t, memOptions(image))
	defer db.Close()
	if least > 0 {
		c, err := db.Get(Users, []byte("w"))
		must(t, err)
		var got int64
		if fmt.Sscan(string(c.Body), &got); got < least {
			t.Errorf("%d was confirmed, %d is left", least, got)
		}
	}
	floor, there := db.Floor(Users), map[uint64]bool{}
	for _, seq := range feedOf(t, db, Users, 0).Seqs {
		there[seq] = true
	}
	for i := range n { // the tombstones had every other sequence
		if seq := uint64(2*i + 2); !there[seq] {
			if gone++; seq > floor {
				t.Fatalf("tombstone %d is gone, the floor is %d", seq, floor)
			}
		}
	}
	checkIndex(t, db)
	return gone
}
