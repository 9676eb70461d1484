package hotspotdb

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// What a login sees is what is stored, at once, however often it was read before.
func TestGuestFollowsEveryChange(t *testing.T) {
	db := openMem(t)
	added := addAccount(t, db, Account{Username: "alice", Profiles: []string{"gold"}, Attributes: []Attribute{{"Session-Timeout", "60"}}}, "secret")
	see := func(username string) Guest {
		t.Helper()
		g, err := db.Guest(username)
		must(t, err)
		again, err := db.Guest(username)
		must(t, err)
		byID, err := db.GuestByID(added.ID)
		must(t, err)
		if fmt.Sprint(g) != fmt.Sprint(again) || fmt.Sprint(g) != fmt.Sprint(byID) {
			t.Errorf("first %+v, then %+v, by id %+v", g, again, byID)
		}
		return g
	}
	password := func(g Guest) string {
		t.Helper()
		p, err := db.OpenPassword(&g)
		must(t, err)
		clear, _ := p.Clear()
		return clear
	}
	first := see("alice")
	if first.ID != added.ID || first.Username != "alice" || first.Profiles[0] != "gold" || first.Attributes[0].Value != "60" || password(first) != "secret" {
		t.Errorf("guest %+v", first)
	}
	editAccount(t, db, "alice", func(e *AccountEdit) error { e.Disabled, e.Expires = true, time.Unix(2e9, 0); return nil })
	if g := see("alice"); !g.Disabled || g.Expires.Unix() != 2e9 || g.PasswordSet != first.PasswordSet {
		t.Errorf("after an edit %+v", g)
	}
	editAccount(t, db, "alice", func(e *AccountEdit) error { other := "other"; e.Password = &other; return nil })
	if g := see("alice"); password(g) != "other" || g.PasswordSet == first.PasswordSet {
		t.Errorf("after another password %+v", g)
	}
	editAccount(t, db, "alice", func(e *AccountEdit) error { e.Info = map[string]string{"firstname": "Alice"}; return nil })
	if g := see("alice"); password(g) != "other" {
		t.Errorf("after other info %+v", g)
	}
	editAccount(t, db, "alice", func(e *AccountEdit) error { e.Username = "alicia"; return nil })
	see("alicia")
	if _, err := db.Guest("alice"); !errors.Is(err, ErrNotFound) {
		t.Errorf("under the old name: %v", err)
	}
	must(t, db.Update(t.Context(), func(tx *Tx) error { return tx.DeleteAccount("alicia", "admin") }))
	if _, err := db.Guest("alicia"); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}
	if _, err := db.GuestByID(added.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted, by id: %v", err)
	}
}

// Guest finds the account that Account finds, also when two boxes gave one name to two accounts.
func TestGuestAgreesWithAccountOnTakenNames(t *testing.T) {
	one, two := openMem(t), openMem(t)
	addAccount(t, one, Account{Username: "alice"}, "first")
	second := addAccount(t, two, Account{Username: "alice"}, "second")
	copyUsers(t, two, one)
	for _, name := range []string{"alice", knownAs("alice", second.ID)} {
		a, err := one.Account(name)
		must(t, err)
		g, err := one.Guest(name)
		must(t, err)
		if g.ID != a.ID || g.Username != a.Username {
			t.Errorf("%s: guest %d %s, account %d %s", name, g.ID, g.Username, a.ID, a.Username)
		}
	}
	if g, err := one.GuestByID(second.ID); err != nil || g.Username != knownAs("alice", second.ID) {
		t.Errorf("by id %+v, %v", g, err)
	}
}

func TestProfileAttributesAndStickyFollowEveryChange(t *testing.T) {
	db := openMem(t)
	put := func(value string) {
		must(t, db.Update(t.Context(), func(tx *Tx) error {
			if err := tx.PutProfile(Profile{Name: "gold", Attributes: []Attribute{{"Idle-Timeout", value}}}, "admin"); err != nil {
				return err
			}
			return tx.BindSticky(Binding{MAC: "3a71b4e9f799", Username: value, Hotspot: "lobby", PasswordSet: 7})
		}))
	}
	for _, value := range []string{"60", "120"} {
		put(value)
		for range 2 {
			list, err := db.ProfileAttributes("gold")
			must(t, err)
			bound, err := db.Sticky("3A-71-B4-E9-F7-99", "lobby")
			must(t, err)
			if len(list) != 1 || list[0].Value != value || bound.Username != value || bound.PasswordSet != 7 {
				t.Errorf("attributes %v, binding %+v, want %s", list, bound, value)
			}
		}
	}
	must(t, db.Update(t.Context(), func(tx *Tx) error {
		return errors.Join(tx.DeleteProfile("gold", "admin"), tx.DeleteSticky("3a71b4e9f799", "lobby"))
	}))
	if _, err := db.ProfileAttributes("gold"); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted profile: %v", err)
	}
	if _, err := db.Sticky("3a71b4e9f799", "lobby"); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted binding: %v", err)
	}
}

// A reader never sees a version that was replaced before it began to read.
func TestGuestWhileItIsEdited(t *testing.T) {
	db := openMem(t)
	addAccount(t, db, Account{Username: "alice"}, "0")
	const edits = 200
	var mu sync.Mutex // guards stored
	stored := 0
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				mu.Lock()
				least := stored
				mu.Unlock()
				g, err := db.Guest("alice")
				if err != nil {
					t.Error(err)
					return
				}
				seen := 0
				if len(g.Attributes) > 0 {
					_, err = fmt.Sscan(g.Attributes[0].Value, &seen)
				}
				if err != nil || seen < least {
					t.Errorf("saw %d after %d was stored, %v", seen, least, err)
					return
				}
				if seen == edits {
					return
				}
			}
		})
	}
	for i := 1; i <= edits; i++ {
		editAccount(t, db, "alice", func(e *AccountEdit) error { e.Attributes = []Attribute{{"Session-Timeout", fmt.Sprint(i)}}; return nil })
		mu.Lock()
		stored = i
		mu.Unlock()
	}
	readers.Wait()
}

// Two records may want one place in memory: each is still read as what it is.
func TestGuestsThatShareAPlace(t *testing.T) {
	db := openMem(t)
	added := addAccount(t, db, Account{Username: "alice"}, "secret")
	seq := db.liveSeq(Users, AccessKey(added.ID))
	other := &guestAccess{Guest: Guest{ID: added.ID, Username: "alice", Disabled: true}}
	db.guests.slots[seq%guestSlots].Store(&decoded{seq + guestSlots, other})
	if g, err := db.Guest("alice"); err != nil || g.Disabled {
		t.Errorf("guest %+v, %v", g, err)
	}
}
