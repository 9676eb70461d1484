package modules

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// recorder writes down what the engine asks of its modules.
type recorder struct {
	mu  sync.Mutex
	log []string
}

func (r *recorder) add(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, fmt.Sprintf(format, args...))
}

func (r *recorder) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := strings.Join(r.log, "; ")
	r.log = nil
	return out
}

// fakeModule has one line, "NAME VALUE"; hooks make it fail.
type fakeModule struct {
	name  string
	rec   *recorder
	check func(*Tree) error
	apply func(value string) error
	run   func(context.Context) error
	seen  string // of a reader
}

func (m *fakeModule) Name() string { return m.name }

func (m *fakeModule) syntax() string { return m.name + " VALUE" }

func (m *fakeModule) Grammar() Grammar {
	return Grammar{Statements: []Statement{{Syntax: m.syntax(), Help: "h", Args: map[string]Type{"VALUE": Word("v", nil)}, Mode: "m"},
		{In: m.syntax(), Syntax: m.name + "-child VALUE", Help: "h", Args: map[string]Type{"VALUE": Word("v", nil)}, Key: []string{"VALUE"}}}}
}

func (m *fakeModule) value(t *Tree) string {
	if n, ok := t.One(m.syntax()); ok {
		return Get[string](n.Values, "VALUE")
	}
	return "-"
}

func (m *fakeModule) Check(t *Tree) error {
	m.rec.add("check %s=%s", m.name, m.value(t))
	if m.check != nil {
		return m.check(t)
	}
	return nil
}

func (m *fakeModule) Apply(ctx context.Context, t *Tree) error {
	m.rec.add("apply %s=%s", m.name, m.value(t))
	if m.apply != nil {
		return m.apply(m.value(t))
	}
	return ctx.Err()
}

func (m *fakeModule) Run(ctx context.Context) error {
	if m.run != nil {
		return m.run(ctx)
	}
	<-ctx.Done()
	return nil
}

type fakeStore struct {
	text  string
	found bool
	fail  error
	saves int
}

func (s *fakeStore) Startup() (string, bool, error) { return s.text, s.found, nil }

func (s *fakeStore) SaveStartup(text, _, _ string) (int, error) {
	if s.fail != nil {
		return 0, s.fail
	}
	s.text, s.found = text, true
	s.saves++
	return s.saves, nil
}

func (s *fakeStore) EraseStartup() error {
	if s.fail == nil {
		s.text, s.found = "", false
	}
	return s.fail
}

type rig struct {
	*Engine
	store   *fakeStore
	rec     *recorder
	a, b, c *fakeModule
	log     *bytes.Buffer
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{store: &fakeStore{}, rec: &recorder{}, log: &bytes.Buffer{}}
	r.Engine = NewEngine(r.store, slog.New(slog.NewTextHandler(r.log, nil)))
	r.a, r.b, r.c = &fakeModule{name: "a", rec: r.rec}, &fakeModule{name: "b", rec: r.rec}, &fakeModule{name: "c", rec: r.rec}
	if err := r.Register(r.a, r.b, r.c, systemModule()); err != nil {
		t.Fatal(err)
	}
	return r
}

// enter commits typed lines as one change.
func (r *rig) enter(t *testing.T, lines ...string) error {
	t.Helper()
	return r.Commit(t.Context(), Actor{Name: "op"}, r.typed(t, lines...))
}

func (r *rig) typed(t *testing.T, lines ...string) func(*Tree) error {
	t.Helper()
	var matches []Match
	for _, line := range lines {
		m, err := r.Book().ParseStatement(nil, line)
		if err != nil {
			t.Fatal(err)
		}
		matches = append(matches, m)
	}
	return func(candidate *Tree) error {
		for _, m := range matches {
			if m.Negated {
				if err := candidate.Remove(nil, m); err != nil {
					return err
				}
			} else if _, err := candidate.Set(nil, m); err != nil {
				return err
			}
		}
		return nil
	}
}

