package hotspotdb

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func entries(t testing.TB, db *DB, f AuditFilter) []AuditEntry {
	t.Helper()
	list, err := db.AuditEntries(ctxOf(t), f)
	must(t, err)
	return list
}

// told is an entry in one line.
func told(e AuditEntry) string {
	fields := ""
	for _, f := range e.Fields {
		fields += fmt.Sprintf(" %s(%s>%s)", f.Name, f.Old, f.New)
	}
	return fmt.Sprintf("%s %s %s%s", e.Object, e.Name, e.Action, fields)
}

// TestEditsAreRecorded: every typed edit writes one entry, in its transaction, that says what was changed; an edit that changes
// nothing writes none.
func TestEditsAreRecorded(t *testing.T) {
	db, clock := clockedMem(t)
	var account Account
	edit := func(fn func(*AccountEdit)) func(*Tx) error {
		return func(tx *Tx) error {
			_, err := tx.EditAccount("anna", "bob", func(e *AccountEdit) error { fn(e); return nil })
			return err
		}
	}
	secret := "hunter2secret"
	for _, c := range []struct {
		do   func(*Tx) error
		want string // empty: no entry
	}{
		{func(tx *Tx) error { return tx.AddProfile(Profile{Name: "gold", Description: "d"}, "bob") }, "profile gold added description(>)"},
		{func(tx *Tx) error {
			return tx.EditProfile("gold", "bob", func(p *Profile) error {
				p.Attributes = []Attribute{{"Session-Timeout", "60"}, {"Idle-Timeout", "5"}}
				return nil
			})
		}, "profile gold changed Session-Timeout(>60) Idle-Timeout(>5)"},
		{func(tx *Tx) error {
			return tx.PutProfile(Profile{Name: "gold", Description: "d", Attributes: []Attribute{{"Session-Timeout", "70"}}}, "bob")
		},
			"profile gold changed Session-Timeout(60>70) Idle-Timeout(5>)"},
		{func(tx *Tx) error { return tx.EditProfile("gold", "bob", func(*Profile) error { return nil }) }, ""},
		{func(tx *Tx) (err error) {
			account, err = tx.AddAccount(Account{Username: "anna", Profiles: []string{"gold"}, Info: map[string]string{"email": "anna@private.example"}}, secret, "bob")
			return err
		}, "user anna added profiles(>gold) password(>) email(>)"},
		{edit(func(e *AccountEdit) { e.Disabled = true }), "user anna disabled disabled(no>yes)"},
		{edit(func(e *AccountEdit) { e.Disabled = false }), "user anna enabled disabled(yes>no)"},
		{edit(func(e *AccountEdit) { e.Disabled = false }), ""},
		{edit(func(e *AccountEdit) { e.Password = &secret }), "user anna changed password(>)"},
		{edit(func(e *AccountEdit) { e.Info = map[string]string{"firstname": "Privately"} }), "user anna changed firstname(>) email(>)"},
		{edit(func(e *AccountEdit) { e.Expires, e.Profiles = time.Unix(1798761600, 0), nil }),
			"user anna changed expires(never>2027-01-01T00:00:00Z) profiles(gold>)"},
		{edit(func(e *AccountEdit) { e.Username = "anne" }), "user anne renamed username(anna>anne)"},
		{func(tx *Tx) error {
			return tx.BindSticky(Binding{MAC: phone, Username: "anne", Account: account.ID, Hotspot: "lobby", Days: 3})
		}, "sticky anne added macaddress(>02-00-00-00-00-01) hotspot(>lobby) username(>anne) days(>3)"},
		{func(tx *Tx) error {
			return tx.UpdateSticky(phone, "lobby", func(b *Binding) error { b.LastLogout, b.Expires = clock.Now(), clock.Now(); return nil })
		}, ""},
		{func(tx *Tx) error {
			return tx.UpdateSticky(phone, "lobby", func(b *Binding) error { b.Days = 9; return nil })
		}, "sticky anne changed days(3>9)"},
		{func(tx *Tx) error { return tx.DeleteSticky(phone, "lobby") },
			"sticky anne deleted macaddress(02-00-00-00-00-01>) hotspot(lobby>) username(anne>) days(9>)"},
		{func(tx *Tx) error {
			_, err := tx.AddPurchase(Purchase{Username: "anne", Octets: 1000, By: "bob", Note: "cash"})
			return err
		}, "quota anne added octets(>1000) note(>cash)"},
		{func(tx *Tx) error {
			return tx.AddBatch(VoucherBatch{Name: "day", Profile: "gold", Validity: time.Hour, Owner: dbID(4)}, []string{"AAAA1111", "BBBB2222"}, "bob")
		}, "batch day added profile(>gold) validity(>1h0m0s) uses(>1) owner(>04000000000000000000000000000000) codes(>2)"},
		{func(tx *Tx) error {
			_, err := tx.EditBatch("day", "bob", func(b *VoucherBatch) error { b.Disabled = true; return nil })
			return err
		}, "batch day disabled disabled(no>yes)"},
		{func(tx *Tx) error { return tx.AddVouchers("day", []string{"CCCC3333"}, "bob") }, "batch day changed codes(>+1)"},
		{func(tx *Tx) error {
			return tx.SetVoucher("cccc-3333", "bob", func(v *Voucher) error { v.Disabled = true; return nil })
		}, "voucher CCCC3333 disabled"},
		{func(tx *Tx) error { return tx.DeleteAccount("anne", "bob") }, "user anne deleted"},
		{func(tx *Tx) error { return tx.DeleteProfile("gold", "bob") }, "profile gold deleted"},
	} {
		clock.Add(time.Second)
		before := len(entries(t, db, AuditFilter{}))
		rolledBack := errors.New("no")
		if err := db.Update(t.Context(), func(tx *Tx) error { return errors.Join(c.do(tx), rolledBack) }); !errors.Is(err, rolledBack) {
			t.Fatalf("%s: %v", c.want, err)
		}
		if n := len(entries(t, db, AuditFilter{})); n != before {
			t.Fatalf("%s: %d entries of a transaction that failed", c.want, n-before)
		}
		by := Author{Name: "carol", From: "10.0.0.1", Via: "api"}
		must(t, db.Update(t.Context(), func(tx *Tx) error { tx.By(by); return c.do(tx) }))
		list := entries(t, db, AuditFilter{})
		if c.want == "" {
			if len(list) != before {
				t.Errorf("an edit that changed nothing is recorded as %s", told(list[0]))
			}
			continue
		}
		if len(list) != before+1 || told(list[0]) != c.want {
			t.Errorf("%d entries, the last is %s, expected %s", len(list)-before, told(list[0]), c.want)
		}
		if e := list[0]; e.Author != by || e.Box != db.ID() || !e.At.Equal(clock.Now()) || e.ID == 0 || e.ID >= 1<<53 {
			t.Errorf("%s: %+v", c.want, e)
		}
	}
	for _, raw := range feedOf(t, db, Audit, 0).Changes {
		for _, private := range []string{secret, "private.example", "Privately"} {
			if bytes.Contains(raw, []byte(private)) {
				t.Errorf("%s stands in an audit entry", private)
			}
		}
	}
	if n := len(entries(t, db, AuditFilter{Limit: 3})); n != 3 {
		t.Errorf("%d of the newest 3", n)
	}
	if n := len(entries(t, db, AuditFilter{Author: "carol", Username: "gold"})); n != 4 {
		t.Errorf("%d about gold", n)
	}
	if n := len(entries(t, db, AuditFilter{Author: "bob"})); n != 0 {
		t.Errorf("%d by one who was told to be another", n)
	}
}

