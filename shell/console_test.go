package shell

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// serve runs the box's console in a directory until the returned function is called.
func (b *box) serve(t testing.TB, dir string) (stop func()) {
	t.Helper()
	listener, err := Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Serve(ctx, listener) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// runClient runs Main with text on standard input.
func runClient(t testing.TB, o ClientOptions, input string) (exit int, stdout, stderr string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	written := make(chan struct{})
	go func() {
		defer close(written)
		defer w.Close()
		io.WriteString(w, input)
	}()
	var out, errs safeBuffer
	o.Stdin, o.Stderr = r, &errs
	if o.Stdout == nil {
		o.Stdout = &out
	}
	exit = Main(t.Context(), o)
	r.Close()
	<-written
	return exit, out.String(), errs.String()
}

func TestClientReadsLines(t *testing.T) {
	checkLeaks(t)
	tests := []struct {
		name, input, stdout string
		exit                int
		refused             string // numbers of lines
	}{
		{"no input", "", "", ExitDone, ""},
		{"last line without end", "show version", "mbox 1.0\n", ExitDone, ""},
		{"user mode", "show privilege\n", "Current privilege level is 1\n", ExitDone, ""},
		{"goes on after a refused line", "shw\nshow version\n", "mbox 1.0\n", ExitRefused, "1"},
		{"goes on after a failed line", "fail\nshow version\n", "mbox 1.0\n", ExitRefused, "1"},
		{"enable takes the next line", "enable\ns3cret\nconf t\ndomain x\ndo show run | i domain\n", "domain x\n", ExitDone, ""},
		{"enable at the end of input", "enable\n", "% Bad secrets\n", ExitRefused, "1"},
		{"exit ends it", "exit\nshow version\n", "", ExitDone, ""},
		{"overlong", strings.Repeat("x", 1<<20) + "\nshow version\n", "% The line is longer than 65536 bytes.\nmbox 1.0\n", ExitRefused, "1"},
		{"a lot of output", "show lines 100000 | include ^line.99999$\nshow lines 50000 | count .\n", "line 99999\nNumber of lines which match regexp = 50000\n", ExitDone, ""},
		{"control characters", "show\x01\nshow \xff\n", "% The line holds a control character.\n% The line is not valid UTF-8.\n", ExitRefused, "1 2"},
	}
	b := newBox(t)
	b.secret = "s3cret"
	dir := t.TempDir()
	b.serve(t, dir)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			exit, stdout, stderr := runClient(t, ClientOptions{Dir: dir}, test.input)
			var refused []string
			for line := range strings.Lines(stderr) {
				refused = append(refused, strings.Fields(strings.TrimSuffix(strings.TrimPrefix(line, "mbox: line "), "\n"))[0])
			}
			if exit != test.exit || !strings.HasSuffix(stdout, test.stdout) || strings.Join(refused, " ") != test.refused {
				t.Errorf("exit %d, want %d\nstdout:\n%.2000s\nwant:\n%s\nstderr: %s", exit, test.exit, stdout, test.stdout, stderr)
			}
		})
	}
}

func TestClientCommands(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	dir := t.TempDir()
	b.serve(t, dir)
	tests := []struct {
		name           string
		commands       []string
		stdout, stderr string
		exit           int
	}{
		{"privileged", []string{"show privilege", "conf t", "domain y", "do show run | i domain"}, "Current privilege level is 15\ndomain y\n", "", ExitDone},
		{"stops at the first refused", []string{"show version", "fail", "show version"}, "mbox 1.0\n% Command failed: open the device: unexpected EOF\n", "", ExitRefused},
		{"asks nobody", []string{"wipe"}, "% Needs a terminal to confirm; add force to do it without asking\n", "", ExitRefused},
		{"a secret warns once", []string{"user add a password hunter2", "user add b password hunter2"}, "added\nadded\n", "visible in the process list", ExitDone},
		{"a secret asked for warns", []string{"key", "hunter2"}, "7 characters\n", "visible in the process list", ExitDone},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			exit, stdout, stderr := runClient(t, ClientOptions{Dir: dir, Commands: test.commands}, "show version\n")
			if exit != test.exit || stdout != test.stdout {
				t.Errorf("exit %d, stdout:\n%s", exit, stdout)
			}
			if warned := strings.Count(stderr, "\n"); !strings.Contains(stderr, test.stderr) || warned != min(1, len(test.stderr)) {
				t.Errorf("stderr is %q", stderr)
			}
		})
	}
	if strings.Contains(b.log.String(), "hunter2") {
		t.Error("the log holds a secret")
	}
}

