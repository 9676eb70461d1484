package hotspotdb

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/protobuf/proto"

	"mbox/proto/hotspotpb"
)

// torn returns two databases whose versions of one Self were edited at the same time; b's wins, and both list the conflict.
func torn(t *testing.T) (a, b *DB, key []byte) {
	t.Helper()
	a, b = openMem(t), openMem(t)
	key = SelfKey(5)
	putSelf(t, a, key, "first", "secret-0")
	exchange(t, a, b, Users)
	putSelf(t, a, key, "from a", "secret-a")
	putSelf(t, b, key, "from b", "secret-b")
	if n, m := exchange(t, a, b, Users); n != 1 || m != 1 {
		t.Fatalf("%d and %d conflicts", n, m)
	}
	return a, b, key
}

func selfOf(t *testing.T, db *DB, key []byte) (firstname, password string) {
	t.Helper()
	c, err := db.Get(Users, key)
	must(t, err)
	self := &hotspotpb.Self{}
	must(t, proto.Unmarshal(c.Body, self))
	return self.Firstname, string(self.Password)
}

// TestResolvedConflictIsGoneEverywhere: whatever is decided on one box, and on whichever, the other drops its entry, holds the
// same, and no new conflict comes of it.
func TestResolvedConflictIsGoneEverywhere(t *testing.T) {
	for _, restore := range []bool{false, true} {
		for _, onLoser := range []bool{false, true} {
			t.Run(fmt.Sprintf("restore %v on the loser's box %v", restore, onLoser), func(t *testing.T) {
				a, b, key := torn(t)
				on := b
				if onLoser {
					on = a
				}
				c := conflicts(t, on)[0]
				if got, err := on.Conflict(c.Number); err != nil || got.Reason != conflictEdit {
					t.Fatalf("%+v, %v", got, err)
				}
				must(t, on.ResolveConflict(t.Context(), c.Number, restore, "op"))
				if n, m := exchange(t, a, b, Users); n+m != 0 {
					t.Errorf("%d and %d new conflicts", n, m)
				}
				want := "from b"
				if restore {
					want = "from a"
				}
				for _, db := range []*DB{a, b} {
					if list := conflicts(t, db); len(list) != 0 {
						t.Errorf("still listed: %+v", list)
					}
					if name, password := selfOf(t, db, key); name != want || password != "secret-b" {
						t.Errorf("%q with password %q", name, password)
					}
					stored, err := db.Get(Users, key)
					if must(t, err); string(lastBytes(stored.Body, 99)) != "unknown" {
						t.Error("the unknown field is lost")
					}
				}
				if total(a, Users) != total(b, Users) {
					t.Error("totals differ")
				}
				if err := on.ResolveConflict(t.Context(), c.Number, restore, "op"); !errors.Is(err, ErrNotFound) {
					t.Errorf("resolved twice: %v", err)
				}
			})
		}
	}
}

// TestOrdinaryEditsSettleNothing: who goes on editing what won, on either box and as often as he likes, has not decided about
// what was lost.
func TestOrdinaryEditsSettleNothing(t *testing.T) {
	a, b, key := torn(t)
	for i, db := range []*DB{a, a, b, a, b} {
		putSelf(t, db, key, fmt.Sprint("edit ", i), "")
		if n, m := exchange(t, a, b, Users); n+m != 0 {
			t.Errorf("edit %d: %d and %d new conflicts", i, n, m)
		}
		for _, db := range []*DB{a, b} {
			if len(conflicts(t, db)) != 1 {
				t.Fatalf("edit %d has settled the conflict", i)
			}
		}
	}
	must(t, b.ResolveConflict(t.Context(), conflicts(t, b)[0].Number, true, "op"))
	exchange(t, a, b, Users)
	if name, _ := selfOf(t, a, key); name != "from a" || len(conflicts(t, a))+len(conflicts(t, b)) != 0 {
		t.Errorf("restored %q, %d and %d conflicts", name, len(conflicts(t, a)), len(conflicts(t, b)))
	}
}

