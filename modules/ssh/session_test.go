package ssh

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"mbox/modules"
	"mbox/modules/moduletest"
)

func TestCommandAndScript(t *testing.T) {
	b := newBox(t)
	client := b.login("admin", "adminpass")
	for command, want := range map[string]struct {
		out    string
		status int
	}{
		"show version":             {"did show version\n", 0},
		"a 'b  c' | json":          {"did a 'b  c' | json\n", 0}, // as it was typed
		"one\ntwo":                 {"did one\ndid two\n", 0},
		"one\nwrong\nthree":        {"did one\n% Invalid\n", 1},
		"panic":                    {"", 1},
		strings.Repeat("x", 20000): {"did " + strings.Repeat("x", 20000) + "\n", 0},
	} {
		out, err := b.session(client).Output(command)
		if string(out) != want.out || exitStatus(err) != want.status {
			t.Errorf("%.20q: %.100q, %v", command, out, err)
		}
	}
	if err := b.session(client).Run(strings.Repeat("x", maxCommand+1)); err == nil {
		t.Error("a command without bound was taken")
	}
	script := b.session(client)
	script.Stdin = strings.NewReader("one\nwrong\ntwo\n")
	var out strings.Builder
	script.Stdout = &out
	if err := script.Shell(); err != nil {
		t.Fatal(err)
	}
	if err := script.Wait(); exitStatus(err) != 1 || out.String() != "did one\n% Invalid\ndid two\n" {
		t.Errorf("script: %q, %v", out.String(), err)
	}
	b.await("a session that panics")
}

func TestPerson(t *testing.T) {
	b := newBox(t)
	b.shell.resized = make(chan Size, 10)
	p := b.person(b.login("guest", "guestpass"))
	p.expect("guest 80x24> ")
	<-b.shell.resized // the first size
	for i := range 100 {
		if err := p.session.WindowChange(10+i, 200); err != nil {
			t.Fatal(err)
		}
		if got := <-b.shell.resized; got != (Size{200, 10 + i}) {
			t.Fatalf("the window has %v", got)
		}
	}
	p.types("grüße\r")
	p.expect("did grüße")
	p.types("exit\r")
	if err := p.session.Wait(); err != nil {
		t.Errorf("the session ended with %v", err)
	}
}

// TestChangeFirst: who must change the password can do nothing else.
func TestChangeFirst(t *testing.T) {
	b := newBox(t)
	client := b.login("fresh", "factory")
	s := b.session(client)
	var told strings.Builder
	s.Stderr = &told
	if out, err := s.Output("show version"); exitStatus(err) != 1 || len(out) > 0 || !strings.Contains(told.String(), "password must be changed") {
		t.Errorf("%q %q, %v", out, told.String(), err)
	}
	if err := b.session(client).RequestSubsystem("sftp"); err == nil {
		t.Error("SFTP before the change")
	}
	p := b.person(client)
	p.expect("fresh 80x24> ")
}

// TestNothingElse: no forwarding, no agent, no X11, no environment, no other subsystem.
func TestNothingElse(t *testing.T) {
	b := newBox(t)
	client := b.login("admin", "adminpass")
	for _, kind := range []string{"direct-tcpip", "direct-streamlocal@openssh.com", "x11", "auth-agent@openssh.com", "tun@openssh.com"} {
		if _, _, err := client.OpenChannel(kind, nil); err == nil {
			t.Errorf("a channel of type %s", kind)
		}
	}
	if _, err := client.Dial("tcp", b.addr); err == nil {
		t.Error("a port was forwarded")
	}
	if _, err := client.Listen("tcp", "127.0.0.1:0"); err == nil {
		t.Error("a port was forwarded back")
	}
	for _, kind := range []string{"streamlocal-forward@openssh.com", "no-more-sessions@openssh.com"} {
		if ok, _, err := client.SendRequest(kind, true, nil); ok || err != nil {
			t.Errorf("%s: %t, %v", kind, ok, err)
		}
	}
	s := b.session(client)
	for _, kind := range []string{"auth-agent-req@openssh.com", "x11-req", "env", "signal", "break", "xon-xoff"} {
		if ok, err := s.SendRequest(kind, true, nil); ok || err != nil {
			t.Errorf("%s: %t, %v", kind, ok, err)
		}
	}
	if s.RequestSubsystem("netconf") == nil {
		t.Error("a subsystem that is none")
	}
	if out, err := s.Output("still here"); err != nil || string(out) != "did still here\n" {
		t.Errorf("%q, %v", out, err)
	}
}

