package hotspotdb

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"
)

func appendVarint(dst []byte, num protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(dst, num, protowire.VarintType), v)
}

// person makes an account with everything that can be known of it.
func (b *agingBox) person(name string) uint64 {
	b.t.Helper()
	a := addAccount(b.t, b.DB, Account{Username: name, Info: map[string]string{"email": name + "@example.com"}}, "secret")
	b.session(a.ID, false)
	b.session(a.ID, true)
	must(b.t, b.Update(context.Background(), func(tx *Tx) error {
		if err := tx.BindSticky(Binding{MAC: "02-00-00-00-00-0" + name[:1], Username: name, Account: a.ID, Hotspot: "lobby"}); err != nil {
			return err
		}
		if err := tx.PutUse(VoucherUse{ID: a.ID, Code: "CODE" + name[:1], Batch: "lobby"}); err != nil {
			return err
		}
		_, err := tx.AddPurchase(Purchase{Account: a.ID, Octets: 5})
		return err
	}))
	b.RecordAttempt(Attempt{Username: name, Accepted: true})
	must(b.t, b.storeAttempts(context.Background()))
	return a.ID
}

// traceable is how many records person makes: two of the account itself, two sessions, one of usage, binding,
// use, purchase and attempt each, and three audit entries.
const traceable = 2 + 2 + 1 + 1 + 1 + 1 + 1 + 3

// traces counts the records that are about an account, other than that it was erased.
func traces(t testing.TB, db *DB, account uint64) (n int) {
	t.Helper()
	for _, ds := range Datasets() {
		for _, raw := range feedOf(t, db, ds, 0).Changes {
			c, err := DecodeChange(raw)
			must(t, err)
			if about, _ := accountOf(&c); about == account {
				n++
			}
			if c.Key[0] == KindAudit {
				eachEntry(c.Body, func(_ int, entry []byte) bool {
					if lastVarint(entry, fieldEntryAccount) == account {
						n++
					}
					return true
				})
			}
		}
	}
	return n
}

func follow(t testing.TB, from, to *DB) (all Result) {
	t.Helper()
	for _, ds := range Datasets() {
		r, err := to.Apply(context.Background(), feedOf(t, from, ds, 0))
		must(t, err)
		all.Stored += r.Stored
		all.Ignored += r.Ignored
	}
	return all
}

// TestErase: nothing of a person is left here or on a box that hears of it, it does not come back, others keep theirs, and
// both boxes have equal digests.
func TestErase(t *testing.T) {
	a, b := newAgingBox(t), newAgingBox(t)
	anna, bea := a.person("1anna"), a.person("2bea")
	follow(t, a.DB, b.DB)
	had := feedOf(t, b.DB, Users, 0)
	hadSessions := feedOf(t, b.DB, Sessions, 0)
	e, err := a.Erase(t.Context(), anna)
	must(t, err)
	want := Erasure{Account: anna, Sessions: 2, Usage: 1, Sticky: 1, Purchases: 1, Uses: 1, Audit: 3, Attempts: 1}
	if e != want || traces(t, a.DB, anna) != 0 || traces(t, a.DB, bea) != traceable {
		t.Fatalf("%+v; %d traces of her, %d of another", e, traces(t, a.DB, anna), traces(t, a.DB, bea))
	}
	if left := a.candidates([]byte("1anna")); len(left) != 0 {
		t.Errorf("accounts %v still claim her name", left)
	}
	if _, err := a.Account("1anna"); !errors.Is(err, ErrNotFound) || !a.Erased(anna) || a.Erased(bea) {
		t.Errorf("account: %v", err)
	}
	b.upkeep.mu.Lock() // the account goes with the commit, not with what follows it
	follow(t, a.DB, b.DB)
	if _, err := b.AccountByID(anna); !errors.Is(err, ErrNotFound) {
		t.Errorf("her account on the other box: %v", err)
	}
	b.upkeep.mu.Unlock()
	must(t, b.Upkeep(t.Context()))
	if traces(t, b.DB, anna) != 0 || traces(t, b.DB, bea) != traceable {
		t.Errorf("%d traces of her on the other box, %d of another", traces(t, b.DB, anna), traces(t, b.DB, bea))
	}
	for _, old := range []Batch{had, hadSessions} { // from a box that has not heard of it
		old.From = dbID(5)
		if r, err := a.Apply(t.Context(), old); err != nil || r.Stored != 0 {
			t.Errorf("%s came back: %+v, %v", old.Dataset, r, err)
		}
	}
	for _, ds := range Datasets() {
		if total(a.DB, ds) != total(b.DB, ds) {
			t.Errorf("%s: digests differ", ds)
		}
	}
	for _, box := range []*agingBox{a, b} {
		checkIndex(t, box.DB)
		box.reopen()
		must(t, box.Upkeep(t.Context()))
		if !box.Erased(anna) || traces(t, box.DB, anna) != 0 {
			t.Error("after a restart")
		}
	}
}