// TestAuditFollowsTheAccount: entries from before it was renamed are found by the name that it has now.
func TestAuditFollowsTheAccount(t *testing.T) {
	db, clock := clockedMem(t)
	addAccount(t, db, Account{Username: "old"}, "secret")
	clock.Add(time.Second)
	since := clock.Now()
	must(t, db.Update(t.Context(), func(tx *Tx) error {
		_, err := tx.EditAccount("old", "bob", func(e *AccountEdit) error { e.Username = "new"; return nil })
		return err
	}))
	for f, want := range map[AuditFilter]int{
		{Username: "new"}: 2, {Username: "old"}: 1, {Username: "new", Since: since}: 1, {Until: since}: 1, {Username: "nobody"}: 0, {Author: "bob"}: 1,
	} {
		if list := entries(t, db, f); len(list) != want {
			t.Errorf("%+v: %d entries, expected %d", f, len(list), want)
		}
	}
}

// TestReplicatedChangesAreNotRecordedAgain: the entry comes with the change, once.
func TestReplicatedChangesAreNotRecordedAgain(t *testing.T) {
	a, b := openMem(t), openMem(t)
	addAccount(t, a, Account{Username: "anna"}, "secret")
	for range 2 {
		for _, ds := range Datasets() {
			exchange(t, a, b, ds)
		}
	}
	if len(entries(t, b, AuditFilter{})) != 1 || total(a, Audit) != total(b, Audit) {
		t.Errorf("%d entries on the other box", len(entries(t, b, AuditFilter{})))
	}
	if e := entries(t, b, AuditFilter{})[0]; e.Box != a.ID() {
		t.Errorf("made by %s", e.Box)
	}
}

// TestBulkIsOneEntry: an import is told as one, whatever it has changed; what was not changed does not count.
func TestBulkIsOneEntry(t *testing.T) {
	db := openMem(t)
	must(t, db.Update(t.Context(), func(tx *Tx) error {
		tx.By(Author{Name: "bob", Via: "import"})
		tx.Bulk("guests.csv")
		for i := range 500 {
			if _, err := tx.AddAccount(Account{Username: fmt.Sprint("guest", i)}, "", "x"); err != nil {
				return err
			}
		}
		for i := range 7 {
			if _, err := tx.EditAccount(fmt.Sprint("guest", i), "x", func(e *AccountEdit) error { e.Disabled = i < 5; return nil }); err != nil {
				return err
			}
		}
		return tx.AddProfile(Profile{Name: "gold"}, "x")
	}))
	list := entries(t, db, AuditFilter{})
	if len(list) != 2 {
		t.Fatalf("%d entries", len(list))
	}
	got := map[string]bool{told(list[0]): true, told(list[1]): true}
	if !got["user guests.csv imported added(>500) changed(>5)"] || !got["profile guests.csv imported added(>1)"] || list[0].Author.Via != "import" {
		t.Errorf("%v", got)
	}
	must(t, db.Update(t.Context(), func(tx *Tx) error { tx.Bulk("nothing.csv"); return nil }))
	if len(entries(t, db, AuditFilter{})) != 2 || db.Counts(Audit).Live != 1 {
		t.Error("an import of nothing is recorded")
	}
}

