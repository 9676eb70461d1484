package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"mbox/credential"
)

// shellBox is a box in a process of its own that operators reach by SSH.
type shellBox struct {
	t       *harness
	program string
	root    string // of all its folders
	dir     string // of this start
	port    int
	signer  ssh.Signer
	secret  string // verifier of the operator's account
	cmd     *exec.Cmd
}

func newShellBox(t *harness) *shellBox {
	self, err := os.Executable()
	t.must(err)
	b := &shellBox{t: t, program: filepath.Join(filepath.Dir(self), "mbox"), root: t.TempDir()}
	if _, err := os.Stat(b.program); err != nil {
		t.Fatalf("%v; type: make build", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	t.must(err)
	b.port = l.Addr().(*net.TCPAddr).Port
	t.must(l.Close())
	_, key, err := ed25519.GenerateKey(rand.Reader)
	t.must(err)
	b.signer, err = ssh.NewSignerFromKey(key)
	t.must(err)
	verifier, err := credential.Make("a-secret-for-the-bench")
	t.must(err)
	b.secret = verifier.String()
	t.Cleanup(b.stop)
	return b
}

// configuration is that of the operator, and so many lines more.
func (b *shellBox) configuration(lines int) string {
	var text strings.Builder
	fmt.Fprintf(&text, "username op privilege 15 secret %s\n", b.secret)
	for i := range lines {
		fmt.Fprintf(&text, "ip host h%d.example.com 10.%d.%d.%d\n", i/2, i>>16&255, i>>8&255, i&255) // two addresses each: names are bounded
	}
	fmt.Fprintf(&text, "ip ssh listen 127.0.0.1 port %d\nip ssh pubkey-chain\n username op\n  key-string %s", b.port, ssh.MarshalAuthorizedKey(b.signer.PublicKey()))
	return text.String()
}

// start runs a box with a startup-config of so many lines and returns how long it takes until its console answers.
func (b *shellBox) start(lines int) time.Duration {
	var err error
	b.dir, err = os.MkdirTemp(b.root, "box")
	b.t.must(err)
	startup := b.dir + ".cfg"
	b.t.must(os.WriteFile(startup, []byte(b.configuration(lines)), 0o600))
	log, err := os.Create(b.dir + ".log")
	b.t.must(err)
	defer log.Close()
	b.cmd = exec.Command(b.program, "run", "--data", b.dir, "--startup-config", startup, "--record-host")
	b.cmd.Stderr = log
	began := time.Now()
	b.t.must(b.cmd.Start())
	if out, err := exec.Command(b.program, "shell", "--data", b.dir, "--wait", fmt.Sprint(patience.Seconds()), "-c", "show clock").CombinedOutput(); err != nil {
		b.t.Fatalf("the box does not answer: %v\n%s", err, out)
	}
	return time.Since(began)
}

func (b *shellBox) stop() {
	if b.cmd == nil {
		return
	}
	_ = b.cmd.Process.Signal(os.Interrupt)
	_ = b.cmd.Wait()
	b.cmd = nil
}

func (b *shellBox) dial() *ssh.Client {
	client, err := ssh.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", b.port), &ssh.ClientConfig{
		User: "op", Auth: []ssh.AuthMethod{ssh.PublicKeys(b.signer)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: patience,
	})
	b.t.must(err)
	return client
}

// login opens a terminal session that waits for input at `mbox#`.
func (b *shellBox) login() *line {
	l := terminalOf(b.t, b.dial())
	l.await(time.Now(), "", "mbox#")
	return l
}

// terminalOf asks for a terminal and a shell.
func terminalOf(t *harness, client *ssh.Client) *line {
	session, err := client.NewSession()
	t.must(err)
	t.must(session.RequestPty("xterm", 40, 100, ssh.TerminalModes{ssh.ECHO: 1}))
	in, err := session.StdinPipe()
	t.must(err)
	out, err := session.StdoutPipe()
	t.must(err)
	t.must(session.Shell())
	return newLine(t, in, out, func() { _ = client.Close() })
}

// paste types lines as a terminal pastes them, and returns how long it took until all were taken.
func (b *shellBox) paste(lines int) time.Duration {
	l := b.login()
	l.ask("configure terminal\r", "(config)#")
	var text strings.Builder
	text.WriteString("\x1b[200~")
	for i := range lines {
		fmt.Fprintf(&text, "ip host p%d.example.com 11.%d.%d.%d\r", i, i>>16&255, i>>8&255, i&255)
	}
	text.WriteString("hostname pasted\r\x1b[201~")
	took := l.ask(text.String(), "pasted(config)#")
	l.ask("no hostname\r", "mbox(config)#")
	l.close()
	out, err := exec.Command(b.program, "shell", "--data", b.dir, "-c", `show running-config | count ^ip host p`).CombinedOutput()
	b.t.must(err)
	if want := fmt.Sprintf("= %d\n", lines); !strings.HasSuffix(string(out), want) {
		b.t.Fatalf("of %d pasted lines: %s", lines, out)
	}
	return took
}

// crowd returns the memory that each of n sessions takes, and how long each login took.
func (b *shellBox) crowd(n int) (memory int64, each time.Duration) {
	b.login().close() // what the first one brings with it is not the others'
	before := proportional(b.t, b.cmd.Process.Pid)
	began := time.Now()
	var all []*line
	for range n {
		l := terminalOf(b.t, b.dial())
		l.await(began, "", "mbox#")
		all = append(all, l)
	}
	each = time.Since(began) / time.Duration(n)
	for _, l := range all {
		l.ask("show clock\r", "mbox#")
	}
	memory = (proportional(b.t, b.cmd.Process.Pid) - before) / int64(n)
	for _, l := range all {
		l.close()
	}
	return memory, each
}
