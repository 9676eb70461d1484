package modules

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// model is what the engine should be: lines by their key, without trees, modules, or shared nodes.
type model struct {
	running, saved map[string]string
	hasSaved       bool
	old            map[string]string // to go back to; nil: nothing waits
	left           time.Duration
	base, mine     map[string]string // of the configuration session; nil: there is none
	lock           *Actor
}

// text prints lines as running-config does: `name` first, then hosts by name.
func text(lines map[string]string) string {
	var out strings.Builder
	for _, key := range slices.SortedFunc(maps.Keys(lines), func(a, b string) int {
		if (a == "name") != (b == "name") {
			return compareBools(a != "name", b != "name")
		}
		return strings.Compare(a, b)
	}) {
		out.WriteString(lines[key] + "\n")
	}
	return out.String()
}

// merge puts a session's changes on top of what is in force; ok is false if others changed the same.
func merge(base, mine, running map[string]string) (out map[string]string, ok bool) {
	out, ok = maps.Clone(running), true
	for _, key := range slices.Concat(slices.Collect(maps.Keys(base)), slices.Collect(maps.Keys(mine))) {
		if base[key] == mine[key] {
			continue
		}
		if now := running[key]; now != base[key] && now != mine[key] {
			ok = false
		}
		if mine[key] == "" {
			delete(out, key)
		} else {
			out[key] = mine[key]
		}
	}
	return out, ok
}

// TestEngineIsAsTheModel runs random sequences of changes, timers, sessions, saves and crashes beside the model.
func TestEngineIsAsTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{t: t, disk: &disk{}, clock: newClock()}
		w.boot()
		m := &modelTest{world: w, model: model{running: map[string]string{}, saved: map[string]string{}}}
		t.Repeat(map[string]func(*rapid.T){
			"set": m.set, "no": m.no, "block": m.block, "save": m.save, "replace": m.replace, "arm": m.arm, "confirm": m.confirm,
			"revert": m.revert, "wait": m.wait, "crash": m.crash, "prepare": m.prepare, "commit": m.commit, "abort": m.abort,
			"lock": m.takeLock, "leave": m.leave, "": m.check,
		})
	})
}

type modelTest struct {
	*world
	model
}

func someLine(t *rapid.T) (key, line string) {
	key = rapid.SampledFrom([]string{"name", "host a", "host b", "host c"}).Draw(t, "key")
	return key, fmt.Sprintf("%s v%d", key, rapid.IntRange(1, 3).Draw(t, "value"))
}

func someActor(t *rapid.T) Actor { return rapid.SampledFrom([]Actor{ann, bob}).Draw(t, "actor") }

// change makes a change in engine and model. Now and then a module cannot apply a line of it.
func (m *modelTest) change(t *rapid.T, o Options, edit func(map[string]string), do func(Actor, Options) error) {
	actor := someActor(t)
	next := maps.Clone(m.running)
	edit(next)
	ok := m.lock == nil || m.lock.sameSession(actor)
	for _, key := range slices.Sorted(maps.Keys(next)) {
		line := next[key]
		if m.running[key] != line && rapid.IntRange(0, 5).Draw(t, "fails") == 0 {
			m.module.fail, ok = line, false
			break
		}
	}
	err := do(actor, o)
	m.module.fail = ""
	if ok != (err == nil) {
		t.Fatalf("%v, want success %t", err, ok)
	}
	if err != nil {
		return
	}
	if o.Timer > 0 {
		m.old, m.left = maps.Clone(m.running), o.Timer
	}
	m.running = next
}

func (m *modelTest) set(t *rapid.T) {
	key, line := someLine(t)
	m.change(t, Options{}, func(lines map[string]string) { lines[key] = line }, func(a Actor, o Options) error { return m.try(a, o, line) })
}

