package ssh

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"mbox/modules"
)

// with gives the server settings that are too quick to be configured.
func (b *box) with(change func(*settings)) {
	s := *b.settings.Load()
	change(&s)
	b.settings.Store(&s)
}

// TestSlowLogin: bytes that trickle in do not keep a connection.
func TestSlowLogin(t *testing.T) {
	b := newBox(t)
	b.with(func(s *settings) { s.timeout = 300 * time.Millisecond })
	for name, speak := range map[string]func(io.Writer, int){
		"silent":       func(io.Writer, int) {},
		"slow version": func(w io.Writer, i int) { _, _ = w.Write([]byte("x")) },
		"slow handshake": func(w io.Writer, i int) {
			_, _ = w.Write([]byte("SSH-2.0-slow\r\n\x00\x00\x04\x00")[min(i, 17) : min(i, 17)+1])
		},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := net.Dial("tcp", b.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer raw.Close()
			stop := make(chan struct{})
			spoken := make(chan struct{})
			go func() {
				defer close(spoken)
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					case <-time.After(20 * time.Millisecond):
						speak(raw, i)
					}
				}
			}()
			_ = raw.SetReadDeadline(time.Now().Add(patience))
			if _, err := io.Copy(io.Discard, raw); isTimeout(err) {
				t.Error("the connection goes on")
			}
			close(stop)
			<-spoken
		})
	}
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

// TestArrivals: who fills the server loses its own connections, and leaves room for others.
func TestArrivals(t *testing.T) {
	b := newBox(t)
	for i := range maxArrivalsEach {
		if !b.enter(b.pretend("192.0.2.1")) {
			t.Fatalf("refused after %d", i)
		}
	}
	if b.enter(b.pretend("192.0.2.1")) {
		t.Error("one address has no limit")
	}
	for i := range maxArrivals - maxArrivalsEach {
		if !b.enter(b.pretend(fmt.Sprintf("2001:db8:0:%x::1", i/60))) { // full /64s
			t.Fatalf("refused after %d of others", i)
		}
	}
	late := b.pretend("198.51.100.1")
	if !b.enter(late) {
		t.Fatal("there is no room for a newcomer")
	}
	gone := 0
	b.mu.Lock()
	for c := range b.conns {
		if c.stage == leaving {
			gone++
			if c.source != netip.MustParseAddr("192.0.2.1") || context.Cause(c.ctx) != errCrowded {
				t.Errorf("%s had to go: %v", c.source, context.Cause(c.ctx))
			}
		}
		delete(b.conns, c)
	}
	b.mu.Unlock()
	if gone != 1 || late.ctx.Err() != nil {
		t.Errorf("%d had to go", gone)
	}
	for i := range maxArrivalsEach {
		if !b.enter(b.pretend(fmt.Sprintf("2001:db8::%x", i))) {
			t.Fatalf("refused after %d", i)
		}
	}
	if b.enter(b.pretend("2001:db8::ffff:1")) {
		t.Error("one /64 has no limit")
	}
	b.mu.Lock()
	clear(b.conns)
	b.mu.Unlock()
}

