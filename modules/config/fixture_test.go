package config

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mbox/modules"
)

// box is the module behind an engine, with everything around it in memory.
type box struct {
	t      *testing.T
	module *Module
	engine *modules.Engine
	store  *store
	clock  *clock
	log    *bytes.Buffer
	dir    string // file area

	said    []string
	reloads int
	erased  []string
	damaged []string
}

var start = time.Date(2026, 1, 3, 5, 7, 5, 0, time.UTC)

var operator = modules.Actor{Name: "alice", From: "console", Level: 15}

func newBox(t *testing.T, lines ...string) *box {
	t.Helper()
	b := &box{t: t, store: &store{}, clock: &clock{now: start}, log: &bytes.Buffer{}, dir: t.TempDir()}
	log := slog.New(slog.NewTextHandler(b.log, nil))
	b.engine = modules.NewEngine(b.store, log)
	b.module = New(Deps{
		Engine: b.engine, Archive: b.store, Box: b, Clock: b.clock, Log: log,
		Announce: func(text string) { b.said = append(b.said, text) },
	})
	if err := b.engine.Register(b.module, hosts{}); err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		b.must(line)
	}
	return b
}

// hosts is a module with something to configure.
type hosts struct{}

func (hosts) Name() string { return "hosts" }

func (hosts) Grammar() modules.Grammar {
	return modules.Grammar{Statements: []modules.Statement{
		{Syntax: "hostname NAME", Help: "Name", Args: map[string]modules.Type{"NAME": modules.Word("Name", nil)}, Default: "hostname mbox"},
		{Syntax: "user NAME secret SECRET", Help: "User", Key: []string{"NAME"},
			Args: map[string]modules.Type{"NAME": modules.Word("Name", nil), "SECRET": modules.Secret("Secret", nil)}},
	}}
}

func (b *box) Reload() { b.reloads++ }

func (b *box) ClearDamaged() ([]string, error) {
	names := b.damaged
	b.damaged = nil
	return names, nil
}

func (b *box) EraseDatabases() error { b.erased = append(b.erased, "databases"); return b.store.fail }
func (b *box) EraseFiles() error     { b.erased = append(b.erased, "files"); return b.store.fail }

func (b *box) must(line string) {
	b.t.Helper()
	match, err := b.engine.Book().ParseStatement(nil, line)
	if err == nil {
		err = b.engine.Commit(context.Background(), operator, func(tree *modules.Tree) error {
			_, err := tree.Set(nil, match)
			return err
		})
	}
	if err != nil {
		b.t.Fatalf("%q: %v", line, err)
	}
}

// exec runs a command with the answers of somebody at the terminal.
func (b *box) exec(line string, t *terminal) (modules.View, error) {
	b.t.Helper()
	match, err := b.engine.Book().ParseCommand(15, line)
	if err != nil {
		b.t.Fatalf("%q: %v", line, err)
	}
	if t == nil {
		t = &terminal{}
	}
	return match.Command.Run(context.Background(), modules.Call{
		Values: match.Values, Actor: operator, Terminal: t, Files: files{dir: b.dir}, Line: match.Line,
	})
}

// text runs a command that must succeed and prints its result.
func (b *box) text(line string) string {
	b.t.Helper()
	view, err := b.exec(line, nil)
	if err != nil {
		b.t.Fatalf("%q: %v", line, err)
	}
	return show(b.t, view)
}