func (m *modelTest) no(t *rapid.T) {
	key, _ := someLine(t)
	if m.running[key] == "" {
		var told *Error
		if err := m.try(ann, Options{}, "no "+key); !errors.As(err, &told) {
			t.Fatalf("removed what is not there: %v", err)
		}
		return
	}
	m.change(t, Options{}, func(lines map[string]string) { delete(lines, key) }, func(a Actor, o Options) error { return m.try(a, o, "no "+key) })
}

func (m *modelTest) block(t *rapid.T) {
	keys, lines := map[string]string{}, []string{}
	for range rapid.IntRange(1, 4).Draw(t, "lines") {
		key, line := someLine(t)
		keys[key] = line
		lines = append(lines, line)
	}
	m.change(t, Options{}, func(all map[string]string) { maps.Copy(all, keys) }, func(a Actor, o Options) error { return m.try(a, o, lines...) })
}

func (m *modelTest) save(t *rapid.T) {
	_, err := m.Save(context.Background(), ann, "")
	if (err == nil) != (m.old == nil) {
		t.Fatalf("saved: %v, a change waits: %t", err, m.old != nil)
	}
	if err == nil {
		m.saved, m.hasSaved = maps.Clone(m.running), true
	}
}

func (m *modelTest) replace(t *rapid.T) {
	want := maps.Clone(m.saved)
	if rapid.Bool().Draw(t, "other") {
		key, line := someLine(t)
		want = map[string]string{key: line}
	}
	m.change(t, Options{}, func(lines map[string]string) { clear(lines); maps.Copy(lines, want) }, func(a Actor, o Options) error {
		_, err := m.Input(context.Background(), a, o, Input{Text: text(want), Replace: true})
		return err
	})
}

func (m *modelTest) arm(t *rapid.T) {
	key, line := someLine(t)
	o := Options{Timer: time.Duration(rapid.IntRange(1, 20).Draw(t, "minutes")) * time.Minute}
	if m.old != nil {
		if err := m.try(ann, o, line); err == nil {
			t.Fatal("two countdowns")
		}
		return
	}
	m.change(t, o, func(lines map[string]string) { lines[key] = line }, func(a Actor, o Options) error { return m.try(a, o, line) })
}

func (m *modelTest) confirm(t *rapid.T) {
	if err := m.Confirm(bob); (err == nil) != (m.old != nil) {
		t.Fatalf("confirmed: %v, a change waits: %t", err, m.old != nil)
	}
	m.old = nil
}

func (m *modelTest) revert(t *rapid.T) {
	if err := m.RevertNow(bob); (err == nil) != (m.old != nil) {
		t.Fatalf("taken back: %v, a change waits: %t", err, m.old != nil)
	}
	m.goBack()
}

func (m *modelTest) goBack() {
	if m.old != nil {
		m.running, m.old = m.old, nil
	}
}

func (m *modelTest) wait(t *rapid.T) {
	d := time.Duration(rapid.IntRange(1, 600).Draw(t, "seconds")) * time.Second
	m.clock.advance(d)
	m.pass(d)
}

func (m *modelTest) pass(d time.Duration) {
	if m.left -= d; m.old != nil && m.left <= 0 {
		m.goBack()
	}
}

// crash kills the box, and starts it some time later.
func (m *modelTest) crash(t *rapid.T) {
	survives := m.old != nil
	m.clock.restart()
	off := time.Duration(rapid.IntRange(0, 600).Draw(t, "seconds off")) * time.Second
	m.clock.advance(off)
	m.boot()
	if survives {
		m.pass(off)
		if c, waits := m.Countdown(); waits {
			if c.Left > m.left {
				t.Fatalf("a start has made %v of %v", c.Left, m.left)
			}
			m.left = c.Left // starts cost time
		} else if m.old != nil {
			if m.left > 20*noteEvery {
				t.Fatalf("taken back with %v left", m.left)
			}
			m.goBack()
		}
	} else {
		m.running = maps.Clone(m.saved)
	}
	m.base, m.mine, m.lock = nil, nil, nil
}

