package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"mbox/boxtest/vt"
)

// ttyUsage lists the commands that drive a terminal in a script.
//
//	tty open NAME DIR [WxH]          the console of a box, on a terminal of its own
//	tty run NAME WxH PROGRAM...      any program on a terminal of its own
//	tty type NAME TEXT               type; TEXT has Go's escapes: \r is Enter, \x03 Ctrl-C, \x1b[A the Up key
//	tty paste NAME FILE [bracketed]  paste a file, as a terminal does with or without marks
//	tty expect NAME REGEXP           wait until the screen matches; (?s) and (?m) are Go's
//	tty screen NAME                  print all that the screen has shown to stdout
//	tty clear NAME                   forget what it has shown
//	tty resize NAME WxH              give the window another size
//	tty hangup NAME                  pull the plug
//	tty ended NAME [STATUS]          wait until the program has ended, with that status
const ttyUsage = "usage: tty open|run|type|paste|expect|screen|clear|resize|hangup|ended NAME ..."

type ttysKey struct{}

// ttys are the terminals that a script opened, by name.
type ttys map[string]*ttyProcess

// ttyProcess is a program on a terminal.
type ttyProcess struct {
	cmd    *exec.Cmd
	master *os.File
	screen *vt.Screen
	exited chan struct{}
	seen   string // what the screen showed at `tty clear`
}

func ttyCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf(ttyUsage)
	}
	all, name := ts.Value(ttysKey{}).(ttys), args[1]
	switch {
	case args[0] == "open" && (len(args) == 3 || len(args) == 4):
		size := "80x24"
		if len(args) == 4 {
			size = args[3]
		}
		all[name] = startTTY(ts, size, program(ts, "shell", "--data", args[2]))
		return
	case args[0] == "run" && len(args) > 3:
		path, err := exec.LookPath(args[3])
		ts.Check(err)
		cmd := exec.Command(path, args[4:]...)
		cmd.Dir = ts.MkAbs(".")
		all[name] = startTTY(ts, args[2], cmd)
		return
	}
	t := all[name]
	if t == nil {
		ts.Fatalf("no terminal %s was opened", name)
	}
	t.do(ts, args[0], args[2:])
}

func (t *ttyProcess) do(ts *testscript.TestScript, verb string, args []string) {
	switch {
	case verb == "type" && len(args) == 1:
		keys, err := unescape(args[0])
		ts.Check(err)
		t.write(ts, keys)
	case verb == "paste" && len(args) == 1:
		t.write(ts, strings.ReplaceAll(ts.ReadFile(args[0]), "\n", "\r"))
	case verb == "paste" && len(args) == 2:
		t.write(ts, "\x1b[200~"+strings.ReplaceAll(ts.ReadFile(args[0]), "\n", "\r")+"\x1b[201~")
	case verb == "expect" && len(args) == 1:
		t.expect(ts, args[0])
	case verb == "screen" && len(args) == 0:
		fmt.Fprintln(ts.Stdout(), t.text())
	case verb == "clear" && len(args) == 0:
		t.seen = t.screen.Text()
	case verb == "resize" && len(args) == 1:
		size := sizeOf(ts, args[0])
		t.screen.Resize(int(size.Cols))
		ts.Check(t.setSize(size))
	case verb == "hangup" && len(args) == 0:
		ts.Check(t.master.Close())
	case verb == "ended" && len(args) <= 1:
		t.ended(ts, args)
	default:
		ts.Fatalf(ttyUsage)
	}
}

func startTTY(ts *testscript.TestScript, size string, cmd *exec.Cmd) *ttyProcess {
	winsize := sizeOf(ts, size)
	cmd.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"), "TERM=xterm")
	blocking, err := pty.StartWithSize(cmd, winsize)
	ts.Check(err)
	master, err := pollable(blocking)
	ts.Check(err)
	t := &ttyProcess{cmd: cmd, master: master, screen: vt.New(int(winsize.Cols)), exited: make(chan struct{})}
	drawn := make(chan struct{})
	go func() { // ends when the program has, or the plug is pulled
		defer close(drawn)
		_, _ = io.Copy(t.screen, master)
	}()
	go func() {
		defer close(t.exited)
		_ = cmd.Wait()
		<-drawn
	}()
	ts.Defer(func() {
		_ = t.master.Close()
		_ = t.cmd.Process.Kill()
		<-t.exited
	})
	return t
}

// pollable is the same terminal in a form whose Close ends a Read; otherwise closing it would not hang up.
func pollable(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.Close(), unix.SetNonblock(fd, true)); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "terminal"), nil
}

// setSize does not use Fd, which would make reads block again.
func (t *ttyProcess) setSize(size *pty.Winsize) error {
	conn, err := t.master.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = conn.Control(func(fd uintptr) {
		failed = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: size.Rows, Col: size.Cols})
	})
	return errors.Join(err, failed)
}

// text is what was shown since `tty clear`.
func (t *ttyProcess) text() string { return t.since(t.screen.Text()) }

// since leaves out of a screen how far it is still as at `tty clear`: the last line may have been drawn anew since.
func (t *ttyProcess) since(all string) string {
	n := 0
	for n < min(len(t.seen), len(all)) && t.seen[n] == all[n] {
		n++
	}
	return all[n:]
}

func (t *ttyProcess) write(ts *testscript.TestScript, keys string) {
	_, err := io.WriteString(t.master, keys)
	ts.Check(err)
}

func (t *ttyProcess) expect(ts *testscript.TestScript, pattern string) {
	want, err := regexp.Compile(pattern)
	ts.Check(err)
	if !t.screen.Await(func(all string) bool { return want.MatchString(t.since(all)) }) {
		ts.Fatalf("the screen never matched %q; it shows:\n%s", pattern, t.text())
	}
}

func (t *ttyProcess) ended(ts *testscript.TestScript, status []string) {
	select {
	case <-t.exited:
	case <-time.After(patience):
		ts.Fatalf("the program did not end; the screen shows:\n%s", t.text())
	}
	if got := strconv.Itoa(t.cmd.ProcessState.ExitCode()); len(status) > 0 && got != status[0] {
		ts.Fatalf("the program ended with status %s, want %s; the screen shows:\n%s", got, status[0], t.text())
	}
}

func sizeOf(ts *testscript.TestScript, text string) *pty.Winsize {
	var size pty.Winsize
	if _, err := fmt.Sscanf(text, "%dx%d", &size.Cols, &size.Rows); err != nil {
		ts.Fatalf("%q is not a size such as 80x24", text)
	}
	return &size
}

// unescape reads Go's escapes; quotes may stand as they are.
func unescape(text string) (string, error) {
	var out strings.Builder
	for text != "" {
		if !strings.HasPrefix(text, `\`) {
			out.WriteByte(text[0])
			text = text[1:]
			continue
		}
		r, multibyte, tail, err := strconv.UnquoteChar(text, 0)
		if err != nil {
			return "", errors.New(text + ": no escape of Go")
		}
		if multibyte {
			out.WriteRune(r)
		} else {
			out.WriteByte(byte(r))
		}
		text = tail
	}
	return out.String(), nil
}

func TestUnescape(t *testing.T) {
	for text, want := range map[string]string{
		`show "a"\r`: "show \"a\"\r", `\x03\x1b[A`: "\x03\x1b[A", `ü\u00fc\xff`: "üü\xff",
	} {
		if got, err := unescape(text); got != want || err != nil {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
	if _, err := unescape(`\q`); err == nil {
		t.Error("an unknown escape is taken")
	}
}
