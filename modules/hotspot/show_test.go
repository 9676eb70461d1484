package hotspot

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
)

func TestShowUserHasTheNamesOfTheDataModel(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot profile add guest`,
		`hotspot user add alice password wonderland profile guest expires 2030-01-02T03:04:05Z Session-Timeout 3600 marital_status single`)
	var a map[string]any
	b.json(`show hotspot users alice`, &a)
	for key, want := range map[string]any{
		"username": "alice", "password": "********", "usertype": "user", "disabled": false, "state": "active", "expires": "2030-01-02T03:04:05Z",
		"marital_status": "single", "firstname": nil, "createdby": "anna", "updatedby": "anna",
	} {
		if got, there := a[key]; got != want || !there {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
	for _, key := range slices.Concat([]string{"id", "created", "updated"}, hotspotdb.InfoFields) {
		if _, there := a[key]; !there {
			t.Errorf("no %s", key)
		}
	}
	if profiles, _ := a["profiles"].([]any); len(profiles) != 1 || profiles[0] != "guest" {
		t.Errorf("profiles %v", a["profiles"])
	}
	if attributes, _ := a["attributes"].(map[string]any); attributes["Session-Timeout"] != "3600" {
		t.Errorf("attributes %v", a["attributes"])
	}
	text := b.must(`show hotspot users alice`)
	for _, want := range []string{"Username        : alice\n", "Password        : ********\n", "Session-Timeout : 3600 s\n", "marital_status  : single\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "firstname") {
		t.Errorf("empty fields are shown:\n%s", text)
	}

	b.must(`hotspot user add carl password x1 profile gone`)
	if text := b.must(`show hotspot users carl`); !strings.Contains(text, "No such profile : gone\n") {
		t.Errorf("got\n%s", text)
	}

	b.must(`hotspot user add 4711 usertype pin`)
	b.json(`show hotspot users 4711`, &a)
	if missing, ok := a["missing_profiles"].([]any); !ok || len(missing) != 0 {
		t.Errorf("missing profiles %v are not []", a["missing_profiles"])
	}
	if a["password"] != nil || a["expires"] != nil {
		t.Errorf("got %v", a)
	}
	if profiles, ok := a["profiles"].([]any); !ok || len(profiles) != 0 {
		t.Errorf("profiles %v are not []", a["profiles"])
	}
}

func TestShowUsersFilters(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot user add alice password x1 profile guest firstname Alice`, `hotspot user add bob password x2 profile staff disabled`,
		`hotspot user add carol password x3 profile guest expires 2020-01-01 firstname Carol`, `hotspot user add disabled usertype pin`)
	for line, want := range map[string]string{
		`show hotspot users`:                           "alice bob carol disabled",
		`show hotspot users disabled`:                  "bob",
		`show hotspot users profile guest`:             "alice carol",
		`show hotspot users match LIC`:                 "alice",
		`show hotspot users limit 1 profile guest`:     "alice",
		`show hotspot users profile guest match carol`: "carol",
		`show hotspot users disabled profile guest`:    "",
		`show hotspot users match "nobody has this"`:   "",
	} {
		var list []struct{ Username string }
		b.json(line, &list)
		var got []string
		for _, a := range list {
			got = append(got, a.Username)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", line, got, want)
		}
		text := b.must(line)
		for _, name := range got {
			if !strings.Contains(text, "\n"+name+" ") {
				t.Errorf("%s: no %s in\n%s", line, name, text)
			}
		}
	}
	if text := b.must(`show hotspot users "disabled"`); !strings.Contains(text, "pin") {
		t.Errorf("an account with the name of a filter cannot be seen:\n%s", text)
	}
	text := b.must(`show hotspot users`)
	for _, want := range []string{"USERNAME  TYPE  PROFILES  STATE     EXPIRES", "bob       user  staff     disabled", "carol     user  guest     expired"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestLimitedListsSaySo(t *testing.T) {
	b := newBox(t)
	b.write("u.csv", "username,firstname\n"+strings.Join(numbered(30), ",x\n")+",x\n")
	b.must(`hotspot import users u.csv`)
	for line, want := range map[string]string{
		`show hotspot users limit 10`:         "\n20 more\n",
		`show hotspot users limit 10 match x`: "\nThere are more; raise limit 10 to see them.\n",
	} {
		if text := b.must(line); !strings.HasSuffix(text, want) || strings.Count(text, "\nu0") != 10 {
			t.Errorf("%s:\n%s", line, text)
		}
	}
	if text := b.must(`show hotspot users limit 30`); strings.Contains(text, "more") {
		t.Errorf("got\n%s", text)
	}
}

func TestSessionsAreTheUsersView(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot user add alice password wonderland`, `hotspot user add bob password builder1`)
	s := b.open("alice")
	b.open("bob")
	err := b.db.Update(t.Context(), func(tx *hotspotdb.Tx) error {
		err := tx.UpdateSegment(s.ID, func(s *hotspotdb.Segment) error {
			s.InputOctetsTo, s.OutputOctetsTo, s.SessionTimeTo = 1_000, 2_500_000, 3725
			return nil
		})
		return errors.Join(err, tx.CloseSegment(s.ID, "User-Request", time.Now()))
	})
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]any
	b.json(`show hotspot sessions username alice`, &all)
	if len(all) != 1 {
		t.Fatalf("got %v", all)
	}
	for key, want := range map[string]any{
		"acctinputoctets": 2_500_000.0, "acctoutputoctets": 1_000.0, "acctsessiontime": 3725.0, "acctterminatecause": "User-Request",
		"macaddress": "3A-71-B4-E9-F7-99", "hotspot": "lobby", "username": "alice", "nas": nil, "ipaddress": nil, "segment": 1.0, "radacctid": float64(s.ID),
	} {
		if got, there := all[0][key]; got != want || !there {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
	for line, want := range map[string]string{`active`: "bob", `history`: "alice", `active username alice`: "", `limit 1 history`: "alice"} {
		var list []struct{ Username string }
		if b.json(`show hotspot sessions `+line, &list); len(list) > 1 || want != "" && (len(list) != 1 || list[0].Username != want) {
			t.Errorf("%s: %v, want %s", line, list, want)
		}
	}
	if text := b.must(`show hotspot sessions history`); !strings.Contains(text, "1:02:05  2.5 MB    1.0 kB  User-Request") {
		t.Errorf("got\n%s", text)
	}
	if text := b.must(`show hotspot sessions limit 1`); !strings.Contains(text, "There are more than these 1") {
		t.Errorf("got\n%s", text)
	}
	b.must(`hotspot export sessions s.csv`)
	if text := b.read("s.csv"); !strings.HasPrefix(text, "radacctid,multisessionid,segment,") || !strings.Contains(text, ",3725,2500000,1000,User-Request\n") {
		t.Errorf("got\n%s", text)
	}
}

func TestStatisticsAndSticky(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot user add alice password wonderland`, `hotspot profile add guest`)
	b.open("alice")
	err := b.db.Update(t.Context(), func(tx *hotspotdb.Tx) error {
		return tx.BindSticky(hotspotdb.Binding{MAC: "3a71b4e9f799", Username: "alice", Hotspot: "lobby", Days: 7})
	})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]int
	b.json(`show hotspot statistics`, &got)
	want := map[string]int{"users": 1, "profiles": 1, "sessions_active": 1, "sessions_unheard": 0, "sessions": 1, "sticky": 1, "vouchers": 0}
	for key, n := range want {
		if v, there := got[key]; v != n || !there {
			t.Errorf("%s is %d, want %d", key, v, n)
		}
	}
	if text := b.must(`show hotspot statistics`); !strings.Contains(text, "Sessions active : 1\n") {
		t.Errorf("got\n%s", text)
	}
	var sticky []map[string]any
	b.json(`show hotspot sticky`, &sticky)
	if len(sticky) != 1 || sticky[0]["macaddress"] != "3A-71-B4-E9-F7-99" || sticky[0]["mode"] != "start" || sticky[0]["expires"] != nil {
		t.Errorf("got %v", sticky)
	}
	if text := b.must(`show hotspot sticky`); !strings.Contains(text, "3A-71-B4-E9-F7-99  alice     lobby    start  7") {
		t.Errorf("got\n%s", text)
	}
}

