package modules

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// logged is the config log as text.
func (w *world) logged() string {
	w.t.Helper()
	entries, err := w.ConfigLog()
	if err != nil {
		w.t.Fatal(err)
	}
	var out strings.Builder
	for i, e := range entries {
		if e.Number != i+1 {
			w.t.Errorf("entry %d has number %d", i+1, e.Number)
		}
		fmt.Fprintf(&out, "%s@%s/%d [%s] %s\n", e.Name, e.From, e.Session, e.Context, e.Line)
	}
	return out.String()
}

func TestConfigLogSaysWhoChangedWhichLine(t *testing.T) {
	w := newWorld(t)
	w.must("name a", "port e0", "mtu 1500", "pool p", "lease 5")
	if err := w.try(bob, Options{}, "user u secret hash-topsecret", "port e0", "mtu 1400", "no pool p"); err != nil {
		t.Fatal(err)
	}
	w.must("user u secret hash-another")
	if err := w.try(bob, Options{}, "name"); err == nil {
		t.Fatal("taken")
	}
	compareText(t, w.logged(), `ann@10.0.0.1/1 [] name a
ann@10.0.0.1/1 [] port e0
ann@10.0.0.1/1 [port e0] mtu 1500
ann@10.0.0.1/1 [port e0] pool p
ann@10.0.0.1/1 [port e0 / pool p] lease 5
bob@10.0.0.2/2 [] user u secret ********
bob@10.0.0.2/2 [port e0] mtu 1400
bob@10.0.0.2/2 [port e0] no pool p
ann@10.0.0.1/1 [] user u secret ********
`)
}

// The log is written a moment later, once for many lines; and in the same transaction as whatever makes a change survive.
func TestConfigLogIsWrittenTogether(t *testing.T) {
	w := newWorld(t)
	for i := range 500 {
		w.must(fmt.Sprintf("host h%d 1", i))
	}
	if w.disk.writes != 0 {
		t.Errorf("%d writes before a moment has passed", w.disk.writes)
	}
	w.clock.advance(logDelay)
	if w.disk.writes != 1 || len(w.disk.log) != 500 {
		t.Errorf("%d writes, %d entries", w.disk.writes, len(w.disk.log))
	}
	before := w.logged()
	w.must("name saved")
	if _, err := w.Save(t.Context(), ann, ""); err != nil {
		t.Fatal(err)
	}
	if w.disk.writes != 2 {
		t.Errorf("%d writes for a save", w.disk.writes)
	}
	w.must("name lost")
	w.boot()
	compareText(t, w.logged(), before+"ann@10.0.0.1/1 [] name saved\n")
	w.timed(time.Minute, "name timed")
	w.boot()
	compareText(t, w.logged(), before+"ann@10.0.0.1/1 [] name saved\nann@10.0.0.1/1 [] name timed\n")
}

func TestConfigLogOfAFullDisk(t *testing.T) {
	w := newWorld(t)
	w.disk.fail = errors.New("disk full")
	w.must("name a")
	w.clock.advance(logDelay)
	if got := w.logged(); !strings.Contains(got, "name a") {
		t.Errorf("lost: %s", got)
	}
	w.disk.fail = nil
	w.must("name b")
	w.clock.advance(logDelay)
	if len(w.disk.log) != 2 {
		t.Errorf("%d entries on the disk", len(w.disk.log))
	}
}

// One command that changes everything does not push all else out of the log.
func TestConfigLogOfAWholeConfiguration(t *testing.T) {
	w := newWorld(t)
	w.must("name a")
	if err := w.try(ann, Options{What: "configure replace 1"}, hostLines(5000)...); err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSpace(w.logged()), "\n")
	if len(got) != 1+maxDescribed+1 || !strings.HasSuffix(got[1], "configure replace 1") || !strings.HasSuffix(got[len(got)-1], "... and more lines") {
		t.Errorf("%d entries: %s ... %s", len(got), got[1], got[len(got)-1])
	}
}