// TestLostDeletionIsRestored, and the deletion that won is undone.
func TestLostDeletionIsRestored(t *testing.T) {
	a, b := openMem(t), openMem(t)
	profile := func(db *DB, text string) {
		must(t, db.Update(t.Context(), func(tx *Tx) error {
			return tx.Put(Profiles, ProfileKey("gold"), appendBytes(appendBytes(nil, 1, []byte("gold")), 2, []byte(text)))
		}))
	}
	profile(a, "base")
	exchange(t, a, b, Profiles)
	must(t, a.Update(t.Context(), func(tx *Tx) error { return tx.Delete(Profiles, ProfileKey("gold")) }))
	profile(b, "edited later")
	exchange(t, a, b, Profiles)
	must(t, a.ResolveConflict(t.Context(), conflicts(t, a)[0].Number, true, "op"))
	exchange(t, a, b, Profiles)
	if b.Counts(Profiles) != (Counts{Tombstones: 1}) || len(conflicts(t, b)) != 0 {
		t.Errorf("%+v, %d conflicts", b.Counts(Profiles), len(conflicts(t, b)))
	}
	profile(a, "again")
	exchange(t, a, b, Profiles)
	profile(a, "lost edit")
	must(t, b.Update(t.Context(), func(tx *Tx) error { return tx.Delete(Profiles, ProfileKey("gold")) }))
	exchange(t, a, b, Profiles)
	must(t, b.ResolveConflict(t.Context(), conflicts(t, b)[0].Number, true, "op"))
	exchange(t, a, b, Profiles)
	for _, db := range []*DB{a, b} {
		if p, err := db.Profile("gold"); err != nil || p.Description != "lost edit" || p.UpdatedBy != "op" || len(conflicts(t, db)) != 0 {
			t.Errorf("%+v, %v, %d conflicts", p, err, len(conflicts(t, db)))
		}
	}
}

// TestNameIsRestoredWhenItIsFree: of two accounts that took one username.
func TestNameIsRestoredWhenItIsFree(t *testing.T) {
	a, b := openMem(t), openMem(t)
	first, second := newAccount(t, a, "alice"), newAccount(t, b, "alice")
	exchange(t, a, b, Users)
	list := conflicts(t, a)
	if len(list) != 1 || keyID(list[0].Loser.Key) != second.ID {
		t.Fatalf("conflicts %+v", list)
	}
	if err := a.ResolveConflict(t.Context(), list[0].Number, true, "op"); !errors.Is(err, ErrExists) {
		t.Errorf("a name that another account has: %v", err)
	}
	if len(conflicts(t, a)) != 1 {
		t.Error("the entry went although nothing was done")
	}
	renameTo(t, b, knownAs("alice", second.ID), "bob")
	if len(conflicts(t, b)) != 0 {
		t.Error("one of them was renamed, and the conflict is still listed")
	}
	renameTo(t, a, "alice", "carol")
	if n := len(conflicts(t, a)); n != 0 {
		t.Errorf("%d conflicts after the other was renamed", n)
	}
	exchange(t, a, b, Users)
	if x, err := b.Account("bob"); err != nil || x.ID != second.ID {
		t.Errorf("%+v, %v", x, err)
	}
	if x, err := b.Account("carol"); err != nil || x.ID != first.ID {
		t.Errorf("%+v, %v", x, err)
	}
}

// TestRestoredAccountNeedsItsName: the version that was lost has a name that is taken by now.
func TestRestoredAccountNeedsItsName(t *testing.T) {
	a, b := openMem(t), openMem(t)
	account := newAccount(t, a, "alice")
	exchange(t, a, b, Users)
	renameTo(t, a, "alice", "anna")
	renameTo(t, b, "alice", "bella")
	exchange(t, a, b, Users)
	taker := newAccount(t, a, "anna")
	number := conflicts(t, a)[0].Number
	if err := a.ResolveConflict(t.Context(), number, true, "op"); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), "anna") {
		t.Errorf("%v", err)
	}
	renameTo(t, a, "anna", "anneliese")
	must(t, a.ResolveConflict(t.Context(), number, true, "op"))
	exchange(t, a, b, Users)
	for _, db := range []*DB{a, b} {
		if x, err := db.Account("anna"); err != nil || x.ID != account.ID || x.NameTaken {
			t.Errorf("%+v, %v", x, err)
		}
		if x, err := db.Account("anneliese"); err != nil || x.ID != taker.ID {
			t.Errorf("%+v, %v", x, err)
		}
	}
}

