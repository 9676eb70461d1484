package hotspotdb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"
)

// checkIndex compares what memory knows of the records with what one scan of them says.
func checkIndex(t testing.TB, db *DB) {
	t.Helper()
	must(t, db.Update(context.Background(), func(tx *Tx) error { return tx.db.compareIndex() }))
}

// content is what belongs to what, in the order of the ids.
func (r *related[K, R]) content() string {
	out, listed := "", 0
	for _, id := range slices.Sorted(maps.Keys(r.owners)) {
		ref, _ := r.get(id)
		out += fmt.Sprintf("%d of %v: %v\n", id, r.owners[id], ref)
	}
	for _, list := range r.lists {
		listed += len(list)
	}
	return fmt.Sprintf("%s%d owners, %d listed", out, len(r.owners), listed)
}

// compareIndex runs in the committer.
func (db *DB) compareIndex() error {
	live, built := db.index, newIndex(db.index.digestKey)
	built.claims.seed = live.claims.seed
	counted, err := db.loadRecords(db.engn, built, newOrigins())
	if err != nil {
		return err
	}
	counted.last = db.last
	var errs []error
	differ := func(what string, got, want any) {
		if fmt.Sprint(got) != fmt.Sprint(want) {
			errs = append(errs, fmt.Errorf("%s: %v in memory, %v in the store", what, got, want))
		}
	}
	differ("tally", db.tally, counted)
	for _, ds := range Datasets() {
		l, b := live.datasets[ds], built.datasets[ds]
		differ(ds.String()+" total", l.total, b.total)
		differ(ds.String()+" counts", l.counts, b.counts)
		differ(ds.String()+" accounts", l.access, b.access)
		differ(ds.String()+" segments", l.segment, b.segment)
		differ(ds.String()+" vouchers", l.voucher, b.voucher)
		differ(ds.String()+" sums", l.sums == b.sums, true)
		differ(ds.String()+" by source", live.bySource(ds), built.bySource(ds))
		if l.head != max(b.head, db.life.tops[ds]) {
			differ(ds.String()+" head", l.head, b.head)
		}
		for bucket := range l.tables {
			if l.tables[bucket].used == 0 && b.tables[bucket].used == 0 {
				continue
			}
			differ("records", l.tables[bucket].content(), b.tables[bucket].content())
		}
	}
	differ("active", slices.Sorted(maps.Keys(live.active)), slices.Sorted(maps.Keys(built.active)))
	differ("uses", live.uses.content(), built.uses.content())
	differ("purchases", live.purchases.content(), built.purchases.content())
	differ("erased", slices.Sorted(maps.Keys(live.erased)), slices.Sorted(maps.Keys(built.erased)))
	differ("usage", live.usageContent(), built.usageContent())
	for hash, id := range built.claims.first {
		if !slices.Contains(live.claims.candidates(hash), id) {
			errs = append(errs, fmt.Errorf("the claim of account %d is not known", id))
		}
	}
	return errors.Join(errs...)
}

func (x *index) bySource(ds Dataset) map[string]u128 {
	out := map[string]u128{}
	for n, sum := range x.datasets[ds].sources {
		if sum != (u128{}) {
			out[fmt.Sprint(x.sources.ids[n])] = sum
		}
	}
	return out
}

// content lists a table as searches find it.
func (t *table) content() []string {
	var out []string
	for _, r := range t.slots {
		if r.seq != 0 {
			found := t.get(r.hash)
			out = append(out, fmt.Sprint(r.hash, r.clock, r.seq, r.contribution, r.flags, found != nil && found.seq == r.seq))
		}
	}
	slices.Sort(out)
	return out
}

func (x *index) usageContent() map[uint64][]string {
	out := map[uint64][]string{}
	for id, refs := range x.usage {
		for _, ref := range refs {
			out[id] = append(out[id], fmt.Sprint(ref, x.datasets[Sessions].get(ref.hash).seq))
		}
		slices.Sort(out[id])
	}
	return out
}

// TestTableRemove: whatever is added and removed, searches find what is there and nothing else.
func TestTableRemove(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var tab table
		model := map[keyHash]uint64{}
		span := rapid.SampledFrom([]uint64{1 << 62, 1 << 10, 4}).Draw(rt, "spread") // few homes: long runs, also around the end
		for i := range rapid.IntRange(1, 300).Draw(rt, "steps") {
			h := keyHash{1, (rapid.Uint64Range(0, 60).Draw(rt, "key") + 1) * span}
			if i%7 == 0 {
				h.b = ^h.b
			}
			if _, there := model[h]; there {
				tab.remove(h)
				delete(model, h)
			} else {
				tab.add(record{hash: h, seq: uint64(i + 1)})
				model[h] = uint64(i + 1)
			}
			if tab.used != len(model) || len(tab.slots) > max(4, 4*len(model)) {
				rt.Fatalf("%d records in %d slots, want %d", tab.used, len(tab.slots), len(model))
			}
			for h, seq := range model {
				if r := tab.get(h); r == nil || r.seq != seq {
					rt.Fatalf("record %d is not found", seq)
				}
			}
			if tab.get(keyHash{1, 3}) != nil {
				rt.Fatal("found what is not there")
			}
		}
	})
}

