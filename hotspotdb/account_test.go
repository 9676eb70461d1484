package hotspotdb

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"mbox/proto/hotspotpb"
)

func addAccount(t testing.TB, db *DB, a Account, password string) Account {
	t.Helper()
	var added Account
	must(t, db.Update(t.Context(), func(tx *Tx) (err error) { added, err = tx.AddAccount(a, password, "admin"); return err }))
	return added
}

func editAccount(t testing.TB, db *DB, username string, edit func(*AccountEdit) error) Account {
	t.Helper()
	var edited Account
	must(t, db.Update(t.Context(), func(tx *Tx) (err error) { edited, err = tx.EditAccount(username, "editor", edit); return err }))
	return edited
}

func usernames(t testing.TB, db *DB, f AccountFilter) (names []string) {
	t.Helper()
	for a, err := range db.Accounts(t.Context(), f) {
		must(t, err)
		names = append(names, a.Username)
	}
	return names
}

func TestAccountLife(t *testing.T) {
	db := openMem(t)
	expires := time.Date(2030, 5, 6, 7, 8, 9, 0, time.UTC)
	added := addAccount(t, db, Account{
		Username: "alice", Expires: expires, Profiles: []string{"gold", "basic"}, Info: map[string]string{"firstname": "Alice", "zip": "123"},
		Attributes: []Attribute{{"session-timeout", "0060"}},
	}, "secret")
	got, err := db.Account("alice")
	must(t, err)
	if !reflect.DeepEqual(got, added) {
		t.Errorf("read %+v\nadded %+v", got, added)
	}
	if byID, err := db.AccountByID(added.ID); err != nil || !reflect.DeepEqual(byID, added) {
		t.Errorf("by id %+v, %v", byID, err)
	}
	if added.ID == 0 || added.ID >= 1<<53 || !added.HasPassword || !added.Expires.Equal(expires) || added.CreatedBy != "admin" {
		t.Errorf("added %+v", added)
	}
	if want := []Attribute{{"Session-Timeout", "60"}}; !reflect.DeepEqual(added.Attributes, want) {
		t.Errorf("attributes %v", added.Attributes)
	}
	edited := editAccount(t, db, "alice", func(e *AccountEdit) error { e.Disabled, e.Username = true, "alicia"; return nil })
	if !edited.Disabled || edited.Username != "alicia" || edited.UpdatedBy != "editor" || edited.ID != added.ID {
		t.Errorf("edited %+v", edited)
	}
	if _, err := db.Account("alice"); !errors.Is(err, ErrNotFound) {
		t.Errorf("under the old name: %v", err)
	}
	must(t, db.Update(t.Context(), func(tx *Tx) error { return tx.DeleteAccount("alicia", "admin") }))
	if _, err := db.Account("alicia"); !errors.Is(err, ErrNotFound) {
		t.Errorf("after deletion: %v", err)
	}
	if _, err := db.Password("alicia"); !errors.Is(err, ErrNotFound) {
		t.Errorf("password after deletion: %v", err)
	}
	if got := db.Counts(Users); got != (Counts{Tombstones: 2}) || db.Statistics().Users != 0 {
		t.Errorf("counts %+v, %+v", got, db.Statistics())
	}
	again := addAccount(t, db, Account{Username: "alice"}, "")
	if again.ID == added.ID || again.HasPassword {
		t.Errorf("added again %+v", again)
	}
}

