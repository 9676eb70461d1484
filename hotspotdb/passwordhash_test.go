package hotspotdb

import (
	"errors"
	"strings"
	"testing"
)

func TestPasswordHash(t *testing.T) {
	hash := HashPassword("wonderland")
	if !strings.HasPrefix(string(hash), "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(string(hash), "wonderland") {
		t.Errorf("hash %s", hash)
	}
	if hash == HashPassword("wonderland") {
		t.Error("two hashes of one password are the same: there is no salt")
	}
	if !hash.Verify("wonderland") || hash.Verify("wonderlane") || hash.Verify("") {
		t.Error("the hash fits the wrong passwords")
	}
	for name, bad := range map[string]PasswordHash{
		"empty": "", "no hash": "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$",
		"another kind": PasswordHash(strings.Replace(string(hash), "argon2id", "argon2i", 1)),
		"too dear":     PasswordHash(strings.Replace(string(hash), "m=19456", "m=4194304", 1)),
		"too long":     PasswordHash(strings.Replace(string(hash), "t=2", "t=1000000", 1)),
		"no memory":    PasswordHash(strings.Replace(string(hash), "m=19456", "m=0", 1)),
		"no threads":   PasswordHash(strings.Replace(string(hash), "p=1", "p=0", 1)),
		"cut off":      hash[:len(hash)-4],
	} {
		if bad.Verify("wonderland") {
			t.Errorf("%s: fits", name)
		}
	}
}

// hashAccount replaces a password as a login does.
func hashAccount(t testing.TB, db *DB, g *Guest, hash PasswordHash) (stored bool) {
	t.Helper()
	must(t, db.Update(t.Context(), func(tx *Tx) (err error) { stored, err = tx.StorePasswordHash(g, hash); return err }))
	return stored
}

func TestStorePasswordHash(t *testing.T) {
	db := openMem(t)
	addAccount(t, db, Account{Username: "alice", Info: map[string]string{"firstname": "Alice"}}, "wonderland")
	before, err := db.Account("alice")
	must(t, err)
	g, err := db.Guest("alice")
	must(t, err)
	hash := HashPassword("wonderland")
	if !hashAccount(t, db, &g, hash) {
		t.Fatal("not stored")
	}
	after, err := db.Guest("alice")
	must(t, err)
	kept, err := db.OpenPassword(&after)
	must(t, err)
	if got, hashed := kept.Hash(); !hashed || got != hash {
		t.Errorf("kept %q", got)
	}
	if clear, readable := kept.Clear(); readable || clear != "" {
		t.Errorf("the clear password %q is still there", clear)
	}
	if after.PasswordSet != g.PasswordSet {
		t.Error("a hash counts as another password")
	}
	if _, err := db.Password("alice"); !errors.Is(err, ErrHashed) {
		t.Errorf("read as clear: %v", err)
	}
	account, err := db.Account("alice")
	must(t, err)
	if account.Info["firstname"] != "Alice" || !account.HasPassword || !account.Updated.Equal(before.Updated) {
		t.Errorf("account %+v", account)
	}
	if hashAccount(t, db, &g, hash) {
		t.Error("a hash was stored over something else than the password that it was made of")
	}
}

// A password that was set on another box at the same time is not lost to the hash of the old one, whichever is heard of first.
func TestPasswordSetElsewhereWinsAgainstAHash(t *testing.T) {
	for _, hashFirst := range []bool{true, false} {
		one, two := openMem(t), openMem(t)
		addAccount(t, one, Account{Username: "alice"}, "old")
		copyUsers(t, one, two)
		g, err := one.Guest("alice")
		must(t, err)
		change := func() {
			editAccount(t, two, "alice", func(e *AccountEdit) error { s := "new"; e.Password = &s; return nil })
		}
		if !hashFirst {
			change()
		}
		hashAccount(t, one, &g, HashPassword("old"))
		if hashFirst {
			change()
		}
		copyUsers(t, two, one)
		copyUsers(t, one, two)
		for _, db := range []*DB{one, two} {
			if got, err := db.Password("alice"); got != "new" || err != nil {
				t.Errorf("hash first %v: %q, %v", hashFirst, got, err)
			}
		}
	}
}

// copyUsers sends all accounts of one database to another.
func copyUsers(t testing.TB, from, to *DB) {
	t.Helper()
	view := from.View()
	defer view.Close()
	batch := Batch{Dataset: Users, From: from.ID(), Kind: Above}
	must(t, view.Scan(Users, 0, view.Seq, func(e Entry) (bool, error) {
		batch.Changes, batch.Seqs = append(batch.Changes, append([]byte{}, e.Change...)), append(batch.Seqs, e.Seq)
		return true, nil
	}))
	_, err := to.Apply(t.Context(), batch)
	must(t, err)
}