func (m *modelTest) prepare(t *rapid.T) {
	key, line := someLine(t)
	if m.mine == nil {
		m.base, m.mine = maps.Clone(m.running), maps.Clone(m.running)
	}
	if err := m.OpenCandidate("s", ann); err != nil {
		t.Fatal(err)
	}
	no := m.mine[key] != "" && rapid.Bool().Draw(t, "no")
	if no {
		line = "no " + key
	}
	if err := m.EditCandidate("s", m.typing(line)); err != nil {
		t.Fatal(err)
	}
	if no {
		delete(m.mine, key)
	} else {
		m.mine[key] = line
	}
}

func (m *modelTest) commit(t *rapid.T) {
	if m.mine == nil {
		return
	}
	merged, fits := merge(m.base, m.mine, m.running)
	if !fits {
		var conflicts *ConflictError
		err := m.CommitCandidate(context.Background(), ann, "s", Options{})
		if m.lock == nil && !errors.As(err, &conflicts) || err == nil {
			t.Fatalf("overwrites what others changed: %v", err)
		}
		return
	}
	committed := false
	m.change(t, Options{}, func(lines map[string]string) { clear(lines); maps.Copy(lines, merged) }, func(a Actor, o Options) error {
		err := m.CommitCandidate(context.Background(), a, "s", o)
		committed = err == nil
		return err
	})
	if committed {
		m.base, m.mine = nil, nil
	}
}

func (m *modelTest) abort(t *rapid.T) {
	if err := m.AbortCandidate("s"); (err == nil) != (m.mine != nil) {
		t.Fatalf("aborted: %v", err)
	}
	m.base, m.mine = nil, nil
}

func (m *modelTest) takeLock(t *rapid.T) {
	actor := someActor(t)
	if err := m.Lock(actor); (err == nil) != (m.lock == nil || m.lock.sameSession(actor)) {
		t.Fatalf("locked: %v", err)
	} else if err == nil {
		m.lock = &actor
	}
}

func (m *modelTest) leave(t *rapid.T) {
	actor := someActor(t)
	m.Left(actor)
	if m.lock != nil && m.lock.sameSession(actor) {
		m.lock = nil
	}
}

func (m *modelTest) check(t *rapid.T) {
	want := text(m.running)
	if got := m.Running().Text(false); got != want {
		t.Fatalf("running-config is\n%swant\n%s", got, want)
	}
	if m.module.applied != want {
		t.Fatalf("applied is\n%swant\n%s", m.module.applied, want)
	}
	if _, waits := m.Countdown(); waits != (m.old != nil) {
		t.Fatalf("a change waits: %t, want %t", waits, m.old != nil)
	}
	if (m.disk.revert != nil) != (m.old != nil) {
		t.Fatalf("on the disk a change waits: %t", m.disk.revert != nil)
	}
	if m.disk.revert != nil && (m.disk.revert.Old != text(m.old) || m.disk.revert.New != want) {
		t.Fatalf("the disk has\n%sto go back to\n%s", m.disk.revert.New, m.disk.revert.Old)
	}
	saved := ""
	if m.hasSaved {
		saved = text(m.saved)
	}
	if stored, _, _ := m.disk.Startup(); stored != saved {
		t.Fatalf("startup-config is\n%swant\n%s", stored, saved)
	}
	if got := m.Dirty(); got != (want != saved) {
		t.Fatalf("dirty %t with running\n%sand saved\n%s", got, want, saved)
	}
	if m.mine != nil {
		if tree, _, err := m.Candidate("s"); err != nil || tree.Text(false) != text(m.mine) {
			t.Fatalf("candidate %v, want\n%s", err, text(m.mine))
		}
	}
	if len(m.Degraded()) > 0 {
		t.Fatalf("degraded: %v", m.Degraded())
	}
}
