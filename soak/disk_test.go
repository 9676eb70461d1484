package soak

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A full disk: writes are refused with a clear message and change nothing, reading goes on, and when there is room again so
// does writing. The box sees a small file system of its own, in a mount namespace, which needs root.
func TestFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: mounts a small file system in a namespace of its own")
	}
	small := t.TempDir()
	script := fmt.Sprintf("mount -t tmpfs -o size=160m none %s && exec %s run --record-host --data %s/box", small, program, small)
	cmd := exec.Command("unshare", "--mount", "sh", "-c", script)
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	inside := fmt.Sprintf("/proc/%d/root%s", cmd.Process.Pid, small)
	b := &box{t: t, name: "small", dir: inside + "/box", cmd: cmd}
	waitFor(t, "the box serves", func() bool { _, ok := b.input("show clock"); return ok })

	b.must("hotspot user add before password guestpass1", "write memory")
	if err := os.MkdirAll(b.dir+"/files", 0o700); err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(b.dir, "ballast")
	fill(t, ballast)
	var out string
	waitFor(t, "a write is refused", func() bool {
		var ok bool
		out, ok = b.input(fmt.Sprintf("hotspot user add during%d password guestpass1", time.Now().UnixNano()))
		return !ok
	})
	if !strings.Contains(out, "%") || !strings.Contains(strings.ToLower(out), "disk is full") {
		t.Errorf("the refusal does not say why: %s", out)
	}
	if got := b.must("show hotspot users before"); !strings.Contains(got, "before") {
		t.Errorf("reading does not go on: %s", got)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "writing goes on", func() bool { _, ok := b.input("hotspot user add after password guestpass1"); return ok })
	b.must("show hotspot users after", "write memory")
}

// fill writes until nothing more fits.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 1<<20)
	for {
		if _, err := f.Write(block); err != nil {
			return
		}
	}
}
