package hotspot

import (
	"strings"
	"testing"

	"mbox/hotspotdb"
)

// bind binds a device to a guest's account in a hotspot.
func (b *box) bind(mac, username, hotspot string) {
	b.t.Helper()
	err := b.db.Update(b.t.Context(), func(tx *hotspotdb.Tx) error {
		return tx.BindSticky(hotspotdb.Binding{MAC: mac, Username: username, Account: b.account(username).ID, Hotspot: hotspot, Days: 7})
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// stickyBox has two guests with three devices in two hotspots.
func stickyBox(t *testing.T) *box {
	b := newBox(t)
	b.must("hotspot user add al password x", "hotspot user add bo password x")
	b.bind("02-00-00-00-00-01", "al", "lobby")
	b.bind("02-00-00-00-00-01", "al", "pool")
	b.bind("02-00-00-00-00-02", "al", "pool")
	b.bind("02-00-00-00-00-03", "bo", "pool")
	return b
}

func TestShowSticky(t *testing.T) {
	b := stickyBox(t)
	for line, n := range map[string]int{
		"": 4, " username al": 3, " username al hotspot pool": 2, " mac 0200.0000.0001": 2, " hotspot pool": 3, " hotspot bar": 0, " username cy": 0, " limit 2": 2,
	} {
		var list []map[string]any
		if b.json("show hotspot sticky"+line, &list); len(list) != n {
			t.Errorf("show hotspot sticky%s: %d", line, len(list))
		}
	}
	if text := b.must("show hotspot sticky limit 3"); !strings.Contains(text, "There are more than these 3") {
		t.Error(text)
	}
}

func TestClearSticky(t *testing.T) {
	for line, want := range map[string]string{
		"mac 02:00:00:00:00:01": "02-00-00-00-00-02 pool, 02-00-00-00-00-03 pool", "username al": "02-00-00-00-00-03 pool",
		"hotspot pool force": "02-00-00-00-00-01 lobby", "all force": "",
	} {
		t.Run(line, func(t *testing.T) {
			b := stickyBox(t)
			b.must("clear hotspot sticky " + line)
			list, err := b.db.Stickies()
			if err != nil {
				t.Fatal(err)
			}
			var left []string
			for _, one := range list {
				left = append(left, one.MAC+" "+one.Hotspot)
			}
			if got := strings.Join(left, ", "); got != want {
				t.Errorf("left are %s, want %s", got, want)
			}
			var rows []auditRow
			if b.json("show hotspot audit limit 1", &rows); rows[0].Object != "sticky" || rows[0].Action != "deleted" || *rows[0].Author != "anna" {
				t.Errorf("the audit log says %+v", rows[0])
			}
		})
	}
}

// Many guests are asked for; nobody is asked for nothing.
func TestClearStickyAsks(t *testing.T) {
	b := stickyBox(t)
	if text := b.refused("clear hotspot sticky all"); !strings.Contains(text, "4 devices") || !strings.Contains(text, "force") {
		t.Error(text)
	}
	b.term.person, b.term.answer = true, false
	b.must("clear hotspot sticky hotspot pool")
	if list, err := b.db.Stickies(); err != nil || len(list) != 4 || !strings.Contains(b.term.asked, "3 devices") {
		t.Errorf("asked %q, %d are left, %v", b.term.asked, len(list), err)
	}
	if text := b.refused("clear hotspot sticky username cy"); !strings.Contains(text, "no such device is bound") {
		t.Error(text)
	}
}
