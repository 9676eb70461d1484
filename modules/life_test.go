package modules

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mbox/configstore"
)

// fakeClock is moved by hand. Timers run in the goroutine that moves it, in their order.
type fakeClock struct {
	mu     sync.Mutex
	wall   time.Time
	passed time.Duration // of the box's own time
	timers []*fakeTimer
}

type fakeTimer struct {
	at time.Duration
	f  func()
}

func newClock() *fakeClock { return &fakeClock{wall: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall
}

func (c *fakeClock) AfterFunc(d time.Duration, f func()) func() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &fakeTimer{c.passed + d, f}
	c.timers = append(c.timers, t)
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		n := len(c.timers)
		c.timers = slices.DeleteFunc(c.timers, func(other *fakeTimer) bool { return other == t })
		return len(c.timers) < n
	}
}

// advance lets time pass.
func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	end := c.passed + d
	for {
		var next *fakeTimer
		for _, t := range c.timers {
			if t.at <= end && (next == nil || t.at < next.at) {
				next = t
			}
		}
		if next == nil {
			break
		}
		c.timers = slices.DeleteFunc(c.timers, func(t *fakeTimer) bool { return t == next })
		c.wall, c.passed = c.wall.Add(max(0, next.at-c.passed)), max(c.passed, next.at)
		c.mu.Unlock()
		next.f()
		c.mu.Lock()
	}
	c.wall, c.passed = c.wall.Add(end-c.passed), end
	c.mu.Unlock()
}

// restart forgets the timers, as a process that is killed does.
func (c *fakeClock) restart() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timers = nil
}

// disk is what survives a crash: each Write is a transaction.
type disk struct {
	mu      sync.Mutex
	revs    []string
	startup int
	revert  *configstore.Revert
	log     []configstore.LogEntry
	writes  int
	fail    error
}

func (d *disk) Startup() (string, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.startup == 0 {
		return "", false, nil
	}
	return d.revs[d.startup-1], true, nil
}

func (d *disk) SaveStartup(text, author, comment string) (int, error) {
	return d.Write(configstore.Batch{Startup: &configstore.Text{Text: text, Author: author, Comment: comment}})
}

func (d *disk) EraseStartup() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.startup = 0
	return nil
}

func (d *disk) Write(b configstore.Batch) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return 0, d.fail
	}
	d.writes++
	if b.Startup != nil {
		d.revs = append(d.revs, b.Startup.Text)
		d.startup = len(d.revs)
	}
	switch {
	case b.Disarm:
		d.revert = nil
	case b.Revert != nil:
		r := *b.Revert
		if !b.Texts && d.revert != nil {
			r.Old, r.New = d.revert.Old, d.revert.New
		}
		r.Startup = d.startup
		d.revert = &r
	}
	for _, entry := range b.Log {
		entry.Number = len(d.log) + 1
		d.log = append(d.log, entry)
	}
	return d.startup, nil
}

func (d *disk) Pending() (configstore.Revert, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.revert == nil {
		return configstore.Revert{}, false, nil
	}
	r := *d.revert
	r.Void = r.Startup != d.startup
	return r, true, nil
}

func (d *disk) Log() ([]configstore.LogEntry, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.log), nil
}

// reporter is a test, or one run of a property.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Fatal(args ...any)
}

// world is a box that can crash.
type world struct {
	*Engine
	t      reporter
	disk   *disk
	clock  *fakeClock
	module *probe
	said   []string
}

// probe is a module with a context, lines in order, and hooks.
type probe struct {
	applied string // what the last Apply was shown
	applies int
	checks  int
	refuse  string // a line that Check refuses
	fail    string // a line that Apply fails at
	cuts    string // a line whose removal cuts the operator
}

func (*probe) Name() string { return "probe" }

func (*probe) Grammar() Grammar {
	word := func(label string) map[string]Type { return map[string]Type{label: Word("h", nil)} }
	return Grammar{Statements: []Statement{
		{Syntax: "name VALUE", Help: "h", Args: word("VALUE"), Default: "name box"},
		{Syntax: "host NAME ADDR", Help: "h", Args: map[string]Type{"NAME": Word("h", nil), "ADDR": Word("h", nil)}, Key: []string{"NAME"}},
		{Syntax: "server NAME [port PORT]", Help: "h", Args: map[string]Type{"NAME": Word("h", nil), "PORT": Int(1, 9, "h")}, Key: []string{"NAME"}, Order: AsTyped},
		{Syntax: "user NAME secret SECRET", Help: "h", Args: map[string]Type{"NAME": Word("h", nil), "SECRET": Secret("h", nil)}, Key: []string{"NAME"},
			Normalize: func(v Values) (Values, error) {
				v = v.Clone()
				if s := Get[string](v, "SECRET"); !strings.HasPrefix(s, "hash-") {
					v["SECRET"] = "hash-" + s
				}
				return v, nil
			}},
		{Syntax: "port NAME", Help: "h", Args: word("NAME"), Key: []string{"NAME"}, Mode: "port-NAME"},
		{In: "port NAME", Syntax: "mtu SIZE", Help: "h", Args: map[string]Type{"SIZE": Int(1, 9999, "h")}, Default: "mtu 1500"},
		{In: "port NAME", Syntax: "rule NAME", Help: "h", Args: word("NAME"), Key: []string{"NAME"}, Order: AsTyped},
		{In: "port NAME", Syntax: "pool NAME", Help: "h", Args: word("NAME"), Key: []string{"NAME"}, Mode: "pool"},
		{In: "pool NAME", Syntax: "lease SECONDS", Help: "h", Args: map[string]Type{"SECONDS": Int(1, 9999, "h")}},
	}}
}

