// Package soak runs whole boxes as processes and does to them what happens in cellars: kill -9, broken links, restored
// folders. `go test ./soak` does a few rounds; `make soak` many.
package soak

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const password = "securemboxpass"

var program string

func TestMain(m *testing.M) {
	if fault := os.Getenv(tracerFault); fault != "" {
		os.Exit(traceMain(fault, os.Args[1:]))
	}
	dir, err := os.MkdirTemp("", "mbox-soak-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	program = filepath.Join(dir, "mbox")
	build := exec.Command("go", "build", "-o", program, "mbox/cmd/mbox")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build mbox: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// rounds is how often something is done: few for each test run, many for make soak.
func rounds(few int) int {
	if n, err := strconv.Atoi(os.Getenv("SOAK_ROUNDS")); err == nil && n > 0 {
		return n
	}
	return few
}

// lastAddr gives every box of the package an address of its own.
var lastAddr atomic.Int32

// box is a process.
type box struct {
	t    *testing.T
	name string
	dir  string
	addr string
	port int
	cmd  *exec.Cmd
	done chan struct{}
}

func newBox(t *testing.T, name string) *box {
	t.Helper()
	n := lastAddr.Add(1)
	b := &box{t: t, name: name, dir: filepath.Join(t.TempDir(), name), addr: fmt.Sprintf("127.1.0.%d", n)}
	b.port = freePort(t, b.addr)
	b.start()
	t.Cleanup(b.kill)
	b.mustConfigure("hostname "+name, fmt.Sprintf("mbox sync listen %s port %d", b.addr, b.port), "username mboxadmin password "+password)
	return b
}

// freePort is below the ports that the system gives to outgoing connections.
func freePort(t *testing.T, addr string) int {
	t.Helper()
	for port := 21_000; port < 31_000; port++ {
		if l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", addr, port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

func (b *box) start() {
	b.t.Helper()
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		b.t.Fatal(err)
	}
	logFile, err := os.OpenFile(b.dir+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		b.t.Fatal(err)
	}
	defer logFile.Close()
	b.cmd = exec.Command(program, "run", "--record-host", "--data", b.dir)
	b.cmd.Stdout, b.cmd.Stderr = logFile, logFile
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	done := make(chan struct{})
	b.done = done
	cmd := b.cmd
	go func() { _ = cmd.Wait(); close(done) }()
	if out, err := exec.Command(program, "shell", "--data", b.dir, "--wait", "60", "-c", "show clock").CombinedOutput(); err != nil {
		log, _ := os.ReadFile(b.dir + ".log")
		b.t.Fatalf("%s does not start: %v\n%s\n%s", b.name, err, out, log)
	}
}

// kill is kill -9.
func (b *box) kill() {
	_ = b.cmd.Process.Kill()
	<-b.done
}

// input types lines at the console; ok is false if one was refused or the box died.
func (b *box) input(lines ...string) (string, bool) {
	cmd := exec.Command(program, "shell", "--data", b.dir)
	cmd.Stdin = strings.NewReader("enable\n" + strings.Join(lines, "\n") + "\n")
	out, err := cmd.Output()
	return string(out), err == nil
}

func (b *box) must(lines ...string) string {
	b.t.Helper()
	out, ok := b.input(lines...)
	if !ok {
		b.t.Fatalf("%s: %q:\n%s", b.name, lines, out)
	}
	return out
}

func (b *box) mustConfigure(lines ...string) {
	b.t.Helper()
	b.must(append(append([]string{"configure terminal"}, lines...), "end", "write memory")...)
}

func (b *box) follow(primary *box, at string, port int, options, allowOptions string) {
	b.t.Helper()
	primary.mustConfigure(strings.TrimSpace("mbox sync allow " + b.addr + " " + allowOptions))
	b.mustConfigure(strings.TrimSpace(fmt.Sprintf("mbox sync primary %s username mboxadmin password %s port %d %s", at, password, port, options)))
}

type status struct {
	State   string            `json:"state"`
	Digests map[string]string `json:"digests"`
	Peers   []struct {
		Name, Role, State, Reason string
	} `json:"peers"`
}

func (b *box) show(line string, into any) bool {
	out, ok := b.input(line + " | json")
	return ok && json.Unmarshal([]byte(out), into) == nil
}

func (b *box) users() int {
	var s struct{ Users int }
	if !b.show("show hotspot statistics", &s) {
		return -1
	}
	return s.Users
}

// equal waits until the boxes hold the same and say that they are in sync.
func equal(t *testing.T, boxes ...*box) {
	t.Helper()
	var last []status
	limit := time.Now().Add(2 * time.Minute)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for time.Now().Before(limit) {
		last = last[:0]
		same := true
		for _, b := range boxes {
			var s status
			same = same && b.show("show mbox sync status", &s) && s.State == "in-sync"
			last = append(last, s)
			same = same && fmt.Sprint(s.Digests) == fmt.Sprint(last[0].Digests)
		}
		if same {
			return
		}
		<-tick.C
	}
	for i, b := range boxes {
		log, _ := os.ReadFile(b.dir + ".log")
		t.Logf("%s: %+v\n%s", b.name, last[i], tail(log))
	}
	t.Fatal("the boxes did not become equal")
}

func tail(log []byte) []byte {
	const most = 3000
	return log[max(0, len(log)-most):]
}

// usernames reads all accounts through an export.
func (b *box) usernames() map[string]bool {
	b.t.Helper()
	b.must("hotspot export users all.csv")
	raw, err := os.ReadFile(filepath.Join(b.dir, "files", "all.csv"))
	if err != nil {
		b.t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	if err != nil {
		b.t.Fatal(err)
	}
	column := -1
	for i, name := range rows[0] {
		if name == "username" {
			column = i
		}
	}
	out := map[string]bool{}
	for _, row := range rows[1:] {
		out[row[column]] = true
	}
	return out
}

func (b *box) importUsers(prefix string, n int) {
	b.t.Helper()
	var csv strings.Builder
	csv.WriteString("username,password,firstname,email\n")
	for i := range n {
		fmt.Fprintf(&csv, "%s%d,pw-%x-%d,First%d,%s%d@example.com\n", prefix, i, i*2654435761, i, i, prefix, i)
	}
	if err := os.MkdirAll(filepath.Join(b.dir, "files"), 0o700); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.dir, "files", "import.csv"), []byte(csv.String()), 0o600); err != nil {
		b.t.Fatal(err)
	}
	b.must("hotspot import users import.csv")
}

// proxy relays to a box, counts bytes, and can be cut.
type proxy struct {
	addr  string
	port  int
	bytes atomic.Int64
}

func newProxy(t *testing.T, from, to *box) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: "127.0.0.1", port: l.Addr().(*net.TCPAddr).Port}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.relay(ctx, c, from, to)
		}
	}()
	return p
}

func (p *proxy) relay(ctx context.Context, c net.Conn, from, to *box) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from.addr)}}
	s, err := d.DialContext(ctx, "tcp", net.JoinHostPort(to.addr, strconv.Itoa(to.port)))
	if err != nil {
		c.Close()
		return
	}
	const buffer = 128 << 10 // what lies in the proxy counts as transferred but is lost with a killed box
	for _, conn := range []net.Conn{c, s} {
		_ = conn.(*net.TCPConn).SetReadBuffer(buffer)
		_ = conn.(*net.TCPConn).SetWriteBuffer(buffer)
	}
	copyAll := func(dst, src net.Conn) {
		buf := make([]byte, 32<<10)
		for {
			n, err := src.Read(buf)
			p.bytes.Add(int64(n))
			if n > 0 {
				if _, werr := dst.Write(buf[:n]); werr != nil {
					err = werr
				}
			}
			if err != nil {
				dst.Close()
				src.Close()
				return
			}
		}
	}
	go copyAll(s, c)
	copyAll(c, s)
}
