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
	if said := b.term.out.String(); !strings.Contains(said, "1 passwords are stored as hashes") {
		t.Errorf("said %q", said)
	}
}
