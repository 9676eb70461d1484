package hotspotdb

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

// Pages have every account once, in one order with and without a filter, however many are skipped before them.
func TestAccountPages(t *testing.T) {
	db := openMem(t)
	const accounts = 300
	must(t, db.Update(t.Context(), func(tx *Tx) error {
		for i := range accounts {
			a := Account{Username: fmt.Sprintf("User%03d", i), Disabled: i%3 == 0, UserType: UserType(i % 2)}
			if i%4 == 0 {
				a.Profiles = []string{"x", "gold"}
			}
			if _, err := tx.AddAccount(a, "", "test"); err != nil {
				return err
			}
		}
		return nil
	}))
	all, more, err := db.AccountPage(t.Context(), AccountSelect{}, 0, 0, accounts)
	must(t, err)
	if len(all) != accounts || more {
		t.Fatalf("%d accounts, more %v", len(all), more)
	}
	yes, pin := true, UserMAC
	for name, tt := range map[string]struct {
		s    AccountSelect
		want func(Account) bool
	}{
		"all":      {AccountSelect{}, func(Account) bool { return true }},
		"name":     {AccountSelect{Name: "SER01"}, func(a Account) bool { return a.Username[:6] == "User01" }},
		"disabled": {AccountSelect{Disabled: &yes}, func(a Account) bool { return a.Disabled }},
		"profile":  {AccountSelect{Profile: "gold"}, func(a Account) bool { return len(a.Profiles) > 0 }},
		"type":     {AccountSelect{UserType: &pin, Disabled: &yes}, func(a Account) bool { return a.Disabled && a.UserType == UserMAC }},
	} {
		var want []uint64
		for _, a := range all {
			if tt.want(a) {
				want = append(want, a.ID)
			}
		}
		for _, size := range []int{1, 7, 150, 1000} {
			var paged, followed []uint64
			after := uint64(0)
			for page := 0; page*size <= len(want); page++ {
				list, more, err := db.AccountPage(t.Context(), tt.s, 0, page*size, size)
				must(t, err)
				paged = append(paged, idsOf(list)...)
				if wantMore := (page+1)*size < len(want); more != wantMore {
					t.Errorf("%s: page %d of %d: more is %v", name, page, size, more)
				}
				list, _, err = db.AccountPage(t.Context(), tt.s, after, 0, size)
				must(t, err)
				followed = append(followed, idsOf(list)...)
				if len(list) > 0 {
					after = list[len(list)-1].ID
				}
			}
			if !slices.Equal(paged, want) || !slices.Equal(followed, want) {
				t.Errorf("%s by %d: %d and %d accounts, want %d", name, size, len(paged), len(followed), len(want))
			}
		}
		for skip := range len(want) {
			hashes, err := db.selectedHashes(t.Context(), tt.s, nil, skip, 4, 10)
			must(t, err)
			for i, h := range hashes[:min(4, len(hashes))] {
				if a, err := db.accountAt(h); err != nil || a.ID != want[skip+i] {
					t.Fatalf("%s: %d behind %d is %v, %v", name, i, skip, a.Username, err)
				}
			}
			if len(hashes) != min(4, len(want)-skip) {
				t.Fatalf("%s: %d behind %d", name, len(hashes), skip)
			}
		}
	}
}

func idsOf(list []Account) (ids []uint64) {
	for _, a := range list {
		ids = append(ids, a.ID)
	}
	return ids
}

// The version of an account changes with either of its records, and nothing else changes it.
func TestAccountVersion(t *testing.T) {
	db := openMem(t)
	id := addAccount(t, db, Account{Username: "alice"}, "").ID
	version := func() AccountVersion {
		t.Helper()
		v, err := db.AccountVersion(id)
		must(t, err)
		return v
	}
	versions := []AccountVersion{version()}
	addAccount(t, db, Account{Username: "bob"}, "x")
	if version() != versions[0] {
		t.Error("another account changes the version")
	}
	for _, edit := range []func(*AccountEdit) error{
		func(e *AccountEdit) error { e.Disabled = true; return nil },
		func(e *AccountEdit) error { e.Info["zip"] = "1"; return nil },
		func(e *AccountEdit) error { e.Info["zip"] = ""; return nil },
		func(e *AccountEdit) error { e.Disabled = false; return nil },
	} {
		editAccount(t, db, "alice", edit)
		if v := version(); slices.Contains(versions, v) {
			t.Errorf("version %v comes again", v)
		} else {
			versions = append(versions, v)
		}
	}
	must(t, db.Update(t.Context(), func(tx *Tx) error {
		before, err := tx.AccountVersion(id)
		must(t, err)
		if before != version() {
			t.Error("a transaction sees another version")
		}
		if a, err := tx.AccountByID(id); err != nil || a.Username != "alice" {
			t.Errorf("%v, %v", a, err)
		}
		return tx.DeleteAccount("alice", "test")
	}))
	if _, err := db.AccountVersion(id); !errors.Is(err, ErrNotFound) {
		t.Errorf("the version of a deleted account: %v", err)
	}
}
