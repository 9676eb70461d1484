package hotspotdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"mbox/proto/hotspotpb"
)

// world is a few databases that exchange feeds.
type world struct {
	t       *rapid.T
	outer   *testing.T
	clock   *fakeClock
	fs      []*vfs.MemFS
	dbs     []*DB
	options []Options
}

func newWorld(outer *testing.T, t *rapid.T, n int) *world {
	w := &world{t: t, outer: outer, clock: newFakeClock()}
	for range n {
		fs := vfs.NewCrashableMem()
		o := memOptions(fs)
		o.Now = w.clock.Now
		w.fs = append(w.fs, fs)
		w.options = append(w.options, o)
		w.dbs = append(w.dbs, w.open(o))
	}
	return w
}

func (w *world) open(o Options) *DB {
	db, err := Open(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return db
}

func (w *world) close() {
	for _, db := range w.dbs {
		if err := db.Close(); err != nil {
			w.t.Error(err)
		}
	}
}

// restore replaces a database by an image of it that was taken before.
func (w *world) restore(i int, image *vfs.MemFS) {
	if err := w.dbs[i].Close(); err != nil {
		w.t.Fatal(err)
	}
	w.fs[i] = image
	w.options[i].FS = image
	w.dbs[i] = w.open(w.options[i])
}

func (w *world) update(i int, fn func(*Tx) error) {
	if err := w.dbs[i].Update(context.Background(), fn); err != nil {
		w.t.Fatal(err)
	}
}

// deliver applies the feed of one dataset at another database, from some point on, in some order.
func (w *world) deliver(from, to int, ds Dataset, shuffle bool) {
	b := feedOf(w.outer, w.dbs[from], ds, 0)
	order := make([]int, len(b.Changes))
	for i := range order {
		order[i] = i
	}
	if shuffle {
		order = rapid.Permutation(order).Draw(w.t, "order")
		order = order[:rapid.IntRange(0, len(order)).Draw(w.t, "delivered")]
	}
	part := Batch{Dataset: ds, From: b.From, Kind: Above}
	for _, i := range order {
		part.Changes, part.Seqs = append(part.Changes, b.Changes[i]), append(part.Seqs, b.Seqs[i])
	}
	if _, err := w.dbs[to].Apply(context.Background(), part); err != nil {
		w.t.Fatal(err)
	}
}

// heal exchanges everything until all hold the same. What is merged may be new to the others, hence the rounds.
func (w *world) heal(ds Dataset) {
	for range len(w.dbs) + 1 {
		for from := range w.dbs {
			for to := range w.dbs {
				if from != to {
					w.deliver(from, to, ds, false)
				}
			}
		}
	}
}

// state is what a database holds, by key; the version vector and base do not count.
func (w *world) state(i int, ds Dataset) map[string]string {
	state := map[string]string{}
	for _, raw := range feedOf(w.outer, w.dbs[i], ds, 0).Changes {
		c, err := DecodeChange(raw)
		if err != nil {
			w.t.Fatal(err)
		}
		state[string(c.Key)] = fmt.Sprintf("%v %v %x", c.Stamp, c.Deleted, c.Body)
	}
	return state
}

func (w *world) checkEqual(ds Dataset) {
	want := w.state(0, ds)
	for i, db := range w.dbs {
		if got := w.state(i, ds); fmt.Sprint(got) != fmt.Sprint(want) {
			w.t.Fatalf("database %d holds\n%v\ndatabase 0\n%v", i, got, want)
		}
		v := db.View()
		if v.Total(ds) != recompute(w.outer, v, ds, key16(7)) {
			w.t.Fatalf("database %d: the total is not the sum of the entries", i)
		}
		if v.Total(ds) != total(w.dbs[0], ds) {
			w.t.Fatalf("database %d has another total", i)
		}
		v.Close()
	}
}

// TestMergeConverges: whatever is written where, with clocks that stand still, and in whatever order feeds arrive, all
// databases end with the same winners and equal totals. A database may be set back to an earlier state.
func TestMergeConverges(t *testing.T) {
	keys := [][]byte{[]byte("x1"), []byte("y2"), AccessKey(1), SelfKey(1), AccessKey(2)}
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, rt, 3)
		defer w.close()
		images := map[int]*vfs.MemFS{}
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			i := rapid.IntRange(0, 2).Draw(rt, "box")
			switch rapid.IntRange(0, 6).Draw(rt, "what") {
			case 0, 1, 2:
				key := rapid.SampledFrom(keys).Draw(rt, "key")
				body := []byte(rapid.StringMatching(`[a-c]{1,3}`).Draw(rt, "body"))
				w.update(i, func(tx *Tx) error {
					if rapid.IntRange(0, 4).Draw(rt, "delete") == 0 {
						return tx.Delete(Users, key)
					}
					return tx.Put(Users, key, appendBytes(nil, 1, body))
				})
			case 3, 4:
				w.deliver(i, (i+1+rapid.IntRange(0, 1).Draw(rt, "to"))%3, Users, true)
			case 5:
				images[i] = w.fs[i].CrashClone(vfs.CrashCloneCfg{})
			case 6:
				if image := images[i]; image != nil && rapid.Bool().Draw(rt, "restore") {
					w.restore(i, image)
					delete(images, i)
				}
			}
		}
		w.heal(Users)
		w.checkEqual(Users)
	})
}