// TestErasureIsForGood: it cannot be deleted, and nothing can be written about the account.
func TestErasureIsForGood(t *testing.T) {
	b := newAgingBox(t)
	id := b.person("1anna")
	_, err := b.Erase(t.Context(), id)
	must(t, err)
	err = b.Update(t.Context(), func(tx *Tx) error { return tx.Delete(Users, ErasureKey(id)) })
	if !errors.Is(err, ErrInvalid) {
		t.Errorf("delete: %v", err)
	}
	tombstone := AppendChange(nil, &Change{Key: ErasureKey(id), Stamp: Stamp{b.clock.micros() + 5, dbID(2)}, Deleted: true})
	if r := applyOne(t, b.DB, Users, tombstone); r.Stored != 0 || !b.Erased(id) {
		t.Errorf("a peer's deletion: %+v", r)
	}
	err = b.Update(t.Context(), func(tx *Tx) error {
		_, err := tx.OpenSegment(Segment{Account: id, Username: "anna"})
		return err
	})
	if !errors.Is(err, ErrErased) {
		t.Errorf("a session of hers: %v", err)
	}
	if _, err := b.Erase(t.Context(), id); err != nil {
		t.Errorf("once more: %v", err)
	}
	if _, err := b.Erase(t.Context(), 0); !errors.Is(err, ErrInvalid) {
		t.Errorf("account 0: %v", err)
	}
}

// TestEraseOnABoxWithSomeDatasets: each dataset says by itself who was erased.
func TestEraseOnABoxWithSomeDatasets(t *testing.T) {
	for _, only := range erasureDatasets {
		a, b := newAgingBox(t), newAgingBox(t)
		id := a.person("1anna")
		apply := func() {
			_, err := b.Apply(t.Context(), feedOf(t, a.DB, only, 0))
			must(t, err)
		}
		apply()
		if traces(t, b.DB, id) == 0 {
			t.Fatalf("%s: nothing to erase", only)
		}
		_, err := a.Erase(t.Context(), id)
		must(t, err)
		apply()
		must(t, b.Upkeep(t.Context()))
		if traces(t, b.DB, id) != 0 || total(a.DB, only) != total(b.DB, only) {
			t.Errorf("%s: %d traces are left", only, traces(t, b.DB, id))
		}
	}
}

// TestErasureStaysInItsDataset: a peer that may only send sessions cannot erase accounts by them.
func TestErasureStaysInItsDataset(t *testing.T) {
	for ds, want := range map[Dataset]int{
		Users: 0, Sessions: traceable - 3, Sticky: traceable - 1, Vouchers: traceable - 1, Audit: traceable - 4,
	} {
		b := newAgingBox(t)
		id := b.person("1anna")
		e := AppendChange(nil, &Change{Key: erasureKey(ds, id), Stamp: Stamp{b.clock.micros(), dbID(2)}})
		applyOne(t, b.DB, ds, e)
		must(t, b.Upkeep(t.Context()))
		if n := traces(t, b.DB, id); n != want || b.Erased(id) != (ds == Users) {
			t.Errorf("%s: %d traces are left, want %d; erased %v", ds, n, want, b.Erased(id))
		}
		if n, err := b.Forget(t.Context(), ds, []uint64{b.Head(ds)}); n != 0 || err != nil {
			t.Errorf("%s: forgot %d erasures, %v", ds, n, err)
		}
		checkIndex(t, b.DB)
	}
}

