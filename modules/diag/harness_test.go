package diag

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mbox/host"
	"mbox/modules"
)

// box is the module with a grammar, and a terminal that keeps what is written.
type box struct {
	t    *testing.T
	m    *Module
	book *modules.Book
	area *area
	term *terminal
}

func newBox(t *testing.T) *box {
	t.Helper()
	b := &box{t: t, area: &area{dir: t.TempDir()}, term: &terminal{}}
	b.m = New(Deps{
		Resolver: resolver{
			addrs: map[string][]string{"self": {"127.0.0.1"}, "both": {"::1", "127.0.0.1"}, "six": {"::1"}},
			names: map[string]string{"127.0.0.1": "self.example.com", "127.0.0.2": "bad\x1b[2Jname"},
		},
		Names: func(prefix string) []modules.Candidate {
			return []modules.Candidate{{Text: prefix + "elf", Help: "me"}}
		},
		Interfaces: func(context.Context) ([]host.Interface, error) {
			return []host.Interface{
				{Name: "lo", Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("::1/128")}},
				{Name: "bare"}, {Name: "eth0", Addresses: []netip.Prefix{netip.MustParsePrefix("fe80::1/64")}},
			}, nil
		},
		Files: b.area, Started: time.Now(),
	})
	book, err := modules.NewBook(b.m)
	if err != nil {
		t.Fatal(err)
	}
	b.book = book
	return b
}

// run runs a line as a session would.
func (b *box) run(ctx context.Context, line string, piped bool) (modules.View, error) {
	b.t.Helper()
	match, err := b.book.ParseCommand(15, line)
	if err != nil {
		b.t.Fatalf("%s: %v", line, err)
	}
	return match.Command.Run(ctx, modules.Call{Values: match.Values, Terminal: b.term, Files: b.area, Line: match.Line, Piped: piped})
}

// text is what a person sees: what is written while the command runs, then its result.
func (b *box) text(line string) string {
	b.t.Helper()
	b.term.reset()
	view, err := b.run(b.t.Context(), line, false)
	if err != nil {
		b.t.Fatalf("%s: %v", line, err)
	}
	var out strings.Builder
	if err := view.Text(&out, 0); err != nil {
		b.t.Fatal(err)
	}
	return b.term.String() + out.String()
}

func (b *box) json(line string, into any) {
	b.t.Helper()
	b.term.reset()
	view, err := b.run(b.t.Context(), line, true)
	if err != nil {
		b.t.Fatalf("%s: %v", line, err)
	}
	raw, err := json.Marshal(view)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	if said := b.term.String(); said != "" {
		b.t.Errorf("%s | json also writes %q", line, said)
	}
}

// refused runs a line that must be refused, and returns why.
func (b *box) refused(line string) string {
	b.t.Helper()
	_, err := b.run(b.t.Context(), line, false)
	var mistake *modules.Error
	if !errors.As(err, &mistake) {
		b.t.Fatalf("%s: %v is no mistake of the operator", line, err)
	}
	return mistake.Error()
}

type resolver struct {
	addrs map[string][]string
	names map[string]string
}

func (r resolver) LookupNetIP(_ context.Context, name string) (out []netip.Addr, err error) {
	if name == "dead" {
		return nil, errors.New("name server 192.0.2.1: i/o timeout")
	}
	for _, a := range r.addrs[name] {
		out = append(out, netip.MustParseAddr(a))
	}
	if out == nil {
		err = &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return out, err
}

func (r resolver) LookupAddr(_ context.Context, addr netip.Addr) (string, error) {
	if name, known := r.names[addr.String()]; known {
		return name, nil
	}
	return "", &net.DNSError{Err: "no such host", Name: addr.String(), IsNotFound: true}
}

type terminal struct {
	mu     sync.Mutex // guards out
	out    strings.Builder
	person bool
	answer bool
	wrote  func(string) // after each write; may be nil
}

func (t *terminal) Write(p []byte) (int, error) {
	t.mu.Lock()
	t.out.Write(p)
	all := t.out.String()
	t.mu.Unlock()
	if t.wrote != nil {
		t.wrote(all)
	}
	return len(p), nil
}

func (t *terminal) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.out.String()
}

func (t *terminal) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.out.Reset()
}

func (t *terminal) Interactive() bool { return t.person }

func (t *terminal) YesNo(ctx context.Context, question string) (bool, error) {
	return t.Confirm(ctx, question)
}

func (t *terminal) Confirm(context.Context, string) (bool, error) {
	if !t.person {
		return false, modules.ErrNotInteractive
	}
	return t.answer, nil
}
func (t *terminal) ReadSecret(context.Context, string) (string, error) { return "", nil }
func (t *terminal) Progress(int64, int64, string)                      {}

// area is a file area in a folder, without the guards of the real one.
type area struct {
	modules.Files
	dir string
}

func (a *area) Open(name string) (*os.File, error) { return os.Open(filepath.Join(a.dir, name)) }

func (a *area) List(name string) (modules.Folder, error) {
	entries, err := os.ReadDir(filepath.Join(a.dir, name))
	free := uint64(5 << 30)
	folder := modules.Folder{Free: &free}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return folder, err
		}
		folder.Entries = append(folder.Entries, info)
	}
	return folder, err
}

func (a *area) Stat(name string) (fs.FileInfo, error) {
	info, err := os.Lstat(filepath.Join(a.dir, name))
	if err != nil {
		return nil, modules.Errorf("there is no file %s", name)
	}
	return info, nil
}

func (a *area) Remove(name string) error { return os.Remove(filepath.Join(a.dir, name)) }

func (a *area) Rename(from, to string, replace bool) error {
	if _, err := a.Stat(to); err == nil && !replace {
		return modules.Errorf("there is a file %s already", to)
	}
	return os.Rename(filepath.Join(a.dir, from), filepath.Join(a.dir, to))
}

// put writes a file.
func (a *area) put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func contextWithStop(t *testing.T) (context.Context, func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	return ctx, stop
}
