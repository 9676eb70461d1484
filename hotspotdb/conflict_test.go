package hotspotdb

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/protobuf/proto"

	"mbox/proto/hotspotpb"
)

// exchange brings two databases' feeds of a dataset to each other and returns the conflicts that were found.
func exchange(t *testing.T, a, b *DB, ds Dataset) (atA, atB int) {
	t.Helper()
	fromA, fromB := feedOf(t, a, ds, 0), feedOf(t, b, ds, 0)
	ra, err := a.Apply(t.Context(), fromB)
	must(t, err)
	rb, err := b.Apply(t.Context(), fromA)
	must(t, err)
	return ra.Conflicts, rb.Conflicts
}

func conflicts(t *testing.T, db *DB) (list []Conflict) {
	t.Helper()
	must(t, db.Conflicts(func(c Conflict) bool { list = append(list, c); return true }))
	if len(list) != db.ConflictCount() {
		t.Errorf("%d conflicts, counted %d", len(list), db.ConflictCount())
	}
	return list
}

func putSelf(t *testing.T, db *DB, key []byte, firstname, password string) {
	t.Helper()
	body, err := proto.Marshal(&hotspotpb.Self{Firstname: firstname, Password: []byte(password)})
	must(t, err)
	must(t, db.Update(t.Context(), func(tx *Tx) error { return tx.Put(Users, key, appendBytes(body, 99, []byte("unknown"))) }))
}

func TestConcurrentEditsAreListedOnBothBoxes(t *testing.T) {
	fs := vfs.NewMem()
	a, b := mustOpen(t, memOptions(fs)), openMem(t)
	key := SelfKey(5)
	putSelf(t, a, key, "first", "secret-0")
	if n, m := exchange(t, a, b, Users); n+m != 0 {
		t.Fatal("a conflict without a second edit")
	}
	putSelf(t, b, key, "second", "secret-1") // one after the other is no conflict
	if n, m := exchange(t, a, b, Users); n+m != 0 {
		t.Fatal("a conflict between an edit and its successor")
	}
	putSelf(t, a, key, "from a", "secret-2")
	putSelf(t, b, key, "from b", "secret-3")
	loser := feedOf(t, a, Users, 0)
	if n, m := exchange(t, a, b, Users); n != 1 || m != 1 {
		t.Fatalf("%d and %d conflicts, expected one on each box", n, m)
	}
	if n, m := exchange(t, a, b, Users); n+m != 0 {
		t.Error("the same conflict was listed again")
	}
	if r, err := b.Apply(t.Context(), loser); err != nil || r.Conflicts != 0 {
		t.Errorf("the loser came again and was listed again: %+v, %v", r, err)
	}
	for _, db := range []*DB{a, b} {
		list := conflicts(t, db)
		if len(list) != 1 {
			t.Fatalf("%d conflicts", len(list))
		}
		c := list[0]
		if string(lastBytes(c.Winner.Body, 2)) != "from b" || string(lastBytes(c.Loser.Body, 2)) != "from a" {
			t.Errorf("winner %q, loser %q", c.Winner.Body, c.Loser.Body)
		}
		if c.Winner.Stamp.Origin != b.ID() || c.Loser.Stamp.Origin != a.ID() {
			t.Error("the boxes are wrong")
		}
		for _, body := range [][]byte{c.Winner.Body, c.Loser.Body} {
			if bytes.Contains(body, []byte("secret")) || lastBytes(body, fieldPassword) != nil {
				t.Errorf("a password is in %q", body)
			}
			if string(lastBytes(body, 99)) != "unknown" {
				t.Errorf("the unknown field is missing in %q", body)
			}
		}
	}
	must(t, a.Close())
	a = mustOpen(t, memOptions(fs))
	if len(conflicts(t, a)) != 1 {
		t.Error("the list is lost after opening again")
	}
	if r, err := a.Apply(t.Context(), Batch{Dataset: Users, From: b.ID(), Kind: Above, Changes: loser.Changes, Seqs: loser.Seqs}); err != nil || r.Conflicts != 0 {
		t.Error("after opening again the same conflict was listed again")
	}
}

