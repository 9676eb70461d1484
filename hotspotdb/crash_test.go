package hotspotdb

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// TestCrash takes images of the disk as a power cut would leave it, while writers and a feed are at work, and checks what
// each image holds when it is opened.
func TestCrash(t *testing.T) {
	fs := vfs.NewCrashableMem()
	db := mustOpen(t, memOptions(fs))
	var acknowledged [4]atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range acknowledged {
		wg.Go(func() {
			for i := int64(1); ; i++ {
				put(t, db, fmt.Sprintf("w%d", w), fmt.Sprint(i))
				acknowledged[w].Store(i)
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	peer := dbID(9)
	wg.Go(func() {
		for i := uint64(1); ; i++ {
			b := Batch{Dataset: Users, From: peer, Kind: Above, Position: Position{1, i}, Seqs: []uint64{i, i}}
			b.Changes = [][]byte{change(fmt.Sprintf("p%d", i), i, peer, ""), change("last", i, peer, fmt.Sprint(i))}
			if _, err := db.Apply(t.Context(), b); err != nil {
				t.Error(err)
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 12 {
		var least [4]int64
		for w := range acknowledged {
			for least[w] == 0 {
				least[w] = acknowledged[w].Load()
			}
		}
		durable, position := db.Durable(), db.DurablePosition(peer, Users)
		image := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 100}[round%3], RNG: rng})
		checkImage(t, image, least[:], durable, peer, position)
	}
	close(stop)
	wg.Wait()
}

func checkImage(t *testing.T, image *vfs.MemFS, least []int64, durable uint64, peer DatabaseID, position Position) {
	t.Helper()
	db, err := Open(memOptions(image))
	if err != nil {
		t.Fatalf("open after a crash: %v", err)
	}
	defer db.Close()
	for w, want := range least {
		c, err := db.Get(Users, fmt.Appendf(nil, "w%d", w))
		must(t, err)
		var got int64
		fmt.Sscan(string(c.Body), &got)
		if got < want {
			t.Errorf("writer %d: %d was acknowledged, %d is left", w, want, got)
		}
	}
	after := db.Position(peer, Users)
	if after.Seq < position.Seq || db.Durable() < durable {
		t.Errorf("position %d was reported durable, %d is left; watermark %d, then %d", position.Seq, after.Seq, durable, db.Durable())
	}
	if after.Seq > 0 { // the position and its changes came together
		c, err := db.Get(Users, []byte("last"))
		must(t, err)
		if string(c.Body) != fmt.Sprint(after.Seq) {
			t.Errorf("position %d, but the last change is %s", after.Seq, c.Body)
		}
		if _, err := db.Get(Users, fmt.Appendf(nil, "p%d", after.Seq+1)); !errors.Is(err, ErrNotFound) {
			t.Errorf("a change behind position %d is there", after.Seq)
		}
	}
	history := db.History()
	if last := history[len(history)-1]; last.First != db.Durable()+1 {
		t.Errorf("the new incarnation begins at %d, the watermark is %d", last.First, db.Durable())
	}
	v := db.View()
	defer v.Close()
	if v.Total(Users) != recompute(t, v, Users, key16(7)) {
		t.Error("the total is not the sum of the entries")
	}
}

// TestPositionOnlyBatchIsDurable: when nothing but a position is stored, Apply returns once that is on disk.
func TestPositionOnlyBatchIsDurable(t *testing.T) {
	fs := vfs.NewCrashableMem()
	db := mustOpen(t, memOptions(fs))
	put(t, db, "x", "")
	want := Position{5, 77}
	r, err := db.Apply(t.Context(), Batch{Dataset: Users, From: dbID(1), Kind: Below, Position: want})
	must(t, err)
	if r.Seq != 1 || db.Durable() != 1 || db.DurablePosition(dbID(1), Users) != want {
		t.Errorf("result %+v, watermark %d, durable position %v", r, db.Durable(), db.DurablePosition(dbID(1), Users))
	}
	image := mustOpen(t, memOptions(fs.CrashClone(vfs.CrashCloneCfg{})))
	if got := image.Position(dbID(1), Users); got != want {
		t.Errorf("position %v after a crash", got)
	}
}

// TestPositionOnlyBatchWaitsForTheDisk holds the disk's sync and sees that Apply does not return in the meantime.
func TestPositionOnlyBatchWaitsForTheDisk(t *testing.T) {
	var armed atomic.Bool
	syncing, proceed := make(chan struct{}, 16), make(chan struct{})
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if armed.Load() && strings.HasSuffix(op.Path, ".log") && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Kind != errorfs.OpFileWrite {
			syncing <- struct{}{}
			<-proceed
		}
		return nil
	}))
	db := mustOpen(t, memOptions(fs))
	put(t, db, "x", "")
	armed.Store(true)
	returned := make(chan error, 1)
	go func() {
		_, err := db.Apply(t.Context(), Batch{Dataset: Users, From: dbID(1), Kind: Above, Position: Position{1, 1}})
		returned <- err
	}()
	<-syncing
	select {
	case <-returned:
		t.Error("Apply returned before the sync")
	case <-time.After(50 * time.Millisecond): // nothing to wait for: it must not happen
	}
	if db.DurablePosition(dbID(1), Users) != (Position{}) || db.Position(dbID(1), Users).Seq != 1 {
		t.Error("the position is reported durable before the sync, or is not applied")
	}
	armed.Store(false)
	close(proceed)
	must(t, <-returned)
	if db.DurablePosition(dbID(1), Users).Seq != 1 {
		t.Error("the position is not durable after Apply")
	}
}

// TestFatalErrorOfTheEngine: an error that the storage engine itself calls fatal reaches Options.Fatal.
func TestFatalErrorOfTheEngine(t *testing.T) {
	var broken atomic.Bool
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && strings.Contains(op.Path, "MANIFEST") && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return errors.New("injected: input/output error")
		}
		return nil
	}))
	fatal := make(chan error, 1)
	o := memOptions(fs)
	o.Fatal = func(err error) { fatal <- err; broken.Store(false) }
	db, err := Open(o)
	must(t, err)
	put(t, db, "x", "")
	broken.Store(true)
	_, err = db.engn.AsyncFlush()
	must(t, err)
	if err := <-fatal; !strings.Contains(err.Error(), "MANIFEST") {
		t.Errorf("fatal error %v", err)
	}
	if err := db.Update(t.Context(), func(tx *Tx) error { return tx.Put(Users, []byte("y"), nil) }); err == nil {
		t.Error("an update after the failure succeeded")
	}
	if err := db.Close(); err == nil || !strings.Contains(err.Error(), "MANIFEST") {
		t.Errorf("closed with %v", err)
	}
}