func (p *probe) find(tree *Tree, line string) *Node {
	path, in := find(&tree.Nodes, nil, func(n *Node) bool { return line != "" && n.Line(false) == line })
	if in == nil {
		return nil
	}
	return path[len(path)-1]
}

func (p *probe) Check(tree *Tree) error {
	p.checks++
	if n := p.find(tree, p.refuse); n != nil {
		return Refuse(n, errors.New("refused"))
	}
	return nil
}

func (p *probe) Apply(_ context.Context, tree *Tree) error {
	p.applies++
	if p.find(tree, p.fail) != nil {
		p.applied = "half done"
		return errors.New("failed")
	}
	p.applied = tree.Text(false)
	return nil
}

func (p *probe) Cuts(old, candidate *Tree, actor Actor) string {
	if p.find(old, p.cuts) != nil && p.find(candidate, p.cuts) == nil && actor.Name == "ann" {
		return p.cuts + " is removed"
	}
	return ""
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, disk: &disk{}, clock: newClock()}
	w.boot()
	return w
}

// boot starts the box on what the disk holds.
func (w *world) boot() {
	w.t.Helper()
	w.clock.restart()
	w.module = &probe{}
	w.Engine = NewEngine(w.disk, slog.New(slog.DiscardHandler))
	w.UseClock(w.clock)
	w.OnAnnounce(func(text string) { w.said = append(w.said, text) })
	if err := w.Register(w.module); err != nil {
		w.t.Fatal(err)
	}
	text, _, err := w.disk.Startup()
	if err != nil {
		w.t.Fatal(err)
	}
	w.Boot(context.Background(), text)
}

var ann, bob = Actor{Name: "ann", From: "10.0.0.1", Level: 15, Line: 1}, Actor{Name: "bob", From: "10.0.0.2", Level: 15, Line: 2}

// typing enters lines one after the other, as a session does.
func (w *world) typing(lines ...string) func(*Tree) error {
	return func(candidate *Tree) error {
		var contexts []*Node
		for _, line := range lines {
			m, err := w.Book().ParseStatement(contexts, line)
			if err != nil {
				return err
			}
			contexts = contexts[:len(contexts)-m.Climbed]
			m.Climbed = 0
			if m.Negated {
				if err := candidate.Remove(contexts, m); err != nil {
					return err
				}
				continue
			}
			n, err := candidate.Set(contexts, m)
			if err != nil {
				return err
			}
			if m.Statement.Mode != "" {
				contexts = append(contexts, n)
			}
		}
		return nil
	}
}

func (w *world) try(actor Actor, o Options, lines ...string) error {
	return w.Change(context.Background(), actor, o, w.typing(lines...))
}

func (w *world) must(lines ...string) {
	w.t.Helper()
	if err := w.try(ann, Options{}, lines...); err != nil {
		w.t.Fatalf("%q: %v", lines, err)
	}
}

func (w *world) wants(text ...string) {
	w.t.Helper()
	want := ""
	if len(text) > 0 {
		want = strings.Join(text, "\n") + "\n"
	}
	if got := w.Running().Text(false); got != want {
		w.t.Errorf("running-config is\n%swant\n%s", got, want)
	}
	if w.module.applied != want {
		w.t.Errorf("applied is\n%swant\n%s", w.module.applied, want)
	}
}

// diffText prints differences as an operator sees them.
func diffText(differences []Difference) string {
	var out strings.Builder
	_ = ViewDiff(differences).Text(&out, 0)
	return out.String()
}

func (w *world) load(lines ...string) *Tree {
	w.t.Helper()
	tree, err := w.Book().LoadStrict(strings.Join(lines, "\n") + "\n")
	if err != nil {
		w.t.Fatal(err)
	}
	return tree
}

// heard says whether operators were told something with these words.
func (w *world) heard(words string) bool {
	return slices.ContainsFunc(w.said, func(text string) bool { return strings.Contains(text, words) })
}

func mistake(t testing.TB, err error, words string) {
	t.Helper()
	var told *Error
	if !errors.As(err, &told) || !strings.Contains(told.Error(), words) {
		t.Errorf("got %v, want a mistake with %q", err, words)
	}
}

func hostLines(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("host h%05d 10.0.%d.%d", i, i/250, i%250)
	}
	return out
}

// A text that an operator wrote may hold secrets in clear: what is kept are their hashes.
func TestBootTyped(t *testing.T) {
	w := newWorld(t)
	w.BootTyped(t.Context(), "user bob secret hunter2\nuser eve secret hash-x\n")
	compareText(t, w.Running().Text(false), lines("user bob secret hash-hunter2", "user eve secret hash-x"))
}
