package modules

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// timed changes with a time to confirm.
func (w *world) timed(timer time.Duration, lines ...string) {
	w.t.Helper()
	if err := w.try(ann, Options{Timer: timer}, lines...); err != nil {
		w.t.Fatal(err)
	}
}

func TestUnconfirmedChangeIsTakenBack(t *testing.T) {
	w := newWorld(t)
	w.must("name old", "port e0", "mtu 1500")
	w.timed(10*time.Minute, "name new", "no port e0")
	w.wants("name new")
	if !w.heard("a change by ann from 10.0.0.1 is taken back in 10 minutes") {
		t.Errorf("operators were told %q", w.said)
	}
	w.clock.advance(5 * time.Minute)
	if !w.heard("taken back in 5 minutes") || w.heard("1 minute unless") {
		t.Errorf("operators were told %q", w.said)
	}
	w.must("host a 1") // goes with it
	w.clock.advance(5*time.Minute - time.Second)
	if c, waits := w.Countdown(); !waits || c.Left != time.Second {
		t.Fatalf("countdown %+v, %t", c, waits)
	}
	w.wants("name new", "host a 1")
	w.clock.advance(time.Second)
	w.wants("name old", "!", "port e0", " mtu 1500")
	if _, waits := w.Countdown(); waits || w.disk.revert != nil {
		t.Error("still armed")
	}
	if !w.heard("was not confirmed in 10 minutes; the configuration from before it is in force again") {
		t.Errorf("operators were told %q", w.said)
	}
	w.clock.advance(time.Hour)
	w.wants("name old", "!", "port e0", " mtu 1500")
}

func TestConfirmedChangeStays(t *testing.T) {
	w := newWorld(t)
	w.must("name old")
	w.timed(time.Minute, "name new")
	if err := w.Confirm(bob); err != nil { // whoever may configure
		t.Fatal(err)
	}
	w.clock.advance(time.Hour)
	w.wants("name new")
	w.boot()
	w.wants() // it was not saved
	mistake(t, w.Confirm(bob), "No change waits")
	mistake(t, w.RevertNow(bob), "No change waits")
	mistake(t, w.Extend(bob, time.Minute), "No change waits")
}

func TestRevertNowAndExtend(t *testing.T) {
	w := newWorld(t)
	w.must("name old")
	w.timed(time.Minute, "name new")
	w.clock.advance(50 * time.Second)
	if err := w.Extend(bob, 5*time.Minute); err != nil {
		t.Fatal(err)
	}
	w.clock.advance(4 * time.Minute)
	w.wants("name new")
	w.boot()
	if c, waits := w.Countdown(); !waits || c.Left != time.Minute {
		t.Errorf("after a crash: %+v, %t", c, waits)
	}
	w.wants("name new")
	if err := w.RevertNow(bob); err != nil {
		t.Fatal(err)
	}
	w.wants("name old")
	mistake(t, w.Extend(bob, time.Minute), "No change waits")
}

// A crash before the deadline leaves the change in force and the countdown running; after it the box starts with the
// configuration from before, and says so.
func TestCrashWhileAChangeWaits(t *testing.T) {
	w := newWorld(t)
	w.must("name saved")
	if _, err := w.Save(t.Context(), ann, ""); err != nil {
		t.Fatal(err)
	}
	w.must("host unsaved 1") // in force before the change, so it is what to go back to
	w.timed(10*time.Minute, "name new")
	w.must("host more 2")
	w.clock.advance(3 * time.Minute)
	w.boot()
	w.wants("name new", "host more 2", "host unsaved 1")
	if c, waits := w.Countdown(); !waits || c.Left != 7*time.Minute || c.Author != "ann" {
		t.Errorf("countdown %+v, %t", c, waits)
	}
	if n := w.Notices(); len(n) != 1 || !strings.Contains(n[0], "7 minutes") {
		t.Errorf("notices %q", n)
	}
	if !w.Dirty() {
		t.Error("it is said to be saved")
	}
	w.clock.advance(7 * time.Minute)
	w.wants("name saved", "host unsaved 1")

	w.timed(10*time.Minute, "name new")
	w.clock.restart() // the box is off
	w.clock.advance(time.Hour)
	w.boot()
	w.wants("name saved", "host unsaved 1")
	if n := w.Notices(); len(n) != 1 || !strings.Contains(n[0], "was not confirmed") {
		t.Errorf("notices %q", n)
	}
	if w.disk.revert != nil {
		t.Error("still armed")
	}
	w.boot()
	w.wants("name saved") // unsaved lines are lost by a crash, as ever
}

