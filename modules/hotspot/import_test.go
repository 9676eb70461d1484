package hotspot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
	"mbox/modules/moduletest"
)

func numbered(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("u%06d", i)
	}
	return out
}

func TestImport(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot profile add guest`, `hotspot profile add staff`)
	b.write("u.csv", "\ufeffUsername,PASSWORD,Marital Status,profiles,expires,disabled,usertype,session-timeout\r\n"+
		"alice,wonderland,single,\"staff, guest\",2030-01-01T00:00:00Z,no,,3600\r\n"+
		"\r\n"+
		"bob,\"build,\"\"er\",,guest;staff,,yes,user,\r\n"+
		"3a71b4e9f799,,,,,,mac,\r\n"+
		",,,,,,,\r\n")
	var r importResult
	b.json(`hotspot import users u.csv`, &r)
	if r.Rows != 3 || r.Added != 3 || r.Refused != 0 || r.Report != nil || len(r.Missing) != 0 {
		t.Errorf("got %+v", r)
	}
	if got := b.names(); got != "3A-71-B4-E9-F7-99 alice bob" {
		t.Errorf("names %s", got)
	}
	a, _ := b.db.Account("alice")
	if fmt.Sprint(a.Profiles) != "[staff guest]" || a.Info["marital_status"] != "single" || a.Expires.Year() != 2030 || attribute(a.Attributes, "Session-Timeout") != "3600" {
		t.Errorf("alice is %+v", a)
	}
	if pw, _ := b.db.Password("bob"); pw != `build,"er` {
		t.Errorf("bob's password is %q", pw)
	}
}

func TestImportKeepsGoodRowsAndReportsBadOnes(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot user add old password oldoldold`)
	b.write("u.csv", strings.Join([]string{
		"username,password,usertype,expires,profiles,Idle-Timeout,email",
		"good1,pw-good-1,,,,,",
		"old,pw-exists,,,,,",
		"good1,pw-twice,,,,,",
		"short,pw-short",
		"kind,pw-kind,robot,,,,",
		"time,pw-time,,tomorrow,,,",
		"prof,pw-prof,,,a b,,",
		"idle,pw-idle,,,,long,",
		"quote,pw\"quote,,,,,",
		`"open,pw-open,,,,,`,
		"nul,pw-nul\x00,,,,,",
		"utf,pw-utf\xff,,,,,",
		"long,pw-long,,,,," + strings.Repeat("x", 1025),
		",pw-noname,,,,,",
		"huge," + strings.Repeat("pw-huge", maxRecord) + ",,,,,",
		"good2,pw-good-2,,,missing,,",
	}, "\n"))
	text := b.must(`hotspot import users u.csv`)
	if got := b.names(); got != "good1 good2 old" {
		t.Errorf("names %s", got)
	}
	for _, want := range []string{
		`line 3: "old" exists already`, `line 4: "good1" is in line 2 already`, "line 5: 2 fields, the header has 7",
		"line 6: usertype: expected user, mac or pin", "line 7: expires: expected a date", "line 8: profiles: expected names",
		"line 9: Idle-Timeout: expected a whole number", `line 10: a " inside a field`, "line 11: the row is longer than",
		"line 12: the row holds a NUL", "line 13: the row is not UTF-8", "line 14: email: must be 0 to 1024 bytes", "line 15: username: must be 1",
		"line 16: the row is longer than", "u.csv.errors.csv", "No profile missing", "16 rows: 2 accounts added, 0 updated, 14 refused",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	report := b.read("u.csv.errors.csv")
	if strings.Count(report, "\n") != 15 || !strings.HasPrefix(report, "line,reason\n") {
		t.Errorf("report:\n%s", report)
	}
	for name, place := range map[string]string{"screen": text, "report": report, "log": b.log.String()} {
		if strings.Contains(place, "pw-") || strings.Contains(place, "oldoldold") {
			t.Errorf("a password is on the %s:\n%s", name, place)
		}
	}
}

func TestImportShowsTwentyBadRows(t *testing.T) {
	b := newBox(t)
	b.write("u.csv", "username,usertype\n"+strings.Repeat("x,robot\n", 50))
	text := b.must(`hotspot import users u.csv`)
	if strings.Count(text, "line ") != shownRows || !strings.Contains(text, "... and 30 more") {
		t.Errorf("got\n%s", text)
	}
	if got := strings.Count(b.read("u.csv.errors.csv"), "\n"); got != 51 {
		t.Errorf("%d lines in the report", got)
	}
}

// A column of the wrong kind must not carry a password into a complaint.
func TestShiftedRowsDoNotShowPasswords(t *testing.T) {
	b := newBox(t)
	for _, column := range append(names(accountColumns(b.mod.now)), "groupname") {
		b.write("u.csv", fmt.Sprintf("username,%s\nbob,hunter22=\n", column))
		out, err := b.run(`hotspot import users u.csv`)
		if all := out + fmt.Sprint(err) + b.log.String(); strings.Contains(all, "hunter22") {
			t.Errorf("%s: %s", column, all)
		}
		if data, err := os.ReadFile(filepath.Join(b.dir, "u.csv.errors.csv")); err == nil && strings.Contains(string(data), "hunter22") {
			t.Errorf("%s: in the report: %s", column, data)
		}
	}
}

