package hotspot

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"mbox/hotspotdb"
)

func TestUserAddAndSet(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot profile add guest`, `hotspot profile add staff`,
		`hotspot user add alice firstname Alice profile staff profile guest password "wonder land" sess 3600 disabled expires 2030-01-02T03:04:05Z`)
	a, err := b.db.Account("alice")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a.Profiles, []string{"staff", "guest"}) || !a.Disabled || !a.HasPassword || a.CreatedBy != "anna" ||
		!a.Expires.Equal(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)) ||
		!slices.Equal(a.Attributes, []hotspotdb.Attribute{{Name: "Session-Timeout", Value: "3600"}}) ||
		!maps.Equal(a.Info, map[string]string{"firstname": "Alice"}) {
		t.Errorf("got %+v", a)
	}
	if pw, err := b.db.Password("alice"); err != nil || pw != "wonder land" {
		t.Errorf("password %q, %v", pw, err)
	}

	b.must(`hotspot user set alice lastname Liddell firstname "" Session-Timeout "" profile guest expires never`, `hotspot user enable alice`)
	a, _ = b.db.Account("alice")
	if !slices.Equal(a.Profiles, []string{"guest"}) || a.Disabled || !a.Expires.IsZero() || len(a.Attributes) != 0 ||
		!maps.Equal(a.Info, map[string]string{"lastname": "Liddell"}) || !a.HasPassword {
		t.Errorf("after set: %+v", a)
	}

	b.must(`hotspot user set alice profile "" password ""`, `hotspot user disable alice`)
	if a, _ = b.db.Account("alice"); len(a.Profiles) != 0 || a.HasPassword || !a.Disabled {
		t.Errorf("after clearing: %+v", a)
	}
	b.must(`hotspot user delete alice`)
	if got := b.names(); got != "" {
		t.Errorf("still there: %s", got)
	}
}

func TestDeviceNamesHaveOneForm(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot user add 3a:71:b4:e9:f7:99 usertype mac`, `hotspot user add 4711 usertype pin`)
	if got := b.names(); got != "3A-71-B4-E9-F7-99 4711" {
		t.Errorf("got %s", got)
	}
	if text := b.refused(`hotspot user add kiosk usertype mac`); !strings.Contains(text, "MAC address") {
		t.Error(text)
	}
}

func TestWarnings(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot profile add guest`, `hotspot user add bob profile guets`)
	for _, want := range []string{"no password", "no profile guets", "denied", "Did you mean guest?"} {
		if !strings.Contains(b.term.out.String(), want) {
			t.Errorf("no %q in %q", want, b.term.out.String())
		}
	}
	b.must(`hotspot user add carol password secret99 profile guest`, `hotspot user add 4711 usertype pin`)
	if text := b.term.out.String(); text != "" {
		t.Errorf("warned of nothing: %q", text)
	}
}

func TestRefusedCommandsChangeNothing(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot profile add guest Session-Timeout 60`, `hotspot user add alice password wonderland profile guest`)
	before := b.db.Head(hotspotdb.Users) + b.db.Head(hotspotdb.Profiles)
	for line, want := range map[string]string{
		`hotspot user add alice password other`:                       "account alice is there already",
		`hotspot user set bob disabled`:                               "there is no account bob",
		`hotspot user set alice`:                                      "nothing to set",
		`hotspot user delete bob`:                                     "there is no account bob",
		`hotspot user enable bob`:                                     "there is no account bob",
		`hotspot user add " bob" password x`:                          "space",
		`hotspot user add bob password x Session-Timeout soon`:        "whole number",
		`hotspot user set alice WISPr-Redirection-URL nowhere`:        "URL",
		`hotspot user add bob password ` + strings.Repeat("p", 129):   "password: must be 1 to 128 bytes",
		`hotspot user add bob firstname ` + strings.Repeat("x", 1025): "firstname: must be 0 to 1024 bytes",
		`hotspot user add ` + strings.Repeat("n", 254):                "username: must be 1 to 253 bytes",
		`hotspot profile add guest`:                                   "profile guest is there already",
		`hotspot profile set gest description x`:                      "Did you mean guest?",
		`hotspot profile set guest`:                                   "nothing to set",
		`hotspot profile delete gold`:                                 "there is no profile gold",
		`hotspot profile delete guest`:                                "Profile guest is used by 1 account: denied without it",
		`show hotspot users bob`:                                      "there is no account bob",
		`show hotspot profiles gold`:                                  "there is no profile gold",
	} {
		if text := b.refused(line); !strings.Contains(text, want) {
			t.Errorf("%.60s: got %q, want %q in it", line, text, want)
		}
	}
	for _, line := range []string{ // refused by the grammar
		`hotspot user add bob favourite blue`, `hotspot user add bob expires soon`, `hotspot user add bob usertype robot`,
		`hotspot user add bob profile "a b"`, `hotspot user add`, `show hotspot users limit 0`,
	} {
		if _, err := b.run(line); err == nil {
			t.Errorf("%s was accepted", line)
		}
	}
	if after := b.db.Head(hotspotdb.Users) + b.db.Head(hotspotdb.Profiles); after != before {
		t.Errorf("something was written: head %d, was %d", after, before)
	}
}

func TestProfiles(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot profile add guest description "One device" Simultaneous-Use 1 WISPr-Bandwidth-Max-Down 5000`,
		`hotspot profile set guest Simultaneous-Use "" Idle-Timeout 300`, `hotspot profile add staff`)
	var p struct {
		Groupname, Description, CreatedBy string
		Attributes                        map[string]string
	}
	b.json(`show hotspot profiles guest`, &p)
	want := map[string]string{"WISPr-Bandwidth-Max-Down": "5000", "Idle-Timeout": "300"}
	if p.Groupname != "guest" || p.Description != "One device" || p.CreatedBy != "anna" || !maps.Equal(p.Attributes, want) {
		t.Errorf("got %+v", p)
	}
	var all []struct{ Groupname string }
	if b.json(`show hotspot profiles`, &all); len(all) != 2 || all[1].Groupname != "staff" {
		t.Errorf("got %+v", all)
	}
	if text := b.must(`show hotspot profiles`); !strings.Contains(text, "guest    WISPr-Bandwidth-Max-Down=5000 Idle-Timeout=300  One device\n") {
		t.Errorf("got %s", text)
	}

	b.must(`hotspot user add alice password wonderland profile guest`)
	b.term.person = true
	b.must(`hotspot profile delete guest`)
	if !strings.Contains(b.term.asked, "Profile guest is used by 1 account: denied without it") {
		t.Errorf("asked %q", b.term.asked)
	}
	if _, err := b.db.Profile("guest"); err != nil {
		t.Error("deleted although the answer was no")
	}
	b.term.person = false
	b.must(`hotspot profile delete guest force`, `hotspot profile delete staff`)
	if profiles, err := b.db.Profiles(); err != nil || len(profiles) != 0 {
		t.Errorf("left: %v %v", profiles, err)
	}
}