func TestDeleteAgainstEditIsAConflict(t *testing.T) {
	a, b := openMem(t), openMem(t)
	key := ProfileKey("gold")
	must(t, a.Update(t.Context(), func(tx *Tx) error { return tx.Put(Profiles, key, appendBytes(nil, 1, []byte("gold"))) }))
	exchange(t, a, b, Profiles)
	must(t, a.Update(t.Context(), func(tx *Tx) error {
		return tx.Put(Profiles, key, appendBytes(appendBytes(nil, 1, []byte("gold")), 2, []byte("edit")))
	}))
	must(t, b.Update(t.Context(), func(tx *Tx) error { return tx.Delete(Profiles, key) }))
	if n, m := exchange(t, a, b, Profiles); n != 1 || m != 1 {
		t.Errorf("%d and %d conflicts", n, m)
	}
	if a.Counts(Profiles) != (Counts{Tombstones: 1}) || b.Counts(Profiles) != a.Counts(Profiles) {
		t.Errorf("counts %+v and %+v", a.Counts(Profiles), b.Counts(Profiles))
	}
}

// TestSkippedVersionsAreNoConflict: a slow follower does not see every version, and finds by the vectors that the one it
// gets includes the one it has.
func TestSkippedVersionsAreNoConflict(t *testing.T) {
	a, b := openMem(t), openMem(t)
	put(t, a, string(SelfKey(1)), "")
	exchange(t, a, b, Users)
	for i := range 5 {
		putSelf(t, a, SelfKey(1), fmt.Sprint(i), "")
	}
	if n, m := exchange(t, a, b, Users); n+m != 0 {
		t.Errorf("%d and %d conflicts", n, m)
	}
	if total(a, Users) != total(b, Users) {
		t.Error("totals differ")
	}
}

// TestRestoredBoxIsAnotherWriter: what a box wrote before it was set back, and what it wrote instead afterwards, are
// concurrent although one database made both.
func TestRestoredBoxIsAnotherWriter(t *testing.T) {
	fs := vfs.NewCrashableMem()
	a, b := mustOpen(t, memOptions(fs)), openMem(t)
	putSelf(t, a, SelfKey(1), "base", "")
	exchange(t, a, b, Users)
	image := fs.CrashClone(vfs.CrashCloneCfg{})
	putSelf(t, a, SelfKey(1), "forgotten", "")
	exchange(t, a, b, Users)
	must(t, a.Close())
	a = mustOpen(t, memOptions(image))
	putSelf(t, a, SelfKey(1), "instead", "")
	if n, m := exchange(t, a, b, Users); n != 1 || m != 1 {
		t.Errorf("%d and %d conflicts", n, m)
	}
}

// TestEachLostVersionIsListed: a box whose edits lose again and again loses none of them from the list by the next one.
func TestEachLostVersionIsListed(t *testing.T) {
	a, b := openMem(t), openMem(t)
	key := ProfileKey("gold")
	for i := range 6 {
		must(t, b.Update(t.Context(), func(tx *Tx) error {
			return tx.PutProfile(Profile{Name: "gold", Description: fmt.Sprint("of b, ", i)}, "admin")
		}))
		mine, err := b.Get(Profiles, key)
		must(t, err)
		for { // the other box writes later, without having heard of it
			must(t, a.Update(t.Context(), func(tx *Tx) error {
				return tx.PutProfile(Profile{Name: "gold", Description: fmt.Sprint("of a, ", i)}, "admin")
			}))
			theirs, err := a.Get(Profiles, key)
			must(t, err)
			if theirs.Stamp.Compare(mine.Stamp) > 0 {
				break
			}
		}
		_, err = b.Apply(t.Context(), feedOf(t, a, Profiles, 0))
		must(t, err)
		if list := conflicts(t, b); len(list) != i+1 || list[i].Loser.Stamp != mine.Stamp {
			t.Fatalf("after %d lost edits the list has %d", i+1, len(list))
		}
	}
	must(t, b.Update(t.Context(), func(tx *Tx) error { // who edits what is in force settles nothing of it
		return tx.PutProfile(Profile{Name: "gold", Description: "in the end"}, "admin")
	}))
	if list := conflicts(t, b); len(list) != 6 {
		t.Errorf("in the end the list has %d", len(list))
	}
}
