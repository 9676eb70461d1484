package system

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mbox/host"
	"mbox/modules"
)

// box is the module behind an engine, with everything around it in memory.
type box struct {
	t      *testing.T
	module *Module
	engine *modules.Engine
	host   *host.Recorder
	store  *store
	back   *backups
	log    *bytes.Buffer
	memory memory        // earlier secrets
	later  time.Duration // of the clock
	dir    string        // file area

	reloads int
	about   Description
}

var (
	started = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	now     = started.Add(26*time.Hour + 3*time.Minute)
)

func newBox(t *testing.T, lines ...string) *box {
	t.Helper()
	b := &box{
		t: t, store: &store{}, back: &backups{}, log: &bytes.Buffer{}, memory: memory{}, dir: t.TempDir(),
		host: host.NewRecorder(host.Fixtures{Name: "debian", Up: 10 * 24 * time.Hour, Links: links}),
		about: Description{
			Version: "1.2.3", Commit: "abcdef0", Built: started.AddDate(0, -1, 0), Started: started,
			BoxID: "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
		},
	}
	log := slog.New(slog.NewTextHandler(b.log, nil))
	b.engine = modules.NewEngine(b.store, log)
	b.module = New(Deps{
		Config: b.engine, Box: b, Backups: b.back, Host: b.host,
		Book: b.engine.Book, Commit: b.engine.Commit, Memory: b.memory,
		Now: func() time.Time { return now.Add(b.later) }, Log: log,
	})
	if err := b.engine.Register(b.module); err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		b.must(line)
	}
	return b
}

func (b *box) Describe() Description { return b.about }
func (b *box) Reload()               { b.reloads++ }

// enter types a line in configuration mode, as the shell does.
func (b *box) enter(line string) error {
	match, err := b.engine.Book().ParseStatement(nil, line)
	if err != nil {
		return err
	}
	if match.Statement.Normalize != nil && !match.Negated {
		if match.Values, err = match.Statement.Normalize(match.Values); err != nil {
			return err
		}
	}
	return b.engine.Commit(context.Background(), operator, func(tree *modules.Tree) error {
		if match.Negated {
			return tree.Remove(nil, match)
		}
		_, err := tree.Set(nil, match)
		return err
	})
}

func (b *box) must(line string) {
	b.t.Helper()
	if err := b.enter(line); err != nil {
		b.t.Fatalf("%q: %v", line, err)
	}
}

// save makes the configuration the one that the box starts with.
func (b *box) save() {
	b.t.Helper()
	if _, err := b.engine.Save(context.Background(), operator, ""); err != nil {
		b.t.Fatal(err)
	}
}

var operator = modules.Actor{Name: "alice", From: "console", Level: 15}

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
	return print(b.t, view)
}

// json runs a command that must succeed, as `| json` does.
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

func print(t *testing.T, view modules.View) string {
	t.Helper()
	var out bytes.Buffer
	if err := view.Text(&out, 80); err != nil {
		t.Fatal(err)
	}
	return out.String()
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

// store is startup-config and its revisions in memory.
type store struct {
	text  string
	found bool
	revs  []string // by whom
	fail  error
}

func (s *store) Startup() (string, bool, error) { return s.text, s.found, s.fail }

func (s *store) SaveStartup(text, author, _ string) (int, error) {
	if s.fail != nil {
		return 0, s.fail
	}
	s.text, s.found = text, true
	s.revs = append(s.revs, author)
	return len(s.revs), nil
}

func (s *store) EraseStartup() error {
	if s.fail == nil {
		s.text, s.found = "", false
	}
	return s.fail
}

// backups remembers what was asked of it.
type backups struct {
	passphrase string
	staged     string
	fail       error
}

func (b *backups) Backup(_ context.Context, w io.Writer, passphrase string) error {
	b.passphrase = passphrase
	if _, err := io.WriteString(w, "sealed"); err != nil {
		return err
	}
	return b.fail
}

func (b *backups) Stage(_ context.Context, r io.Reader, passphrase string) error {
	if b.fail != nil {
		return b.fail
	}
	raw, err := io.ReadAll(r)
	b.passphrase, b.staged = passphrase, string(raw)
	return err
}

// terminal answers with what it was given, in order.
type terminal struct {
	bytes.Buffer
	interactive bool
	answers     []bool
	secrets     []string
	asked       []string
	progress    int64
}

func (t *terminal) Interactive() bool { return t.interactive }

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

func (t *terminal) ReadSecret(_ context.Context, prompt string) (string, error) {
	t.asked = append(t.asked, prompt)
	if len(t.secrets) == 0 {
		return "", io.EOF
	}
	secret := t.secrets[0]
	t.secrets = t.secrets[1:]
	return secret, nil
}

func (t *terminal) Progress(done, _ int64, _ string) { t.progress = done }

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

// memory is the verifiers of earlier secrets.
type memory map[string][]byte

func (m memory) Get(key string) ([]byte, bool, error) { raw, found := m[key]; return raw, found, nil }
func (m memory) Put(key string, value []byte) error   { m[key] = value; return nil }
func (m memory) Delete(key string) error              { delete(m, key); return nil }
func (m memory) All() (map[string][]byte, error)      { return m, nil }