// TestUsageConverges: counters end at the maximum that any box ever had, with the same bytes everywhere, also when a box
// was set back and counted on from less.
func TestUsageConverges(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, rt, 3)
		defer w.close()
		images := map[int]*vfs.MemFS{}
		key := UsageKey(7, dbID(5), 0)
		var most counters
		for range rapid.IntRange(1, 20).Draw(rt, "steps") {
			i := rapid.IntRange(0, 2).Draw(rt, "box")
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0, 1, 2:
				grown := counters{rapid.Uint64Range(0, 5).Draw(rt, "in"), rapid.Uint64Range(0, 5).Draw(rt, "out"), 1}
				w.update(i, func(tx *Tx) error {
					pb := &hotspotpb.Usage{}
					if err := readMessage(tx, Sessions, key, pb); err != nil && !errors.Is(err, ErrNotFound) {
						return err
					}
					pb.Account, pb.Origin = 7, dbID(5).bytes()
					pb.InputOctets += grown[0]
					pb.OutputOctets += grown[1]
					pb.SessionTimeS += grown[2]
					most = most.join(counters{pb.InputOctets, pb.OutputOctets, pb.SessionTimeS})
					return tx.putMessage(Sessions, key, pb)
				})
				// Nothing is lost if every version reaches some other box before its own is set back.
				w.deliver(i, (i+1)%3, Sessions, false)
			case 3:
				w.deliver(i, (i+1+rapid.IntRange(0, 1).Draw(rt, "to"))%3, Sessions, true)
			case 4:
				images[i] = w.fs[i].CrashClone(vfs.CrashCloneCfg{})
			case 5:
				if image := images[i]; image != nil && len(images) == 1 {
					w.restore(i, image)
					images = map[int]*vfs.MemFS{}
					w.clock.Add(1)
					w.heal(Sessions)
				}
			}
		}
		w.heal(Sessions)
		w.checkEqual(Sessions)
		c, err := w.dbs[0].Get(Sessions, key)
		if errors.Is(err, ErrNotFound) {
			return
		}
		if err != nil || countersOf(c.Body) != most {
			rt.Fatalf("counters %v, the most that was counted is %v (%v)", countersOf(c.Body), most, err)
		}
	})
}

func (id DatabaseID) bytes() []byte { return id[:] }

func TestUsageMergeKeepsUnknownFields(t *testing.T) {
	db := openMem(t)
	usage := func(clock, in, out uint64, unknown string) []byte {
		body, err := proto.Marshal(&hotspotpb.Usage{Account: 1, InputOctets: in, OutputOctets: out})
		must(t, err)
		return AppendChange(nil, &Change{Key: UsageKey(1, dbID(1), 0), Stamp: Stamp{clock, dbID(1)}, Body: appendBytes(body, 99, []byte(unknown))})
	}
	for i, raw := range [][]byte{usage(5, 10, 1, "old"), usage(6, 1, 10, "new")} {
		r, err := db.Apply(t.Context(), Batch{Dataset: Sessions, From: dbID(1), Kind: Above, Changes: [][]byte{raw}, Seqs: []uint64{uint64(i)}})
		must(t, err)
		if r.Stored != 1 {
			t.Fatalf("result %+v", r)
		}
	}
	c, err := db.Get(Sessions, UsageKey(1, dbID(1), 0))
	must(t, err)
	if countersOf(c.Body) != (counters{10, 10, 0}) || c.Stamp.Clock != 6 || string(lastBytes(c.Body, 99)) != "new" {
		t.Errorf("merged to %v at %d with %q", countersOf(c.Body), c.Stamp.Clock, lastBytes(c.Body, 99))
	}
	if b := feedOf(t, db, Sessions, 0); len(b.Changes) != 1 {
		t.Errorf("%d entries", len(b.Changes))
	}
}