func TestEditWritesOnlyWhatChanged(t *testing.T) {
	db := openMem(t)
	a := addAccount(t, db, Account{Username: "bob", Info: map[string]string{"zip": ""}}, "secret")
	seq := func(key []byte) uint64 {
		c, err := db.Get(Users, key)
		must(t, err)
		return c.Stamp.Clock
	}
	access, self := seq(AccessKey(a.ID)), seq(SelfKey(a.ID))
	editAccount(t, db, "bob", func(*AccountEdit) error { return nil })
	if seq(AccessKey(a.ID)) != access || seq(SelfKey(a.ID)) != self || db.Head(Users) != 2 {
		t.Error("an edit without a change was written")
	}
	editAccount(t, db, "bob", func(e *AccountEdit) error { e.Disabled = true; return nil })
	if seq(AccessKey(a.ID)) == access || seq(SelfKey(a.ID)) != self {
		t.Error("disabling wrote the wrong part")
	}
	access = seq(AccessKey(a.ID))
	editAccount(t, db, "bob", func(e *AccountEdit) error { e.Info["email"] = "b@example.com"; return nil })
	if seq(AccessKey(a.ID)) != access || seq(SelfKey(a.ID)) == self {
		t.Error("user info wrote the wrong part")
	}
	none := ""
	if got := editAccount(t, db, "bob", func(e *AccountEdit) error { e.Password = &none; return nil }); got.HasPassword || got.Info["email"] == "" {
		t.Errorf("after removing the password: %+v", got)
	}
	boom := errors.New("boom")
	err := db.Update(t.Context(), func(tx *Tx) error {
		_, err := tx.EditAccount("bob", "x", func(e *AccountEdit) error { e.Disabled = false; return boom })
		return err
	})
	if got, _ := db.Account("bob"); !errors.Is(err, boom) || !got.Disabled {
		t.Errorf("a refused edit: %v, %+v", err, got)
	}
}

func TestEditKeepsUnknownFields(t *testing.T) {
	db := openMem(t)
	body, err := proto.Marshal(&hotspotpb.Access{Username: "carol", Attributes: []*hotspotpb.Attribute{{Name: "Future-Attribute", Value: "7"}}})
	must(t, err)
	applyOne(t, db, Users, AppendChange(nil, &Change{Key: AccessKey(3), Stamp: Stamp{5, dbID(1)}, Body: appendBytes(body, 99, []byte("future"))}))
	editAccount(t, db, "carol", func(e *AccountEdit) error { e.Disabled = true; return nil })
	c, err := db.Get(Users, AccessKey(3))
	must(t, err)
	a, err := db.Account("carol")
	must(t, err)
	if string(lastBytes(c.Body, 99)) != "future" || !a.Disabled || len(a.Attributes) != 1 {
		t.Errorf("after an edit: %q, %+v", c.Body, a)
	}
}

func TestUsernameTaken(t *testing.T) {
	db := openMem(t)
	addAccount(t, db, Account{Username: "dave"}, "")
	err := db.Update(t.Context(), func(tx *Tx) error {
		if _, err := tx.AddAccount(Account{Username: "erin"}, "", "x"); err != nil {
			return err
		}
		_, err := tx.AddAccount(Account{Username: "erin"}, "", "x") // taken in the same transaction
		return err
	})
	if !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), "erin") {
		t.Errorf("twice in one transaction: %v", err)
	}
	if _, err := db.Account("erin"); !errors.Is(err, ErrNotFound) {
		t.Errorf("erin after the failed transaction: %v", err)
	}
	addAccount(t, db, Account{Username: "erin"}, "")
	err = db.Update(t.Context(), func(tx *Tx) error {
		_, err := tx.EditAccount("erin", "x", func(e *AccountEdit) error { e.Username = "dave"; return nil })
		return err
	})
	if !errors.Is(err, ErrExists) {
		t.Errorf("renamed to a taken name: %v", err)
	}
	for range 3 * maxClaims { // claims of the dead do not pile up
		addAccount(t, db, Account{Username: "frank"}, "")
		must(t, db.Update(t.Context(), func(tx *Tx) error { return tx.DeleteAccount("frank", "x") }))
	}
	addAccount(t, db, Account{Username: "frank"}, "")
	if n := len(db.candidates([]byte("frank"))); n > 2 {
		t.Errorf("%d claims of one name", n)
	}
	if _, err := db.Account("frank"); err != nil {
		t.Error(err)
	}
}

