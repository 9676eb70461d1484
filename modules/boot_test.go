package modules

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

func TestBootSetsAsideAndSaveKeeps(t *testing.T) {
	r := newRig(t)
	r.a.check = func(tree *Tree) error {
		var all []error
		for _, n := range tree.All("a VALUE") {
			for _, child := range n.All("a-child VALUE") {
				if Get[string](child.Values, "VALUE") == "bad" {
					all = append(all, &StatementError{Line: child.Line(true), Err: errors.New("bad child")})
				}
			}
		}
		return errors.Join(all...)
	}
	r.b.check = func(tree *Tree) error {
		if n, ok := tree.One("b VALUE"); ok {
			return Refuse(n, errors.New("b is off"))
		}
		return nil
	}
	text := lines("a 1", " a-child bad", " a-child good", " a-child new-thing 5", "b 1", " b-child x", " b-new 1", "future password hunter2", " more", "c 1")
	r.store.text, r.store.found = text, true
	report := r.Boot(t.Context(), text)
	compareText(t, r.Running().Text(false), lines("a 1", " a-child good", "!", "c 1"))
	var shown []string
	for _, s := range report.SetAside {
		shown = append(shown, strings.Join(s.Lines, "|"))
	}
	want := "a-child new-thing 5 / future password ********| more / a-child bad / b 1| ! set aside: R| b-new 1| b-child x"
	got := regexp.MustCompile("set aside: [^|]*").ReplaceAllString(strings.Join(shown, " / "), "set aside: R")
	if got != want {
		t.Errorf("set aside %s\nwant %s", got, want)
	}
	if len(report.Degraded) != 0 {
		t.Errorf("degraded: %v", report.Degraded)
	}
	if log := r.rec.take(); strings.Count(log, "apply a") != 1 || !strings.HasSuffix(log, "apply a=1; apply b=-; apply c=1") {
		t.Errorf("log %s", log)
	}
	if r.Dirty() {
		t.Error("dirty after boot")
	}
	if err := r.enter(t, "c 2"); err != nil || !r.Dirty() {
		t.Fatalf("not dirty after a change: %v", err)
	}
	if rev, err := r.Save(t.Context(), Actor{Name: "op"}, ""); err != nil || rev != 1 || r.Dirty() {
		t.Fatalf("save: %d, %v", rev, err)
	}
	for _, line := range []string{"future password hunter2\n more\n", "\n b-new 1\n b-child x\n", "\n a-child bad\n", "\n a-child new-thing 5\n", "c 2\n"} {
		if !strings.Contains(r.store.text, line) {
			t.Errorf("%q is not in\n%s", line, r.store.text)
		}
	}

	again := newRig(t)
	again.a.check, again.b.check = r.a.check, r.b.check
	again.store = r.store
	again.Boot(t.Context(), r.store.text)
	compareText(t, again.Running().Text(false), r.Running().Text(false))
	again.Running().SetAside, r.Running().SetAside = sortAside(again.Running().SetAside), sortAside(r.Running().SetAside)
	compareText(t, again.Running().saved(), r.Running().saved())

	able := newRig(t) // a firmware that refuses nothing of it
	able.Boot(t.Context(), r.store.text)
	compareText(t, able.Running().Text(false), lines("a 1", " a-child bad", " a-child good", "!", "b 1", " b-child x", "!", "c 2"))
}

func sortAside(in []*SetAside) []*SetAside {
	out := append([]*SetAside(nil), in...)
	for i := range out {
		for j := i + 1; j < len(out); j++ {
			if out[j].Lines[0] < out[i].Lines[0] {
				out[i], out[j] = out[j], out[i]
			}
		}
	}
	return out
}

func TestDirtyAndErase(t *testing.T) {
	r := newRig(t)
	r.Boot(t.Context(), "")
	if r.Dirty() {
		t.Error("an empty box is dirty")
	}
	r.Boot(t.Context(), "c 1\n") // from a file: nothing is saved yet
	if !r.Dirty() {
		t.Error("not dirty though nothing is saved")
	}
	if _, err := r.Save(t.Context(), Actor{}, ""); err != nil || r.Dirty() {
		t.Error(err)
	}
	full := errors.New("disk full")
	r.store.fail = full
	if _, err := r.Save(t.Context(), Actor{}, ""); !errors.Is(err, full) || r.store.text != "c 1\n" {
		t.Errorf("save on a full disk: %v, %q", err, r.store.text)
	}
	if err := r.Erase(t.Context(), Actor{}); !errors.Is(err, full) || r.Dirty() {
		t.Errorf("erase on a full disk: %v", err)
	}
	r.store.fail = nil
	if err := r.Erase(t.Context(), Actor{}); err != nil || !r.Dirty() {
		t.Errorf("erase: %v, dirty %v", err, r.Dirty())
	}
	if strings.Contains(r.log.String(), "secret") {
		t.Error(r.log.String())
	}
}

func TestRefusedLineIsFoundInItsContext(t *testing.T) {
	r := newRig(t)
	r.a.check = func(tree *Tree) error {
		for _, n := range tree.All("a VALUE") {
			for _, child := range n.All("a-child VALUE") {
				return Refuse(child, errors.New("no children"))
			}
		}
		return nil
	}
	report := r.Boot(t.Context(), lines("a 1", " a-child x", " a-child y"))
	if len(report.SetAside) != 2 || len(report.Degraded) != 0 {
		t.Fatalf("%+v", report)
	}
	compareText(t, r.Running().Text(false), "a 1\n")
	compareText(t, r.Running().saved(), lines("a 1", " ! set aside: no children", " a-child x", " ! set aside: no children", " a-child y"))
}