// TestMalformedRequests: no client ends the box.
func TestMalformedRequests(t *testing.T) {
	b := newBox(t)
	client := b.login("guest", "guestpass")
	for _, payload := range [][]byte{nil, {0}, {255, 255, 255, 255}, binary.BigEndian.AppendUint32(nil, 1<<31), make([]byte, 20), make([]byte, 4000)} {
		for _, kind := range []string{"pty-req", "window-change", "exec", "subsystem"} {
			ch, requests, err := client.OpenChannel("session", nil)
			if err != nil {
				t.Fatal(err)
			}
			go gossh.DiscardRequests(requests)
			_, _ = ch.SendRequest(kind, true, payload)
			ch.Close()
		}
	}
	p := b.person(client)
	p.expect("guest 80x24> ")
	if err := p.session.RequestPty("xterm", 24, 80, nil); err == nil {
		t.Error("a second terminal")
	}
}

func TestSessionLimits(t *testing.T) {
	b := newBox(t, "ip ssh session-limit 8")
	first := b.login("guest", "guestpass")
	for range 7 { // an eighth is for those who may do something about it
		b.person(first).expect("> ")
	}
	if s, err := first.NewSession(); err == nil {
		s.Close()
		t.Error("one account has all the sessions")
	}
	admin := b.login("admin", "adminpass")
	b.person(admin).expect("> ")
	if _, err := admin.NewSession(); err == nil {
		t.Error("more sessions than the limit")
	}
	first.Close()
	b.awaitSessions(1)
	b.person(admin).expect("> ")
	b.apply(strings.Replace(b.text, "ip ssh session-limit 8", "", 1))
	for range maxChannels - 2 {
		b.person(admin).expect("> ")
	}
	if _, err := admin.NewSession(); err == nil {
		t.Errorf("more than %d sessions on one connection", maxChannels)
	}
}

func (b *box) awaitSessions(n int) {
	b.t.Helper()
	got := -1
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		b.mu.Lock()
		got = b.sessions
		b.mu.Unlock()
		if got == n {
			return
		}
	}
	b.t.Fatalf("%d sessions, want %d", got, n)
}

// TestHundredPeople: all at once, each with its own answers.
func TestHundredPeople(t *testing.T) {
	b := newBox(t)
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			client, err := b.dial("admin", "adminpass")
			if err != nil {
				t.Error(err)
				return
			}
			defer client.Close()
			p := b.person(client)
			for n := range 3 {
				p.types(fmt.Sprintf("line %d of %d\r", n, i))
				p.expect(fmt.Sprintf("did line %d of %d", n, i))
			}
		})
	}
	all.Wait()
	b.awaitSessions(0)
}

// TestTakenAway: whoever may not log in any more is not inside any more.
func TestTakenAway(t *testing.T) {
	key, line := newKey(t)
	_, otherLine := newKey(t)
	keys := chain("admin", line) + "\n  " + otherLine
	for name, test := range map[string]struct {
		change func(b *box) string // the new configuration
		ends   bool
	}{
		"account removed":  {func(b *box) string { b.accounts.remove("admin"); return b.text }, true},
		"secret changed":   {func(b *box) string { b.accounts.set("admin", restamp); return b.text }, true},
		"key removed":      {func(b *box) string { return strings.Replace(b.text, "  "+line, "", 1) }, true},
		"address excluded": {func(b *box) string { return b.text + "ip ssh access-class 192.0.2.0/24 ::1\n" }, true},
		"other account":    {func(b *box) string { b.accounts.remove("guest"); return b.text }, false},
		"other key":        {func(b *box) string { return strings.Replace(b.text, "  "+otherLine, "", 1) }, false},
		"address included": {func(b *box) string { return b.text + "ip ssh access-class 127.0.0.0/8\n" }, false},
		"listener closed":  {func(b *box) string { return keys + "\n" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBox(t, keys)
			client, err := b.dialWith("admin", gossh.PublicKeys(key))
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			p := b.person(client)
			p.expect("> ")
			b.apply(test.change(b))
			if test.ends {
				ended(t, client)
				return
			}
			p.types("still here\r")
			p.expect("did still here")
		})
	}
}