// TestTwoClaims: two boxes give out one username; the earlier claim keeps it on both, and the other account is known by
// its id. Nothing is rewritten.
func TestTwoClaims(t *testing.T) {
	a, b := openMem(t), openMem(t)
	first := addAccount(t, a, Account{Username: "guest"}, "one")
	second := addAccount(t, b, Account{Username: "guest"}, "two")
	if n, m := exchange(t, a, b, Users); n != 1 || m != 1 {
		t.Errorf("%d and %d conflicts", n, m)
	}
	if n, m := exchange(t, a, b, Users); n+m != 0 {
		t.Error("the conflict was listed again")
	}
	if total(a, Users) != total(b, Users) {
		t.Error("totals differ")
	}
	for _, db := range []*DB{a, b} {
		known := knownAs("guest", second.ID)
		if got, err := db.Account("guest"); err != nil || got.ID != first.ID || got.NameTaken {
			t.Errorf("guest is %+v, %v", got, err)
		}
		if got, err := db.Account(known); err != nil || got.ID != second.ID || !got.NameTaken || got.Username != known {
			t.Errorf("%s is %+v, %v", known, got, err)
		}
		if password, err := db.Password(known); password != "two" || err != nil {
			t.Errorf("password %q, %v", password, err)
		}
		if names := usernames(t, db, AccountFilter{}); fmt.Sprint(names) != fmt.Sprint([]string{"guest", known}) {
			t.Errorf("listed %v", names)
		}
		err := db.Update(t.Context(), func(tx *Tx) error {
			_, err := tx.AddAccount(Account{Username: known}, "", "x")
			return err
		})
		if !errors.Is(err, ErrExists) {
			t.Errorf("%s was given out: %v", known, err)
		}
		if list := conflicts(t, db); len(list) != 1 || list[0].Reason != conflictClaim || keyID(list[0].Loser.Key) != second.ID {
			t.Errorf("conflicts %+v", list)
		}
	}
	must(t, a.Update(t.Context(), func(tx *Tx) error { return tx.DeleteAccount("guest", "x") }))
	if got, err := a.Account("guest"); err != nil || got.ID != second.ID || got.NameTaken {
		t.Errorf("after the first is gone guest is %+v, %v", got, err)
	}
	if edited := editAccount(t, b, knownAs("guest", second.ID), func(e *AccountEdit) error { e.Disabled = true; return nil }); !edited.Disabled || !edited.NameTaken {
		t.Errorf("edited under its other name: %+v", edited)
	}
}

