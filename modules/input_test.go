package modules

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func (w *world) input(o Options, replace bool, lines ...string) (BadLines, error) {
	return w.Input(w.t.(*testing.T).Context(), ann, o, Input{Text: strings.Join(lines, "\n"), Typed: true, Replace: replace})
}

func TestInputIsAllOrNothing(t *testing.T) {
	w := newWorld(t)
	w.must("name old", "host kept 1", "port e0", "mtu 1500")
	w.module.refuse = "host refused 1"
	text := []string{"name new", "bogus secret hunter2", " below it", "host refused 1", "port e0", " mtu 99999", " mtu 1400", "no host nothing", "user u secret clear"}
	for _, replace := range []bool{false, true} {
		bad, err := w.input(Options{}, replace, text...)
		var lines BadLines
		if !errors.As(err, &lines) || len(lines) != 4 || len(bad) != 4 {
			t.Fatalf("got %v, %v", bad, err)
		}
		got := ""
		for _, b := range lines {
			got += fmt.Sprintf("%d %s; ", b.Number, b.Line)
		}
		if got != "2 bogus secret ********; 3 below it; 4 host refused 1; 6 mtu 99999; " {
			t.Errorf("bad lines: %s", got)
		}
		w.wants("name old", "host kept 1", "!", "port e0", " mtu 1500")
	}
	bad, err := w.input(Options{Force: true}, false, text...)
	if err != nil || len(bad) != 4 {
		t.Fatalf("forced: %v, %v", bad, err)
	}
	w.wants("name new", "host kept 1", "user u secret hash-clear", "!", "port e0", " mtu 1400")
	if len(w.Running().SetAside) != 0 {
		t.Error("bad lines are kept")
	}
}

func TestReplaceIsOneChange(t *testing.T) {
	w := newWorld(t)
	w.must("name old", "host a 1", "server s1", "server s2", "port e0", "mtu 1500")
	applies := w.module.applies
	if _, err := w.input(Options{}, true, "name old", "server s2", "server s1", "port e1", " mtu 1500"); err != nil {
		t.Fatal(err)
	}
	w.wants("name old", "server s2", "server s1", "!", "port e1", " mtu 1500")
	if w.module.applies != applies+1 {
		t.Errorf("%d applies", w.module.applies-applies)
	}
	before := w.SavedText()
	w.module.fail = "name bad"
	if _, err := w.input(Options{}, true, "name bad"); err == nil {
		t.Error("taken")
	}
	w.wants(strings.Split(strings.TrimSpace(before), "\n")...)
	if _, err := w.input(Options{Timer: time.Minute}, true, "name empty"); err != nil {
		t.Fatal(err)
	}
	w.wants("name empty")
	w.clock.advance(time.Minute)
	w.wants(strings.Split(strings.TrimSpace(before), "\n")...)
}

// A module whose lines only change places is told.
func TestOrderAloneIsAChange(t *testing.T) {
	w := newWorld(t)
	w.must("server a", "server b", "server c")
	if _, err := w.input(Options{}, true, "server c", "server a", "server b"); err != nil {
		t.Fatal(err)
	}
	w.wants("server c", "server a", "server b")
}

// What a box exports, another takes as it stands, and exports the same.
func TestExportAndImportAreTheSame(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	w.must("name x", "host a 1", "server b", "server a port 3", "user u secret hash-1", "port e0", "mtu 1400", "pool p", "lease 5")
	text := w.SavedText()
	if _, err := other.input(Options{}, true, text); err != nil {
		t.Fatal(err)
	}
	compareText(t, other.SavedText(), text)
	saved, bad, err := other.ParseInput(Input{Text: text, Typed: true}, false)
	if err != nil || len(bad) > 0 || saved != text {
		t.Errorf("%v, %v:\n%s", bad, err, saved)
	}
}

// Lines that this firmware set aside at its start do not stand in the way of going back to the same configuration.
func TestReplaceKeepsWhatWasSetAside(t *testing.T) {
	w := newWorld(t)
	w.disk.revs, w.disk.startup = []string{"name a\nfuture line\n child\n"}, 1
	w.boot()
	w.must("name b")
	text, _, _ := w.disk.Startup()
	if bad, err := w.Input(t.Context(), ann, Options{}, Input{Text: text, Replace: true}); err != nil {
		t.Fatalf("%v, %v", bad, err)
	}
	w.wants("name a")
	if !strings.Contains(w.SavedText(), "future line\n child\n") {
		t.Errorf("lost:\n%s", w.SavedText())
	}
}

func TestDefaults(t *testing.T) {
	w := newWorld(t)
	w.must("port e0", "port e1", "mtu 9000")
	compareText(t, w.Book().WithDefaults(w.Running()).Text(false), "name box\n!\nport e0\n mtu 1500\n!\nport e1\n mtu 9000\n")
	w.wants("port e0", "!", "port e1", " mtu 9000")
	w.must("name x", "port e1", "default mtu", "default mtu", "default pool never")
	w.wants("name x", "!", "port e0", "!", "port e1")
	m, err := w.Book().ParseStatement(nil, "default user u")
	if err != nil || m.Line != "default user u" || !m.Negated || !m.Default {
		t.Errorf("%+v, %v", m, err)
	}
	if help := w.Book().HelpStatement(nil, "default ho"); len(help.Candidates) != 1 || help.Candidates[0].Text != "host" {
		t.Errorf("? after default: %+v", help)
	}
}
