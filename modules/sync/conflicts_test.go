package sync_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"mbox/boxtest"
	"mbox/hotspotdb"
	"mbox/modules"
	"mbox/modules/sync"
)

const (
	secretOfA = "the-password-set-on-a"
	secretOfB = "the-password-set-on-b"
)

// divided returns two boxes that edited one account (both its parts) and one profile while the link was cut, and are connected
// again: three conflicts, won by b, which was later. Both have seen both versions, as if these had crossed on the way:
// what the link does by itself is that a version may be replaced before it is sent.
func divided(t *testing.T) (a, b *boxtest.Box) {
	t.Helper()
	lan := boxtest.NewLAN(t)
	a, b = lan.Box("alpha"), lan.Box("beta")
	b.Follow(a, "send all", "accept all")
	write(t, a, func(tx *hotspotdb.Tx) error {
		if err := tx.AddProfile(hotspotdb.Profile{Name: "gold"}, "op"); err != nil {
			return err
		}
		_, err := tx.AddAccount(hotspotdb.Account{Username: "guest"}, "guestpass", "op")
		return err
	})
	boxtest.InSync(a, b)
	b.Must("no mbox sync primary " + a.Addr.String())
	boxtest.Eventually(t, "the link is cut", func() bool { return a.Status("downstream").State == "none" })
	for _, x := range []struct {
		box          *boxtest.Box
		text, secret string
	}{{a, "made on alpha", secretOfA}, {b, "made on beta", secretOfB}} {
		write(t, x.box, func(tx *hotspotdb.Tx) error {
			_, err := tx.EditAccount("guest", "op", func(e *hotspotdb.AccountEdit) error {
				e.Profiles, e.Disabled, e.Password = []string{"gold", strings.ReplaceAll(x.text, " ", "-")}, x.box == a, &x.secret
				e.Info = map[string]string{"firstname": x.text}
				return nil
			})
			return err
		})
		write(t, x.box, func(tx *hotspotdb.Tx) error {
			return tx.EditProfile("gold", "op", func(p *hotspotdb.Profile) error { p.Description = x.text; return nil })
		})
	}
	cross(t, a, b)
	b.Must(b.FollowLine(a, "send all"))
	boxtest.InSync(a, b)
	return a, b
}

