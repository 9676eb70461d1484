package soak

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// fault is what a tracer does to the Nth of some system calls of a whole box, whichever thread makes it. strace counts them
// per thread, so that with a Go program nobody could say which one it hits.
type fault struct {
	Calls  []int         // system call numbers
	Path   string        // only on files whose name has this in it; empty: all
	Nth    int           // from 1; 0: only count
	Onward bool          // every one from the Nth on
	Errno  syscall.Errno // what the call returns instead of being made; 0: the box is killed before it is made
	Report string        // file that gets how many there were, and the name of the file that was hit first
}

var (
	syncs  = []int{unix.SYS_FSYNC, unix.SYS_FDATASYNC}
	writes = []int{unix.SYS_WRITE, unix.SYS_PWRITE64}
)

const tracerFault = "SOAK_TRACER_FAULT"

// needTracer skips where a box cannot be traced.
func needTracer(t *testing.T) {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Skip("needs ptrace on amd64")
	}
	if err := exec.Command("strace", "-f", "-o", os.DevNull, "true").Run(); err != nil {
		t.Skipf("needs to trace processes (strace: %v)", err)
	}
}

// traced is the command line of a box under a tracer.
func traced(t *testing.T, f fault, args ...string) *exec.Cmd {
	t.Helper()
	raw, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), tracerFault+"="+string(raw))
	return cmd
}

// traceMain is this program as a tracer: it runs a program and ends as that did.
func traceMain(raw string, args []string) int {
	var f fault
	if err := json.Unmarshal([]byte(raw), &f); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 125
	}
	runtime.LockOSThread() // the kernel knows one thread as the tracer
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = os.Environ()
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 125
	}
	tr := &tracer{fault: f, box: cmd.Process.Pid, inside: map[int]bool{}, failing: map[int]bool{}}
	status, err := tr.run()
	if f.Report != "" {
		if werr := os.WriteFile(f.Report, fmt.Appendln(nil, tr.seen, tr.hit), 0o600); werr != nil {
			err = werr
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tracer:", err)
		return 125
	}
	return status
}

type tracer struct {
	fault
	box     int
	seen    int
	hit     string
	inside  map[int]bool // threads that are in a system call
	failing map[int]bool // and those whose call was taken away
}

func (tr *tracer) run() (int, error) {
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(tr.box, &ws, syscall.WALL, nil); err != nil {
		return 0, fmt.Errorf("wait for the program to begin: %w", err)
	}
	const options = unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_EXITKILL
	if err := syscall.PtraceSetOptions(tr.box, options); err != nil {
		return 0, fmt.Errorf("set options: %w", err)
	}
	if err := syscall.PtraceSyscall(tr.box, 0); err != nil {
		return 0, fmt.Errorf("begin: %w", err)
	}
	for {
		thread, err := syscall.Wait4(-1, &ws, syscall.WALL, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("wait: %w", err)
		}
		if thread == tr.box && ws.Exited() {
			return ws.ExitStatus(), nil
		}
		if thread == tr.box && ws.Signaled() {
			return 128 + int(ws.Signal()), nil
		}
		if !ws.Stopped() {
			continue // a thread ended
		}
		signal := ws.StopSignal()
		switch {
		case signal == syscall.SIGTRAP|0x80:
			signal = 0
			if err := tr.call(thread); err != nil {
				return 0, err
			}
		case signal == syscall.SIGTRAP, signal == syscall.SIGSTOP: // a thread was made, or begins
			signal = 0
		}
		if err := syscall.PtraceSyscall(thread, int(signal)); err != nil && err != syscall.ESRCH {
			return 0, fmt.Errorf("go on: %w", err)
		}
	}
}

// call handles a stop at the beginning or the end of a system call.
func (tr *tracer) call(thread int) error {
	var regs syscall.PtraceRegs
	if err := syscall.PtraceGetRegs(thread, &regs); err != nil {
		return ignoreGone(err)
	}
	tr.inside[thread] = !tr.inside[thread]
	if !tr.inside[thread] {
		if tr.failing[thread] {
			delete(tr.failing, thread)
			regs.Rax = uint64(-int64(tr.Errno))
			return ignoreGone(syscall.PtraceSetRegs(thread, &regs))
		}
		return nil
	}
	name := tr.concerns(int(regs.Orig_rax), regs.Rdi)
	if name == "" {
		return nil
	}
	tr.seen++
	if tr.Nth == 0 || tr.seen < tr.Nth || tr.seen > tr.Nth && !tr.Onward {
		return nil
	}
	if tr.hit == "" {
		tr.hit = name
	}
	if tr.Errno == 0 {
		return ignoreGone(syscall.Kill(tr.box, syscall.SIGKILL))
	}
	tr.failing[thread] = true
	regs.Orig_rax = ^uint64(0) // no such call
	return ignoreGone(syscall.PtraceSetRegs(thread, &regs))
}

// concerns returns the name of the file if the call is one of those that are waited for.
func (tr *tracer) concerns(call int, fd uint64) string {
	if !slices.Contains(tr.Calls, call) {
		return ""
	}
	name, err := os.Readlink(filepath.Join("/proc", fmt.Sprint(tr.box), "fd", fmt.Sprint(fd)))
	if err != nil || !strings.HasPrefix(name, "/") || !strings.Contains(name, tr.Path) {
		return ""
	}
	return name
}

// ignoreGone: the box may be killed while it is looked at.
func ignoreGone(err error) error {
	if err == syscall.ESRCH {
		return nil
	}
	return err
}
