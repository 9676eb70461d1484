package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/crypto/ssh"
)

// frr is a zebra that configuration is typed into by vtysh, in a network of its own.
type frr struct {
	t     *harness
	dir   string
	lines []string // flags of vtysh
}

// startFRR returns nil if FRR is not installed, or we are not root.
func startFRR(t *harness) *frr {
	const zebra = "/usr/lib/frr/zebra"
	if _, err := os.Stat(zebra); err != nil || os.Geteuid() != 0 {
		fmt.Println("NOTE: without FRR beside it: it is not installed, or this is not root (apt-get install --no-install-recommends frr)")
		return nil
	}
	f := &frr{t: t, dir: t.TempDir()}
	for _, name := range []string{"zebra.conf", "vtysh.conf"} {
		t.must(os.WriteFile(filepath.Join(f.dir, name), nil, 0o644))
	}
	t.must(exec.Command("chown", "-R", "frr:frr", f.dir).Run())
	cmd := exec.Command("unshare", "-n", zebra, "--vty_socket", f.dir, "-z", f.dir+"/zserv", "-i", f.dir+"/pid", "-f", f.dir+"/zebra.conf",
		"-u", "frr", "-g", "frr", "-A", "127.0.0.1", "-P", "0")
	t.must(cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	f.lines = []string{"--vty_socket", f.dir, "--config_dir", f.dir}
	for limit := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(f.dir, "zebra.vty")); err == nil {
			return f
		}
		if time.Now().After(limit) {
			t.Fatal("zebra does not start")
		}
	}
}

// prefixes are lines that cost little and belong to the program alone, as names of hosts do.
func prefixes(n, net int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "ip prefix-list p%d seq %d permit %d.%d.%d.0/24\n", i/10, i%10+1, net, i>>8&255, i&255)
	}
	return text.String()
}

func (f *frr) load(lines int) time.Duration {
	file := filepath.Join(f.dir, "lines")
	f.t.must(os.WriteFile(file, []byte(prefixes(lines, 10)), 0o644))
	began := time.Now()
	f.t.must(exec.Command("vtysh", append(f.lines, "-f", file)...).Run())
	return time.Since(began)
}

func (f *frr) login() *line {
	cmd := exec.Command("vtysh", f.lines...)
	cmd.Env = append(os.Environ(), "VTYSH_PAGER=cat", "TERM=xterm")
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 100})
	f.t.must(err)
	l := newLine(f.t, terminal, terminal, func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = terminal.Close()
	})
	l.await(time.Now(), "", "# ")
	return l
}

func (f *frr) times(measure func(*line) []time.Duration) []time.Duration {
	if f == nil {
		return nil
	}
	return measure(f.login())
}

// paste gives vtysh lines through a pipe: of a block pasted into its terminal it loses parts.
func (f *frr) paste(lines int) time.Duration {
	cmd := exec.Command("vtysh", f.lines...)
	cmd.Stdin = strings.NewReader("configure terminal\n" + prefixes(lines, 11) + "end\n")
	began := time.Now()
	f.t.must(cmd.Run())
	return time.Since(began)
}

// openSSH is a sshd on loopback, whose users get a bash.
type openSSH struct {
	t      *harness
	port   int
	signer ssh.Signer
	cmd    *exec.Cmd
}

// startOpenSSH returns nil if OpenSSH's server is not installed, or we are not root.
func startOpenSSH(t *harness) *openSSH {
	const sshd = "/usr/sbin/sshd"
	if _, err := os.Stat(sshd); err != nil || os.Geteuid() != 0 {
		fmt.Println("NOTE: without OpenSSH beside it: it is not installed, or this is not root (apt-get install --no-install-recommends openssh-server)")
		return nil
	}
	s := &openSSH{t: t}
	dir := t.TempDir()
	newKey := func() ed25519.PrivateKey {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		t.must(err)
		return key
	}
	block, err := ssh.MarshalPrivateKey(newKey(), "")
	t.must(err)
	t.must(os.WriteFile(filepath.Join(dir, "host"), pem.EncodeToMemory(block), 0o600))
	s.signer, err = ssh.NewSignerFromKey(newKey())
	t.must(err)
	t.must(os.WriteFile(filepath.Join(dir, "keys"), ssh.MarshalAuthorizedKey(s.signer.PublicKey()), 0o600))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	t.must(err)
	s.port = l.Addr().(*net.TCPAddr).Port
	t.must(l.Close())
	t.must(os.MkdirAll("/run/sshd", 0o755)) // it insists
	s.cmd = exec.Command(sshd, "-D", "-f", "/dev/null", "-h", filepath.Join(dir, "host"), "-p", fmt.Sprint(s.port), "-o", "ListenAddress=127.0.0.1",
		"-o", "AuthorizedKeysFile="+filepath.Join(dir, "keys"), "-o", "StrictModes=no", "-o", "UsePAM=no", "-o", "PermitRootLogin=prohibit-password",
		"-o", "PidFile=none", "-o", "MaxStartups=200", "-o", "PrintMotd=no")
	t.must(s.cmd.Start())
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	})
	return s
}

func (s *openSSH) login() *line {
	config := &ssh.ClientConfig{User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(s.signer)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: patience}
	var client *ssh.Client
	for limit := time.Now().Add(patience); client == nil; {
		var err error
		client, err = ssh.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port), config)
		if err != nil && time.Now().After(limit) {
			s.t.must(err)
		}
	}
	l := terminalOf(s.t, client)
	l.ask("exec bash --norc\r", "bash-")
	l.ask("PS1='plain'$ \r", "plain$")
	return l
}

func (s *openSSH) times(measure func(*line) []time.Duration) []time.Duration {
	if s == nil {
		return nil
	}
	return measure(s.login())
}

// crowd returns the memory that each of n sessions takes.
func (s *openSSH) crowd(n int) int64 {
	s.login().close()
	before := proportional(s.t, s.cmd.Process.Pid)
	var all []*line
	for range n {
		all = append(all, s.login())
	}
	memory := (proportional(s.t, s.cmd.Process.Pid) - before) / int64(n)
	for _, l := range all {
		l.close()
	}
	return memory
}