func TestAccountsFilter(t *testing.T) {
	db := openMem(t)
	for i, name := range []string{"zoe", "adam", "mia", "bea", "Noah"} {
		addAccount(t, db, Account{Username: name, Disabled: i%2 == 0, Profiles: []string{fmt.Sprint("p", i%2)}, Info: map[string]string{"email": name + "@Example.com", "company": fmt.Sprint("c", i)}}, "pw")
	}
	yes, no := true, false
	for _, c := range []struct {
		f    AccountFilter
		want string
	}{
		{AccountFilter{}, "[Noah adam bea mia zoe]"},
		{AccountFilter{Limit: 2}, "[Noah adam]"},
		{AccountFilter{After: "adam", Limit: 2}, "[bea mia]"},
		{AccountFilter{Match: "A"}, "[Noah adam bea mia zoe]"}, // example
		{AccountFilter{Match: "noah"}, "[Noah]"},
		{AccountFilter{Match: "c3"}, "[bea]"},
		{AccountFilter{Disabled: &yes}, "[Noah mia zoe]"},
		{AccountFilter{Disabled: &no, Profile: "p1"}, "[adam bea]"},
		{AccountFilter{Profile: "none"}, "[]"},
	} {
		if got := fmt.Sprint(usernames(t, db, c.f)); got != c.want {
			t.Errorf("%+v: %s, expected %s", c.f, got, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range db.Accounts(ctx, AccountFilter{}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	}
}

func TestAccountValidation(t *testing.T) {
	db := openMem(t)
	good := Account{Username: "ok"}
	with := func(edit func(*Account)) Account {
		a := good
		edit(&a)
		return a
	}
	for _, c := range []struct {
		a        Account
		password string
		field    string
	}{
		{with(func(a *Account) { a.Username = "" }), "", "username"},
		{with(func(a *Account) { a.Username = strings.Repeat("x", 254) }), "", "username"},
		{with(func(a *Account) { a.Username = " x" }), "", "username"},
		{with(func(a *Account) { a.Username = "a\x00b" }), "", "username"},
		{with(func(a *Account) { a.Username = "\xff" }), "", "username"},
		{good, strings.Repeat("x", 129), "password"},
		{good, "a\nb", "password"},
		{good, "\xff", "password"},
		{with(func(a *Account) { a.Profiles = []string{"no spaces"} }), "", "profiles"},
		{with(func(a *Account) { a.Profiles = []string{"p", "p"} }), "", "profiles"},
		{with(func(a *Account) { a.UserType = 9 }), "", "usertype"},
		{with(func(a *Account) { a.Info = map[string]string{"shoe_size": "9"} }), "", "shoe_size"},
		{with(func(a *Account) { a.Info = map[string]string{"email": strings.Repeat("x", 1025)} }), "", "email"},
		{with(func(a *Account) { a.Attributes = []Attribute{{"Colour", "red"}} }), "", "Colour"},
		{with(func(a *Account) { a.Attributes = []Attribute{{"Idle-Timeout", "-1"}} }), "", "Idle-Timeout"},
		{with(func(a *Account) { a.Attributes = []Attribute{{"Idle-Timeout", "1"}, {"idle-timeout", "2"}} }), "", "Idle-Timeout"},
		{with(func(a *Account) { a.Attributes = []Attribute{{"WISPr-Redirection-URL", "javascript:x"}} }), "", "WISPr-Redirection-URL"},
		{with(func(a *Account) { a.Expires = time.Unix(-5, 0) }), "", "expires"},
	} {
		err := db.Update(t.Context(), func(tx *Tx) error { _, err := tx.AddAccount(c.a, c.password, "x"); return err })
		var field *FieldError
		if !errors.As(err, &field) || !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.field) {
			t.Errorf("%+v: error %v, expected one about %s", c.a, err, c.field)
		}
		if c.password != "" && err != nil && strings.Contains(err.Error(), c.password) {
			t.Error("the password is in the error")
		}
	}
	if db.Head(Users) != 0 {
		t.Error("something was stored")
	}
}

func TestProfiles(t *testing.T) {
	db := openMem(t)
	update := func(fn func(*Tx) error) error { return db.Update(t.Context(), fn) }
	must(t, update(func(tx *Tx) error {
		return tx.AddProfile(Profile{Name: "gold", Description: "fast", Attributes: []Attribute{{"Idle-Timeout", "60"}}}, "x")
	}))
	if err := update(func(tx *Tx) error { return tx.AddProfile(Profile{Name: "gold"}, "x") }); !errors.Is(err, ErrExists) {
		t.Errorf("added twice: %v", err)
	}
	if err := update(func(tx *Tx) error { return tx.AddProfile(Profile{Name: "no good"}, "x") }); !errors.Is(err, ErrInvalid) {
		t.Errorf("bad name: %v", err)
	}
	must(t, update(func(tx *Tx) error {
		return tx.EditProfile("gold", "y", func(p *Profile) error { p.Description = "faster"; return nil })
	}))
	must(t, update(func(tx *Tx) error { return tx.PutProfile(Profile{Name: "basic"}, "x") }))
	head := db.Head(Profiles)
	must(t, update(func(tx *Tx) error { return tx.PutProfile(Profile{Name: "basic"}, "z") }))
	if db.Head(Profiles) != head {
		t.Error("a profile that did not change was written")
	}
	addAccount(t, db, Account{Username: "u", Profiles: []string{"gold"}}, "")
	if n, err := db.ProfileUsers(t.Context(), "gold"); n != 1 || err != nil {
		t.Errorf("%d accounts have the profile (%v)", n, err)
	}
	list, err := db.Profiles()
	must(t, err)
	if len(list) != 2 || list[0].Name != "basic" || list[1].Description != "faster" || list[1].UpdatedBy != "y" || list[1].CreatedBy != "x" {
		t.Errorf("profiles %+v", list)
	}
	must(t, update(func(tx *Tx) error { return tx.DeleteProfile("gold", "x") }))
	if _, err := db.Profile("gold"); !errors.Is(err, ErrNotFound) {
		t.Errorf("after deletion: %v", err)
	}
	must(t, update(func(tx *Tx) error { return tx.AddProfile(Profile{Name: "gold"}, "x") }))
	if db.Statistics().Profiles != 2 {
		t.Errorf("%+v", db.Statistics())
	}
}

func TestParseMAC(t *testing.T) {
	for _, s := range []string{"3A-71-B4-E9-F7-99", "3a:71:b4:e9:f7:99", "3a71.b4e9.f799", "3a71b4e9f799"} {
		if mac, err := ParseMAC(s); err != nil || FormatMAC(mac) != "3A-71-B4-E9-F7-99" {
			t.Errorf("%s: %v, %v", s, mac, err)
		}
	}
	for _, s := range []string{"", "3a71b4e9f79", "3a-71-b4-e9-f7-99-00-11", "zz71b4e9f799"} {
		if _, err := ParseMAC(s); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", s, err)
		}
	}
}
