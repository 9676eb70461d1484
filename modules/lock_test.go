package modules

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestLockKeepsOthersOut(t *testing.T) {
	w := newWorld(t)
	if err := w.Lock(ann); err != nil {
		t.Fatal(err)
	}
	if err := w.Lock(ann); err != nil {
		t.Errorf("once more by its owner: %v", err)
	}
	for what, err := range map[string]error{"lock": w.Lock(bob), "change": w.try(bob, Options{}, "name b"), "enter": w.MayChange(bob)} {
		mistake(t, err, "locked by ann from 10.0.0.1 since 12:00:00 UTC")
		mistake(t, err, "clear configuration lock")
		_ = what
	}
	w.must("name a")
	second := ann
	second.Line = 7 // the same account in another session
	if err := w.try(second, Options{}, "name c"); err == nil {
		t.Error("another session of the owner may change")
	}
	raised := ann
	raised.Level = 1 // privilege is no other session
	if err := w.try(raised, Options{}, "name d"); err != nil {
		t.Error(err)
	}
	w.Left(bob)
	if _, locked := w.Locked(); !locked {
		t.Error("freed by the end of another session")
	}
	w.Left(ann)
	if err := w.try(bob, Options{}, "name b"); err != nil {
		t.Errorf("after its session has ended: %v", err)
	}
	w.wants("name b")
}

func TestClearLock(t *testing.T) {
	w := newWorld(t)
	if _, err := w.ClearLock(bob); err == nil {
		t.Error("there is none to clear")
	}
	if err := w.Lock(ann); err != nil {
		t.Fatal(err)
	}
	lock, err := w.ClearLock(bob)
	if err != nil || lock.Owner != ann {
		t.Fatalf("%+v, %v", lock, err)
	}
	if err := w.Lock(bob); err != nil {
		t.Error(err)
	}
	w.Unlock(ann) // not hers any more
	if err := w.try(ann, Options{}, "name a"); err == nil {
		t.Error("unlocked by somebody else")
	}
}

// The box itself is not locked out: the deadline comes all the same.
func TestLockDoesNotHoldTheDeadlineUp(t *testing.T) {
	w := newWorld(t)
	w.must("name old")
	w.timed(time.Minute, "name new")
	if err := w.Lock(bob); err != nil {
		t.Fatal(err)
	}
	w.clock.advance(time.Minute)
	w.wants("name old")
	if w.heard("with errors") {
		t.Errorf("the lock was in the way: %q", w.said)
	}
}

func TestGuard(t *testing.T) {
	w := newWorld(t)
	w.must("user ann secret x", "name a")
	w.module.cuts = "user ann secret x"
	var cut *CutError
	if err := w.try(ann, Options{}, "no user ann", "name b"); !errors.As(err, &cut) || !strings.Contains(cut.Reason, "is removed") {
		t.Fatalf("got %v", err)
	}
	w.wants("name a", "user ann secret x")
	ask, cuts := AskCut(cut)
	if !cuts {
		t.Fatal("not asked about")
	}
	mistake(t, ask(t.Context(), notInteractive{}), "configure terminal revert timer")
	if err := w.try(bob, Options{}, "no user ann"); err != nil {
		t.Errorf("by somebody whom it does not cut: %v", err)
	}
	w.must("user ann secret x")
	w.timed(time.Minute, "no user ann")
	w.clock.advance(time.Minute)
	w.wants("name a", "user ann secret x")
	w.timed(time.Minute, "name c")
	w.must("no user ann") // undone with the rest
	if err := w.RevertNow(ann); err != nil {
		t.Fatal(err)
	}
	if err := w.try(ann, Options{Force: true}, "no user ann"); err != nil {
		t.Errorf("forced: %v", err)
	}
	w.wants("name a")
}

// notInteractive is the terminal of a script.
type notInteractive struct{ Terminal }

func (notInteractive) Interactive() bool { return false }