// TestFlood: connections that say nothing do not keep an operator out.
func TestFlood(t *testing.T) {
	b := newBox(t)
	var silent []net.Conn
	defer func() {
		for _, raw := range silent {
			raw.Close()
		}
	}()
	for range maxArrivalsEach {
		raw, err := net.Dial("tcp", b.addr)
		if err != nil {
			t.Fatal(err)
		}
		silent = append(silent, raw)
		if _, err := io.ReadFull(raw, make([]byte, len(serverVersion)+2)); err != nil { // it has entered
			t.Fatal(err)
		}
	}
	if _, err := b.dial("admin", "adminpass"); err == nil {
		t.Error("one address has no limit")
	}
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	raw, err := dialer.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	conn, _, _, err := gossh.NewClientConn(raw, b.addr, &gossh.ClientConfig{
		User: "admin", Auth: []gossh.AuthMethod{gossh.Password("adminpass")}, HostKeyCallback: gossh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		t.Fatalf("another address: %v", err)
	}
	conn.Close()
}

// gate is a connection that can stop reading, as that of a client that is suspended.
type gate struct {
	net.Conn
	closed atomic.Bool
	hold   chan struct{} // what reads wait for once it is closed
}

func (g *gate) Read(p []byte) (int, error) {
	if g.closed.Load() {
		<-g.hold
	}
	return g.Conn.Read(p)
}

// TestDeadPeer: a client that does not answer is gone, and its sessions with it.
func TestDeadPeer(t *testing.T) {
	b := newBox(t)
	b.with(func(s *settings) { s.keepalive = 50 * time.Millisecond })
	raw, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	conn, chans, requests, err := gossh.NewClientConn(raw, b.addr, &gossh.ClientConfig{
		User: "admin", Auth: []gossh.AuthMethod{gossh.Password("adminpass")}, HostKeyCallback: gossh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan struct{}, 100)
	passed := make(chan *gossh.Request)
	quiet := make(chan struct{})
	go func() {
		defer close(passed)
		for request := range requests {
			select {
			case <-quiet: // not even a refusal
			default:
				passed <- request
				answered <- struct{}{}
			}
		}
	}()
	client := gossh.NewClient(conn, chans, passed)
	defer client.Close()
	b.person(client).expect("> ")
	for range 6 {
		<-answered
	}
	b.awaitSessions(1) // as long as it answers
	close(quiet)
	b.awaitSessions(0)
	ended(t, client)
}

// TestUnusedConnection: a login that opens nothing does not stay.
func TestUnusedConnection(t *testing.T) {
	b := newBox(t)
	b.with(func(s *settings) { s.keepalive, s.timeout = 20*time.Millisecond, 100*time.Millisecond })
	client := b.login("admin", "adminpass")
	ended(t, client)
}

// TestAbruptEnd: a client that vanishes takes its session and what ran in it with it.
func TestAbruptEnd(t *testing.T) {
	b := newBox(t)
	b.shell.running = make(chan struct{}, 2)
	raw, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	conn, chans, requests, err := gossh.NewClientConn(raw, b.addr, &gossh.ClientConfig{
		User: "admin", Auth: []gossh.AuthMethod{gossh.Password("adminpass")}, HostKeyCallback: gossh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		t.Fatal(err)
	}
	client := gossh.NewClient(conn, chans, requests)
	p := b.person(client)
	p.expect("> ")
	p.types("wait\r")
	<-b.shell.running
	if err := b.session(client).Start("wait"); err != nil {
		t.Fatal(err)
	}
	<-b.shell.running
	if err := raw.(*net.TCPConn).SetLinger(0); err != nil { // RST, as from a machine that does not know of it any more
		t.Fatal(err)
	}
	raw.Close()
	b.awaitSessions(0)
}

// TestClosedChannel: a client may leave one session and keep the connection.
func TestClosedChannel(t *testing.T) {
	b := newBox(t)
	b.shell.running = make(chan struct{}, 1)
	client := b.login("admin", "adminpass")
	s := b.session(client)
	if err := s.Start("wait"); err != nil {
		t.Fatal(err)
	}
	<-b.shell.running
	s.Close()
	b.awaitSessions(0)
	b.person(client).expect("> ")
}

// TestInterruptedCommand: Ctrl-C of `ssh -t` ends the command.
func TestInterruptedCommand(t *testing.T) {
	b := newBox(t)
	b.shell.running = make(chan struct{}, 1)
	s := b.session(b.login("admin", "adminpass"))
	if err := s.RequestPty("xterm", 24, 80, nil); err != nil {
		t.Fatal(err)
	}
	in, err := s.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start("wait"); err != nil {
		t.Fatal(err)
	}
	<-b.shell.running
	if _, err := in.Write([]byte{interrupt}); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(); exitStatus(err) != exitFailed {
		t.Errorf("ended with %v", err)
	}
}

// TestStop: whatever clients do or do not, the box ends in time.
func TestStop(t *testing.T) {
	b := newBox(t)
	b.shell.running = make(chan struct{}, 3)
	half, err := net.Dial("tcp", b.addr) // says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer half.Close()
	if _, err := io.ReadFull(half, make([]byte, len(serverVersion)+2)); err != nil {
		t.Fatal(err)
	}
	busy := b.login("admin", "adminpass")
	if err := b.session(busy).Start("wait"); err != nil {
		t.Fatal(err)
	}
	b.person(busy).expect("> ")
	// One that reads nothing at all: neither its channel's window nor its TCP's.
	raw, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	hold := make(chan struct{})
	defer close(hold)
	gate := &gate{Conn: raw, hold: hold}
	conn, chans, requests, err := gossh.NewClientConn(gate, b.addr, &gossh.ClientConfig{
		User: "admin", Auth: []gossh.AuthMethod{gossh.Password("adminpass")}, HostKeyCallback: gossh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		t.Fatal(err)
	}
	client := gossh.NewClient(conn, chans, requests)
	deaf := b.session(client)
	if _, err := deaf.StdoutPipe(); err != nil { // which nobody reads
		t.Fatal(err)
	}
	if err := deaf.Start("flood"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		<-b.shell.running
	}
	gate.closed.Store(true)
	begin := time.Now()
	b.end()
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	raw.Close()
}

// TestBanishedReader: a client that reads nothing is ended as any other.
func TestBanishedReader(t *testing.T) {
	b := newBox(t)
	b.shell.running = make(chan struct{}, 1)
	client := b.login("admin", "adminpass")
	s := b.session(client)
	if _, err := s.StdoutPipe(); err != nil { // which nobody reads
		t.Fatal(err)
	}
	if err := s.Start("flood"); err != nil {
		t.Fatal(err)
	}
	<-b.shell.running
	b.accounts.remove("admin")
	b.apply(b.text)
	b.awaitSessions(0)
	ended(t, client)
}

// TestHangupOfAReader: the shell may end a session by itself, whatever its client reads.
func TestHangupOfAReader(t *testing.T) {
	b := newBox(t)
	b.shell.running = make(chan struct{}, 1)
	terminals := make(chan Terminal, 1)
	b.deps.Shell = watched{b.shell, terminals}
	client := b.login("admin", "adminpass")
	s := b.session(client)
	if err := s.RequestPty("xterm", 24, 80, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.StdoutPipe(); err != nil { // which nobody reads
		t.Fatal(err)
	}
	s.Stdin = bytes.NewReader([]byte("flood\r"))
	if err := s.Shell(); err != nil {
		t.Fatal(err)
	}
	<-b.shell.running
	(<-terminals).Hangup()
	b.awaitSessions(0)
}

// watched tells of its terminals.
type watched struct {
	*shell
	terminals chan Terminal
}

func (w watched) Terminal(out io.Writer, size Size) Terminal {
	t := w.shell.Terminal(out, size)
	w.terminals <- t
	return t
}

// TestHangupOfAProgram: so may it end one that is no terminal.
func TestHangupOfAProgram(t *testing.T) {
	for _, what := range []string{"command", "script"} {
		t.Run(what, func(t *testing.T) {
			b := newBox(t)
			b.shell.running = make(chan struct{}, 1)
			outputs := make(chan io.Writer, 1)
			b.deps.Shell = overheard{b.shell, outputs}
			s := b.session(b.login("admin", "adminpass"))
			if _, err := s.StdoutPipe(); err != nil { // which nobody reads
				t.Fatal(err)
			}
			s.Stdin = strings.NewReader("flood\n")
			start := s.Shell
			if what == "command" {
				start = func() error { return s.Start("flood") }
			}
			if err := start(); err != nil {
				t.Fatal(err)
			}
			<-b.shell.running
			(<-outputs).(interface{ Hangup() }).Hangup()
			b.awaitSessions(0)
		})
	}
}

// overheard tells where programs write to.
type overheard struct {
	*shell
	outputs chan io.Writer
}

func (o overheard) Run(ctx context.Context, actor modules.Actor, out io.Writer, lines string) bool {
	o.outputs <- out
	return o.shell.Run(ctx, actor, out, lines)
}

func (o overheard) RunAll(ctx context.Context, actor modules.Actor, in io.Reader, out io.Writer) bool {
	o.outputs <- out
	return o.shell.RunAll(ctx, actor, in, out)
}