// TestErasedByItself: a box that hears of an erasure sweeps without being told, and after a restart once more.
func TestErasedByItself(t *testing.T) {
	a, b := newAgingBox(t), newAgingBox(t)
	id := a.person("1anna")
	follow(t, a.DB, b.DB)
	_, err := a.Erase(t.Context(), id)
	must(t, err)
	follow(t, a.DB, b.DB)
	for traces(t, b.DB, id) > 0 {
		if err := t.Context().Err(); err != nil {
			t.Fatal(err)
		}
	}
	// A version that knew nothing of erasures has stored a session meanwhile.
	b.person("2bea")
	c, err := b.Get(Sessions, SegmentKey(b.session(id+1, false)))
	must(t, err)
	s := Change{Key: SegmentKey(77), Stamp: c.Stamp, Body: appendVarint(nil, fieldAccount, id)}
	storeUnchecked(t, b.DB, Sessions, AppendChange(nil, &s))
	b.reopen()
	for traces(t, b.DB, id) > 0 {
		if err := t.Context().Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestEraseConflictsAndAsides: the person is gone from the conflict list and from what waits for its time.
func TestEraseConflictsAndAsides(t *testing.T) {
	b := newAgingBox(t)
	putSelf(t, b.DB, SelfKey(7), "mine", "")
	putSelf(t, b.DB, SelfKey(8), "mine", "")
	for id := range uint64(2) {
		for i, clock := range []uint64{1, b.clock.micros() + uint64(time.Hour.Microseconds())} {
			theirs := Change{Key: SelfKey(7 + id), Stamp: Stamp{clock, dbID(1)}, Body: appendBytes(nil, 2, []byte("theirs")), Version: Vector{{uint64(i + 1), 1}}}
			applyOne(t, b.DB, Users, AppendChange(nil, &theirs))
		}
	}
	if b.ConflictCount() != 2 || b.SetAsideCount() != 2 {
		t.Fatalf("%d conflicts, %d set aside", b.ConflictCount(), b.SetAsideCount())
	}
	e, err := b.Erase(t.Context(), 7)
	must(t, err)
	check := func() {
		t.Helper()
		list := conflicts(t, b.DB)
		if len(list) != 1 || keyID(list[0].Loser.Key) != 8 || b.ConflictCount() != 1 || b.SetAsideCount() != 1 {
			t.Errorf("%d conflicts in the store, %d in memory, %d set aside", len(list), b.ConflictCount(), b.SetAsideCount())
		}
	}
	if check(); e.Conflicts != 1 || e.SetAside != 1 {
		t.Errorf("%+v", e)
	}
	b.reopen()
	check()
	b.clock.Add(2 * time.Hour)
	_, err = b.mergeDue(t.Context())
	must(t, err)
	if traces(t, b.DB, 7) != 0 || traces(t, b.DB, 8) != 1 {
		t.Errorf("%d traces of her, %d of another", traces(t, b.DB, 7), traces(t, b.DB, 8))
	}
}

// TestRestoreKeepsErased: a backup from before does not bring a person back.
func TestRestoreKeepsErased(t *testing.T) {
	b := newAgingBox(t)
	anna, bea := b.person("1anna"), b.person("2bea")
	var backup bytes.Buffer
	must(t, b.Export(t.Context(), &backup))
	_, err := b.Erase(t.Context(), anna)
	must(t, err)
	dir := filepath.Join(t.TempDir(), "db")
	must(t, b.Restore(t.Context(), dir, &backup))
	restored := mustOpen(t, Options{Dir: dir})
	if traces(t, restored, anna) != 0 || traces(t, restored, bea) != traceable || !restored.Erased(anna) || restored.ID() != b.ID() {
		t.Errorf("%d traces of her, %d of another, erased %v", traces(t, restored, anna), traces(t, restored, bea), restored.Erased(anna))
	}
	if err := b.Restore(t.Context(), filepath.Join(t.TempDir(), "db"), io.LimitReader(&backup, 3)); !errors.Is(err, ErrDamaged) {
		t.Errorf("a damaged export: %v", err)
	}
}

// TestEraseCrash cuts the power at any moment of an erasure: either the account is as it was, or it is erased and the next start
// finishes the work.
func TestEraseCrash(t *testing.T) {
	b := newAgingBox(t)
	id := b.person("1anna")
	const sessions = 3000
	must(t, b.Update(t.Context(), func(tx *Tx) error {
		for range sessions {
			if _, err := tx.OpenSegment(Segment{Account: id, Username: "1anna"}); err != nil {
				return err
			}
		}
		return nil
	}))
	before := traces(t, b.DB, id)
	erased := make(chan error, 1)
	images := []*vfs.MemFS{b.fs.CrashClone(vfs.CrashCloneCfg{})}
	rng := rand.New(rand.NewPCG(5, 6))
	go func() {
		_, err := b.Erase(context.Background(), id)
		erased <- err
	}()
	for done := false; !done; {
		select {
		case err := <-erased:
			must(t, err)
			done = true
		default:
		}
		if len(images) < 40 || done {
			images = append(images, b.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 100}[len(images)%3], RNG: rng}))
		}
	}
	unfinished := 0
	for i, image := range images {
		o := b.o
		o.FS = image
		db := mustOpen(t, o)
		left := traces(t, db, id)
		if !db.Erased(id) {
			if left != before || i == len(images)-1 {
				t.Errorf("image %d: not erased, but %d of %d traces", i, left, before)
			}
		} else {
			if left > 0 {
				unfinished++
			}
			must(t, db.Upkeep(t.Context()))
			if left = traces(t, db, id); left != 0 {
				t.Errorf("image %d: %d traces are left", i, left)
			}
		}
		checkIndex(t, db)
		must(t, db.Close())
	}
	t.Logf("%d images of an unfinished erasure", unfinished)
}