func TestImportUpdate(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot user add alice password wonderland firstname Alice lastname Liddell disabled expires +1d Idle-Timeout 60`)
	b.write("u.csv", "username,password,firstname,disabled,expires,email\nalice,,,,,a@b.example\nbob,builder1,Bob,,,\nbob,,Robert,yes,,\n")
	var r importResult
	if b.json(`hotspot import users u.csv update`, &r); r.Added != 1 || r.Updated != 2 || r.Refused != 0 {
		t.Errorf("got %+v", r)
	}
	a, _ := b.db.Account("alice")
	if !a.HasPassword || !a.Disabled || !a.Expires.IsZero() || a.Info["firstname"] != "" || a.Info["lastname"] != "Liddell" ||
		a.Info["email"] != "a@b.example" || attribute(a.Attributes, "Idle-Timeout") != "60" {
		t.Errorf("alice is %+v", a)
	}
	if c, _ := b.db.Account("bob"); c.Info["firstname"] != "Robert" || !c.Disabled || !c.HasPassword {
		t.Errorf("bob is %+v", c)
	}
}

func TestAtomicImportStoresAllOrNothing(t *testing.T) {
	b := newBox(t)
	rows := strings.Join(numbered(chunkRows+500), "\n")
	for _, bad := range []string{"\nu000001\n", "\na,b\n"} { // found by the database, found by the form
		b.write("u.csv", "username\n"+rows+bad)
		head := b.db.Head(hotspotdb.Users)
		text, err := b.run(`hotspot import users u.csv atomic`)
		mistake := new(modules.Error)
		if !errors.As(err, &mistake) || !strings.Contains(text, "Nothing was stored, because 1 of 2501 rows cannot be taken") {
			t.Errorf("got %v and\n%s", err, text)
		}
		if b.db.Head(hotspotdb.Users) != head {
			t.Error("something was stored")
		}
	}
	b.write("u.csv", "username\n"+rows)
	b.mod.maxAtomic = chunkRows + 499
	if text := b.refused(`hotspot import users u.csv atomic`); !strings.Contains(text, "more than 2499 rows") || b.names() != "" {
		t.Errorf("got %q", text)
	}
	b.mod.maxAtomic++
	b.must(`hotspot import users u.csv atomic`)
	if got := b.db.Statistics().Users; got != chunkRows+500 {
		t.Errorf("%d accounts", got)
	}
}

func TestFilesThatCannotBeImported(t *testing.T) {
	b := newBox(t)
	if err := os.Mkdir(filepath.Join(b.dir, "dir.csv"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ text, want string }{
		"missing.csv":  {"", "there is no file missing.csv"},
		"dir.csv":      {"", "the file dir.csv is a directory"},
		"empty.csv":    {"", "the file empty.csv is empty"},
		"lines.csv":    {"\n\n\n", "the file is empty"},
		"bom.csv":      {"\ufeff", "the file is empty"},
		"utf16.csv":    {"\xff\xfeu\x00s\x00", "UTF-16"},
		"binary.csv":   {"\x7fELF\x00\x01", "line 1, the header: the row holds a NUL byte"},
		"latin.csv":    {"username,pr\xe9nom\n", "line 1, the header: the row is not UTF-8"},
		"mac.csv":      {"username,email\rbob,x\r", "the lines end in CR alone"},
		"unknown.csv":  {"username,frstname\n", "Did you mean firstname?"},
		"foreign.csv":  {"username,Lieblingsfarbe\nx,y\n", "column 2 in the first line is not known"},
		"nameless.csv": {"username,,email\n", "column 2 has no name"},
		"twice.csv":    {"username,email,E-Mail\n", "column email is there twice"},
		"nokey.csv":    {"firstname,email\nx,y\n", "there is no column username"},
		"noheader.csv": {"bob,hunter22\n", "column 1 in the first line is not known"},
		"quote.csv":    {"\"username\n", "line 1, the header: a quoted field is not closed"},
		"long.csv":     {strings.Repeat("u", maxRecord+1), "line 1, the header: the row is longer than"},
	} {
		if c.text != "" || name == "empty.csv" {
			b.write(name, c.text)
		}
		text := b.refused("hotspot import users " + name)
		if !strings.Contains(text, c.want) {
			t.Errorf("%s: got %q, want %q", name, text, c.want)
		}
		if strings.Contains(text, "hunter22") || strings.Contains(text, "bob") {
			t.Errorf("%s repeats data: %s", name, text)
		}
	}
	if got := b.names(); got != "" {
		t.Errorf("stored %s", got)
	}
}

func TestSeparatorsOfSpreadsheets(t *testing.T) {
	b := newBox(t)
	b.write("semicolon.csv", "username;profiles\nalice;\"guest,staff\"\n")
	var many strings.Builder
	for i := range 2 * maxProfiles {
		fmt.Fprintf(&many, "\nu%d;p%d", i, i)
	}
	b.write("many.csv", "username;profiles"+many.String())
	var r importResult
	if b.json(`hotspot import users many.csv`, &r); len(r.Missing) != maxProfiles {
		t.Errorf("%d profiles are missed", len(r.Missing))
	}
	b.write("tab.csv", "username\tprofiles\nbob\tguest;staff\n")
	b.must(`hotspot import users semicolon.csv`, `hotspot import users tab.csv`)
	for _, name := range []string{"alice", "bob"} {
		if a, err := b.db.Account(name); err != nil || len(a.Profiles) != 2 {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
}

func TestInterruptedImportSaysWhatIsStored(t *testing.T) {
	b := newBox(t)
	b.write("u.csv", "username\n"+strings.Join(numbered(3*chunkRows), "\n"))
	ctx, cancel := context.WithCancel(t.Context())
	b.term.person = true
	b.term.onProgress = cancel // after the first commit
	_, err := b.runContext(ctx, `hotspot import users u.csv`)
	want := fmt.Sprintf("the import was stopped; stored before that: %d accounts added, 0 updated", chunkRows)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
	if got := b.db.Statistics().Users; got != chunkRows {
		t.Errorf("%d accounts are stored", got)
	}
}

func TestFullDiskStopsAnImportAndSaysWhatIsStored(t *testing.T) {
	b := newBox(t)
	b.write("u.csv", "username\n"+strings.Join(numbered(3*chunkRows), "\n"))
	b.term.person = true
	b.term.onProgress = func() {
		b.fill(0)
		b.clock.Add(int64(time.Hour)) // what is known of the disk is out of date
	}
	text := b.refused(`hotspot import users u.csv`)
	want := fmt.Sprintf("stored before that: %d accounts added, 0 updated", chunkRows)
	if !strings.Contains(text, "the disk is full") || !strings.Contains(text, want) {
		t.Errorf("got %q", text)
	}
	if text := b.refused(`hotspot user add alice password wonderland`); !strings.Contains(text, "the disk is full") {
		t.Errorf("got %q", text)
	}
	if got := b.db.Statistics().Users; got != chunkRows {
		t.Errorf("%d accounts are stored", got)
	}
}

func TestReadOnlyDatabase(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	for _, readOnly := range []bool{false, true} {
		db, err := hotspotdb.Open(hotspotdb.Options{Dir: dir, Sealer: moduletest.NewSealer(t), ReadOnly: readOnly})
		if err != nil {
			t.Fatal(err)
		}
		b := newBox(t)
		b.db, b.mod.db = db, db
		if !readOnly {
			b.must(`hotspot user add alice password wonderland`)
			b.open("alice")
		} else {
			stop := b.start()
			b.write("u.csv", "username\nbob\n")
			for _, line := range []string{`hotspot user disable alice`, `hotspot user add bob password x`, `hotspot import users u.csv`} {
				if text := b.refused(line); !strings.Contains(text, "read-only") {
					t.Errorf("%s: %q", line, text)
				}
			}
			if text := b.must(`show hotspot users`, `show hotspot sessions active`); !strings.Contains(text, "alice") {
				t.Errorf("got\n%s", text)
			}
			stop()
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestProgressReachesTheEnd(t *testing.T) {
	b := newBox(t)
	b.write("u.csv", "username\n"+strings.Join(numbered(chunkRows+1), "\n"))
	b.must(`hotspot import users u.csv`)
	if len(b.term.progress) != 0 {
		t.Error("progress without a terminal")
	}
	b.term.person = true
	b.must(`hotspot import users u.csv update`)
	if got := fmt.Sprint(b.term.progress); got != fmt.Sprintf("[%d %d]", chunkRows, chunkRows+1) {
		t.Errorf("progress %s", got)
	}
}

func TestImportProfiles(t *testing.T) {
	b := newBox(t)
	b.write("p.csv", "groupname,description,Idle-Timeout\nguest,For guests,300\nbad name,,\nstaff,,soon\n")
	text := b.must(`hotspot import profiles p.csv`)
	if !strings.Contains(text, "line 3: groupname: must be") || !strings.Contains(text, "3 rows: 1 profile added, 0 updated, 2 refused") {
		t.Errorf("got\n%s", text)
	}
	b.write("p.csv", "groupname,description\nguest,For all\n")
	b.must(`hotspot import profiles p.csv update`)
	if p, err := b.db.Profile("guest"); err != nil || p.Description != "For all" || attribute(p.Attributes, "Idle-Timeout") != "300" {
		t.Errorf("got %+v, %v", p, err)
	}
}

// TestLargeImportGivesItsMemoryBack: what it needed for a while does not stay with the box.
func TestLargeImportGivesItsMemoryBack(t *testing.T) {
	b := newBox(t)
	var file strings.Builder
	file.WriteString("username,password\n")
	for n := range manyRows {
		fmt.Fprintf(&file, "guest%06d,wonderland\n", n)
	}
	b.write("u.csv", file.String())
	b.must("hotspot import users u.csv")
	var m runtime.MemStats
	if runtime.ReadMemStats(&m); m.HeapIdle-m.HeapReleased > 16<<20 {
		t.Errorf("%d MB are neither used nor given back", (m.HeapIdle-m.HeapReleased)>>20)
	}
}
