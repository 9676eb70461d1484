package hotspotdb_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/protobuf/proto"

	"mbox/hotspotdb"
	"mbox/hotspotdb/dbtest"
	"mbox/proto/hotspotpb"
)

func open(t *testing.T, change func(*hotspotdb.Options)) *hotspotdb.DB {
	t.Helper()
	o := hotspotdb.Options{Dir: "/db", FS: vfs.NewMem(), DigestKey: [16]byte{1}, FreeSpace: func() (uint64, error) { return 1 << 40, nil }}
	if change != nil {
		change(&o)
	}
	db, err := hotspotdb.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func update(t *testing.T, db *hotspotdb.DB, fn func(*hotspotdb.Tx) error) {
	t.Helper()
	if err := db.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// arrive merges changes as if another box had sent them.
func arrive(t *testing.T, db *hotspotdb.DB, ds hotspotdb.Dataset, changes ...hotspotdb.Change) hotspotdb.Result {
	t.Helper()
	b := hotspotdb.Batch{Dataset: ds, From: hotspotdb.DatabaseID{9}, Kind: hotspotdb.Above}
	for i, c := range changes {
		b.Changes, b.Seqs = append(b.Changes, hotspotdb.AppendChange(nil, &c)), append(b.Seqs, uint64(i+1))
	}
	r, err := db.Apply(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func total(db *hotspotdb.DB, ds hotspotdb.Dataset) hotspotdb.Sum {
	view := db.View()
	defer view.Close()
	return view.Total(ds)
}

func stamp(clock uint64) hotspotdb.Stamp {
	return hotspotdb.Stamp{Clock: clock, Origin: hotspotdb.DatabaseID{3}}
}

// Rule 6: ids are drawn from 53 bits, so that a JSON number is exact.
func TestIDsAreExactInJSON(t *testing.T) {
	db := open(t, nil)
	update(t, db, func(tx *hotspotdb.Tx) error {
		for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"} {
			a, err := tx.AddAccount(hotspotdb.Account{Username: name}, "", "test")
			if err != nil {
				return err
			}
			s, err := tx.OpenSegment(hotspotdb.Segment{Username: name})
			if err != nil {
				return err
			}
			if a.ID == 0 || a.ID >= 1<<53 || s.ID == 0 || s.ID >= 1<<53 {
				t.Errorf("account %d, segment %d", a.ID, s.ID)
			}
		}
		return nil
	})
}

// Rule 7: usage that was deleted stays deleted, whatever was counted elsewhere.
func TestDeletedUsageStaysDeleted(t *testing.T) {
	db := open(t, nil)
	key := hotspotdb.UsageKey(1, hotspotdb.DatabaseID{3}, 0)
	usage := func(clock, octets uint64) hotspotdb.Change {
		body, err := proto.Marshal(&hotspotpb.Usage{Account: 1, InputOctets: octets})
		if err != nil {
			t.Fatal(err)
		}
		return hotspotdb.Change{Key: key, Stamp: stamp(clock), Body: body}
	}
	arrive(t, db, hotspotdb.Sessions, usage(10, 5))
	arrive(t, db, hotspotdb.Sessions, hotspotdb.Change{Key: key, Stamp: stamp(20), Deleted: true})
	for _, clock := range []uint64{15, 25} {
		if r := arrive(t, db, hotspotdb.Sessions, usage(clock, 99)); r.Stored != 0 {
			t.Errorf("a version from %d came back: %+v", clock, r)
		}
	}
	if c, err := db.Get(hotspotdb.Sessions, key); err != nil || !c.Deleted {
		t.Errorf("%+v, %v", c, err)
	}
}

// Rule 8: sums are over key, stamp and content of live records; which deletions a box still knows does not count.
func TestSumsAreOverLiveRecords(t *testing.T) {
	x := hotspotdb.Change{Key: []byte("x"), Stamp: stamp(5), Body: []byte{10, 1, 'x'}}
	base := open(t, nil)
	arrive(t, base, hotspotdb.Users, x)
	for name, c := range map[string]struct {
		change hotspotdb.Change
		equal  bool
	}{
		"a deletion besides": {hotspotdb.Change{Key: []byte("y"), Stamp: stamp(5), Deleted: true}, true},
		"a later stamp":      {hotspotdb.Change{Key: x.Key, Stamp: stamp(6), Body: x.Body}, false},
		"another content":    {hotspotdb.Change{Key: x.Key, Stamp: x.Stamp, Body: []byte{10, 1, 'z'}}, false},
		"another key":        {hotspotdb.Change{Key: []byte("z"), Stamp: x.Stamp, Body: x.Body}, false},
	} {
		db := open(t, nil)
		if c.equal {
			arrive(t, db, hotspotdb.Users, x)
		}
		arrive(t, db, hotspotdb.Users, c.change)
		if got := total(db, hotspotdb.Users) == total(base, hotspotdb.Users); got != c.equal {
			t.Errorf("%s: equal sums: %v", name, got)
		}
	}
}

// Rule 9: a subscriber hears of a change once a power cut cannot take it back.
func TestSubscribersHearOfDurableChangesOnly(t *testing.T) {
	disk := dbtest.NewDisk()
	db := open(t, disk.Use)
	put := func(key string) error {
		return db.Update(context.Background(), func(tx *hotspotdb.Tx) error { return tx.Put(hotspotdb.Users, []byte(key), nil) })
	}
	if err := put("a"); err != nil {
		t.Fatal(err)
	}
	before, release := db.Head(hotspotdb.Users), disk.HoldSyncs()
	written := make(chan error, 1)
	go func() { written <- put("x") }()
	for db.Head(hotspotdb.Users) == before { // until it is applied, and held up by the disk
		runtime.Gosched()
	}
	first, heard, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(func() { stop(); <-done })
	go func() {
		done <- db.Watch(ctx, []hotspotdb.Dataset{hotspotdb.Users}, 0, func(e hotspotdb.Event) error {
			if db.Durable() < e.Seq {
				t.Errorf("heard of %d, durable is %d", e.Seq, db.Durable())
			}
			if e.Seq <= before {
				close(first)
				return nil
			}
			close(heard)
			return errors.New("heard enough")
		})
	}()
	<-first
	for range 10_000 { // in which it would hear of the other
		runtime.Gosched()
	}
	release()
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	<-heard
}

// aadRecorder is a Sealer that remembers what passwords were bound to.
type aadRecorder struct{ aads [][]byte }

func (s *aadRecorder) Seal(plain, aad []byte) ([]byte, error) {
	s.aads = append(s.aads, bytes.Clone(aad))
	return append([]byte("sealed"), plain...), nil
}
func (s *aadRecorder) Open(sealed, aad []byte) ([]byte, error) { return sealed[len("sealed"):], nil }

// A sealed password is bound to its account: copied to another record it opens nothing.
func TestPasswordIsBoundToItsAccount(t *testing.T) {
	sealer := &aadRecorder{}
	db := open(t, func(o *hotspotdb.Options) { o.Sealer = sealer })
	update(t, db, func(tx *hotspotdb.Tx) error {
		_, err := tx.AddAccount(hotspotdb.Account{Username: "one"}, "guestpass", "test")
		if err == nil {
			_, err = tx.AddAccount(hotspotdb.Account{Username: "two"}, "guestpass", "test")
		}
		return err
	})
	if len(sealer.aads) != 2 || bytes.Equal(sealer.aads[0], sealer.aads[1]) {
		t.Errorf("bound to %x", sealer.aads)
	}
}

// Rule 12: the box that takes a session over writes a segment of its own from where the counters stand; together they count
// every byte once, and neither can be moved under the other.
func TestTakeover(t *testing.T) {
	a, b := open(t, nil), open(t, nil)
	var first, second hotspotdb.Segment
	const account = 7
	update(t, a, func(tx *hotspotdb.Tx) (err error) {
		first, err = tx.OpenSegment(hotspotdb.Segment{MultiSessionID: "M", Number: 1, Account: account, Username: "u", NAS: "nas", AcctSessionID: "S", InputOctetsTo: 100})
		return err
	})
	update(t, b, func(tx *hotspotdb.Tx) (err error) {
		second, err = tx.OpenSegment(hotspotdb.Segment{MultiSessionID: "M", Number: 2, Account: account, Username: "u", NAS: "nas", AcctSessionID: "S", InputOctetsFrom: 100, InputOctetsTo: 130})
		return err
	})
	update(t, b, func(tx *hotspotdb.Tx) error {
		return tx.UpdateSegment(second.ID, func(s *hotspotdb.Segment) error {
			s.InputOctetsTo, s.InputOctetsFrom, s.MultiSessionID, s.Number, s.NAS, s.AcctSessionID = 150, 0, "other", 9, "other", "other"
			return nil
		})
	})
	for _, way := range [][2]*hotspotdb.DB{{a, b}, {b, a}} {
		view := way[0].View()
		batch := hotspotdb.Batch{Dataset: hotspotdb.Sessions, From: way[0].ID(), Kind: hotspotdb.Above}
		if err := view.Scan(hotspotdb.Sessions, 0, view.Seq, func(e hotspotdb.Entry) (bool, error) {
			batch.Changes, batch.Seqs = append(batch.Changes, bytes.Clone(e.Change)), append(batch.Seqs, e.Seq)
			return true, nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := view.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := way[1].Apply(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	for name, db := range map[string]*hotspotdb.DB{"the first box": a, "the second box": b} {
		u, err := db.Usage(account, first.Start, first.Start.Add(24*time.Hour))
		if err != nil || u.InputOctets != 150 {
			t.Errorf("%s counts %d octets, expected 150 (%v)", name, u.InputOctets, err)
		}
		s, err := db.Segment(second.ID)
		if err != nil || s.MultiSessionID != "M" || s.Number != 2 || s.NAS != "nas" || s.AcctSessionID != "S" || s.InputOctetsFrom != 100 {
			t.Errorf("%s: the second segment became %+v (%v)", name, s, err)
		}
	}
}

// Rule 5: what was set aside merges by itself within seconds of its time.
func TestSetAsideMergesInTime(t *testing.T) {
	var ahead atomic.Int64
	db := open(t, func(o *hotspotdb.Options) {
		o.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	future := hotspotdb.Change{Key: []byte("x"), Stamp: stamp(uint64(time.Now().Add(time.Hour).UnixMicro()))}
	if r := arrive(t, db, hotspotdb.Users, future); r.SetAside != 1 {
		t.Fatalf("%+v", r)
	}
	ahead.Store(int64(time.Hour))
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	if _, err := db.Wait(ctx, 0); err != nil || db.SetAsideCount() != 0 {
		t.Errorf("%d are still set aside: %v", db.SetAsideCount(), err)
	}
}
