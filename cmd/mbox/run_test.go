package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestStopsWhileConsolesAreOpen: SIGTERM ends the box within five seconds though one console waits for input, another asks
// for a secret, and a third neither reads nor writes.
func TestStopsWhileConsolesAreOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "box")
	var log bytes.Buffer
	box := start(t, nil, &log, "run", "--data", dir, "--record-host")
	if out, err := exec.Command(box.Path, "shell", "--data", dir, "--wait", "60", "-c", "configure terminal", "-c",
		"enable secret longenough").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, log.String())
	}
	for _, typed := range []string{"show clock\n", "enable\n", ""} {
		reader, writer, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer writer.Close()
		out := &firstByte{ready: make(chan struct{})}
		start(t, reader, out, "shell", "--data", dir)
		reader.Close()
		if _, err := io.WriteString(writer, typed); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(typed, "show") {
			<-out.ready
		}
	}
	began := time.Now()
	if err := box.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := box.Wait(); err != nil {
		t.Errorf("the box ended with %v\n%s", err, log.String())
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the box took %v to end", took)
	}
}

// start runs this program in the background; it is killed at the end of the test.
func start(t *testing.T, stdin io.Reader, output io.Writer, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("mbox")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, output, output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return cmd
}

// firstByte tells when something was written.
type firstByte struct {
	ready chan struct{}
	seen  bool
}

func (f *firstByte) Write(p []byte) (int, error) {
	if !f.seen {
		f.seen = true
		close(f.ready)
	}
	return len(p), nil
}