func TestClientWithoutBox(t *testing.T) {
	checkLeaks(t)
	dir := t.TempDir()
	exit, stdout, stderr := runClient(t, ClientOptions{Dir: dir}, "show version\n")
	if exit != ExitNoBox || stdout != "" || !strings.Contains(stderr, "no box is running in "+dir) {
		t.Errorf("exit %d, stdout %q, stderr %q", exit, stdout, stderr)
	}
	exit, _, _ = runClient(t, ClientOptions{Dir: filepath.Join(dir, "none"), Wait: 30 * time.Millisecond}, "")
	if exit != ExitNoBox {
		t.Errorf("exit %d for a directory that is not there", exit)
	}
	b := newBox(t)
	time.AfterFunc(50*time.Millisecond, func() { b.serve(t, dir) }) // the client waits for the box, not for this moment
	if exit, stdout, stderr := runClient(t, ClientOptions{Dir: dir, Wait: 20 * time.Second}, "show version\n"); exit != ExitDone || stdout != "mbox 1.0\n" {
		t.Errorf("exit %d, stdout %q, stderr %q", exit, stdout, stderr)
	}
}

func TestSocket(t *testing.T) {
	checkLeaks(t)
	deep := t.TempDir()
	for len(deep) < 400 {
		deep = filepath.Join(deep, strings.Repeat("d", 60))
	}
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{t.TempDir(), deep} {
		b := newBox(t)
		stop := b.serve(t, dir)
		path := filepath.Join(dir, SocketName)
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the socket is %v, %v", info, err)
		}
		if _, err := Listen(dir); err == nil || !strings.Contains(err.Error(), "another box") {
			t.Errorf("a second box: %v", err)
		}
		if exit, stdout, stderr := runClient(t, ClientOptions{Dir: dir}, "show version\n"); exit != ExitDone || stdout != "mbox 1.0\n" {
			t.Errorf("exit %d, stdout %q, stderr %q", exit, stdout, stderr)
		}
		stop()
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the socket is left behind: %v", err)
		}
	}
}

func TestSocketOfDeadBoxIsReplaced(t *testing.T) {
	checkLeaks(t)
	dir := t.TempDir()
	path := filepath.Join(dir, SocketName)
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	newBox(t).serve(t, dir)
	if exit, _, stderr := runClient(t, ClientOptions{Dir: dir}, "show version\n"); exit != ExitDone {
		t.Errorf("exit %d: %s", exit, stderr)
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, SocketName), []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(other); err == nil {
		t.Error("a file was replaced by a socket")
	}
}

// TestReload runs a command that ends the box: what it says arrives all the same.
func TestReload(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	dir := t.TempDir()
	stop := b.serve(t, dir)
	ended := make(chan struct{})
	b.reload = func() { defer close(ended); stop() }
	exit, stdout, stderr := runClient(t, ClientOptions{Dir: dir, Commands: []string{"reload"}}, "")
	if exit != ExitDone || stdout != "reloading\n" || stderr != "" {
		t.Errorf("exit %d, stdout %q, stderr %q", exit, stdout, stderr)
	}
	<-ended
}

// TestBoxGoes ends the box while a client has lines left.
func TestBoxGoes(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	dir := t.TempDir()
	stop := b.serve(t, dir)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var stdout, stderr safeBuffer
	exit := make(chan int, 1)
	go func() { exit <- Main(t.Context(), ClientOptions{Dir: dir, Stdin: r, Stdout: &stdout, Stderr: &stderr}) }()
	io.WriteString(w, "hang\n")
	<-b.started
	stop()
	io.WriteString(w, "show version\n")
	w.Close()
	if code := <-exit; code != ExitNoBox || !strings.Contains(stderr.String(), "the box is shutting down") {
		t.Errorf("exit %d, stdout %q, stderr %q", code, &stdout, &stderr)
	}
}

// TestConnectionDies checks that a command ends with the client that asked for it.
func TestConnectionDies(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	dir := t.TempDir()
	b.serve(t, dir)
	for _, interactive := range []bool{false, true} {
		conn, err := dial(dir)
		if err != nil {
			t.Fatal(err)
		}
		l := newLink(conn)
		l.writeJSON(kindHello, hello{Protocol: protocol, Interactive: interactive, Size: window})
		if interactive {
			l.write(kindInput, []byte("hang\r"))
		} else {
			l.write(kindLine, []byte("hang"))
		}
		<-b.started
		conn.Close()
		if err := <-b.finished; !errors.Is(err, errHangup) {
			t.Errorf("interactive %v: the command ended with %v", interactive, err)
		}
	}
}

func TestClientInterrupt(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	dir := t.TempDir()
	b.serve(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-b.started; cancel() }()
	var stdout, stderr safeBuffer
	exit := Main(ctx, ClientOptions{Dir: dir, Commands: []string{"hang", "show version"}, Stdout: &stdout, Stderr: &stderr})
	if err := <-b.finished; exit != ExitRefused || err != errInterrupted || stdout.String() != "hanging\n% Interrupted.\n" {
		t.Errorf("exit %d, command %v, stdout %q, stderr %q", exit, err, &stdout, &stderr)
	}
}

// closedPipe is standard output that nobody reads any more.
type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestOutputIsClosed(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	dir := t.TempDir()
	b.serve(t, dir)
	if exit, _, _ := runClient(t, ClientOptions{Dir: dir, Stdout: closedPipe{}, Commands: []string{"show lines 1000000"}}, ""); exit != ExitRefused {
		t.Errorf("exit %d", exit)
	}
}

