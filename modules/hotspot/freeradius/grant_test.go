package freeradius

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mbox/hotspotdb"
)

var zone = time.FixedZone("Singapore", 8*3600)

// grantOf translates the items of one entry of a users file.
func grantOf(t *testing.T, entry string) Grant {
	t.Helper()
	e, err := NewUsers(strings.NewReader("bob " + entry)).Next()
	if err != nil {
		t.Fatal(err)
	}
	return translated(t, e.Items)
}

// translated checks what holds for every list of items.
func translated(t *testing.T, items []Item) Grant {
	t.Helper()
	g := Translate(items, zone)
	for _, l := range g.Limits {
		if a, err := limit(l.Name, l.Value); err != nil || a != l.Attribute {
			t.Fatalf("limit %v is none: %v", l, err)
		}
	}
	if len(g.Notes) > 2*len(items) {
		t.Fatalf("%d notes on %d items", len(g.Notes), len(items))
	}
	return g
}

// shown writes a grant without its notes.
func shown(g Grant) string {
	var out []string
	if g.Password != nil {
		out = append(out, "password="+*g.Password)
	}
	if g.Hash != "" {
		out = append(out, "hash="+g.Header)
	}
	if g.Reject {
		out = append(out, "reject")
	}
	if g.Accept {
		out = append(out, "accept")
	}
	if !g.Expires.IsZero() {
		out = append(out, "expires="+g.Expires.In(zone).Format("2006-01-02T15:04:05"))
	}
	for _, l := range g.Limits {
		op := "="
		if l.Replaces {
			op = ":="
		}
		out = append(out, l.Name+op+l.Value)
	}
	if g.Profile != "" {
		out = append(out, "profile="+g.Profile)
	}
	out = append(out, []string{"", "stop", "go"}[g.Through])
	for _, c := range g.Conditional {
		out = append(out, "if "+c)
	}
	return strings.Join(strings.Fields(strings.Join(out, " ")), " ")
}

func TestTranslate(t *testing.T) {
	for _, tt := range []struct{ entry, want string }{
		{`Cleartext-Password := "x"`, "password=x"},
		{`User-Password == "x"`, "password=x"},
		{`Password = "x"`, "password=x"},
		{`Password-With-Header := "{clear}x"`, "password=x"},
		{`Password-With-Header := "{SSHA}x"`, "hash={SSHA}x"},
		{`NT-Password := 0x88`, "hash={nt}0x88"},
		{`Crypt-Password := "$6$a$b"`, "hash={crypt}$6$a$b"},
		{`SHA-Password := "abc", Cleartext-Password := y`, "password=y hash={sha}abc"},
		{`User-Password != "x"`, "if User-Password"},
		{`Auth-Type := Reject`, "reject"},
		{`Auth-Type = reject`, "reject"},
		{`Auth-Type := Accept`, "accept"},
		{`Auth-Type == Accept`, ""},
		{`Auth-Type := System`, ""},
		{`Expiration := "31 Dec 2026"`, "expires=2026-12-31T00:00:00"},
		{`Expiration := "Dec 31 2026 18:30:00"`, "expires=2026-12-31T18:30:00"},
		{`Expiration == "31 dec 2026 06:00"`, "expires=2026-12-31T06:00:00"},
		{`Expiration := "2026-12-31T23:59:59"`, "expires=2026-12-31T23:59:59"},
		{`Expiration := "1798675200"`, "expires=2026-12-31T08:00:00"},
		{`Expiration := "soon"`, "if Expiration"},
		{`Simultaneous-Use := 2, Login-Time := "Wk0800-1800", Max-Daily-Session := 3600`, "Simultaneous-Use:=2 Login-Time:=Wk0800-1800 Max-Daily-Session:=3600"},
		{`Simultaneous-Use := many`, "if Simultaneous-Use"},
		{`Login-Time := "whenever"`, "if Login-Time"},
		{`NAS-Identifier == "lobby", NAS-IP-Address == 10.0.0.1`, "Allowed-Hotspots:=lobby Allowed-NAS:=10.0.0.1"},
		{`Calling-Station-Id == "AA-BB"`, "if Calling-Station-Id"},
		{`Huntgroup-Name == "x", Cleartext-Password := "y"`, "password=y if Huntgroup-Name"},
		{`NAS-Identifier =~ "^lob"`, "if NAS-Identifier"},
		{`User-Profile := "gold"`, "profile=gold"},
		{"\n\tSession-Timeout = 3600, Idle-Timeout := 60", "Session-Timeout=3600 Idle-Timeout:=60"},
		{"\n\tWISPr-Bandwidth-Max-Down = 5000000, WISPr-Bandwidth-Max-Up := 1999", "WISPr-Bandwidth-Max-Down=5000 WISPr-Bandwidth-Max-Up:=1"},
		{"\n\tWISPr-Bandwidth-Max-Up = 5", "WISPr-Bandwidth-Max-Up=1"},
		{"\n\tChilliSpot-Bandwidth-Max-Up = 128, CoovaChilli-Bandwidth-Max-Down = 256", "WISPr-Bandwidth-Max-Up=128 WISPr-Bandwidth-Max-Down=256"},
		{"\n\tChilliSpot-Bandwidth-Max-Up = 128, WISPr-Bandwidth-Max-Up := 64000", "WISPr-Bandwidth-Max-Up:=64"},
		{"\n\tWISPr-Bandwidth-Max-Up := 64000, ChilliSpot-Bandwidth-Max-Up = 128", "WISPr-Bandwidth-Max-Up:=64"},
		{"\n\tWISPr-Bandwidth-Max-Up := 64000, Mikrotik-Rate-Limit = \"0/0\"", "WISPr-Bandwidth-Max-Up:=64 WISPr-Bandwidth-Max-Down=0"},
		{"\n\tMikrotik-Rate-Limit = \"0/0\", WISPr-Bandwidth-Max-Up := 64000", "WISPr-Bandwidth-Max-Up:=64 WISPr-Bandwidth-Max-Down=0"},
		{"\n\tChilliSpot-Max-Total-Octets = 0", ""},
		{"CS-Total-Octets-Daily := 0", "CS-Total-MB-Daily:=0"},
		{"\n\tChilliSpot-Max-Total-Octets = 1500000000", "CS-Total-MB=1500"},
		{"\n\tChilliSpot-Max-Total-Octets = 705032704, ChilliSpot-Max-Total-Gigawords = 1", "CS-Total-MB=5000"},
		{"\n\tMikrotik-Total-Limit-Gigawords = 2", "CS-Total-MB=8589"},
		{"\n\tMikrotik-Total-Limit = 1000000, Mikrotik-Total-Limit-Gigawords = 99999999999", "if Mikrotik-Total-Limit if Mikrotik-Total-Limit-Gigawords"},
		{"\n\tMikrotik-Rate-Limit = \"64k/2M 128k/4M\"", "WISPr-Bandwidth-Max-Up=64 WISPr-Bandwidth-Max-Down=2000"},
		{"\n\tMikrotik-Rate-Limit = \"512000\"", "WISPr-Bandwidth-Max-Up=512 WISPr-Bandwidth-Max-Down=512"},
		{"\n\tMikrotik-Rate-Limit = \"fast\"", "if Mikrotik-Rate-Limit"},
		{"CS-Total-Octets-Daily := 100000000, Max-All-Octets := 2000000000", "CS-Total-MB-Daily:=100 CS-Total-MB-All:=2000"},
		{"\n\tWISPr-Redirection-URL = \"http://a.example/x\"", "WISPr-Redirection-URL=http://a.example/x"},
		{"\n\tFramed-IP-Address = 10.0.0.1, Reply-Message = \"hi\", Class = 0x01", ""},
		{"\n\tSession-Timeout = \"%{expr: 60 * 60}\"", ""},
		{"\n\tSession-Timeout -= 60", ""},
		{"\n\tFall-Through = Yes", "go"},
		{"\n\tFall-Through = no", "stop"},
		{"Session-Timeout == 60", "if Session-Timeout"},
	} {
		if got := shown(grantOf(t, tt.entry)); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.entry, got, tt.want)
		}
	}
}

