package hotspot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
	"mbox/modules/moduletest"
)

// box is a database with the module and its grammar, driven by lines as the shell does.
type box struct {
	t    testing.TB
	db   *hotspotdb.DB
	mod  *Module
	book *modules.Book
	dir  string // the file area
	log  *moduletest.Log
	term *terminal

	clock atomic.Int64  // what it is now on this box, in nanoseconds ahead of the real time
	free  atomic.Uint64 // octets free on the disk
	ahead atomic.Int64  // of the running time, in nanoseconds
}

// singapore is a zone that the machine is not in.
var singapore = time.FixedZone("SGT", 8*3600)

// in puts the box into a zone.
func (b *box) in(zone *time.Location) {
	b.mod.now = func() time.Time { return b.now().In(zone) }
}

// fill leaves so many octets free on the disk, and lets the time pass in which nobody asks again.
func (b *box) fill(free uint64) {
	b.free.Store(free)
	b.ahead.Add(int64(time.Minute))
}

func (b *box) now() time.Time { return time.Now().Add(time.Duration(b.clock.Load())) }

func newBox(t testing.TB) *box {
	t.Helper()
	b := &box{t: t, dir: t.TempDir(), log: &moduletest.Log{}, term: &terminal{}}
	b.free.Store(1 << 40)
	began := time.Now()
	db, err := hotspotdb.Open(hotspotdb.Options{
		Dir: filepath.Join(t.TempDir(), "db"), Sealer: moduletest.NewSealer(t), Now: b.now,
		FreeSpace: func() (uint64, error) { return b.free.Load(), nil },
		Elapsed:   func() time.Duration { return time.Since(began) + time.Duration(b.ahead.Load()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	b.db = db
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	b.mod = New(db, b.now, slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if b.book, err = modules.NewBook(b.mod); err != nil {
		t.Fatal(err)
	}
	return b
}

// run executes a line with the level of an operator and returns its text.
func (b *box) run(line string) (string, error) { return b.runContext(b.t.Context(), line) }

func (b *box) runContext(ctx context.Context, line string) (string, error) {
	view, err := b.call(ctx, line)
	var out bytes.Buffer
	if view != nil {
		if err := view.Text(&out, 0); err != nil {
			b.t.Fatalf("%s: %v", line, err)
		}
	}
	return out.String(), err
}

func (b *box) call(ctx context.Context, line string) (modules.View, error) {
	match, err := b.book.ParseCommand(15, line)
	if err != nil {
		return nil, err
	}
	b.term.out.Reset()
	return match.Command.Run(ctx, modules.Call{
		Values: match.Values, Line: match.Line, Terminal: b.term, Files: files{dir: b.dir},
		Actor: modules.Actor{Name: "anna", From: "console", Level: 15},
	})
}

// must runs lines that have to work and returns the text of the last.
func (b *box) must(lines ...string) (text string) {
	b.t.Helper()
	for _, line := range lines {
		var err error
		if text, err = b.run(line); err != nil {
			b.t.Fatalf("%s: %v", line, err)
		}
	}
	return text
}

// refused runs a line that has to be refused with a message for the operator and returns it.
func (b *box) refused(line string) string {
	b.t.Helper()
	_, err := b.run(line)
	mistake := new(modules.Error)
	if !errors.As(err, &mistake) {
		b.t.Fatalf("%s: got %v, want an error for the operator", line, err)
	}
	return mistake.Error()
}

// json decodes the JSON form of a line's result.
func (b *box) json(line string, into any) {
	b.t.Helper()
	view, err := b.call(b.t.Context(), line)
	if err != nil {
		b.t.Fatalf("%s: %v", line, err)
	}
	data, err := json.Marshal(view)
	if err != nil {
		b.t.Fatalf("%s: %v", line, err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		b.t.Fatalf("%s: %v in %s", line, err, data)
	}
}

func (b *box) write(name, text string) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *box) read(name string) string {
	b.t.Helper()
	data, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil {
		b.t.Fatal(err)
	}
	return string(data)
}

// names are the usernames in the database.
func (b *box) names() string {
	b.t.Helper()
	var out []string
	for a, err := range b.db.Accounts(b.t.Context(), hotspotdb.AccountFilter{}) {
		if err != nil {
			b.t.Fatal(err)
		}
		out = append(out, a.Username)
	}
	return strings.Join(out, " ")
}

// terminal is an operator's side: a person if answer is set.
type terminal struct {
	out      bytes.Buffer
	person   bool
	answer   bool
	asked    string
	progress []int64

	onProgress func()
}

func (t *terminal) Write(p []byte) (int, error) { return t.out.Write(p) }
func (t *terminal) Interactive() bool           { return t.person }
func (t *terminal) YesNo(ctx context.Context, question string) (bool, error) {
	return t.Confirm(ctx, question)
}

func (t *terminal) Confirm(_ context.Context, question string) (bool, error) {
	if t.asked = question; !t.person {
		return false, modules.ErrNotInteractive
	}
	return t.answer, nil
}
func (t *terminal) ReadSecret(context.Context, string) (string, error) {
	return "", modules.ErrNotInteractive
}
func (t *terminal) Progress(done, _ int64, _ string) {
	if t.progress = append(t.progress, done); t.onProgress != nil {
		t.onProgress()
	}
}

// files is a file area in a directory, of which only reading and writing is used.
type files struct {
	modules.Files
	dir string
}

func (f files) Open(name string) (*os.File, error) { return os.Open(filepath.Join(f.dir, name)) }
func (f files) Create(name string) (modules.PendingFile, error) {
	file, err := os.CreateTemp(f.dir, ".pending")
	return &pending{File: file, name: filepath.Join(f.dir, name)}, err
}

type pending struct {
	*os.File
	name string
	done bool
}

func (p *pending) Commit() error {
	p.done = true
	return errors.Join(p.Close(), os.Rename(p.File.Name(), p.name))
}

func (p *pending) Abort() error {
	if p.done {
		return nil
	}
	return errors.Join(p.Close(), os.Remove(p.File.Name()))
}
