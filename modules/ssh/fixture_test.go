package ssh

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"mbox/modules"
	"mbox/modules/moduletest"
)

// patience bounds every wait; it is no promise of speed.
const patience = 20 * time.Second

// box is a server with what surrounds it.
type box struct {
	*Module
	t        testing.TB
	accounts *accounts
	shell    *shell
	state    *state
	log      *logBuffer
	files    string
	text     string // configuration
	addr     string
	stop     context.CancelFunc
	stopped  chan struct{}
}

// newBox starts a server that listens on a port of its own, with more lines of configuration.
func newBox(t testing.TB, lines ...string) *box {
	t.Helper()
	checkLeaks(t)
	b := &box{
		t: t, shell: &shell{}, state: &state{}, log: &logBuffer{}, files: t.TempDir(), stopped: make(chan struct{}),
		accounts: &accounts{known: map[string]secretAccount{
			"admin": {Account{Name: "admin", Level: 15, Stamp: "1"}, "adminpass"},
			"guest": {Account{Name: "guest", Level: 1, Stamp: "1"}, "guestpass"},
			"fresh": {Account{Name: "fresh", Level: 15, Stamp: "1", MustChange: true}, "factory"},
		}},
	}
	b.Module = New(Deps{
		Accounts: b.accounts, Shell: b.shell, State: b.state, Banner: func() string { return "Authorised\nonly" },
		Files: FileArea{Dir: b.files, Pending: ".pending-"}, Port: 2222, Log: newLog(b.log),
	})
	port := freePort(t)
	b.addr = fmt.Sprintf("127.0.0.1:%d", port)
	b.text = fmt.Sprintf("ip ssh listen 127.0.0.1 port %d\n", port) + strings.Join(lines, "\n") + "\n"
	b.apply(b.text)
	var ctx context.Context
	ctx, b.stop = context.WithCancel(context.Background())
	go func() {
		defer close(b.stopped)
		if err := b.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { b.end() })
	return b
}

// end stops the server; it must take less than the 5 s that a box has.
func (b *box) end() {
	b.t.Helper()
	b.stop()
	select {
	case <-b.stopped:
	case <-time.After(4 * time.Second):
		buf := make([]byte, 1<<20)
		b.t.Fatalf("the server does not stop:\n%s", ours(string(buf[:runtime.Stack(buf, true)])))
	}
}

func (b *box) apply(text string) {
	b.t.Helper()
	if err := b.tryApply(context.Background(), text); err != nil {
		b.t.Fatal(err)
	}
}

func (b *box) tryApply(ctx context.Context, text string) error {
	tree := moduletest.Tree(b.t, text, b.Module)
	if err := b.Check(tree); err != nil {
		return err
	}
	return b.Apply(ctx, tree)
}

// freePort is below the ports that the kernel gives to clients, so that no other connection takes it meanwhile.
func freePort(t testing.TB) int {
	t.Helper()
	for range 200 {
		var raw [2]byte
		rand.Read(raw[:])
		port := 10000 + int(raw[0])<<6 + int(raw[1])
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// accounts is a list in memory.
type accounts struct {
	mu     sync.Mutex
	known  map[string]secretAccount
	failed []string // names of Failed
	asked  []string // name and from of Authenticate
}

type secretAccount struct {
	Account
	secret string
}

func (a *accounts) Authenticate(_ context.Context, name, secret, from string) (Account, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, name+" "+from)
	if known, ok := a.known[name]; ok && known.secret == secret {
		return known.Account, nil
	}
	return Account{}, errors.New("bad secret")
}

func (a *accounts) Admit(name, _ string) (Account, error) {
	if now, ok := a.Current(name); ok {
		return now, nil
	}
	return Account{}, errors.New("no such account")
}

func (a *accounts) Failed(name, _, _ string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failed = append(a.failed, name)
}

func (a *accounts) Current(name string) (Account, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	known, ok := a.known[name]
	return known.Account, ok
}

func (a *accounts) set(name string, change func(*secretAccount)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	known := a.known[name]
	change(&known)
	a.known[name] = known
}

func (a *accounts) remove(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.known, name)
}