// TestRenamedAccountGetsItsNameBack: a list that was written before renaming settled a conflict.
func TestRenamedAccountGetsItsNameBack(t *testing.T) {
	db := openMem(t)
	winner, loser := newAccount(t, db, "alice"), newAccount(t, db, "bob")
	must(t, db.Update(t.Context(), func(tx *Tx) error {
		claim := func(id uint64) []byte {
			return AppendChange(nil, &Change{Key: AccessKey(id), Stamp: Stamp{id, dbID(1)}, Body: appendBytes(nil, fieldUsername, []byte("alice"))})
		}
		return tx.addConflict(Users, claim(winner.ID), claim(loser.ID), conflictClaim, &Result{})
	}))
	number := conflicts(t, db)[0].Number
	if err := db.ResolveConflict(t.Context(), number, true, "op"); !errors.Is(err, ErrExists) {
		t.Errorf("%v", err)
	}
	db.conflictsOn = map[u128]int{} // as such a list: nothing settles it
	must(t, db.Update(t.Context(), func(tx *Tx) error { return tx.DeleteAccount("alice", "op") }))
	must(t, db.ResolveConflict(t.Context(), number, true, "op"))
	if x, err := db.Account("alice"); err != nil || x.ID != loser.ID || x.UpdatedBy != "op" || db.ConflictCount() != 0 {
		t.Errorf("%+v, %v", x, err)
	}
}

func newAccount(t *testing.T, db *DB, name string) (a Account) {
	t.Helper()
	must(t, db.Update(t.Context(), func(tx *Tx) (err error) { a, err = tx.AddAccount(Account{Username: name}, "", "test"); return err }))
	return a
}

func renameTo(t *testing.T, db *DB, name, username string) {
	t.Helper()
	must(t, db.Update(t.Context(), func(tx *Tx) error {
		_, err := tx.EditAccount(name, "test", func(e *AccountEdit) error { e.Username = username; return nil })
		return err
	}))
}

// TestConflictListIsBoundedInBytes, and clearing it takes what memory keeps of it along.
func TestConflictListIsBoundedInBytes(t *testing.T) {
	fs := vfs.NewMem()
	db := mustOpen(t, memOptions(fs))
	long := strings.Repeat("x", 60<<10)
	const n = 150
	must(t, db.Update(t.Context(), func(tx *Tx) error {
		for i := range n {
			version := func(text string, clock int) []byte {
				return AppendChange(nil, &Change{Key: SelfKey(uint64(i + 1)), Stamp: Stamp{uint64(clock + 1), dbID(1)}, Body: appendBytes(nil, 2, []byte(text))})
			}
			if err := tx.addConflict(Users, version(long, 1), version(long, 2), conflictEdit, &Result{}); err != nil {
				return err
			}
		}
		return nil
	}))
	size := func(db *DB) (n int) {
		must(t, scanPrefix(db.engn, []byte{tagConflict}, func(_, value []byte) error { n += len(value); return nil }))
		return n
	}
	list := conflicts(t, db)
	if got := size(db); got > maxConflictBytes || got < maxConflictBytes/2 || got != db.conflictBytes {
		t.Errorf("%d bytes in %d entries, counted %d", got, len(list), db.conflictBytes)
	}
	if last := list[len(list)-1]; keyID(last.Loser.Key) != n || last.Number != n || list[0].Number != uint64(n-len(list)+1) {
		t.Errorf("kept are %d to %d of %d", list[0].Number, last.Number, n)
	}
	must(t, db.Close())
	db = mustOpen(t, memOptions(fs))
	if got := size(db); got != db.conflictBytes || len(conflicts(t, db)) != len(list) || len(db.conflictsOn) != len(list) {
		t.Errorf("after opening again: %d bytes, counted %d", got, db.conflictBytes)
	}
	cleared, err := db.ClearConflicts(t.Context())
	if must(t, err); cleared != len(list) || size(db) != 0 || db.conflictBytes != 0 || len(db.conflicts)+len(db.conflictsOn)+len(conflicts(t, db)) != 0 {
		t.Errorf("%d cleared, %d bytes left", cleared, size(db))
	}
}

// TestFailedResolveChangesNothing: what was taken off the list in a transaction that fails is on it again.
func TestFailedResolveChangesNothing(t *testing.T) {
	a, _, key := torn(t)
	before := slices.Clone(a.conflictList)
	boom := errors.New("boom")
	err := a.Update(t.Context(), func(tx *Tx) error {
		c, err := a.conflict(before[0].number)
		if err != nil {
			return err
		}
		if err := tx.resolveEdit(&c, true, "op"); err != nil {
			return err
		}
		if len(a.conflictList) != 0 {
			t.Error("the version that was written has not settled the conflict")
		}
		return boom
	})
	if !errors.Is(err, boom) || len(conflicts(t, a)) != 1 || len(a.conflictsOn) != 1 || len(a.conflicts) != 1 || a.conflictBytes != before[0].bytes {
		t.Errorf("%v, %d listed", err, len(a.conflictList))
	}
	if name, _ := selfOf(t, a, key); name != "from b" {
		t.Errorf("the record is %q", name)
	}
}