// cross gives each of two boxes the other's versions of what divided edits.
func cross(t *testing.T, a, b *boxtest.Box) {
	t.Helper()
	guest, err := a.DB.Account("guest")
	if err != nil {
		t.Fatal(err)
	}
	batches := func(box *boxtest.Box, kind hotspotdb.SourceKind) (list []hotspotdb.Batch) {
		for _, r := range []struct {
			ds  hotspotdb.Dataset
			key []byte
		}{
			{hotspotdb.Profiles, hotspotdb.ProfileKey("gold")},
			{hotspotdb.Users, hotspotdb.AccessKey(guest.ID)},
			{hotspotdb.Users, hotspotdb.SelfKey(guest.ID)},
		} {
			c, err := box.DB.Get(r.ds, r.key)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, hotspotdb.Batch{Dataset: r.ds, From: box.DB.ID(), Kind: kind, Changes: [][]byte{hotspotdb.AppendChange(nil, &c)}, Seqs: []uint64{0}})
		}
		return list
	}
	fromA, fromB := batches(a, hotspotdb.Above), batches(b, hotspotdb.Below)
	for i := range fromA {
		for _, step := range []struct {
			to    *boxtest.Box
			batch hotspotdb.Batch
		}{{b, fromA[i]}, {a, fromB[i]}} {
			if _, err := step.to.DB.Apply(t.Context(), step.batch); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func write(t *testing.T, b *boxtest.Box, fn func(*hotspotdb.Tx) error) {
	t.Helper()
	if err := b.DB.Update(context.Background(), fn); err != nil {
		t.Fatalf("%s: %v", b.Name, err)
	}
}

// shows runs a command and returns its text at a width, and its JSON.
func shows(t *testing.T, b *boxtest.Box, width int, line string) (text, asJSON string) {
	t.Helper()
	view, err := b.Exec(line)
	if err != nil {
		t.Fatalf("%s: %s: %v", b.Name, line, err)
	}
	var out bytes.Buffer
	if err := view.Text(&out, width); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(view)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{secretOfA, secretOfB, "guestpass", "password"} {
		if strings.Contains(out.String(), secret) || bytes.Contains(raw, []byte(secret)) {
			t.Errorf("%s: %s shows %q:\n%s\n%s", b.Name, line, secret, out.String(), raw)
		}
	}
	for _, l := range strings.Split(out.String(), "\n") {
		if len(l) > width {
			t.Errorf("%s: %s: a line of %d columns: %q", b.Name, line, len(l), l)
		}
	}
	return out.String(), string(raw)
}

// numbered returns the number of the conflict about a record.
func numbered(t *testing.T, b *boxtest.Box, record string) uint64 {
	t.Helper()
	view, err := b.Exec("show mbox sync conflicts")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range view.(sync.Conflicts).Conflicts {
		if c.Record == record {
			return c.Number
		}
	}
	t.Fatalf("%s: no conflict about %s in %+v", b.Name, record, view)
	return 0
}

func TestConflictsAreShown(t *testing.T) {
	a, b := divided(t)
	for _, box := range []*boxtest.Box{a, b} {
		for _, width := range []int{50, 80, 132} {
			text, raw := shows(t, box, width, "show mbox sync conflicts")
			text = strings.Join(strings.Fields(text), " ") // lines are folded
			for _, want := range []string{"account guest (access)", "account guest (user info)", "profile gold", "NUMBER"} {
				if !strings.Contains(text, want) {
					t.Errorf("%s, %d columns: %q is missing:\n%s", box.Name, width, want, text)
				}
			}
			if strings.Count(text, "beta won") != 3 {
				t.Errorf("%s: beta must have won each:\n%s", box.Name, text)
			}
			if !strings.HasPrefix(raw, `{"total":3,"conflicts":[{"number":1,`) {
				t.Error(raw)
			}
		}
		for _, width := range []int{60, 80} {
			text, _ := shows(t, box, width, fmt.Sprintf("show mbox sync conflicts %d", numbered(t, box, "account guest (access)")))
			for _, want := range []string{"alpha", "beta", "* disabled", "gold, made-on-alpha", "gold, made-on-beta", "\n  username", "WON", "LOST"} {
				if !strings.Contains(text, want) {
					t.Errorf("%s, %d columns: %q is missing:\n%s", box.Name, width, want, text)
				}
			}
			if strings.Contains(text, "* username") {
				t.Errorf("an equal field is marked:\n%s", text)
			}
		}
		text, _ := shows(t, box, 80, fmt.Sprintf("show mbox sync conflicts %d", numbered(t, box, "account guest (user info)")))
		if !strings.Contains(text, "* firstname") || strings.Contains(text, "changed since") {
			t.Errorf("%s:\n%s", box.Name, text)
		}
	}
	write(t, a, func(tx *hotspotdb.Tx) error {
		return tx.EditProfile("gold", "op", func(p *hotspotdb.Profile) error { p.Description = "third"; return nil })
	})
	text, _ := shows(t, a, 80, fmt.Sprintf("show mbox sync conflicts %d", numbered(t, a, "profile gold")))
	if !strings.Contains(text, "changed since, by alpha") {
		t.Errorf("the later change is not told:\n%s", text)
	}
}

func TestConflictsAreResolvedForAllBoxes(t *testing.T) {
	a, b := divided(t)
	shows(t, a, 80, fmt.Sprintf("mbox sync conflict %d restore", numbered(t, a, "account guest (user info)")))
	shows(t, b, 80, fmt.Sprintf("mbox sync conflict %d restore", numbered(t, b, "profile gold")))
	text, raw := shows(t, b, 80, fmt.Sprintf("mbox sync conflict %d keep", numbered(t, b, "account guest (access)")))
	if !strings.Contains(text, "account guest (access) stays as it is") || !strings.Contains(raw, `"action":"keep"`) {
		t.Errorf("%s%s", text, raw)
	}
	for _, box := range []*boxtest.Box{a, b} {
		boxtest.Eventually(t, box.Name+" lists no conflict", func() bool { return box.DB.ConflictCount() == 0 })
	}
	boxtest.InSync(a, b)
	for _, box := range []*boxtest.Box{a, b} {
		account, err := box.DB.Account("guest")
		if err != nil || account.Info["firstname"] != "made on alpha" || account.Disabled || account.Profiles[1] != "made-on-beta" {
			t.Errorf("%s: %+v, %v", box.Name, account, err)
		}
		if password, err := box.DB.Password("guest"); err != nil || password != secretOfB {
			t.Errorf("%s: the password is %q, %v; it must stay as it was", box.Name, password, err)
		}
		if p, err := box.DB.Profile("gold"); err != nil || p.Description != "made on alpha" || p.UpdatedBy != "test" {
			t.Errorf("%s: %+v, %v", box.Name, p, err)
		}
		if text, _ := shows(t, box, 80, "show mbox sync conflicts"); text != "No conflicts.\n" {
			t.Error(text)
		}
	}
}

func TestConflictsAreCleared(t *testing.T) {
	a, b := divided(t)
	before := a.Digest(hotspotdb.Datasets()...)
	text, raw := shows(t, a, 80, "clear mbox sync conflicts force")
	if !strings.HasPrefix(text, "3 conflicts were taken off") || raw != `{"conflicts":3}` || a.DB.ConflictCount() != 0 {
		t.Errorf("%s%s", text, raw)
	}
	if b.DB.ConflictCount() != 3 || a.Digest(hotspotdb.Datasets()...) != before {
		t.Error("clearing the list of one box has changed something else")
	}
	for _, line := range []string{"mbox sync conflict 1 keep", "show mbox sync conflicts 77"} {
		if _, err := a.Exec(line); err == nil || !strings.Contains(err.Error(), "show mbox sync conflicts lists them") {
			t.Errorf("%s: %v", line, err)
		}
	}
	if _, err := b.Exec("mbox sync conflict 1 both"); err == nil {
		t.Error("a wrong word was taken")
	}
}

// TestTakenNameIsNotRestored: two boxes add one username; the name goes to the earlier, and is free when that one is gone.
func TestTakenNameIsNotRestored(t *testing.T) {
	lan := boxtest.NewLAN(t)
	a, b := lan.Box("alpha"), lan.Box("beta")
	a.Add("guest", 1)
	b.Add("guest", 1)
	b.Follow(a, "send all", "accept all")
	boxtest.InSync(a, b)
	number := a.DB.ConflictCount()
	if number != 1 {
		t.Fatalf("%d conflicts", number)
	}
	shows(t, a, 80, "show mbox sync conflicts 1")
	_, err := a.Exec("mbox sync conflict 1 restore")
	if mistake, ok := err.(*modules.Error); !ok || !strings.Contains(mistake.Message, "guest0") || !strings.Contains(mistake.Hint, "Rename or delete") {
		t.Errorf("%v", err)
	}
	write(t, a, func(tx *hotspotdb.Tx) error { return tx.DeleteAccount("guest0", "op") })
	for _, box := range []*boxtest.Box{a, b} {
		boxtest.Eventually(t, box.Name+" has one account with the name and no conflict", func() bool {
			account, err := box.DB.Account("guest0")
			return box.DB.ConflictCount() == 0 && err == nil && !account.NameTaken
		})
	}
}

// Passwords are not kept in conflicts; that one was all that differed is said.
func TestConflictOfAPassword(t *testing.T) {
	fields := []sync.ConflictField{
		{Field: "firstname", Winner: "Ann", Loser: "Ann"},
		{Field: "updated", Winner: "2026-01-02 00:00:00", Loser: "2026-01-01 00:00:00", Differs: true},
	}
	const sentence = "it was the password"
	shows := func(c sync.ConflictDetail) bool {
		var out strings.Builder
		if err := c.Text(&out, 80); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(out.String(), sentence)
	}
	c := sync.ConflictDetail{Conflict: sync.Conflict{Record: "account guest (user info)"}, Fields: fields}
	if !shows(c) {
		t.Error("the only difference is not named")
	}
	c.Record = "account guest (access)"
	if shows(c) {
		t.Error("a record that holds no password is taken for a new one")
	}
	c.Record = "account guest (user info)"
	c.LostDeleted = true
	if shows(c) {
		t.Error("a deletion is taken for a new password")
	}
	c.LostDeleted, fields[0].Differs = false, true
	if shows(c) {
		t.Error("another difference is taken for a new password")
	}
}
