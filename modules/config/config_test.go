package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"mbox/modules"
	"mbox/modules/moduletest"
)

func TestGrammar(t *testing.T) {
	moduletest.Grammar(t, New(Deps{}), "archive", "archive\nlog config", "archive\nlog config\nlogging enable",
		"archive\nlog config\nlogging size 100", "archive\nlog config\nhidekeys")
}

// TestLevels: in user mode nothing of the configuration can be seen or changed.
func TestLevels(t *testing.T) {
	for _, c := range New(Deps{}).Grammar().Commands {
		if c.Level != 15 {
			t.Errorf("%s needs level %d", c.Syntax, c.Level)
		}
	}
}

func TestSave(t *testing.T) {
	for i, line := range []string{"write memory", "write", "copy running-config startup-config", "wr mem", "copy run start"} {
		b := newBox(t, "hostname box2")
		b.refused("show startup-config", nil, "write memory")
		want(t, line, b.text(line), "Building configuration...\n[OK]\n")
		if b.store.text != "hostname box2\n" || b.store.revs[0].Author != "alice" {
			t.Errorf("%d %s: saved %q by %q", i, line, b.store.text, b.store.revs[0].Author)
		}
		want(t, "json", b.json("write memory comment why it | was"), `{"revision":2}`)
		want(t, "comment", b.store.revs[1].Comment, "why it | was")
		want(t, "show startup-config", b.text("show startup-config"), "hostname box2\n")
		want(t, "show running-config", b.text("show running-config"), "hostname box2\n")
		want(t, "write terminal", b.text("write terminal"), "hostname box2\n")
		want(t, "json", b.json("show running-config"), `{"lines":["hostname box2"]}`)
	}
	b := newBox(t)
	want(t, "json of nothing", b.json("show running-config"), `{"lines":[]}`)
	b.store.fail = errors.New("rescue: the config store is damaged")
	b.refused("write memory", nil, "rescue: the config store is damaged")
}

func TestShowArchive(t *testing.T) {
	b := newBox(t)
	want(t, "none", b.text("show archive"), "No configuration was saved\n")
	want(t, "json of none", b.json("show archive"), `{"revisions":[]}`)
	b.text("write")
	want(t, "one", b.text("show archive"), `Revision  Saved (UTC)          Author  Bytes  SHA-256       Comment
       1  2026-01-03 05:07:05  alice       0  abababababab
`)
	want(t, "json", b.json("show archive"), `{"revisions":[{"number":1,"time":"2026-01-03T05:07:05Z","author":"alice","comment":"","sha256":"`+
		strings.Repeat("ab", 32)+`","size":0}]}`)
}

func TestSections(t *testing.T) {
	lines := strings.Split("hostname a\n!\nport e0\n mtu 1\n pool x\n  lease 1\n!\nport e1\n mtu 2\n pool y\n  lease 2", "\n")
	for pattern, want := range map[string]string{
		"port e1": "port e1\n mtu 2\n pool y\n  lease 2",
		"pool":    "port e0\n pool x\n  lease 1\nport e1\n pool y\n  lease 2",
		"lease 2": "port e1\n pool y\n  lease 2",
		"mtu":     "port e0\n mtu 1\nport e1\n mtu 2",
		"nothing": "",
	} {
		got := strings.Join(sections(lines, compiled(t, pattern)), "\n")
		if got != want {
			t.Errorf("section %s:\n%s\nwant\n%s", pattern, got, want)
		}
	}
	if got := begin(lines, compiled(t, "e1")); len(got) != 4 || got[0] != "port e1" {
		t.Errorf("begin: %q", got)
	}
}

func compiled(t *testing.T, pattern string) *regexp.Regexp {
	t.Helper()
	return regexp.MustCompile(pattern)
}