// TestIndexAfterRemovals: under random writes, merges, deletions, removals, failed transactions and openings, memory is
// what the store says.
func TestIndexAfterRemovals(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, rt, 2)
		defer w.close()
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			i := rapid.IntRange(0, 1).Draw(rt, "box")
			switch rapid.IntRange(0, 7).Draw(rt, "what") {
			case 0, 1, 2:
				w.writeSomething(i)
			case 3:
				w.deliver(i, 1-i, rapid.SampledFrom([]Dataset{Users, Sessions}).Draw(rt, "dataset"), true)
			case 4, 5:
				w.forgetSome(i, rapid.SampledFrom([]Dataset{Users, Sessions}).Draw(rt, "dataset"))
			case 6:
				w.clock.Add(rapid.SampledFrom([]time.Duration{time.Second, 25 * time.Hour}).Draw(rt, "later"))
			case 7:
				w.restore(i, w.fs[i].CrashClone(vfs.CrashCloneCfg{}))
			}
			checkIndex(w.outer, w.dbs[i])
		}
	})
}

func (w *world) writeSomething(i int) {
	name := rapid.SampledFrom([]string{"anna", "bea", "carl"}).Draw(w.t, "name")
	boom := errors.New("boom")
	err := w.dbs[i].Update(context.Background(), func(tx *Tx) error {
		var err error
		switch rapid.IntRange(0, 4).Draw(w.t, "write") {
		case 0:
			_, err = tx.AddAccount(Account{Username: name}, "secret", "x")
		case 1:
			err = tx.DeleteAccount(name, "x")
		case 2, 3:
			_, err = tx.OpenSegment(Segment{Account: uint64(len(name)), Username: name, InputOctetsTo: 5})
		case 4:
			for id := range tx.db.index.active {
				if err = tx.CloseSegment(id, "x", tx.now); err != nil && !errors.Is(err, ErrReadOnly) {
					break
				}
			}
		}
		if rapid.IntRange(0, 9).Draw(w.t, "fail") == 0 {
			return boom
		}
		return err
	})
	if err != nil && !errors.Is(err, boom) && !errors.Is(err, ErrExists) && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrReadOnly) {
		w.t.Fatal(err)
	}
}

func (w *world) forgetSome(i int, ds Dataset) {
	db := w.dbs[i]
	var list []uint64
	for _, seq := range feedOf(w.outer, db, ds, 0).Seqs {
		if rapid.Bool().Draw(w.t, "forget") {
			list = append(list, seq)
		}
	}
	head, last := db.Head(ds), db.Durable()
	view := db.View(WithSums(ds), WithSources(ds))
	defer view.Close()
	bare := db.View()
	defer bare.Close()
	n, err := db.Forget(context.Background(), ds, list)
	if err != nil || n != len(list) {
		w.t.Fatalf("forgot %d of %d: %v", n, len(list), err)
	}
	if db.Head(ds) != head || db.Durable() < last || db.Floor(ds) != 0 {
		w.t.Fatalf("head %d was %d, watermark %d was %d, floor %d", db.Head(ds), head, db.Durable(), last, db.Floor(ds))
	}
	for _, v := range []*View{view, bare} { // a view is what it was
		w.checkSources(v, ds)
		sums, err := v.Sums(ds)
		if err != nil {
			w.t.Fatal(err)
		}
		var all Sum
		for _, s := range sums {
			all = AddSum(all, s)
		}
		if all != v.Total(ds) || all != recompute(w.outer, v, ds, key16(7)) {
			w.t.Fatal("the sums of a view changed with a removal")
		}
		for _, seq := range list {
			w.checkBucketHas(v, ds, seq)
		}
	}
}

// checkBucketHas looks for an entry of a view in its bucket.
func (w *world) checkBucketHas(v *View, ds Dataset, seq uint64) {
	bucket := -1
	err := v.Scan(ds, seq-1, seq, func(e Entry) (bool, error) {
		c, err := e.Decode()
		bucket = v.BucketOf()(c.Key)
		return true, err
	})
	found := false
	if err == nil {
		err = v.Bucket(ds, bucket, func(e Entry) (bool, error) { found = found || e.Seq == seq; return true, nil })
	}
	if err != nil || !found {
		w.t.Fatalf("entry %d of a view is not in its bucket %d: %v", seq, bucket, err)
	}
}

func (w *world) checkSources(v *View, ds Dataset) {
	for name, match := range map[string]func(Source) bool{
		"local": func(s Source) bool { return s.Kind == Local },
		"above": func(s Source) bool { return s.Kind == Above && s.Database == w.dbs[0].ID() && s.Seq == 0 },
		"all":   func(Source) bool { return true },
	} {
		got, err := v.SourceTotal(ds, match)
		if err != nil {
			w.t.Fatal(err)
		}
		var want Sum
		sums, err := v.SourceSums(ds, match)
		for _, s := range sums {
			want = AddSum(want, s)
		}
		if err != nil || got != want || name == "all" && got != v.Total(ds) {
			w.t.Fatalf("%s: total by source %x, by a scan %x, of all %x: %v", name, got, want, v.Total(ds), err)
		}
	}
}