func wantLog(t *testing.T, r *rig, want string) {
	t.Helper()
	if got := r.rec.take(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestCommitChecksAllThenAppliesInOrder(t *testing.T) {
	r := newRig(t)
	if err := r.enter(t, "c 3", "b 1", "a 2"); err != nil {
		t.Fatal(err)
	}
	wantLog(t, r, "check a=2; check b=1; check c=3; apply a=2; apply b=1; apply c=3")
	compareText(t, r.Running().Text(false), "a 2\n!\nb 1\n!\nc 3\n")
	if err := r.Register(); err == nil {
		t.Error("Register twice")
	}
}

func TestRefusedChangeTouchesNothing(t *testing.T) {
	r := newRig(t)
	r.c.check = func(tree *Tree) error {
		if n, ok := tree.One("c VALUE"); ok {
			return Refuse(n, errors.New("not today"))
		}
		return nil
	}
	err := r.enter(t, "c 1")
	var refused *StatementError
	if !errors.As(err, &refused) || refused.Line != "c 1" {
		t.Fatalf("got %v", err)
	}
	wantLog(t, r, "check c=1")
	compareText(t, r.Running().Text(false), "")
	wrong := errors.New("wrong")
	if err := r.Commit(t.Context(), Actor{}, func(*Tree) error { return wrong }); !errors.Is(err, wrong) {
		t.Errorf("error of change: %v", err)
	}
	wantLog(t, r, "")
}

func TestRollbackInReverseOrder(t *testing.T) {
	r := newRig(t)
	if err := r.enter(t, "a old", "b old"); err != nil {
		t.Fatal(err)
	}
	r.rec.take()
	boom := errors.New("boom")
	failOnce := true
	r.b.apply = func(string) error {
		if failOnce {
			failOnce = false
			return boom
		}
		return nil
	}
	err := r.enter(t, "a new", "b new", "c new")
	var failed *ApplyError
	if !errors.As(err, &failed) || !errors.Is(err, boom) || failed.Module != "b" || failed.Rollback != nil ||
		!strings.Contains(err.Error(), "as before") {
		t.Fatalf("got %v", err)
	}
	wantLog(t, r, "check a=new; check b=new; check c=new; apply a=new; apply b=new; apply b=old; apply a=old")
	compareText(t, r.Running().Text(false), "a old\n!\nb old\n")
	if len(r.Degraded()) != 0 {
		t.Errorf("degraded: %v", r.Degraded())
	}
}

func TestFailedRollbackTellsBothResults(t *testing.T) {
	r := newRig(t)
	bad, worse := errors.New("bad"), errors.New("worse")
	r.b.apply = func(string) error { return bad }
	r.a.apply = func(value string) error {
		if value == "-" {
			return worse
		}
		return nil
	}
	err := r.enter(t, "a 1", "b 1")
	if !errors.Is(err, bad) || !errors.Is(err, worse) || !strings.Contains(err.Error(), "going back failed too") {
		t.Fatalf("got %v", err)
	}
	compareText(t, r.Running().Text(false), "")
	if d := r.Degraded(); !errors.Is(d["a"], worse) || !errors.Is(d["b"], bad) {
		t.Errorf("degraded: %v", d)
	}
	r.a.apply, r.b.apply = nil, nil
	if err := r.enter(t, "c 1"); err != nil || len(r.Degraded()) != 0 {
		t.Errorf("a good apply does not heal: %v %v", err, r.Degraded())
	}
}

func TestBrokenModuleDoesNotHoldUpTheBox(t *testing.T) {
	r := newRig(t)
	r.a.apply = func(string) error { return errors.New("no such device") }
	r.b.check = func(tree *Tree) error { return errors.New("no database") }
	report := r.Boot(t.Context(), "a 1\nb 1\nc 1\n")
	if report.Degraded["a"] == nil || report.Degraded["b"] == nil || report.Degraded["c"] != nil {
		t.Fatalf("degraded: %v", report.Degraded)
	}
	wantLog(t, r, "check a=1; check b=1; check c=1; apply a=1; apply c=1")
	if err := r.enter(t, "c 2"); err != nil { // the broken ones are tried again
		t.Fatalf("a change of another module: %v", err)
	}
	wantLog(t, r, "check a=1; check b=1; check c=2; apply a=1; apply c=2")
	if err := r.enter(t, "a 2"); err == nil {
		t.Error("a change of the broken module itself is said to work")
	}
	if err := r.enter(t, "b 2"); err == nil {
		t.Error("a change that the broken module refuses is said to work")
	}
	if len(r.Degraded()) != 2 {
		t.Errorf("degraded: %v", r.Degraded())
	}
	r.a.apply, r.b.check = nil, nil
	if err := r.enter(t, "a 3"); err != nil || len(r.Degraded()) != 0 {
		t.Errorf("after repair: %v, degraded %v", err, r.Degraded())
	}
}

func TestCancelledCommitIsWholeOrNothing(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	r.a.apply = func(string) error { cancel(); return nil }
	set := r.typed(t, "a 1", "b 1")
	if err := r.Commit(ctx, Actor{}, set); err != nil {
		t.Fatalf("cancelled while applying: %v", err)
	}
	wantLog(t, r, "check a=1; check b=1; apply a=1; apply b=1")
	if err := r.Commit(ctx, Actor{}, r.typed(t, "b 2")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before applying: %v", err)
	}
	wantLog(t, r, "check b=2")
}

func TestCommitsFollowEachOther(t *testing.T) {
	r := newRig(t)
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			m, err := r.Book().ParseStatement(nil, fmt.Sprintf("username u%d secret x", i))
			if err != nil {
				t.Error(err)
				return
			}
			err = r.Commit(t.Context(), Actor{}, func(candidate *Tree) error {
				_, err := candidate.Set(nil, m)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := len(r.Running().Nodes); n != 20 {
		t.Errorf("%d lines of 20", n)
	}
}

func TestRunnerThatFailsIsDegradedAlone(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	broken := make(chan struct{})
	r.a.run = func(context.Context) error { defer close(broken); return errors.New("socket gone") }
	ended := make(chan struct{})
	r.b.run = func(ctx context.Context) error { <-ctx.Done(); close(ended); return ctx.Err() }
	r.c.run = func(ctx context.Context) error { <-broken; cancel(); <-ctx.Done(); return nil }
	if err := r.Run(ctx); err != nil {
		t.Fatal(err)
	}
	<-ended
	if d := r.Degraded(); len(d) != 1 || d["a"] == nil {
		t.Errorf("degraded: %v", d)
	}
	if err := r.enter(t, "a 1"); err != nil || r.Degraded()["a"] == nil {
		t.Errorf("an Apply heals a Runner that ended: %v", err)
	}
	r.a.apply = func(value string) error { return errors.New("no") }
	if err := r.enter(t, "a 2"); err == nil {
		t.Error("a module whose Runner ended may fail to apply unnoticed")
	}
}