// TestLongEntriesAreCut: whatever is changed, its entry is one that peers take.
func TestLongEntriesAreCut(t *testing.T) {
	db := openMem(t)
	long := strings.Repeat("ä", 400)
	must(t, db.Update(t.Context(), func(tx *Tx) error {
		tx.By(Author{Name: long + "\x1b\n", From: strings.Repeat("\xff", 5000), Via: "api"})
		var names []string
		for i := range maxProfiles {
			names = append(names, fmt.Sprintf("p%063d", i))
		}
		_, err := tx.AddAccount(Account{Username: "anna", Profiles: names}, "", "x")
		return err
	}))
	e := entries(t, db, AuditFilter{})[0]
	if len(e.Author.Name) > maxAuditText || len(e.Fields) != 1 || len(e.Fields[0].New) > maxAuditValue || strings.ContainsAny(e.Author.Name, "\x1b\n") {
		t.Errorf("%+v", e)
	}
	exchange(t, db, openMem(t), Audit)
}

// TestWhoAskedNeedsNoConfirmation: a peer that carries accounts and not the audit confirms a change of an account.
func TestWhoAskedNeedsNoConfirmation(t *testing.T) {
	db := openMem(t)
	must(t, db.Update(t.Context(), func(tx *Tx) error {
		if err := tx.AddProfile(Profile{Name: "gold"}, "x"); err != nil {
			return err
		}
		if c := tx.commit(); len(c.Datasets) != 1 || c.Datasets[0] != Profiles || len(c.records) != 1 {
			t.Errorf("to be confirmed: %v", c.Datasets)
		}
		return nil
	}))
}

// TestRestoredConflictIsRecorded: who decides a conflict is named.
func TestRestoredConflictIsRecorded(t *testing.T) {
	a, b := openMem(t), openMem(t)
	addAccount(t, a, Account{Username: "anna"}, "secret")
	exchange(t, a, b, Users)
	for i, db := range []*DB{a, b} {
		must(t, db.Update(t.Context(), func(tx *Tx) error {
			_, err := tx.EditAccount("anna", "x", func(e *AccountEdit) error { e.Profiles = []string{fmt.Sprint("p", i)}; return nil })
			return err
		}))
	}
	exchange(t, a, b, Users)
	must(t, a.ResolveConflict(t.Context(), conflicts(t, a)[0].Number, true, "judge"))
	if list := entries(t, a, AuditFilter{Author: "judge"}); len(list) != 1 || told(list[0]) != "user anna restored" {
		t.Errorf("%+v", list)
	}
}

// TestAuditExpires: audit entries and login attempts go with the history, without tombstones, and are not taken any more.
func TestAuditExpires(t *testing.T) {
	b := newAgingBox(t)
	b.SetHistory(30)
	addAccount(t, b.DB, Account{Username: "anna"}, "secret")
	b.RecordAttempt(Attempt{Username: "anna"})
	must(t, b.storeAttempts(t.Context()))
	old := feedOf(t, b.DB, Audit, 0)
	b.run(20 * day)
	addAccount(t, b.DB, Account{Username: "bea"}, "secret")
	b.run(15 * day)
	must(t, b.Upkeep(t.Context()))
	list := entries(t, b.DB, AuditFilter{})
	attempts, err := b.Attempts(t.Context(), AttemptFilter{})
	must(t, err)
	if len(list) != 1 || list[0].Name != "bea" || len(attempts) != 0 || b.Counts(Audit) != (Counts{Live: 1}) {
		t.Errorf("%d entries, %d attempts, %+v", len(list), len(attempts), b.Counts(Audit))
	}
	old.From = dbID(5)
	if r, err := b.Apply(t.Context(), old); err != nil || r.Stored != 0 {
		t.Errorf("what has expired came back: %+v, %v", r, err)
	}
	checkIndex(t, b.DB)
}

// TestAuditOfAnErasure: it says that somebody was erased, and not who.
func TestAuditOfAnErasure(t *testing.T) {
	db := mustOpen(t, memOptions(vfs.NewMem()))
	a := addAccount(t, db, Account{Username: "anna"}, "secret")
	_, err := db.EraseBy(t.Context(), a.ID, Author{Name: "bob", Via: "ssh"})
	must(t, err)
	list := entries(t, db, AuditFilter{})
	if len(list) != 1 || told(list[0]) != fmt.Sprintf("user %d erased", a.ID) || list[0].Author.Name != "bob" || list[0].Account != 0 {
		t.Errorf("%+v", list)
	}
}