// The wall clock counts over a restart only, and neither a clock that was set back nor a box that crashes again and again
// keeps an unconfirmed change for longer.
func TestClockSteps(t *testing.T) {
	w := newWorld(t)
	w.must("name old")
	w.timed(10*time.Minute, "name new")
	w.clock.wall = w.clock.wall.Add(24 * time.Hour) // set while it runs
	w.clock.advance(9 * time.Minute)
	w.wants("name new")
	w.clock.advance(time.Minute)
	w.wants("name old")

	w.timed(10*time.Minute, "name new")
	w.clock.advance(4 * time.Minute)
	w.clock.wall = time.Unix(0, 0) // a box without a battery
	w.boot()
	if c, _ := w.Countdown(); c.Left > 6*time.Minute || c.Left < 5*time.Minute {
		t.Errorf("left %v after a start with a clock that is behind", c.Left)
	}
	for starts := 0; ; starts++ {
		if _, waits := w.Countdown(); !waits {
			break
		}
		if starts > 30 {
			t.Fatal("a box that crashes keeps the change for ever")
		}
		w.clock.wall = time.Unix(0, 0)
		w.boot()
	}
	w.wants("name old")

	w.timed(10*time.Minute, "name new")
	w.clock.wall = w.clock.wall.AddDate(1, 0, 0) // ahead: the safe side
	w.boot()
	w.wants("name old")
}

// What fails leaves nothing armed, and nothing changed.
func TestFailureArmsNothing(t *testing.T) {
	w := newWorld(t)
	w.must("name old")
	for what, spoil := range map[string]func(){
		"check": func() { w.module.refuse = "name new" },
		"apply": func() { w.module.fail = "name new" },
		"disk":  func() { w.disk.fail = errors.New("disk full") },
	} {
		spoil()
		if err := w.try(ann, Options{Timer: time.Minute}, "name new"); err == nil {
			t.Errorf("%s: no error", what)
		}
		w.wants("name old")
		w.module.refuse, w.module.fail, w.disk.fail = "", "", nil
		if _, waits := w.Countdown(); waits || w.disk.revert != nil {
			t.Errorf("%s: armed", what)
		}
	}
	w.clock.advance(time.Hour)
	w.wants("name old")
	for _, timer := range []time.Duration{time.Second, 3 * time.Hour} {
		mistake(t, w.try(ann, Options{Timer: timer}, "name new"), "from 1 to 120 minutes")
	}
	w.timed(time.Minute, "name new")
	mistake(t, w.try(ann, Options{Timer: time.Minute}, "name newer"), "waits to be confirmed already")
	w.disk.fail = errors.New("disk full")
	if err := w.try(ann, Options{}, "name newer"); err == nil {
		t.Error("a change that cannot go back with the rest was made")
	}
	w.wants("name new")
}

// While a change waits, nothing is saved: a start would take what is to be taken back.
func TestNothingIsSavedMeanwhile(t *testing.T) {
	w := newWorld(t)
	w.must("name old")
	w.timed(time.Minute, "name new")
	_, err := w.Save(t.Context(), ann, "")
	mistake(t, err, "configure confirm")
	_, err = w.SaveText(t.Context(), ann, "name x\n", "")
	mistake(t, err, "configure confirm")
	mistake(t, w.Erase(t.Context(), ann), "configure confirm")
	if w.disk.startup != 0 {
		t.Error("saved")
	}
}

// A module that refuses to go back does not keep the box from going back.
func TestTakingBackIsForced(t *testing.T) {
	w := newWorld(t)
	w.must("name old")
	w.timed(time.Minute, "name new")
	w.module.fail = "name old"
	w.clock.advance(time.Minute)
	if got := w.Running().Text(false); got != "name old\n" {
		t.Errorf("running is %s", got)
	}
	if w.Degraded()["probe"] == nil || !w.heard("with errors") {
		t.Errorf("degraded %v, said %q", w.Degraded(), w.said)
	}
	w.module.fail = ""
	w.must("host a 1")
	w.wants("name old", "host a 1")
	if len(w.Degraded()) > 0 {
		t.Error("still degraded")
	}
}

// A firmware that knows nothing of the countdown and saves makes it void.
func TestOtherFirmwareSaved(t *testing.T) {
	w := newWorld(t)
	w.must("name old")
	w.timed(time.Minute, "name new")
	w.disk.revs = append(w.disk.revs, "name other\n")
	w.disk.startup = 1
	w.clock.restart()
	w.clock.advance(time.Hour)
	w.boot()
	w.wants("name other")
	if w.disk.revert != nil || len(w.Notices()) > 0 {
		t.Errorf("still armed, notices %q", w.Notices())
	}
}

// An orderly end keeps the countdown, and after it nothing runs.
func TestStopWhileAChangeWaits(t *testing.T) {
	w := newWorld(t)
	w.must("name old")
	w.timed(10*time.Minute, "name new")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	w.clock.advance(2*time.Minute + 10*time.Second)
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if left := w.disk.revert.Left; left != 7*time.Minute+50*time.Second {
		t.Errorf("left %v", left)
	}
	writes := w.disk.writes
	w.clock.advance(time.Hour)
	if w.disk.writes != writes || w.Running().Text(false) != "name new\n" {
		t.Error("the engine goes on after its end")
	}
}
