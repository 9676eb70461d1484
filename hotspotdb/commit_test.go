package hotspotdb

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestUpdateIsDurableAndVisible(t *testing.T) {
	db := openMem(t)
	put(t, db, "x1", "one")
	put(t, db, "x1", "two")
	if got := db.Durable(); got != 2 {
		t.Errorf("watermark %d after two updates", got)
	}
	if db.Head(Users) != 2 || db.DurableHead(Users) != 2 || db.Head(Sessions) != 0 {
		t.Error("heads are wrong")
	}
	c, err := db.Get(Users, []byte("x1"))
	must(t, err)
	if string(c.Body) != "two" || c.Base.Origin != db.ID() {
		t.Errorf("read %+v", c)
	}
	if b := feedOf(t, db, Users, 0); len(b.Changes) != 1 || b.Seqs[0] != 2 {
		t.Errorf("the feed holds %v, expected one entry at 2", b.Seqs)
	}
	if got := db.Counts(Users); got != (Counts{Live: 1}) {
		t.Errorf("counts %+v", got)
	}
}

func TestFailedUpdateLeavesNothing(t *testing.T) {
	db := openMem(t)
	put(t, db, "x1", "one")
	before := total(db, Users)
	boom := errors.New("boom")
	err := db.Update(t.Context(), func(tx *Tx) error {
		for _, key := range []string{"x1", "x2", "x1"} {
			must(t, tx.Put(Users, []byte(key), []byte("changed")))
		}
		must(t, tx.setPosition(dbID(1), Users, Position{1, 1}))
		return boom
	})
	if !errors.Is(err, boom) || total(db, Users) != before || db.Head(Users) != 1 || db.Position(dbID(1), Users) != (Position{}) {
		t.Errorf("error %v, head %d", err, db.Head(Users))
	}
	if _, err := db.Get(Users, []byte("x2")); !errors.Is(err, ErrNotFound) {
		t.Errorf("x2: %v", err)
	}
}

// TestFailedJobInGroup puts good and failing jobs on the same records into one group.
func TestFailedJobInGroup(t *testing.T) {
	db := openMem(t)
	release := holdCommitter(t, db)
	var wg sync.WaitGroup
	boom := errors.New("boom")
	const jobs = 20
	for i := range jobs {
		wg.Go(func() {
			err := db.Update(t.Context(), func(tx *Tx) error {
				c, err := tx.Get(Users, []byte("n"))
				n := uint64(0)
				if err == nil {
					n = binary.BigEndian.Uint64(c.Body)
				}
				must(t, tx.Put(Users, []byte("n"), binary.BigEndian.AppendUint64(nil, n+1)))
				if i%2 == 1 {
					return boom
				}
				return nil
			})
			if (i%2 == 1) != errors.Is(err, boom) {
				t.Errorf("job %d: %v", i, err)
			}
		})
	}
	waitQueued(db, jobs)
	release()
	wg.Wait()
	c, err := db.Get(Users, []byte("n"))
	must(t, err)
	if n := binary.BigEndian.Uint64(c.Body); n != jobs/2 {
		t.Errorf("counted %d, expected %d", n, jobs/2)
	}
	v := db.View()
	defer v.Close()
	if v.Total(Users) != recompute(t, v, Users, key16(7)) {
		t.Error("the total is not the sum of the entries")
	}
	if b := feedOf(t, db, Users, 0); len(b.Changes) != 1 {
		t.Errorf("the feed holds %d entries of one record", len(b.Changes))
	}
}

// holdCommitter keeps the committer busy until the returned function is called.
func holdCommitter(t *testing.T, db *DB) (release func()) {
	held, begun := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := db.Update(t.Context(), func(*Tx) error { close(begun); <-held; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-begun
	return func() { close(held); wg.Wait() }
}

// waitQueued spins until n jobs wait for the committer, which the test holds.
func waitQueued(db *DB, n int) {
	for {
		db.queue.mu.Lock()
		queued := len(db.queue.jobs)
		db.queue.mu.Unlock()
		if queued >= n {
			return
		}
		runtime.Gosched()
	}
}

func TestGroupCommitManyWriters(t *testing.T) {
	db := openMem(t)
	const writers, each = 32, 50
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				put(t, db, fmt.Sprintf("x%d-%d", w, i%7), fmt.Sprint(i))
			}
		})
	}
	wg.Wait()
	if got := db.Durable(); got != writers*each {
		t.Errorf("watermark %d, expected %d", got, writers*each)
	}
	if got := db.Counts(Users).Live; got != writers*7 {
		t.Errorf("%d records", got)
	}
}

