package shell

import (
	"context"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"mbox/boxtest/vt"
)

// operator sits at a real terminal that runs the console client.
type operator struct {
	*person
	master, slave *os.File
	stderr        safeBuffer
	exit          chan int
	cancel        context.CancelFunc
	unplug        func() // hangs up
}

func newOperator(t *testing.T, dir string, size Size) *operator {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	if err := pty.Setsize(master, &pty.Winsize{Rows: uint16(size.Height), Cols: uint16(size.Width)}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	o := &operator{person: &person{t: t, vt: vt.New(size.Width), left: make(chan struct{})},
		master: master, slave: slave, exit: make(chan int, 1), cancel: cancel}
	watching, look := context.WithCancel(context.Background())
	eyes, err := openStdin(watching, master) // a plain read would keep the terminal open
	if err != nil {
		t.Fatal(err)
	}
	looking := make(chan struct{})
	go func() {
		defer close(looking)
		io.Copy(o.vt, eyes)
	}()
	o.unplug = sync.OnceFunc(func() {
		look()
		<-looking
		eyes.Close()
		master.Close()
	})
	go func() {
		defer close(o.left)
		o.exit <- Main(ctx, ClientOptions{Dir: dir, Stdin: slave, Stdout: slave, Stderr: &o.stderr})
	}()
	t.Cleanup(func() {
		cancel()
		<-o.left
		o.unplug()
		slave.Close()
	})
	return o
}

func (o *operator) types(keys string) {
	o.t.Helper()
	if _, err := io.WriteString(o.master, keys); err != nil {
		o.t.Fatal(err)
	}
}

// TestTerminal is the console as an operator has it: client, socket, server and readline on a pseudo terminal.
func TestTerminal(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	b.Banner = func() string { return "Authorised use only\n" }
	dir := t.TempDir()
	b.serve(t, dir)
	o := newOperator(t, dir, window)
	o.ends("Authorised use only\n\nhost>")
	before, _ := term.GetState(int(o.slave.Fd()))
	o.types("sh?")
	o.ends("host>sh?\n  show  Show running system information\nhost>sh")
	o.types("\tv\t\r")
	o.ends("host>show version\nmbox 1.0\nhost>")
	o.types("en\rconf t\rinter eth0\rmtu 9")
	o.ends("host(config-if-eth0)#mtu 9")
	o.types("\x03")
	o.ends("\nhost(config-if-eth0)#")
	o.types("\x1a")
	o.ends("\nhost#")
	o.types("hang\r")
	o.ends("hanging")
	<-b.started
	o.types("\x03")
	o.ends("% Interrupted.\nhost#")
	o.types("show lines 100\r")
	o.ends("line 23\n --More--")
	o.types("q")
	o.ends("line 23\nhost#")
	if state, _ := term.GetState(int(o.slave.Fd())); !reflect.DeepEqual(state, before) {
		t.Error("the terminal was not raw from the start")
	}
	o.types("exit\r")
	if code := <-o.exit; code != ExitDone || o.stderr.String() != "" {
		t.Errorf("exit %d, stderr %q", code, &o.stderr)
	}
}

func TestTerminalIsRestored(t *testing.T) {
	checkLeaks(t)
	for _, how := range []string{"exit", "box dies", "cancel", "hangup"} {
		t.Run(how, func(t *testing.T) {
			b := newBox(t)
			dir := t.TempDir()
			stop := b.serve(t, dir)
			_, reference, err := pty.Open()
			if err != nil {
				t.Skip(err)
			}
			defer reference.Close()
			cooked, _ := term.GetState(int(reference.Fd()))
			o := newOperator(t, dir, window)
			o.ends("host>")
			want, message := ExitDone, ""
			switch how {
			case "exit":
				o.types("exit\r")
			case "box dies":
				go stop()
				want, message = ExitNoBox, "connection closed: the box is shutting down"
			case "cancel":
				o.cancel()
			case "hangup":
				o.unplug()
			}
			if code := <-o.exit; code != want || !strings.Contains(o.stderr.String(), message) {
				t.Errorf("exit %d, stderr %q", code, &o.stderr)
			}
			if how == "hangup" {
				return // there is no terminal left
			}
			if after, _ := term.GetState(int(o.slave.Fd())); !reflect.DeepEqual(after, cooked) {
				t.Error("the terminal is still raw")
			}
		})
	}
}

func TestTerminalResizes(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	dir := t.TempDir()
	b.serve(t, dir)
	o := newOperator(t, dir, window)
	o.ends("host>")
	o.types("show guests\r")
	o.ends("annabel    3 width=80\nhost>")
	if err := pty.Setsize(o.master, &pty.Winsize{Rows: 10, Cols: 100}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(unix.Getpid(), unix.SIGWINCH); err != nil {
		t.Fatal(err)
	}
	o.vt.Shows(t, "the new width", func(seen string) bool {
		if strings.HasSuffix(seen, "host>") {
			io.WriteString(o.master, "show guests\r")
		}
		return strings.Contains(seen, "width=100")
	})
}

// TestTerminalPaste pastes 500 lines while the box works; none may be lost.
func TestTerminalPaste(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	dir := t.TempDir()
	b.serve(t, dir)
	o := newOperator(t, dir, window)
	o.ends("host>")
	o.types("enable\rconf t\r")
	o.ends("host(config)#")
	for i := range 500 {
		o.types(fmt.Sprintf("interface eth%d\r", i))
	}
	o.types("do show run | count ^interface.eth\r")
	o.ends("regexp = 500\nhost(config-if-eth499)#")
}