func TestEmptyListsAreLists(t *testing.T) {
	b := newBox(t)
	for _, line := range []string{`show hotspot users`, `show hotspot profiles`, `show hotspot sessions`, `show hotspot sticky`} {
		view, err := b.call(t.Context(), line)
		if err != nil {
			t.Fatal(err)
		}
		if data, err := json.Marshal(view); err != nil || string(data) != "[]" {
			t.Errorf("%s: %s, %v", line, data, err)
		}
	}
}

// A list that does not fit into memory is refused whole, not cut off without a word.
func TestHugeListsAreNotJSON(t *testing.T) {
	b := newBox(t)
	b.mod.maxJSON = 2
	b.must(`hotspot user add alice password x1`, `hotspot user add bob password x2`)
	for _, name := range []string{"alice", "bob"} {
		b.open(name)
	}
	var list []any
	for _, line := range []string{`show hotspot users`, `show hotspot sessions`} {
		if b.json(line, &list); len(list) != 2 {
			t.Errorf("%s: %v", line, list)
		}
	}
	b.must(`hotspot user add carol password x3`)
	b.open("carol")
	for _, line := range []string{`show hotspot users`, `show hotspot sessions`} {
		view, err := b.call(t.Context(), line)
		if err != nil {
			t.Fatal(err)
		}
		mistake := new(modules.Error)
		if data, err := json.Marshal(view); !errors.As(err, &mistake) || !strings.Contains(mistake.Error(), "limit N") {
			t.Errorf("%s: %s, %v", line, data, err)
		}
		if b.json(line+` limit 3`, &list); len(list) != 3 {
			t.Errorf("%s limit 3: %v", line, list)
		}
	}
}
