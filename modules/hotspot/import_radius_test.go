package hotspot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
	"mbox/modules/hotspot/freeradius"
)

// accounts writes all accounts with what a login depends on.
func (b *box) accounts() string {
	b.t.Helper()
	var out []string
	for a, err := range b.db.Accounts(b.t.Context(), hotspotdb.AccountFilter{}) {
		if err != nil {
			b.t.Fatal(err)
		}
		words := []string{a.Username}
		if a.UserType != hotspotdb.UserPassword {
			words = append(words, a.UserType.String())
		}
		if a.Disabled {
			words = append(words, "disabled")
		}
		if a.HasPassword {
			password, err := b.db.Password(a.Username)
			if err != nil {
				b.t.Fatal(err)
			}
			words = append(words, "password="+password)
		}
		if !a.Expires.IsZero() {
			words = append(words, "expires="+a.Expires.In(b.mod.zone()).Format("2006-01-02T15:04:05"))
		}
		if len(a.Profiles) > 0 {
			words = append(words, "profiles="+strings.Join(a.Profiles, ","))
		}
		for _, attr := range a.Attributes {
			words = append(words, attr.Name+"="+attr.Value)
		}
		for _, name := range hotspotdb.InfoFields {
			if a.Info[name] != "" {
				words = append(words, name+"="+a.Info[name])
			}
		}
		out = append(out, strings.Join(words, " "))
	}
	return strings.Join(out, "\n")
}

// profiles writes all profiles with their attributes.
func (b *box) profiles() string {
	b.t.Helper()
	profiles, err := b.db.Profiles()
	if err != nil {
		b.t.Fatal(err)
	}
	var out []string
	for _, p := range profiles {
		words := []string{p.Name}
		for _, a := range p.Attributes {
			words = append(words, a.Name+"="+a.Value)
		}
		out = append(out, strings.Join(words, " "))
	}
	return strings.Join(out, "\n")
}

func (b *box) expect(what, got, want string) {
	b.t.Helper()
	if want = strings.TrimSpace(want); got != want {
		b.t.Errorf("%s are\n%s\nwant\n%s", what, got, want)
	}
}

const usersCorpus = `# before everybody
DEFAULT	NAS-Port-Type == Wireless-802.11
	Idle-Timeout = 300, Fall-Through = Yes

lame	Auth-Type := Reject
	Reply-Message = "Your account has been disabled."

steve	Cleartext-Password := "testing", Simultaneous-Use := 2
	Session-Timeout = 3600,
	WISPr-Bandwidth-Max-Down := 2000000,
	Framed-IP-Address = 172.16.3.33

"John Doe"	Cleartext-Password := "hel\"lo"
	Session-Timeout = 60,
	Fall-Through = Yes

3a:71:b4:e9:f7:99	Cleartext-Password := "3A71B4E9F799"
pin777	Auth-Type := Accept
old	NT-Password := 0x0123456789abcdef0123456789abcdef, Expiration := "31 Dec 2031"
roam	Cleartext-Password := "r", Calling-Station-Id == "00-11-22-33-44-55"
desk	Cleartext-Password := "d", NAS-Identifier == "lobby"

twice	Cleartext-Password := "1"
	Session-Timeout = 100, Fall-Through = Yes
twice	Service-Type == Framed-User
	Session-Timeout = 150
twice
	Session-Timeout := 200
twice	Cleartext-Password := "2"

bad	Cleartext-Password := "x
	Session-Timeout = 1

DEFAULT
	Session-Timeout = 1800,
	Idle-Timeout := 600,
	Fall-Through = No
DEFAULT	Auth-Type := Reject
`

