package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"
)

// benchSessions is how many people the figures are for.
const benchSessions = 100

// BenchmarkSSHSessions opens 100 sessions at terminals on a box that is a process of its own: how long all of them take to
// log in and see the prompt, what the box needs in memory for each (resident set), and how long a key takes from
// the client to its echo, the median of all sessions, while the others wait. Run it with -benchtime 1x.
func BenchmarkSSHSessions(b *testing.B) {
	for b.Loop() {
		benchmarkSessions(b)
	}
}

func benchmarkSessions(b *testing.B) {
	dir := b.TempDir()
	port := benchPort(b)
	startup := filepath.Join(dir, "startup")
	if err := os.WriteFile(startup, []byte("ip ssh listen 127.0.0.1 port "+port+"\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	data := filepath.Join(dir, "box")
	box := exec.Command("mbox", "run", "--data", data, "--record-host", "--startup-config", startup)
	if err := box.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = box.Wait() }()
	defer func() { _ = box.Process.Signal(syscall.SIGTERM) }()
	const secret = "Correct-Horse-7"
	out, err := exec.Command("mbox", "shell", "--data", data, "--wait", "30", "-c", "configure terminal", "-c",
		"username admin privilege 15 secret "+secret).CombinedOutput()
	if err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	people := make([]*benchPerson, benchSessions)
	first := newBenchPerson(b, port, secret) // what only the first session costs is not counted
	before, begin := residentBytes(b, box.Process.Pid), time.Now()
	var all sync.WaitGroup
	for i := range people {
		all.Go(func() { people[i] = newBenchPerson(b, port, secret) })
	}
	all.Wait()
	took := time.Since(begin)
	grown := residentBytes(b, box.Process.Pid) - before
	var echoes []time.Duration
	for _, p := range people {
		if p == nil {
			b.Fatal("not everybody got in")
		}
		echoes = append(echoes, p.echo(b))
	}
	b.ReportMetric(took.Seconds(), "s/100-logins")
	b.ReportMetric(float64(grown)/benchSessions/1024, "KiB/session")
	b.ReportMetric(float64(median(echoes).Microseconds()), "us/echo")
	b.ReportMetric(0, "ns/op")
	for _, p := range append(people, first) {
		p.client.Close()
	}
}

// benchPerson is a client at a terminal.
type benchPerson struct {
	client *gossh.Client
	in     io.Writer
	out    io.Reader
}

func newBenchPerson(b *testing.B, port, secret string) *benchPerson {
	client, err := gossh.Dial("tcp", "127.0.0.1:"+port, &gossh.ClientConfig{
		User: "admin", Auth: []gossh.AuthMethod{gossh.Password(secret)}, HostKeyCallback: gossh.InsecureIgnoreHostKey(), Timeout: patience,
	})
	if err != nil {
		b.Error(err)
		return nil
	}
	p := &benchPerson{client: client}
	session, err := client.NewSession()
	if err == nil {
		err = session.RequestPty("xterm", 24, 80, nil)
	}
	if err == nil {
		p.in, err = session.StdinPipe()
	}
	if err == nil {
		p.out, err = session.StdoutPipe()
	}
	if err == nil {
		err = session.Shell()
	}
	if err == nil {
		err = p.until("#")
	}
	if err != nil {
		b.Error(err)
		return nil
	}
	return p
}

// until reads what is shown up to some text.
func (p *benchPerson) until(want string) error {
	var seen bytes.Buffer
	buf := make([]byte, 4096)
	for !strings.Contains(seen.String(), want) {
		n, err := p.out.Read(buf)
		seen.Write(buf[:n])
		if err != nil {
			return fmt.Errorf("%w after %q", err, seen.String())
		}
	}
	return nil
}

// echo is the time from a key to what it shows.
func (p *benchPerson) echo(b *testing.B) time.Duration {
	begin := time.Now()
	if _, err := io.WriteString(p.in, "s"); err != nil {
		b.Fatal(err)
	}
	if err := p.until("s"); err != nil {
		b.Fatal(err)
	}
	return time.Since(begin)
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

// residentBytes is the resident set of a process.
func residentBytes(b *testing.B, pid int) int64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		b.Skipf("needs /proc: %v", err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(raw))[1], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

func benchPort(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