func TestErase(t *testing.T) {
	b := newBox(t, "hostname box2")
	b.text("write memory")
	b.refused("write erase config", nil, "write erase config force")
	b.refused("write erase", nil, "write erase config force")
	if view, err := b.exec("write erase config", &terminal{interactive: true}); err != nil || show(t, view) != "" || !b.store.found {
		t.Errorf("answered no: %v, saved %t", err, b.store.found)
	}
	if got := b.text("write erase config force"); !strings.HasSuffix(got, "[OK]\n") {
		t.Errorf("erase: %s", got)
	}
	if b.store.found || len(b.store.revs) != 1 || b.engine.Running().Text(false) != "hostname box2\n" {
		t.Error("not erased, or more than was asked")
	}
	term := &terminal{interactive: true, answers: []bool{false, true, true, false}}
	if _, err := b.exec("write erase", term); err != nil || len(term.asked) != 4 {
		t.Fatalf("%v, asked %q", err, term.asked)
	}
	if len(b.store.revs) != 0 || !slices.Equal(b.erased, []string{"databases"}) {
		t.Errorf("%d revisions, erased %q", len(b.store.revs), b.erased)
	}
	want(t, "all", b.json("write erase all force"), `{"done":"The configuration that the box starts with is removed\nThe saved configurations are removed\n`+
		`The hotspot database is removed at the next start: reload\nThe files are removed\n[OK]","erased":["config","archive","databases","files"]}`)
	b.store.fail = errors.New("rescue")
	b.refused("write erase config force", nil, "rescue")
	b.refused("write erase files force", nil, "rescue")
}

func TestClearDamaged(t *testing.T) {
	b := newBox(t)
	b.damaged = []string{"hotspot.damaged-1"}
	b.refused("clear hotspot damaged", nil, "clear hotspot damaged force")
	if got := b.text("clear hotspot damaged force"); !strings.Contains(got, "hotspot.damaged-1") {
		t.Errorf("it says %q", got)
	}
	b.refused("clear hotspot damaged force", nil, "No damaged hotspot database is kept")
}

func TestReload(t *testing.T) {
	const save, proceed = "System configuration has been modified. Save?", "Proceed with reload?"
	for name, c := range map[string]struct {
		dirty, interactive bool
		line               string
		answers            []bool
		asked              []string
		reloads, saves     int
	}{
		"clean, yes":           {false, true, "reload", []bool{true}, []string{proceed}, 1, 0},
		"clean, no":            {false, true, "reload", []bool{false}, []string{proceed}, 0, 0},
		"dirty, save":          {true, true, "reload", []bool{true, true}, []string{save, proceed}, 1, 1},
		"dirty, save, no":      {true, true, "reload", []bool{true, false}, []string{save, proceed}, 0, 1},
		"dirty, do not save":   {true, true, "reload", []bool{false, true}, []string{save, proceed}, 1, 0},
		"dirty, force":         {true, true, "reload force", nil, nil, 1, 0},
		"off a terminal":       {false, false, "reload", nil, []string{proceed}, 0, 0},
		"off, dirty":           {true, false, "reload", nil, []string{save}, 0, 0},
		"off a terminal force": {true, false, "reload force", nil, nil, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBox(t)
			if c.dirty {
				b.must("hostname changed")
			}
			term := &terminal{interactive: c.interactive, answers: c.answers}
			view, err := b.exec(c.line, term)
			if c.interactive || strings.Contains(c.line, "force") {
				if err != nil {
					t.Fatal(err)
				}
				if got := show(t, view); (got == "Reloading\n") != (c.reloads == 1) {
					t.Errorf("answered %q", got)
				}
			} else if told := (*modules.Error)(nil); !errors.As(err, &told) || !strings.Contains(told.Hint, "reload force") {
				t.Errorf("got %v", err)
			}
			if !slices.Equal(term.asked, c.asked) || b.reloads != c.reloads || len(b.store.revs) != c.saves {
				t.Errorf("asked %q, %d reloads, %d saves", term.asked, b.reloads, len(b.store.revs))
			}
			if c.saves > 0 && !strings.Contains(term.String(), "[OK]") {
				t.Errorf("the save was not shown: %q", term.String())
			}
		})
	}
}