func TestImportRadiusUsers(t *testing.T) {
	b := newBox(t)
	b.write("users", usersCorpus)
	dry := b.must("hotspot import radius-users users dry-run")
	if b.names() != "" || b.profiles() != "" {
		t.Fatalf("a dry run has stored %s", b.names())
	}
	report := b.read("users.report.csv")
	real := b.must("hotspot import radius-users users")
	if real+"Dry run: nothing was stored.\n" != dry {
		t.Errorf("dry run\n%s\nreal run\n%s", dry, real)
	}
	if again := b.read("users.report.csv"); again != report {
		t.Errorf("report of the dry run\n%s\nof the real run\n%s", report, again)
	}
	b.expect("profiles", b.profiles(), `DEFAULT Session-Timeout=1800 Idle-Timeout=600`)
	b.expect("accounts", b.accounts(), `
3A-71-B4-E9-F7-99 mac
John Doe password=hel"lo profiles=DEFAULT Session-Timeout=60
desk password=d Allowed-Hotspots=lobby
lame disabled
old expires=2031-12-31T00:00:00
pin777 pin
roam disabled password=r
steve password=testing Simultaneous-Use=2 Session-Timeout=3600 WISPr-Bandwidth-Max-Down=2000
twice password=1 Session-Timeout=200`)
	b.expect("left out", strings.TrimSpace(report), `
line,table,name,attribute,reason
31,users,,,a quoted value is not closed
2,users,DEFAULT,,it holds for some logins only
25,users,twice,,"an entry that holds for some logins only, beside others of this user"
29,users,twice,,it is never reached: the entry in line 23 has no Fall-Through
6,users,lame,Reply-Message,this box words its answers itself
11,users,steve,Framed-IP-Address,"the hotspot gives out addresses, not the account"
19,users,old,NT-Password,the password cannot be had back from its hash: give the guest a new one
19,users,old,(password),"the account is added without one, as there is none that could be taken: give the guest one"
20,users,roam,Calling-Station-Id,a condition on the login that has no counterpart
20,users,roam,(login),"the account is added disabled, because it was limited by Calling-Station-Id"
23,users,twice,Session-Timeout,replaced by := of a group or of a later entry`)
}

// TestImportRadiusUsersTwice leaves what is there as it is.
func TestImportRadiusUsersTwice(t *testing.T) {
	b := newBox(t)
	b.write("users", "al Cleartext-Password := 1\nbo Cleartext-Password := 2\n")
	b.must("hotspot import radius-users users", "hotspot user set al password changed")
	b.must("hotspot import radius-users users")
	b.expect("accounts", b.accounts(), "al password=changed\nbo password=2")
	if !strings.Contains(b.read("users.report.csv"), "1,users,al,,\"there is an account of this name already, which stays as it is\"") {
		t.Errorf("report\n%s", b.read("users.report.csv"))
	}
}

// TestImportRadiusUsersKeepsDefaultsApart from profiles that are there.
func TestImportRadiusUsersKeepsDefaultsApart(t *testing.T) {
	b := newBox(t)
	b.must("hotspot profile add DEFAULT Session-Timeout 1")
	b.write("users", "DEFAULT\n\tIdle-Timeout = 60, Fall-Through = Yes\nal Cleartext-Password := 1\n\tFall-Through = Yes\nDEFAULT\n\tIdle-Timeout := 90, Session-Timeout = 5\n")
	b.must("hotspot import radius-users users")
	b.expect("profiles", b.profiles(), "DEFAULT Session-Timeout=1\nDEFAULT-2 Idle-Timeout=60\nDEFAULT-3 Idle-Timeout=90 Session-Timeout=5")
	b.expect("accounts", b.accounts(), "al password=1 profiles=DEFAULT-2,DEFAULT-3 Idle-Timeout=90")
}

func TestImportRadiusUsersRefusals(t *testing.T) {
	b := newBox(t)
	for text, want := range map[string]string{
		"al A := 1\n$INCLUDE other\n": "$INCLUDE is not followed",
		"\x1f\x8bxyz":                 "compressed",
		"\xff\xfea\x00":               "UTF-16",
		"":                            "empty",
		strings.Repeat("DEFAULT\n", maxDefaults+1):          "entries named DEFAULT",
		strings.Repeat("al\n", maxRepeated+1):               "users who have several",
		"DEFAULT A := 1\nal Password := sesame\n$include /": "$INCLUDE is not followed",
	} {
		b.write("users", text)
		if got := b.refused("hotspot import radius-users users"); !strings.Contains(got, want) {
			t.Errorf("%.30q: %s", text, got)
		}
	}
	if b.names() != "" {
		t.Errorf("a refused file has stored %s", b.names())
	}
}