// TestErasureConverges: in whatever order erasures and what they erase arrive, boxes end equal and without traces.
func TestErasureConverges(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, rt, 3)
		defer w.close()
		for range rapid.IntRange(1, 15).Draw(rt, "steps") {
			i, id := rapid.IntRange(0, 2).Draw(rt, "box"), rapid.Uint64Range(1, 3).Draw(rt, "account")
			ds := rapid.SampledFrom([]Dataset{Users, Sessions}).Draw(rt, "dataset")
			var err error
			switch rapid.IntRange(0, 4).Draw(rt, "what") {
			case 0, 1:
				err = w.dbs[i].Update(context.Background(), func(tx *Tx) error {
					body := appendBytes(nil, 1, []byte("anna"))
					_, sessionErr := tx.OpenSegment(Segment{Account: id})
					return errors.Join(tx.Put(Users, AccessKey(id), body), tx.Put(Users, SelfKey(id), nil), sessionErr)
				})
			case 2:
				_, err = w.dbs[i].Erase(context.Background(), id)
			case 3, 4:
				w.deliver(i, (i+1+rapid.IntRange(0, 1).Draw(rt, "to"))%3, ds, true)
			}
			if err != nil && !errors.Is(err, ErrErased) {
				rt.Fatal(err)
			}
		}
		for _, ds := range []Dataset{Users, Sessions, Sticky} {
			w.heal(ds)
		}
		for _, db := range w.dbs {
			if err := db.Upkeep(context.Background()); err != nil {
				rt.Fatal(err)
			}
			for id := range uint64(4) {
				if db.Erased(id) && traces(t, db, id) > 0 {
					rt.Fatalf("traces of account %d", id)
				}
			}
			checkIndex(t, db)
		}
		w.checkEqual(Users)
		w.checkEqual(Sessions)
	})
}