func TestReloadStaysWhenTheSaveFails(t *testing.T) {
	b := newBox(t, "hostname changed")
	b.store.fail = errors.New("no space left on device")
	b.refused("reload", &terminal{interactive: true, answers: []bool{true, true}}, "no space left on device")
	if b.reloads != 0 {
		t.Error("reloaded without what was to be saved")
	}
}

func (b *box) heard(words string) bool {
	return slices.ContainsFunc(b.said, func(text string) bool { return strings.Contains(text, words) })
}

func TestPlannedReload(t *testing.T) {
	b := newBox(t)
	want(t, "none", b.text("show reload"), "No reload is planned\n")
	want(t, "none", b.json("show reload"), `{"planned":false,"at":null,"left_seconds":null,"by":null}`)
	want(t, "planned", b.text("reload in 90 force"), "The box restarts at 2026-01-03 06:37:05 UTC (in 1:30:00), as alice ordered\n")
	b.clock.advance(89 * time.Minute)
	if b.reloads != 0 || !b.heard("restarts in 1:00:00") || !b.heard("restarts in 0:01:00") {
		t.Errorf("%d reloads, said %q", b.reloads, b.said)
	}
	want(t, "planned", b.json("show reload"), `{"planned":true,"at":"2026-01-03T06:37:05Z","left_seconds":60,"by":"alice"}`)
	b.clock.advance(time.Minute)
	if b.reloads != 1 {
		t.Errorf("%d reloads", b.reloads)
	}
	b.text("reload in 5 force")
	b.text("reload in 00:10 force") // in its place
	b.clock.advance(6 * time.Minute)
	if b.reloads != 1 {
		t.Error("the first plan still counts")
	}
	b.text("reload cancel")
	b.clock.advance(time.Hour)
	if b.reloads != 1 || !b.heard("called off") {
		t.Errorf("%d reloads, said %q", b.reloads, b.said)
	}
	b.refused("reload cancel", nil, "No reload is planned")
	b.refused("reload in 5", nil, "reload in 5 force")
}

// A time of the day is one of the clock on the wall, also when that is set meanwhile.
func TestReloadAt(t *testing.T) {
	b := newBox(t)
	b.text("reload at 05:00 force") // tomorrow
	b.clock.advance(23 * time.Hour)
	if b.reloads != 0 {
		t.Fatal("too early")
	}
	b.clock.step = -time.Hour // set back
	b.clock.advance(time.Hour)
	if b.reloads != 0 {
		t.Error("the clock was set back, and it did not wait")
	}
	b.clock.advance(time.Hour)
	if b.reloads != 1 {
		t.Errorf("%d reloads", b.reloads)
	}
}

func TestDelays(t *testing.T) {
	for typed, want := range map[string]time.Duration{"1": time.Minute, "90": 90 * time.Minute, "01:30": 90 * time.Minute, "576:00": maxDelay} {
		if got, err := (delayType{}).Parse(typed); err != nil || got != want {
			t.Errorf("%s: %v, %v", typed, got, err)
		} else if again, err := (delayType{}).Parse((delayType{}).Render(got)); err != nil || again != got {
			t.Errorf("%s renders as %s", typed, delayType{}.Render(got))
		}
	}
	for _, typed := range []string{"", "0", "-1", "1:2", "1:60", "576:01", "99999999999", "x", ":", "1:", "00:00"} {
		if got, err := (delayType{}).Parse(typed); err == nil {
			t.Errorf("%q is %v", typed, got)
		}
	}
	for _, typed := range []string{"", "24:00", "12", "12:60", "1200"} {
		if got, err := (timeOfDayType{}).Parse(typed); err == nil {
			t.Errorf("%q is %v", typed, got)
		}
	}
}

