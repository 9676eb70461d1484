package hotspot

import (
	"errors"
	"strings"
	"testing"

	"mbox/hotspotdb"
)

func TestEraseUser(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot user add alice password wonderland email alice@example.com`, `hotspot user add bob password builder1`)
	alice, bob := b.open("alice"), b.open("bob")
	if said := b.refused(`hotspot user erase alice`); !strings.Contains(said, "cannot be brought back") || !strings.Contains(said, "force") {
		t.Errorf("said %q", said)
	}
	b.term.person = true
	b.must(`hotspot user erase alice`)
	if !strings.Contains(b.term.asked, "alice") || b.names() != "alice bob" {
		t.Fatalf("asked %q, accounts %s", b.term.asked, b.names())
	}
	b.term.answer = true
	if text := b.must(`hotspot user erase alice`); !strings.Contains(text, "1 account, 1 session, 0 usage records") || strings.Contains(text, "alice") {
		t.Errorf("said %q", text)
	}
	if b.names() != "bob" || strings.Contains(b.log.String()[strings.LastIndex(b.log.String(), "erased"):], "alice") {
		t.Errorf("accounts %s, log %s", b.names(), b.log.String())
	}
	if _, err := b.db.Segment(alice.ID); !errors.Is(err, hotspotdb.ErrNotFound) {
		t.Errorf("her session: %v", err)
	}
	if _, err := b.db.Segment(bob.ID); err != nil {
		t.Errorf("another's session: %v", err)
	}
	if said := b.refused(`hotspot user erase alice force`); !strings.Contains(said, "there is no account alice") {
		t.Errorf("said %q", said)
	}
}

// A person whose account was deleted long ago still has sessions.
func TestEraseWhoWasDeleted(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot user add alice password wonderland`)
	first := b.open("alice")
	b.must(`hotspot user delete alice`, `hotspot user add bob password builder1`)
	kept := b.open("bob")
	var got map[string]int
	b.json(`hotspot user erase alice force`, &got)
	if got["accounts"] != 1 || got["sessions"] != 1 {
		t.Errorf("erased %v", got)
	}
	if !b.db.Erased(first.Account) || b.db.Erased(kept.Account) {
		t.Error("erased another")
	}
}

// A box that serves the sessions of an account that another box erases goes on.
func TestErasureEndsSessions(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot user add alice password wonderland`, `hotspot user add bob password builder1`)
	b.open("alice")
	bob := b.open("bob")
	b.start()
	b.must(`hotspot user erase alice force`, `hotspot user disable bob`)
	if s := b.ended(bob.ID); s.TerminateCause != causeAdminReset {
		t.Errorf("cause %q", s.TerminateCause)
	}
	if n := b.db.Statistics().Sessions; n != 1 {
		t.Errorf("%d sessions", n)
	}
}
