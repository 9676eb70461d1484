package hotspot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"mbox/hotspotdb"
	"mbox/modules"
)

// lonely makes every write end as if no other box had confirmed it.
func (b *box) lonely() {
	b.db.SetConfirm(func(context.Context, hotspotdb.Commit) error {
		return fmt.Errorf("%w by 1 other box within 500 ms", hotspotdb.ErrUnconfirmed)
	})
}

// An operator whose write is stored, but not confirmed by other boxes, is told just that, whatever it was.
func TestUnconfirmedIsNotRefused(t *testing.T) {
	b := newBox(t)
	b.lonely()
	for _, line := range []string{
		"hotspot user add alice password guestpass1", "hotspot user set alice expires 2099-12-31", "hotspot user disable alice",
		"hotspot user enable alice", "hotspot profile add gold", "hotspot profile set gold Session-Timeout 60", "hotspot profile delete gold",
	} {
		_, err := b.run(line)
		mistake := new(modules.Error)
		if !errors.As(err, &mistake) || !strings.Contains(mistake.Message, "stored here, but not confirmed by 1 other box") ||
			!strings.Contains(mistake.Hint, "Do not type it again") {
			t.Errorf("%s: %v", line, err)
		}
	}
	a, err := b.db.Account("alice")
	if err != nil || a.Expires.IsZero() || a.Disabled {
		t.Errorf("what was not confirmed is stored as %+v, %v", a, err)
	}
	if p, err := b.db.Profiles(); err != nil || len(p) != 0 {
		t.Errorf("the deletion of a profile: %+v, %v", p, err)
	}
	if _, err := b.run("hotspot user add alice password guestpass1"); err == nil || strings.Contains(err.Error(), "confirmed") {
		t.Errorf("an account that is there already: %v", err)
	}
	if _, err := b.run("hotspot user delete alice"); err == nil || !strings.Contains(err.Error(), "not confirmed") {
		t.Errorf("delete: %v", err)
	}
	if _, err := b.db.Account("alice"); !errors.Is(err, hotspotdb.ErrNotFound) {
		t.Errorf("the deletion is not stored: %v", err)
	}
}

// An import goes on to its end, says how many rows are stored, and that they are not confirmed.
func TestUnconfirmedImportGoesOn(t *testing.T) {
	b := newBox(t)
	b.lonely()
	var file strings.Builder
	file.WriteString("username,password\n")
	const rows = 2*chunkRows + 5
	for i := range rows {
		fmt.Fprintf(&file, "guest%d,password%d\n", i, i)
	}
	b.write("u.csv", file.String())
	text, err := b.run("hotspot import users u.csv")
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d of the rows are stored here, but were not confirmed", rows)) {
		t.Errorf("%v", err)
	}
	if !strings.Contains(text, fmt.Sprintf("%d accounts added", rows)) || b.db.Statistics().Users != rows {
		t.Errorf("%d accounts are stored: %s", b.db.Statistics().Users, text)
	}
}