// TestImportDebianSample is for the users file that Debian's freeradius package installs.
func TestImportDebianSample(t *testing.T) {
	text, err := os.ReadFile("/etc/freeradius/3.0/users")
	if err != nil {
		t.Skipf("needs Debian's freeradius-config: %v", err)
	}
	b := newBox(t)
	b.write("users", string(text))
	out := b.must("hotspot import radius-users users")
	if !strings.Contains(out, "it holds for some logins only") || b.names() != "" {
		t.Errorf("accounts %q, report\n%s", b.names(), out)
	}
	// With its examples taken out of their comments.
	var live []string
	examples, rest, _ := strings.Cut(string(text), "\n# user \"swilson\"")
	for line := range strings.SplitSeq(examples, "\n") {
		for _, name := range []string{"#steve", "#bob", "#\"John Doe\"", "#lameuser", "#\t", "#Deg", "#dialbk"} {
			if strings.HasPrefix(line, name) && !strings.Contains(line, ". ") && (name != "#\t" || strings.Contains(line, "=")) {
				line = line[1:]
			}
		}
		live = append(live, line)
	}
	b.write("users", strings.Join(live, "\n")+"\n#"+rest)
	b.must("hotspot import radius-users users")
	for _, want := range []string{"Deg password=ge55ged", "John Doe password=hello", "bob password=hello", "dialbk password=callme", "lameuser disabled", "steve password=testing"} {
		if !strings.Contains(b.accounts()+"\n", want+"\n") {
			t.Errorf("no %s in\n%s\nreport\n%s", want, b.accounts(), b.read("users.report.csv"))
		}
	}
}

func TestImportRadiusIsAudited(t *testing.T) {
	b := newBox(t)
	b.write("users", "al Cleartext-Password := sesame\nbo Cleartext-Password := sesame\n")
	b.must("hotspot import radius-users users")
	entries, err := b.db.AuditEntries(t.Context(), hotspotdb.AuditFilter{})
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Action != "imported" || entries[0].Name != "users" || entries[0].Author != (hotspotdb.Author{Name: "anna", From: "console", Via: "import"}) {
		t.Errorf("audit %+v", entries)
	}
	if log := b.log.String(); strings.Contains(log, "sesame") || !strings.Contains(log, "accounts=2") {
		t.Errorf("log %s", log)
	}
}

// TestImportRadiusIsStopped between two commits, and can be taken up again.
func TestImportRadiusIsStopped(t *testing.T) {
	b := newBox(t)
	var text strings.Builder
	for n := range 3 * chunkRows {
		fmt.Fprintf(&text, "u%05d Cleartext-Password := x\n", n)
	}
	b.write("users", text.String())
	ctx, cancel := context.WithCancel(t.Context())
	b.term.person, b.term.onProgress = true, cancel
	_, err := b.runContext(ctx, "hotspot import radius-users users")
	mistake := new(modules.Error)
	if !errors.As(err, &mistake) || !strings.Contains(err.Error(), "the import was stopped") {
		t.Fatalf("got %v", err)
	}
	stored := b.db.Statistics().Users
	if stored == 0 || stored == 3*chunkRows || !strings.Contains(err.Error(), fmt.Sprintf("%d accounts", stored)) {
		t.Errorf("%d are stored: %v", stored, err)
	}
	b.term.person, b.term.onProgress = false, nil
	b.must("hotspot import radius-users users")
	if n := b.db.Statistics().Users; n != 3*chunkRows {
		t.Errorf("%d are stored in the end", n)
	}
}

// FuzzImportRadiusUsers wants no panic, and no account that may do more than its entry said.
func FuzzImportRadiusUsers(f *testing.F) {
	f.Add(usersCorpus)
	f.Add("al Auth-Type := Reject\n\tFall-Through = Yes\nal Cleartext-Password := x\n")
	f.Fuzz(func(t *testing.T, text string) {
		var entries []freeradius.Entry
		var defaults []*defaultEntry
		for u := freeradius.NewUsers(strings.NewReader(text)); len(entries) < 100; {
			e, err := u.Next()
			if bad := new(freeradius.LineError); errors.As(err, &bad) {
				continue
			}
			if err != nil {
				break
			}
			if e.Name == freeradius.Default {
				defaults = append(defaults, &defaultEntry{line: e.Line, grant: freeradius.Translate(e.Items, time.UTC)})
				continue
			}
			e.Name = "al"
			entries = append(entries, e)
		}
		if len(entries) == 0 {
			return
		}
		i := &migration{zone: time.UTC, left: newLeftOut(files{dir: t.TempDir()}, "users")}
		g := i.judge(entries, defaults)
		if g == nil {
			return
		}
		e := g.account()
		for _, grant := range g.grants {
			if (grant.Reject || len(grant.Conditional) > 0) && !e.Disabled {
				t.Fatalf("%q: %+v is not disabled", text, e)
			}
			if !grant.Expires.IsZero() && (e.Expires.IsZero() || e.Expires.After(grant.Expires)) {
				t.Fatalf("%q: expires %v", text, e.Expires)
			}
		}
	})
}
