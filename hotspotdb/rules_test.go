package hotspotdb_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

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
	heard := make(chan struct{})
	done := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(func() { stop(); <-done })
	release := disk.HoldSyncs()
	go func() {
		done <- db.Watch(ctx, []hotspotdb.Dataset{hotspotdb.Users}, 0, func(e hotspotdb.Event) error {
			if db.Durable() < e.Seq {
				t.Errorf("heard of %d, durable is %d", e.Seq, db.Durable())
			}
			close(heard)
			return errors.New("heard enough")
		})
	}()
	written := make(chan error, 1)
	go func() {
		written <- db.Update(context.Background(), func(tx *hotspotdb.Tx) error { return tx.Put(hotspotdb.Users, []byte("x"), nil) })
	}()
	for db.Head(hotspotdb.Users) == 0 { // applied, and held up by the disk
		select {
		case err := <-written:
			t.Fatal(err)
		case <-heard:
			t.Fatal("heard before it was applied")
		default:
		}
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
