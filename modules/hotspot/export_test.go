package hotspot

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mbox/hotspotdb"
)

// plain is what an export and an import keep of an account.
type plain struct {
	username, usertype, password, expires, profiles string
	disabled                                        bool
	attributes, info                                string
}

func accounts(t testing.TB, b *box) (out []plain) {
	t.Helper()
	for a, err := range b.db.Accounts(context.Background(), hotspotdb.AccountFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		p := plain{username: a.Username, usertype: a.UserType.String(), expires: a.Expires.String(), disabled: a.Disabled,
			profiles: fmt.Sprint(a.Profiles), attributes: fmt.Sprint(attributeMap(a.Attributes)), info: fmt.Sprintf("%q", sorted(a.Info))}
		if a.HasPassword {
			if p.password, err = b.db.Password(a.Username); err != nil {
				t.Fatal(err)
			}
		}
		out = append(out, p)
	}
	return out
}

func sorted(m map[string]string) (out []string) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, k, m[k])
	}
	return out
}

// Whatever accounts there are, an export with passwords makes the same in an empty database.
func TestExportImportKeepsAccounts(t *testing.T) {
	from, to := newBox(t), newBox(t)
	text := rapid.StringMatching(`['=+@ -]{0,2}[a-zA-Z0-9 ,;"'=+@éü世-]{1,12}`)
	rapid.Check(t, func(rt *rapid.T) {
		clear(rt, from, to)
		for _, name := range rapid.SliceOfNDistinct(text, 0, 8, strings.TrimSpace).Draw(rt, "names") {
			if name = strings.TrimSpace(name); name == "" {
				continue
			}
			e := hotspotdb.AccountEdit{Account: hotspotdb.Account{
				Username: name, UserType: rapid.SampledFrom([]hotspotdb.UserType{hotspotdb.UserPassword, hotspotdb.UserPIN}).Draw(rt, "type"),
				Disabled: rapid.Bool().Draw(rt, "disabled"),
				Profiles: rapid.SliceOfNDistinct(rapid.StringMatching(`[A-Za-z0-9_-]{1,6}`), 0, 3, rapid.ID).Draw(rt, "profiles"),
			}}
			if rapid.Bool().Draw(rt, "expires") {
				e.Expires = time.Unix(rapid.Int64Range(40_000_000, 250_000_000_000).Draw(rt, "at"), 0)
			}
			for _, field := range rapid.SliceOfN(rapid.SampledFrom(hotspotdb.InfoFields), 0, 4).Draw(rt, "info") {
				setInfo(&e, field, text.Draw(rt, field))
			}
			if rapid.Bool().Draw(rt, "limited") {
				e.Attributes = []hotspotdb.Attribute{{Name: "WISPr-Redirection-URL", Value: "https://example.com/?a=1,2"}, {Name: "Idle-Timeout", Value: "60"}}
			}
			password := rapid.OneOf(rapid.Just(""), text).Draw(rt, "password")
			err := from.db.Update(context.Background(), func(tx *hotspotdb.Tx) error {
				_, err := tx.AddAccount(e.Account, password, "test")
				return err
			})
			if err != nil {
				rt.Fatalf("add %q: %v", name, err)
			}
		}
		from.must(`hotspot export users out.csv with-passwords`)
		to.write("in.csv", from.read("out.csv"))
		to.must(`hotspot import users in.csv atomic`)
		if a, b := accounts(t, from), accounts(t, to); !slices.Equal(a, b) {
			rt.Fatalf("exported\n%v\nimported\n%v\nfile\n%s", a, b, from.read("out.csv"))
		}
	})
}

func clear(rt *rapid.T, boxes ...*box) {
	for _, b := range boxes {
		for _, p := range accounts(b.t, b) {
			err := b.db.Update(context.Background(), func(tx *hotspotdb.Tx) error { return tx.DeleteAccount(p.username, "test") })
			if err != nil {
				rt.Fatal(err)
			}
		}
	}
}

func TestGuardIsReversible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringMatching(`'{0,3}[=+@\t\r\n-]{0,2}[A-Z0-9(). '-]{0,6}`).Draw(t, "cell")
		if got := unguard(guard(cell)); got != cell {
			t.Fatalf("%q became %q became %q", cell, guard(cell), got)
		}
		if g := guard(cell); g != "" && strings.ContainsRune("=@\t\r\n", rune(g[0])) {
			t.Fatalf("%q is written as %q", cell, g)
		}
	})
	for cell, want := range map[string]string{
		`=HYPERLINK("http://x")`: `'=HYPERLINK("http://x")`, "@SUM(A1)": "'@SUM(A1)", "-cmd|'/c calc'!A0": "'-cmd|'/c calc'!A0", "\t=1": "'\t=1",
		"+65 9123-4567": "+65 9123-4567", "-5": "-5", "+1+cmd": "'+1+cmd", "plain": "plain", "'quoted'": "'quoted'", "'=x": "''=x", "": "",
	} {
		if got := guard(cell); got != want {
			t.Errorf("guard(%q) is %q, want %q", cell, got, want)
		}
	}
}

func TestExportHasPasswordsOnlyWhenTold(t *testing.T) {
	b := newBox(t)
	if said := b.must(`hotspot user add alice password wonderland`, `hotspot export users a.csv`); !strings.HasPrefix(said, "1 account written to a.csv in ") {
		t.Errorf("it says %q", said)
	}
	if text := b.read("a.csv"); strings.Contains(text, "wonderland") || strings.Contains(text, "password") {
		t.Errorf("without the word:\n%s", text)
	}
	b.must(`hotspot export users b.csv with-passwords`)
	if text := b.read("b.csv"); !strings.Contains(text, "alice,wonderland,user") {
		t.Errorf("with the word:\n%s", text)
	}
	if log := b.log.String(); strings.Contains(log, "wonderland") || !strings.Contains(log, "passwords=true") || !strings.Contains(log, "actor=anna") {
		t.Errorf("log:\n%s", log)
	}
}

func TestInterruptedExportLeavesTheOldFile(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot user add alice password wonderland`)
	b.write("a.csv", "old")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.runContext(ctx, `hotspot export users a.csv`); err == nil {
		t.Error("it went through")
	}
	entries, err := os.ReadDir(b.dir)
	if err != nil || len(entries) != 1 || b.read("a.csv") != "old" {
		t.Errorf("left %v with %q, %v", entries, b.read("a.csv"), err)
	}
}

func TestExportProfiles(t *testing.T) {
	from, to := newBox(t), newBox(t)
	from.must(`hotspot profile add guest description "=For, guests" Idle-Timeout 300`, `hotspot profile add staff`, `hotspot export profiles p.csv`)
	to.write("p.csv", from.read("p.csv"))
	to.must(`hotspot import profiles p.csv atomic`)
	if a, b := from.must(`show hotspot profiles`), to.must(`show hotspot profiles`); a != b {
		t.Errorf("exported\n%s\nimported\n%s", a, b)
	}
}

// What a newer version knows is not lost without a word.
func TestExportSaysWhatItLeavesOut(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot user add alice password wonderland`)
	fields := accountColumns(b.mod.now)
	e := hotspotdb.AccountEdit{Account: hotspotdb.Account{Attributes: []hotspotdb.Attribute{{Name: "New-Attribute", Value: "1"}, {Name: "Idle-Timeout", Value: "1"}}}}
	if got := unknownAttributes(e.Attributes); got != 1 {
		t.Errorf("%d unknown of %v", got, names(fields))
	}
}