// shell answers each line; it knows a few.
type shell struct {
	mu      sync.Mutex
	actors  []modules.Actor
	resized chan Size
	running chan struct{} // gets a value when `wait` runs
	ran     func(ctx context.Context, line string)
}

// tty is a terminal that hands out lines.
type tty struct {
	out   io.Writer
	shell *shell

	mu     sync.Mutex
	cond   *sync.Cond
	typed  []byte
	hungup bool
	tell   func()
	size   Size
}

func (s *shell) Terminal(out io.Writer, size Size) Terminal {
	t := &tty{out: out, size: size, shell: s}
	t.cond = sync.NewCond(&t.mu)
	return t
}

func (t *tty) Feed(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.typed = append(t.typed, p...)
	t.cond.Broadcast()
}

func (t *tty) Resize(size Size) {
	t.mu.Lock()
	t.size = size
	t.mu.Unlock()
	if t.shell.resized != nil {
		t.shell.resized <- size
	}
}

func (t *tty) Hangup() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.hungup && t.tell != nil {
		t.tell()
	}
	t.hungup = true
	t.cond.Broadcast()
}

func (t *tty) OnHangup(tell func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tell = tell
}

func (t *tty) line() (string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		if t.hungup {
			return "", false
		}
		if at := bytes.IndexByte(t.typed, '\r'); at >= 0 {
			line := string(t.typed[:at])
			t.typed = t.typed[at+1:]
			return line, true
		}
		t.cond.Wait()
	}
}

func (s *shell) enter(actor modules.Actor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.actors = append(s.actors, actor)
}

func (s *shell) last() modules.Actor {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.actors) == 0 {
		return modules.Actor{}
	}
	return s.actors[len(s.actors)-1]
}

func (s *shell) Interact(ctx context.Context, actor modules.Actor, terminal Terminal) error {
	s.enter(actor)
	t := terminal.(*tty)
	for {
		t.mu.Lock()
		size := t.size
		t.mu.Unlock()
		fmt.Fprintf(t.out, "%s %dx%d> ", actor.Name, size.Width, size.Height)
		line, ok := t.line()
		if !ok || line == "exit" {
			return nil
		}
		s.execute(ctx, line, t.out)
	}
}

func (s *shell) execute(ctx context.Context, line string, out io.Writer) bool {
	switch {
	case line == "wait":
		if s.running != nil {
			s.running <- struct{}{}
		}
		<-ctx.Done()
		return false
	case line == "flood":
		if s.running != nil {
			s.running <- struct{}{}
		}
		for {
			if _, err := out.Write(bytes.Repeat([]byte("x"), 32<<10)); err != nil {
				return false
			}
		}
	case line == "panic":
		panic("a session that panics")
	case line == "wrong":
		fmt.Fprintln(out, "% Invalid")
		return false
	}
	if s.ran != nil {
		s.ran(ctx, line)
	}
	fmt.Fprintf(out, "did %s\n", line)
	return true
}

func (s *shell) Run(ctx context.Context, actor modules.Actor, out io.Writer, lines string) bool {
	s.enter(actor)
	for line := range strings.Lines(lines) {
		if !s.execute(ctx, strings.TrimSuffix(line, "\n"), out) {
			return false
		}
	}
	return true
}

func (s *shell) RunAll(ctx context.Context, actor modules.Actor, in io.Reader, out io.Writer) bool {
	s.enter(actor)
	all := true
	for scanner := bufio.NewScanner(in); scanner.Scan(); {
		all = s.execute(ctx, scanner.Text(), out) && all
	}
	return all
}

// state is a config store in memory.
type state struct {
	mu      sync.Mutex
	entries map[string][]byte
	err     error
}

func (s *state) Get(key string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok := s.entries[key]
	return value, ok, s.err
}

func (s *state) Put(key string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if s.entries == nil {
		s.entries = map[string][]byte{}
	}
	s.entries[key] = value
	return nil
}

// logBuffer keeps what is logged.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// await waits for something to be logged.
func (b *box) await(want string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); runtime.Gosched() {
		if strings.Contains(b.log.String(), want) {
			return
		}
	}
	b.t.Fatalf("%q was never logged:\n%s", want, b.log)
}