func applyOne(t *testing.T, db *DB, ds Dataset, raw []byte) Result {
	t.Helper()
	r, err := db.Apply(t.Context(), Batch{Dataset: ds, From: dbID(1), Kind: Above, Changes: [][]byte{raw}, Seqs: []uint64{1}})
	must(t, err)
	return r
}

func TestGreaterStampWins(t *testing.T) {
	db := openMem(t)
	for i, step := range []struct {
		clock  uint64
		origin byte
		stored int
		body   string
	}{{10, 2, 1, "a"}, {10, 2, 0, "a"}, {9, 9, 0, "b"}, {10, 1, 0, "c"}, {10, 3, 1, "d"}, {11, 1, 1, "e"}} {
		r := applyOne(t, db, Users, change("x", step.clock, dbID(step.origin), step.body))
		if r.Stored != step.stored || r.Ignored != 1-step.stored {
			t.Errorf("step %d: %+v", i, r)
		}
	}
}

func TestStoredBytesAreAsTheyCame(t *testing.T) {
	db := openMem(t)
	raw := appendBytes(change("x", 5, dbID(2), "body"), 200, []byte("unknown"))
	applyOne(t, db, Users, raw)
	if b := feedOf(t, db, Users, 0); !bytes.Equal(b.Changes[0], raw) {
		t.Errorf("stored %x, came as %x", b.Changes[0], raw)
	}
}

func TestMalformedBatchChangesNothing(t *testing.T) {
	db := openMem(t)
	good := change("x", 5, dbID(2), "")
	for name, b := range map[string]Batch{
		"garbage":       {Dataset: Users, Changes: [][]byte{good, {0xff}}, Seqs: []uint64{1, 2}},
		"wrong dataset": {Dataset: Sessions, Changes: [][]byte{good, change(string(AccessKey(1)), 5, dbID(1), "")}, Seqs: []uint64{1, 2}},
		"short key":     {Dataset: Users, Changes: [][]byte{good, change("A1", 5, dbID(1), "")}, Seqs: []uint64{1, 2}},
		"no sequences":  {Dataset: Users, Changes: [][]byte{good}},
		"no dataset":    {Changes: [][]byte{good}, Seqs: []uint64{1}},
	} {
		b.From, b.Kind, b.Position = dbID(1), Above, Position{1, 9}
		if _, err := db.Apply(t.Context(), b); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := db.Apply(t.Context(), Batch{Dataset: Users, Kind: Above}); !errors.Is(err, ErrInvalid) {
		t.Errorf("no source: error %v", err)
	}
	if db.Head(Users) != 0 || db.Position(dbID(1), Users) != (Position{}) {
		t.Error("a refused batch was stored")
	}
}

// TestEqualStamps: two versions of a record with one stamp, made by a box whose clock went back after a restore, end as
// the same one on both boxes.
func TestEqualStamps(t *testing.T) {
	one, two := change("x", 5, dbID(2), "one"), change("x", 5, dbID(2), "two")
	gone := AppendChange(nil, &Change{Key: []byte("x"), Stamp: Stamp{5, dbID(2)}, Deleted: true})
	var sums []Sum
	for _, order := range [][][]byte{{one, two, gone}, {gone, two, one}, {two, one, gone}} {
		db := openMem(t)
		for _, raw := range order {
			applyOne(t, db, Users, raw)
		}
		sums = append(sums, total(db, Users))
	}
	if sums[0] != sums[1] || sums[0] != sums[2] || sums[0] == (Sum{}) {
		t.Errorf("totals differ: %x", sums)
	}
}