func show(t *testing.T, view modules.View) string {
	t.Helper()
	var out bytes.Buffer
	if view == nil {
		return ""
	}
	if err := view.Text(&out, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := json.Marshal(view); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func (b *box) json(line string) string {
	b.t.Helper()
	view, err := b.exec(line, nil)
	if err != nil {
		b.t.Fatalf("%q: %v", line, err)
	}
	raw, err := json.Marshal(view)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(raw)
}

// refused runs a command that must be refused with something to tell.
func (b *box) refused(line string, t *terminal, want string) {
	b.t.Helper()
	_, err := b.exec(line, t)
	var told *modules.Error
	if !errors.As(err, &told) || !strings.Contains(told.Error(), want) {
		b.t.Errorf("%q: got %v, want %q", line, err, want)
	}
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n%s\nwant\n%s", what, got, want)
	}
}

// store is startup-config and its revisions in memory.
type store struct {
	text  string
	found bool
	revs  []Revision
	texts []string
	fail  error
}

func (s *store) Startup() (string, bool, error) { return s.text, s.found, s.fail }

func (s *store) SaveStartup(text, author, comment string) (int, error) {
	if s.fail != nil {
		return 0, s.fail
	}
	s.text, s.found = text, true
	s.texts = append(s.texts, text)
	s.revs = append(s.revs, Revision{
		Number: len(s.revs) + 1, Time: start, Author: author, Comment: comment, Size: len(text), SHA256: strings.Repeat("ab", 32),
	})
	return len(s.revs), nil
}

func (s *store) EraseStartup() error {
	if s.fail == nil {
		s.text, s.found = "", false
	}
	return s.fail
}

func (s *store) Revisions() ([]Revision, error) { return s.revs, s.fail }

func (s *store) Revision(n int) (string, error) {
	if n < 1 || n > len(s.texts) {
		return "", ErrNoRevision
	}
	return s.texts[n-1], s.fail
}

func (s *store) EraseArchive() error { s.revs, s.texts = nil, nil; return s.fail }

// clock is moved by hand.
type clock struct {
	mu     sync.Mutex
	now    time.Time
	step   time.Duration // of the wall clock beside the passing of time
	timers []*timer
}

type timer struct {
	at time.Time
	f  func()
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now.Add(c.step)
}

func (c *clock) AfterFunc(d time.Duration, f func()) func() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &timer{c.now.Add(d), f}
	c.timers = append(c.timers, t)
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		n := len(c.timers)
		c.timers = slices.DeleteFunc(c.timers, func(other *timer) bool { return other == t })
		return len(c.timers) < n
	}
}

// advance lets time pass, timers in their order.
func (c *clock) advance(d time.Duration) {
	end := c.now.Add(d)
	for {
		c.mu.Lock()
		var next *timer
		for _, t := range c.timers {
			if !t.at.After(end) && (next == nil || t.at.Before(next.at)) {
				next = t
			}
		}
		if next == nil {
			c.now = end
			c.mu.Unlock()
			return
		}
		c.timers = slices.DeleteFunc(c.timers, func(t *timer) bool { return t == next })
		c.now = next.at
		c.mu.Unlock()
		next.f()
	}
}

// terminal answers with what it was given, in order.
type terminal struct {
	modules.Terminal
	bytes.Buffer
	interactive bool
	answers     []bool
	asked       []string
}

func (t *terminal) Write(p []byte) (int, error) { return t.Buffer.Write(p) }
func (t *terminal) Interactive() bool           { return t.interactive }

func (t *terminal) YesNo(ctx context.Context, question string) (bool, error) {
	return t.Confirm(ctx, question)
}

func (t *terminal) Confirm(_ context.Context, question string) (bool, error) {
	t.asked = append(t.asked, question)
	if !t.interactive {
		return false, modules.ErrNotInteractive
	}
	if len(t.answers) == 0 {
		return false, nil
	}
	answer := t.answers[0]
	t.answers = t.answers[1:]
	return answer, nil
}

// files is a file area in a folder, of which only reading and writing is used.
type files struct {
	modules.Files
	dir string
}

func (f files) Open(name string) (*os.File, error) { return os.Open(filepath.Join(f.dir, name)) }

func (f files) Create(name string) (modules.PendingFile, error) {
	file, err := os.CreateTemp(f.dir, "pending")
	if err != nil {
		return nil, err
	}
	return &pending{file, filepath.Join(f.dir, name), false}, nil
}

type pending struct {
	*os.File
	name string
	done bool
}

func (p *pending) Commit() error {
	p.done = true
	return errors.Join(os.Rename(p.File.Name(), p.name), p.Close())
}

func (p *pending) Abort() error {
	if p.done {
		return nil
	}
	return errors.Join(os.Remove(p.File.Name()), p.Close())
}

func (b *box) file(name string) (string, bool) {
	raw, err := os.ReadFile(filepath.Join(b.dir, name))
	return string(raw), !errors.Is(err, fs.ErrNotExist)
}