func TestFiveThousandLines(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	dir := t.TempDir()
	b.serve(t, dir)
	var input strings.Builder
	input.WriteString("enable\nconf t\n")
	for i := range 2500 {
		fmt.Fprintf(&input, "interface eth%d\ndescription line %d\n", i, i)
	}
	input.WriteString("end\nshow run | count description\n")
	started := time.Now()
	exit, stdout, _ := runClient(t, ClientOptions{Dir: dir}, input.String())
	if exit != ExitDone || stdout != "Number of lines which match regexp = 2500\n" {
		t.Errorf("exit %d, stdout %.1000q", exit, stdout)
	}
	t.Logf("5,000 lines took %v", time.Since(started))
}

// TestClientThatDoesNotRead must not keep the box from ending.
func TestClientThatDoesNotRead(t *testing.T) {
	checkLeaks(t)
	for _, interactive := range []bool{false, true} {
		b := newBox(t)
		dir := t.TempDir()
		stop := b.serve(t, dir)
		conn, err := dial(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		l := newLink(conn)
		l.writeJSON(kindHello, hello{Protocol: protocol, Interactive: interactive, Size: window})
		l.write(kindInput, []byte("terminal length 0\rshow lines 1000000\r"))
		if !interactive {
			l.write(kindLine, []byte("show lines 1000000"))
		}
		if _, _, err := l.read(); err != nil { // it has begun
			t.Fatal(err)
		}
		started := time.Now()
		stop()
		if took := time.Since(started); took > 4*time.Second {
			t.Errorf("interactive %v: the box took %v to end", interactive, took)
		}
	}
}

// TestHostileClients checks that no client can do more than end its own session.
func TestHostileClients(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	dir := t.TempDir()
	b.serve(t, dir)
	head := func(k kind, size uint32) []byte {
		return binary.BigEndian.AppendUint32([]byte{byte(k)}, size)
	}
	greeting := `{"protocol":1,"interactive":false}`
	hello := append(head(kindHello, uint32(len(greeting))), greeting...)
	for name, sent := range map[string][]byte{
		"garbage":             bytes.Repeat([]byte("GET / HTTP/1.1\r\n"), 100),
		"a frame of 4 GiB":    head(kindHello, 1<<32-1),
		"no hello":            append(head(kindLine, 4), "exit"...),
		"malformed hello":     append(head(kindHello, 2), "{]"...),
		"another protocol":    append(head(kindHello, 15), `{"protocol":99}`...),
		"a large line":        append(bytes.Clone(hello), head(kindLine, maxFrame+1)...),
		"unknown frames":      append(bytes.Clone(hello), append(head('?', 3), "abc"...)...),
		"answers unasked for": append(bytes.Clone(hello), bytes.Repeat(head(kindAnswer, 0), 5)...),
		"lines without pause": append(bytes.Clone(hello), bytes.Repeat(append(head(kindLine, 17), "show lines 100000"...), 50)...),
		"a cut frame":         append(bytes.Clone(hello), head(kindLine, 10)...),
	} {
		conn, err := dial(dir)
		if err != nil {
			t.Fatal(err)
		}
		drained := make(chan struct{})
		go func() { defer close(drained); io.Copy(io.Discard, conn) }()
		conn.Write(sent)
		conn.(*net.UnixConn).CloseWrite()
		<-drained
		conn.Close()
		if exit, stdout, stderr := runClient(t, ClientOptions{Dir: dir}, "show version\n"); exit != ExitDone {
			t.Fatalf("after %s: exit %d, stdout %q, stderr %q", name, exit, stdout, stderr)
		}
	}
}

func TestTooManySessions(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	dir := t.TempDir()
	b.serve(t, dir)
	for range maxSessions {
		conn, err := dial(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		l := newLink(conn)
		l.writeJSON(kindHello, hello{Protocol: protocol})
		l.write(kindLine, []byte("show version"))
		if k, _, err := l.read(); k != kindOutput || err != nil {
			t.Fatal(k, err)
		}
	}
	if exit, _, stderr := runClient(t, ClientOptions{Dir: dir}, "show version\n"); exit != ExitNoBox || !strings.Contains(stderr, "too many consoles") {
		t.Errorf("exit %d, stderr %q", exit, stderr)
	}
}

func FuzzLink(f *testing.F) {
	f.Add([]byte("h\x00\x00\x00\x02{}"))
	f.Add([]byte("l\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		l := newLink(struct {
			io.Reader
			io.Writer
		}{bytes.NewReader(sent), io.Discard})
		for range len(sent) + 1 {
			k, payload, err := l.read()
			if err != nil {
				return
			}
			var again bytes.Buffer
			if newLink(&again).write(k, payload); !bytes.Contains(sent, again.Bytes()) {
				t.Fatalf("read %c %q, which was not sent", k, payload)
			}
		}
		t.Fatal("more frames than bytes")
	})
}
