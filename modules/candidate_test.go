package modules

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func (w *world) prepare(name string, lines ...string) {
	w.t.Helper()
	if err := w.OpenCandidate(name, ann); err != nil {
		w.t.Fatal(err)
	}
	if err := w.EditCandidate(name, w.typing(lines...)); err != nil {
		w.t.Fatal(err)
	}
}

func TestCandidateIsPrivateUntilItIsCommitted(t *testing.T) {
	w := newWorld(t)
	w.must("name old", "host a 1")
	w.prepare("c", "name new", "no host a", "port e0", "mtu 9000")
	w.wants("name old", "host a 1")
	tree, differences, err := w.Candidate("c")
	if err != nil || tree.Text(false) != "name new\n!\nport e0\n mtu 9000\n" {
		t.Fatalf("%v\n%s", err, tree.Text(false))
	}
	compareText(t, diffText(differences), "-name old\n+name new\n-host a 1\n+port e0\n+ mtu 9000\n")
	w.must("host b 2") // by somebody else, elsewhere
	if err := w.CommitCandidate(t.Context(), ann, "c", Options{}); err != nil {
		t.Fatal(err)
	}
	w.wants("name new", "host b 2", "!", "port e0", " mtu 9000")
	if err := w.CommitCandidate(t.Context(), ann, "c", Options{}); err == nil {
		t.Error("committed twice")
	}
}

func TestCandidateDoesNotOverwriteOthers(t *testing.T) {
	w := newWorld(t)
	w.must("name old", "port e0", "mtu 1500")
	w.prepare("c", "name new", "port e0", "mtu 9000")
	w.must("name theirs", "no port e0")
	var conflicts *ConflictError
	if err := w.CommitCandidate(t.Context(), ann, "c", Options{}); !errors.As(err, &conflicts) || len(conflicts.Conflicts) != 2 {
		t.Fatalf("got %v", err)
	}
	if got := conflicts.Conflicts[0].String(); got != "wanted: name new, now there: name theirs" {
		t.Errorf("the first is %q", got)
	}
	w.wants("name theirs")
	if err := w.CommitCandidate(t.Context(), ann, "c", Options{Force: true}); err != nil {
		t.Fatal(err)
	}
	w.wants("name new", "!", "port e0", " mtu 9000")
}

func TestRemovalDoesNotTakeWhatOthersChanged(t *testing.T) {
	w := newWorld(t)
	w.must("host a 1", "port e0", "mtu 1500")
	w.prepare("c", "no host a", "no port e0")
	w.must("host a 2", "port e0", "mtu 9000")
	var conflicts *ConflictError
	if err := w.CommitCandidate(t.Context(), ann, "c", Options{}); !errors.As(err, &conflicts) || len(conflicts.Conflicts) != 2 {
		t.Fatalf("got %v", err)
	}
	w.wants("host a 2", "!", "port e0", " mtu 9000")
}

func TestCandidateThatFailsStays(t *testing.T) {
	w := newWorld(t)
	w.must("name old")
	w.prepare("c", "host a 1", "name bad")
	for _, spoil := range []*string{&w.module.refuse, &w.module.fail} {
		*spoil = "name bad"
		if err := w.CommitCandidate(t.Context(), ann, "c", Options{}); err == nil {
			t.Error("committed")
		}
		w.wants("name old")
		*spoil = ""
	}
	if err := w.CommitCandidate(t.Context(), ann, "c", Options{Timer: time.Minute}); err != nil {
		t.Fatal(err)
	}
	w.wants("name bad", "host a 1")
	w.clock.advance(time.Minute)
	w.wants("name old")
}

func TestCandidatesAreBounded(t *testing.T) {
	w := newWorld(t)
	for i := range MaxCandidates {
		w.prepare(fmt.Sprint("c", i), "name x")
		w.clock.advance(time.Minute)
	}
	mistake(t, w.OpenCandidate("one-more", ann), "10 configuration sessions already")
	if err := w.OpenCandidate("c3", bob); err != nil {
		t.Errorf("to go on with one: %v", err)
	}
	if err := w.AbortCandidate("c3"); err != nil {
		t.Fatal(err)
	}
	if err := w.OpenCandidate("one-more", ann); err != nil {
		t.Error(err)
	}
	all := w.Candidates()
	if len(all) != MaxCandidates || all[0].Name != "c0" || !all[0].Changed || all[9].Changed || all[0].Owner != ann {
		t.Errorf("%+v", all)
	}
	w.clock.advance(maxCandidateAge - 5*time.Minute)
	if n := len(w.Candidates()); n != 6 { // c5 to c9, and the one more
		t.Errorf("%d are left", n)
	}
	w.clock.advance(maxCandidateAge)
	mistake(t, w.EditCandidate("c9", w.typing("name y")), "too old")
	w.boot()
	if n := len(w.Candidates()); n != 0 {
		t.Errorf("%d after a restart", n)
	}
}

func TestCandidateAndLock(t *testing.T) {
	w := newWorld(t)
	w.prepare("c", "name a")
	if err := w.Lock(bob); err != nil {
		t.Fatal(err)
	}
	if err := w.CommitCandidate(t.Context(), ann, "c", Options{}); err == nil || !strings.Contains(err.Error(), "locked by bob") {
		t.Errorf("got %v", err)
	}
	if err := w.EditCandidate("c", w.typing("name b")); err != nil {
		t.Errorf("preparing is private: %v", err)
	}
}