// dial logs in by password.
func (b *box) dial(name, password string) (*gossh.Client, error) {
	return b.dialWith(name, gossh.Password(password))
}

func (b *box) dialWith(name string, methods ...gossh.AuthMethod) (*gossh.Client, error) {
	return gossh.Dial("tcp", b.addr, &gossh.ClientConfig{
		User: name, Auth: methods, HostKeyCallback: gossh.FixedHostKey(b.host.Load().signer.PublicKey()), Timeout: patience,
	})
}

func (b *box) login(name, password string) *gossh.Client {
	b.t.Helper()
	client, err := b.dial(name, password)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { client.Close() })
	return client
}

// session opens a session of a client.
func (b *box) session(client *gossh.Client) *gossh.Session {
	b.t.Helper()
	s, err := client.NewSession()
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// person is a client at a terminal.
type person struct {
	t       testing.TB
	session *gossh.Session
	in      io.WriteCloser
	out     io.Reader
	seen    bytes.Buffer
}

func (b *box) person(client *gossh.Client) *person {
	b.t.Helper()
	p := &person{t: b.t, session: b.session(client)}
	var err error
	if err = p.session.RequestPty("xterm", 24, 80, gossh.TerminalModes{}); err != nil {
		b.t.Fatal(err)
	}
	if p.in, err = p.session.StdinPipe(); err != nil {
		b.t.Fatal(err)
	}
	if p.out, err = p.session.StdoutPipe(); err != nil {
		b.t.Fatal(err)
	}
	if err = p.session.Shell(); err != nil {
		b.t.Fatal(err)
	}
	return p
}

// expect reads until the screen has shown something; the client's end fails the test, not time.
func (p *person) expect(want string) {
	p.t.Helper()
	buf := make([]byte, 1024)
	for !strings.Contains(p.seen.String(), want) {
		n, err := p.out.Read(buf)
		p.seen.Write(buf[:n])
		if err != nil && !strings.Contains(p.seen.String(), want) {
			p.t.Fatalf("%q was never shown: %v\n%q", want, err, p.seen.String())
		}
	}
	p.seen.Reset()
}

func (p *person) types(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.in, text); err != nil {
		p.t.Fatal(err)
	}
}

// ended waits until the server has ended a connection.
func ended(t testing.TB, client *gossh.Client) {
	t.Helper()
	done := make(chan struct{})
	go func() { _ = client.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("the connection goes on")
	}
}

// exitStatus is that of a session; -1 if it had none.
func exitStatus(err error) int {
	var exit *gossh.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitStatus()
	}
	return -1
}

// newKey makes a client's key, and its line for an account.
func newKey(t testing.TB) (gossh.Signer, string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signerOf(t, private)
}

func signerOf(t testing.TB, private any) (gossh.Signer, string) {
	t.Helper()
	signer, err := gossh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer, strings.TrimSpace(string(gossh.MarshalAuthorizedKey(signer.PublicKey())))
}

// chain is the configuration of one key.
func chain(name, line string) string {
	return "ip ssh pubkey-chain\n username " + name + "\n  " + line
}

func checkLeaks(t testing.TB) {
	t.Helper()
	t.Cleanup(func() {
		var stacks string
		for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
			buf := make([]byte, 4<<20)
			if stacks = ours(string(buf[:runtime.Stack(buf, true)])); stacks == "" {
				return
			}
		}
		t.Errorf("goroutines are left:\n%s", stacks)
	})
}

func ours(all string) string {
	var left []string
	for _, stack := range strings.Split(all, "\n\n")[1:] { // the first is the caller
		if strings.Contains(stack, "testing.tRunner") || strings.Contains(stack, "testing.(*F)") || strings.Contains(stack, "testing.(*B)") {
			continue
		}
		for _, room := range []string{"mbox/modules/ssh.", "gliderlabs/ssh", "crypto/ssh", "pkg/sftp"} {
			if strings.Contains(stack, room) {
				left = append(left, stack)
				break
			}
		}
	}
	return strings.Join(left, "\n\n")
}

func writeFile(t testing.TB, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func newLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