func TestCopyToAndFromFiles(t *testing.T) {
	b := newBox(t, "hostname one", "user u secret topsecret")
	if got := b.text("copy running-config x.conf"); !strings.Contains(got, "bytes written to x.conf") {
		t.Errorf("got %q", got)
	}
	if got, _ := b.file("x.conf"); got != b.engine.SavedText() {
		t.Errorf("exported %q", got)
	}
	b.refused("copy running-config x.conf", nil, "x.conf force")
	b.refused("copy startup-config y.conf", nil, "No configuration was saved")
	b.must("hostname two")
	want(t, "merge", b.text("copy x.conf running-config"), "[OK]\n")
	if got := b.engine.SavedText(); got != "hostname one\nuser u secret topsecret\n" {
		t.Errorf("merged to %q", got)
	}
	want(t, "import", b.text("copy x.conf startup-config"), "[OK]\n")
	if got, _ := b.file("x.conf"); got != b.store.text || b.store.revs[0].Comment != "copy x.conf startup-config" {
		t.Errorf("imported %q, %+v", b.store.text, b.store.revs)
	}
	if strings.Contains(b.log.String(), "topsecret") {
		t.Error("a secret is in the log")
	}
	b.refused("copy missing running-config", nil, "no file missing")
	if err := os.WriteFile(filepath.Join(b.dir, "big"), make([]byte, maxInput+1), 0o600); err != nil {
		t.Fatal(err)
	}
	b.refused("copy big running-config", nil, "longer than")
}

// What is bad is told by its number, and changes nothing.
func TestBadLinesAreNumbered(t *testing.T) {
	b := newBox(t, "hostname one")
	var text strings.Builder
	for i := range 150 {
		fmt.Fprintf(&text, "bogus %d secret hunter2\nhostname n%d\n", i, i)
	}
	if err := os.WriteFile(filepath.Join(b.dir, "bad"), []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	view, err := b.exec("copy bad running-config", nil)
	var told *modules.Error
	if !errors.As(err, &told) || !strings.Contains(told.Message, "Nothing was changed: 150 lines of bad") {
		t.Errorf("got %v", err)
	}
	got := show(t, view)
	if !strings.HasPrefix(got, "line 1: bogus 0 secret ********: ") || !strings.Contains(got, "\nline 3: ") || !strings.HasSuffix(got, "... and 50 more\n") || strings.Contains(got, "hunter2") {
		t.Errorf("told\n%s", got)
	}
	if b.engine.SavedText() != "hostname one\n" {
		t.Error("something was changed")
	}
	if view, err = b.exec("configure replace bad force", nil); err != nil || !strings.Contains(show(t, view), "line 299: ") && !strings.HasSuffix(show(t, view), "... and 50 more\n") {
		t.Errorf("%v", err)
	}
	if b.engine.SavedText() != "hostname n149\n" {
		t.Errorf("the good lines give %q", b.engine.SavedText())
	}
}

func TestSources(t *testing.T) {
	b := newBox(t, "hostname one")
	b.text("write memory")
	b.must("hostname two")
	if err := os.WriteFile(filepath.Join(b.dir, "f"), []byte("hostname three\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"show archive config differences":                               "-hostname one\n+hostname two\n",
		"show configuration compare":                                    "-hostname one\n+hostname two\n",
		"show archive config differences 1":                             "-hostname one\n+hostname two\n",
		"show archive config differences run start":                     "-hostname two\n+hostname one\n",
		"show archive config differences f 1":                           "-hostname three\n+hostname one\n",
		"show archive config differences running-config":                "",
		"show archive config differences startup-config running-config": "-hostname one\n+hostname two\n",
	} {
		if got := b.text(line); got != want {
			t.Errorf("%s:\n%s", line, got)
		}
	}
	b.refused("show archive config differences 2", nil, "There is no revision 2")
	help := b.engine.Book().HelpCommand(15, "configure replace ")
	if fmt.Sprint(help.Completions()) != "[running-config startup-config 1]" {
		t.Errorf("? lists %v", help.Completions())
	}
	want(t, "json of no difference", b.json("show archive config differences running-config"), `{"lines":[]}`)
}
