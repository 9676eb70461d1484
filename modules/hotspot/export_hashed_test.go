package hotspot

import (
	"strings"
	"testing"

	"mbox/hotspotdb"
)

// A hash is no password: an export leaves it out, and says so.
func TestExportLeavesHashedPasswordsOut(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot user add alice password wonderland`, `hotspot user add bob password builder1`)
	alice, err := b.db.Guest("alice")
	if err != nil {
		t.Fatal(err)
	}
	err = b.db.Update(t.Context(), func(tx *hotspotdb.Tx) error {
		_, err := tx.StorePasswordHash(&alice, hotspotdb.HashPassword("wonderland"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b.must(`hotspot export users out.csv with-passwords`)
	text := b.read("out.csv")
	if !strings.Contains(text, "alice,,user") || !strings.Contains(text, "bob,builder1,user") || strings.Contains(text, "argon2") {
		t.Errorf("exported\n%s", text)
	}
	if said := b.term.out.String(); !strings.Contains(said, "stored as hashes are not in the file: those of 1 account.") {
		t.Errorf("said %q", said)
	}
	b.must("hotspot user add carol")
	for name, want := range map[string]any{"alice": "hashed", "bob": "reversible", "carol": nil} {
		var account map[string]any
		if b.json("show hotspot users "+name, &account); account["password_storage"] != want {
			t.Errorf("the password of %s is kept %v", name, account["password_storage"])
		}
	}
}