// TestApplyBecomesDurable: a batch that was only applied is durable once the watermark says so.
func TestApplyBecomesDurable(t *testing.T) {
	fs := vfs.NewCrashableMem()
	db := mustOpen(t, memOptions(fs))
	r, err := db.Apply(t.Context(), Batch{
		Dataset: Users, From: dbID(1), Kind: Above, Position: Position{1, 1}, Changes: [][]byte{change("x", 5, dbID(1), "")}, Seqs: []uint64{1},
	})
	must(t, err)
	_, err = db.Wait(t.Context(), r.Seq-1)
	must(t, err)
	image := mustOpen(t, memOptions(fs.CrashClone(vfs.CrashCloneCfg{})))
	if _, err := image.Get(Users, []byte("x")); err != nil || image.Position(dbID(1), Users).Seq != 1 {
		t.Errorf("after a crash: %v, position %v", err, image.Position(dbID(1), Users))
	}
}

// TestFatalError: a disk that fails ends all writing, nothing more is reported durable, and the process goes on.
func TestFatalError(t *testing.T) {
	var broken atomic.Bool
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && strings.HasSuffix(op.Path, ".log") && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return errors.New("injected: input/output error")
		}
		return nil
	}))
	fatal := make(chan error, 8)
	o := memOptions(fs)
	o.Fatal = func(err error) { fatal <- err }
	db, err := Open(o)
	must(t, err)
	put(t, db, "x", "")
	broken.Store(true)
	if err := db.Update(t.Context(), func(tx *Tx) error { return tx.Put(Users, []byte("y"), nil) }); err == nil {
		t.Error("an update was acknowledged by a broken disk")
	}
	if err := <-fatal; err == nil {
		t.Error("no fatal error")
	}
	if db.Durable() != 1 {
		t.Errorf("watermark %d", db.Durable())
	}
	if _, err := db.Wait(t.Context(), 1); err == nil {
		t.Error("waiting for a broken disk succeeded")
	}
	if err := db.Update(t.Context(), func(tx *Tx) error { return nil }); err == nil {
		t.Error("an update after the failure succeeded")
	}
	if _, err := db.Get(Users, []byte("x")); err != nil {
		t.Errorf("reading after the failure: %v", err)
	}
	_ = db.Close() // it may fail, but it ends
}