func TestCancelledBeforeItsTurn(t *testing.T) {
	db := openMem(t)
	release := holdCommitter(t, db)
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	wg.Go(func() {
		err := db.Update(ctx, func(tx *Tx) error { return tx.Put(Users, []byte("x"), nil) })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled update: %v", err)
		}
		release()
	})
	waitQueued(db, 1)
	cancel()
	wg.Wait()
	put(t, db, "y", "") // the committer has passed the cancelled job
	if _, err := db.Get(Users, []byte("x")); !errors.Is(err, ErrNotFound) {
		t.Errorf("the cancelled update was stored: %v", err)
	}
}

func TestPanicReachesTheCaller(t *testing.T) {
	db := openMem(t)
	func() {
		defer func() {
			if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "oops") {
				t.Errorf("recovered %v", r)
			}
		}()
		_ = db.Update(t.Context(), func(tx *Tx) error {
			must(t, tx.Put(Users, []byte("x"), nil))
			panic("oops")
		})
	}()
	put(t, db, "y", "still works")
	if db.Counts(Users).Live != 1 {
		t.Error("the panicking transaction was stored")
	}
}

func TestWait(t *testing.T) {
	db := openMem(t)
	got := make(chan uint64, 1)
	go func() {
		seq, err := db.Wait(t.Context(), 0)
		if err != nil {
			t.Error(err)
		}
		got <- seq
	}()
	put(t, db, "x", "")
	if seq := <-got; seq != 1 {
		t.Errorf("woken at %d", seq)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.Wait(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled wait: %v", err)
	}
	done := make(chan error, 1)
	go func() { _, err := db.Wait(t.Context(), 1); done <- err }()
	must(t, db.Close())
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Errorf("wait on a closed database: %v", err)
	}
}

func TestClosedDatabase(t *testing.T) {
	db := openMem(t)
	put(t, db, "x", "")
	view := db.View()
	must(t, db.Close())
	if err := db.Update(t.Context(), func(*Tx) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("update: %v", err)
	}
	if err := view.Scan(Users, 0, 10, func(Entry) (bool, error) { return true, nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("scan: %v", err)
	}
	must(t, view.Close())
	if _, err := db.Get(Users, []byte("x")); !errors.Is(err, ErrClosed) {
		t.Errorf("get: %v", err)
	}
	late := db.View()
	if err := late.Scan(Users, 0, 10, func(Entry) (bool, error) { return true, nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("scan of a late view: %v", err)
	}
	if err := db.Close(); !errors.Is(err, ErrClosed) {
		t.Errorf("second close: %v", err)
	}
}

func TestLargeTransaction(t *testing.T) {
	n := 1_000_000
	if testing.Short() || raceEnabled {
		n = 50_000
	}
	dir := filepath.Join(t.TempDir(), "db")
	o := Options{Dir: dir, DigestKey: key16(1)}
	db := mustOpen(t, o)
	body := make([]byte, 40)
	must(t, db.Update(t.Context(), func(tx *Tx) error {
		key := make([]byte, 9)
		key[0] = 'x'
		for i := range n {
			binary.BigEndian.PutUint64(key[1:], uint64(i))
			if err := tx.Put(Users, key, body); err != nil {
				return err
			}
		}
		return nil
	}))
	want := total(db, Users)
	must(t, db.Close())
	db = mustOpen(t, o)
	if db.Counts(Users).Live != n || total(db, Users) != want {
		t.Errorf("%d records after opening again", db.Counts(Users).Live)
	}
}

func TestNoSpace(t *testing.T) {
	left := uint64(1 << 40)
	clock := newFakeClock()
	o := memOptions(vfs.NewMem())
	o.Now, o.FreeSpace = clock.Now, func() (uint64, error) { return left, nil }
	db := mustOpen(t, o)
	put(t, db, "x", "kept")
	left = 64 << 20
	clock.Add(2 * time.Second)
	err := db.Update(t.Context(), func(tx *Tx) error { return tx.Put(Users, []byte("x"), []byte("lost")) })
	if !errors.Is(err, ErrNoSpace) {
		t.Errorf("update on a full disk: %v", err)
	}
	b := Batch{Dataset: Users, From: dbID(1), Kind: Above, Position: Position{1, 1}, Changes: [][]byte{change("y", 5, dbID(1), "")}, Seqs: []uint64{1}}
	if _, err := db.Apply(t.Context(), b); !errors.Is(err, ErrNoSpace) {
		t.Errorf("apply on a full disk: %v", err)
	}
	future := b
	future.Changes = [][]byte{change("z", clock.micros()+1e9, dbID(1), "")}
	if _, err := db.Apply(t.Context(), future); !errors.Is(err, ErrNoSpace) || db.SetAsideCount() != 0 {
		t.Errorf("setting aside on a full disk: %v, %d set aside", err, db.SetAsideCount())
	}
	c, err := db.Get(Users, []byte("x"))
	must(t, err)
	if string(c.Body) != "kept" || db.Head(Users) != 1 || db.Position(dbID(1), Users) != (Position{}) {
		t.Errorf("a refused write changed something: %q", c.Body)
	}
	left = 1 << 40
	put(t, db, "x", "again")
}