func restamp(a *secretAccount) { a.Stamp += "+" }

// TestToldWhy: an operator learns why the session ends.
func TestToldWhy(t *testing.T) {
	b := newBox(t)
	client := b.login("admin", "adminpass")
	s := b.session(client)
	var told strings.Builder
	s.Stderr = &told
	if err := s.RequestPty("xterm", 24, 80, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.StdinPipe(); err != nil { // stays open
		t.Fatal(err)
	}
	if err := s.Shell(); err != nil {
		t.Fatal(err)
	}
	b.await("session begins")
	b.accounts.remove("admin")
	b.apply(b.text)
	if err := s.Wait(); exitStatus(err) != exitFailed {
		t.Errorf("ended with %v", err)
	}
	if !strings.Contains(told.String(), "% The session ends: the account was removed") {
		t.Errorf("told %q", told.String())
	}
}

// TestOwnSecret: who changes the own secret goes on, on this connection only.
func TestOwnSecret(t *testing.T) {
	b := newBox(t)
	other := b.login("admin", "adminpass")
	b.person(other).expect("> ")
	p := b.person(b.login("admin", "adminpass"))
	p.expect("> ")
	b.shell.ran = func(ctx context.Context, line string) {
		b.accounts.set("admin", restamp)
		if err := b.tryApply(context.WithoutCancel(ctx), b.text); err != nil {
			t.Error(err)
		}
	}
	p.types("username admin secret new\r")
	p.expect("did username admin")
	ended(t, other)
	b.shell.ran = nil
	p.types("again\r")
	p.expect("did again")
	b.accounts.remove("admin")
	b.apply(b.text)
	b.awaitSessions(0)
}

// TestCuts: an operator is warned of what would shut the own door.
func TestCuts(t *testing.T) {
	key, line := newKey(t)
	b := newBox(t, chain("admin", line))
	client, err := b.dialWith("admin", gossh.PublicKeys(key))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	b.person(client).expect("> ")
	actor := b.shell.last()
	_, port, _ := net.SplitHostPort(b.addr)
	for name, test := range map[string]struct{ text, want string }{
		"nothing":       {b.text, ""},
		"access-class":  {b.text + "ip ssh access-class 192.0.2.0/24\n", "ip ssh access-class does not hold 127.0.0.1"},
		"access inside": {b.text + "ip ssh access-class 127.0.0.0/24\n", ""},
		"key":           {strings.Replace(b.text, "  "+line, "", 1), "the key of this session"},
		"listener":      {strings.Replace(b.text, "port "+port, "port 1", 1), "nothing listens any more on " + b.addr},
		"wildcard":      {strings.Replace(b.text, "listen 127.0.0.1", "listen 0.0.0.0", 1), ""},
		"other family":  {strings.Replace(b.text, "listen 127.0.0.1", "listen ::", 1), "nothing listens"},
	} {
		got := b.Cuts(nil, moduletest.Tree(t, test.text, b.Module), actor)
		if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
		if got := b.Cuts(nil, moduletest.Tree(t, test.text, b.Module), modules.Actor{Name: "console", From: "console"}); got != "" {
			t.Errorf("%s: the console is told %q", name, got)
		}
	}
}

// TestAccessClass: who may not connect hears nothing of SSH.
func TestAccessClass(t *testing.T) {
	b := newBox(t, "ip ssh access-class 127.0.0.2 2001:db8::/32")
	if _, err := b.dial("admin", "adminpass"); err == nil {
		t.Error("an address outside of the access-class got in")
	}
	b.await("reason=access-class")
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	raw, err := dialer.Dial("tcp", b.addr)
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
	defer client.Close()
	b.person(client).expect("> ")
	if got := b.shell.last().From; got != "127.0.0.2" {
		t.Errorf("from %s", got)
	}
}

// TestHostKey: made once, kept, replaced on demand; one that cannot be read is not replaced silently.
func TestHostKey(t *testing.T) {
	b := newBox(t)
	first := b.host.Load().fingerprint()
	again := New(Deps{State: b.state, Accounts: b.accounts})
	if err := again.needHostKey(); err != nil || again.host.Load().fingerprint() != first {
		t.Errorf("another key after a restart: %v", err)
	}
	b.login("admin", "adminpass")
	call := modules.Call{Values: modules.Values{"force": true}, Actor: modules.Actor{Name: "admin"}}
	view, err := b.generate(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	second := view.(publicKeyView).Fingerprint
	if second == first {
		t.Error("the key is the old one")
	}
	b.login("admin", "adminpass") // which insists on the new key
	if err := again.needHostKey(); err != nil {
		t.Error(err)
	}
	third := New(Deps{State: b.state, Accounts: b.accounts})
	if err := third.needHostKey(); err != nil || third.host.Load().fingerprint() != second {
		t.Errorf("the new key was not kept: %v", err)
	}
	for _, broken := range []string{"", "{}", `{"type":"ssh-ed25519","seed":"AAAA"}`, `{"type":"ssh-rsa"}`} {
		damaged := New(Deps{State: &state{entries: map[string][]byte{hostKeyEntry: []byte(broken)}}, Accounts: b.accounts})
		if err := damaged.needHostKey(); err == nil || damaged.host.Load() != nil {
			t.Errorf("%q is a host key", broken)
		}
	}
}

func TestRotationAsks(t *testing.T) {
	b := newBox(t)
	before := b.host.Load()
	terminal := &asked{}
	for _, answer := range []error{nil, modules.ErrNotInteractive} {
		terminal.err = answer
		_, err := b.generate(t.Context(), modules.Call{Values: modules.Values{}, Terminal: terminal})
		if (err == nil) != (answer == nil) || b.host.Load() != before {
			t.Errorf("answered %v: %v", answer, err)
		}
	}
	terminal.yes, terminal.err = true, nil
	if _, err := b.generate(t.Context(), modules.Call{Values: modules.Values{}, Terminal: terminal}); err != nil || b.host.Load() == before {
		t.Errorf("yes: %v", err)
	}
}

// asked is a terminal that answers questions.
type asked struct {
	modules.Terminal
	yes bool
	err error
}

func (a *asked) Confirm(context.Context, string) (bool, error) { return a.yes, a.err }

func TestShow(t *testing.T) {
	b := newBox(t, "ip ssh access-class 127.0.0.0/8 ::1")
	b.person(b.login("admin", "adminpass")).expect("> ")
	for name, test := range map[string]struct {
		run  func(context.Context, modules.Call) (modules.View, error)
		want []string
	}{
		"show ip ssh": {b.showServer, []string{
			"SSH Enabled - version 2.0\nAuthentication timeout: 120 secs; Authentication retries: 3\nKeepalive: 30 secs; Sessions: 1 of 128\n",
			"\nListening on:  " + b.addr + "\n", "\nAccess class:  127.0.0.0/8\n               ::1\n",
			"\nHost key:      ssh-ed25519 " + b.host.Load().fingerprint(), "\nKey exchange:  mlkem768x25519-sha256\n",
		}},
		"show ssh":                 {b.showConnections, []string{"Connection  User", "         1  admin  password         1  20", "  127.0.0.1\n"}},
		"show crypto key mypubkey": {b.showKey, []string{"Fingerprint: SHA256:", "\nssh-ed25519 AAAA"}},
	} {
		view, err := test.run(t.Context(), modules.Call{})
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := view.Text(&out, 80); err != nil {
			t.Fatal(err)
		}
		for _, want := range test.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s has no %q:\n%s", name, want, &out)
			}
		}
		for line := range strings.Lines(out.String()) {
			if name != "show crypto key mypubkey" && len(line) > 81 {
				t.Errorf("%s is too wide: %s", name, line)
			}
		}
	}
}