// TestEveryItemIsAccountedFor: nothing may get lost unseen.
func TestEveryItemIsAccountedFor(t *testing.T) {
	const entry = `Cleartext-Password := x, NT-Password := y, Auth-Type := System, Expiration := never, NAS-Port == 1, Foo := 1, Simultaneous-Use := z
	Session-Timeout = 1, Framed-MTU = 1500, Mikrotik-Rate-Limit = x, WISPr-Bandwidth-Min-Up = 1, Reply-Message = "%{User-Name}"`
	g := grantOf(t, entry)
	noted := map[string]bool{}
	for _, n := range g.Notes {
		noted[n.Name] = true
		if n.To == "" && n.Reason == "" {
			t.Errorf("%s is left out for no reason", n.Name)
		}
		if n.Line != 1 && n.Line != 2 {
			t.Errorf("%s is of line %d", n.Name, n.Line)
		}
	}
	if len(noted) != 12 {
		t.Errorf("notes on %d of 12 items: %v", len(noted), noted)
	}
}

func TestEffectiveAndOwn(t *testing.T) {
	set := func(name, value string) Limit {
		return Limit{hotspotdb.Attribute{Name: name, Value: value}, strings.HasPrefix(value, ":")}
	}
	layers := []Layer{
		{Limits: []Limit{set("A", "1"), set("B", "1")}},
		{Limits: []Limit{set("A", "2"), set("B", ":2"), set("C", "3")}, Profile: "p"},
	}
	got := Effective(layers)
	if fmt.Sprint(got) != "[{A 1} {B :2} {C 3}]" {
		t.Errorf("effective %v", got)
	}
	profile := []hotspotdb.Attribute{{Name: "A", Value: "2"}, {Name: "B", Value: ":2"}, {Name: "C", Value: "3"}}
	if own := Own(got, profile); fmt.Sprint(own) != "[{A 1}]" {
		t.Errorf("own %v", own)
	}
	if own := Own(got, profile[:1], profile); fmt.Sprint(own) != "[{A 1}]" {
		t.Errorf("own with two profiles %v", own)
	}
}
