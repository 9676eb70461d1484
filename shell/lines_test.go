package shell

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mbox/boxtest/vt"
	"mbox/modules"
)

func TestLinesAreNumbered(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	left := make(chan modules.Actor, 4)
	b.Left = func(a modules.Actor) { left <- a }
	anna, bob := b.person(t, 15, window), b.person(t, 1, window)
	numbers := func() (out []int) {
		for _, s := range b.Sessions() {
			out = append(out, s.Line)
		}
		return out
	}
	if got := numbers(); len(got) != 2 || got[0] != 1 || got[1] != 2 {
		t.Fatalf("lines %v", got)
	}
	anna.does("configure", "host(config)#")
	anna.does("interface eth0", "host(config-if-eth0)#")
	first := b.Sessions()[0]
	if first.Mode != "config-if-eth0" || first.Level != 15 || first.Name != "console" || !first.Terminal || first.Idle > time.Minute {
		t.Errorf("line 1 is %+v", first)
	}
	anna.types("exit\rexit\rexit\r")
	<-anna.left
	if a := <-left; a.Line != 1 {
		t.Errorf("the session of %+v ended", a)
	}
	carl := b.person(t, 1, window)
	if got := numbers(); len(got) != 2 || got[0] != 1 {
		t.Errorf("a free number is not taken again: %v", got)
	}
	carl.types("exit\r")
	<-carl.left
	bob.types("who | include \\*\r")
	bob.vt.Shows(t, "its own line, marked", func(seen string) bool { return strings.Contains(seen, "\n  *2 ") && strings.HasSuffix(seen, "\nhost>") })
}

func TestClearLine(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	anna, bob := b.person(t, 15, window), b.person(t, 1, window)
	anna.does("clear line 1", "% This is your own line\n  exit ends it\nhost#")
	anna.does("clear line 7", "% Nobody is on line 7\n  who lists the lines\nhost#")
	bob.types("hang\r")
	<-b.started
	anna.does("clear line 2", "Clear line 2? [confirm]")
	anna.types("n")
	anna.ends("[confirm]n\nhost#")
	anna.does("clear line 2", "Clear line 2? [confirm]")
	anna.types("\r")
	anna.ends("[OK]\nhost#")
	if err := <-b.finished; !errors.Is(err, errCleared) {
		t.Errorf("what ran on the line ended with %v", err)
	}
	<-bob.left
	if seen := bob.vt.Text(); !strings.HasSuffix(seen, "hanging\n% The line was cleared.") {
		t.Errorf("the operator saw:\n%s", seen)
	}
	if n := len(b.Sessions()); n != 1 {
		t.Errorf("%d sessions are left", n)
	}
}

func TestRunOneLine(t *testing.T) {
	b := newBox(t)
	for _, test := range []struct {
		level int
		line  string
		want  string
		out   Outcome
	}{
		{1, "show version", "mbox 1.0\n", Done},
		{1, "show users | json | include \"line\": 1", "      \"line\": 1,\n", Done},
		{1, "show running-config", "show running-config\n     ^\n% Invalid input detected at '^' marker.\n  this needs more privilege: type enable first\n", Refused},
		{15, "configure terminal\ninterface eth0\nmtu 9\nmtu 1500\n", "mtu 9\n    ^\n% Invalid input detected at '^' marker.\n  expected a number from 576 to 9000\n", Refused},
		{15, "wipe", "% Needs a terminal to confirm; add force to do it without asking\n", Refused},
		{15, "key", "% Command failed: EOF\n", Failed},
	} {
		var out bytes.Buffer
		if got := b.Run(t.Context(), modules.Actor{Name: "anna", From: "192.0.2.1", Level: test.level}, &out, test.line); got != test.out || out.String() != test.want {
			t.Errorf("%s: outcome %d, printed %q", test.line, got, &out)
		}
	}
	if len(b.Sessions()) != 0 {
		t.Error("sessions are left")
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-b.started; cancel() }()
	if got := b.Run(ctx, actorAt(1), io.Discard, "hang"); got != Failed {
		t.Errorf("a line that is cancelled: %d", got)
	}
	<-b.finished
}

func TestRunAll(t *testing.T) {
	b := newBox(t)
	var out bytes.Buffer
	in := "configure\ninterface eth0\nmtu 1\nmtu 1500\nexit\ndomain x\nend\nkey\nthe passphrase\nshow run | include mtu|domain\nexit\nshow version\n"
	got := b.RunAll(t.Context(), actorAt(15), strings.NewReader(in), &out)
	if want := "mtu 1\n    ^\n% Invalid input detected at '^' marker.\n  expected a number from 576 to 9000\n14 characters\ndomain x\n mtu 1500\n"; got != Refused || out.String() != want {
		t.Errorf("outcome %d, printed:\n%s", got, &out)
	}
}

// TestClearedScript: a program that waits for its next line loses its session, too.
func TestClearedScript(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	in, keeps := io.Pipe()
	defer keeps.Close() // before the leak check, as a carrier closes its connection
	out := vt.New(80)
	done := make(chan Outcome, 1)
	go func() { done <- b.RunAll(t.Context(), actorAt(15), in, out) }()
	io.WriteString(keeps, "show version\n")
	out.Shows(t, "the version", func(seen string) bool { return strings.Contains(seen, "mbox 1.0") })
	if err := b.Clear(b.Sessions()[0].Line); err != nil {
		t.Fatal(err)
	}
	<-done
	if len(b.Sessions()) != 0 {
		t.Error("the session is left")
	}
}

// deaf is what carries the output of a program that does not read.
type deaf struct{ stuckScreen }

func (d *deaf) Hangup() { close(d.release) }

// TestClearedDeafProgram: one that does not read loses its session as well.
func TestClearedDeafProgram(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	for what, run := range map[string]func(io.Writer) Outcome{
		"one line": func(out io.Writer) Outcome { return b.Run(t.Context(), actorAt(15), out, "show version") },
		"a script": func(out io.Writer) Outcome {
			return b.RunAll(t.Context(), actorAt(15), strings.NewReader("show version\n"), out)
		},
	} {
		out := &deaf{stuckScreen{release: make(chan struct{})}}
		done := make(chan Outcome, 1)
		go func() { done <- run(out) }()
		for len(b.Sessions()) == 0 {
			time.Sleep(time.Millisecond)
		}
		if err := b.Clear(b.Sessions()[0].Line); err != nil {
			t.Fatal(err)
		}
		if got := <-done; got == Done || len(b.Sessions()) != 0 {
			t.Errorf("%s: outcome %d, %d sessions are left", what, got, len(b.Sessions()))
		}
	}
}

// TestAnnouncements arrive above the line that is typed, in a question, at a pager and while a command runs.
func TestAnnouncements(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	p := b.person(t, 15, window)
	p.types("show versio")
	p.ends("host#show versio")
	b.Announce("The configuration will be taken back in 1 minute")
	p.ends("The configuration will be taken back in 1 minute\nhost#show versio")
	p.types("n\r")
	p.ends("host#show version\nmbox 1.0\nhost#")
	p.does("wipe", "Wipe it? [confirm]")
	b.Announce("one\ntwo \x1b[31m")
	p.ends("host#wipe\none\ntwo \ufffd[31m\nWipe it? [confirm]")
	p.types("n")
	p.ends("kept\nhost#")
	p.does("show lines 100", "line 23\n --More--")
	b.Announce("three")
	p.ends("line 23\nthree\n --More--")
	p.types("q")
	p.ends("line 23\nthree\nhost#")
	p.types("hang\r")
	<-b.started
	b.Announce("four")
	p.ends("hanging\nfour")
	p.types("\x03")
	p.ends("% Interrupted.\nhost#")
	<-b.finished
	p.types("\x12show")
	p.vt.Shows(t, "the search", func(seen string) bool { return strings.Contains(seen, "i-search: show") })
	b.Announce("five")
	p.types("\x07")
	p.vt.Shows(t, "the message behind the search", func(seen string) bool { return strings.Contains(seen, "five\nhost#") })
}

// TestAnnounceWaitsForNobody fills a terminal that takes nothing.
func TestAnnounceWaitsForNobody(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	stuck := &stuckScreen{release: make(chan struct{})}
	tty := NewTTY(stuck, window)
	tty.OnHangup(func() { close(stuck.release) })
	done := make(chan error, 1)
	go func() { done <- b.Interact(t.Context(), actorAt(1), tty) }()
	for len(b.Sessions()) == 0 {
		time.Sleep(time.Millisecond)
	}
	text := strings.Repeat("x", 1000)
	for range 1000 {
		b.Announce(text)
	}
	if waiting := tty.notices.take(); len(waiting) > maxNotices+100 || !strings.HasSuffix(waiting, "messages were left out\n") {
		t.Errorf("%d bytes wait, and end in %.50q", len(waiting), waiting[max(0, len(waiting)-50):])
	}
	if err := b.Clear(1); err != nil {
		t.Fatal(err)
	}
	<-done
}

// stuckScreen takes nothing until it is released.
type stuckScreen struct{ release chan struct{} }

func (s *stuckScreen) Write(p []byte) (int, error) {
	<-s.release
	return 0, errHangup
}

func TestMonitor(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	p := b.person(t, 15, window)
	p.does("terminal monitor", "% This box keeps no log to show\nhost#")
	var show func(string)
	cancelled := 0
	b.Monitor = func(s func(string)) func() { show = s; return func() { cancelled++ } }
	p.does("terminal monitor", "#terminal monitor\nhost#")
	show("%SYS-5-CONFIG_I: Configured from console")
	p.ends("%SYS-5-CONFIG_I: Configured from console\nhost#")
	p.does("show terminal | include Monitor", "Monitor is on\nhost#")
	p.does("terminal no monitor", "#terminal no monitor\nhost#")
	p.does("terminal monitor", "host#")
	p.types("exit\r")
	<-p.left
	if cancelled != 2 {
		t.Errorf("%d subscriptions ended", cancelled)
	}
	if out, _ := b.script(t, 15, []string{"terminal monitor"}); !strings.Contains(out, "no terminal") {
		t.Errorf("a script got %q", out)
	}
}

// TestExecTimeout runs on a clock of its own.
func TestExecTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		if out, _ := b.script(t, 15, []string{"configure", "line vty 0 4", "exec-timeout 2 30", "line console", "exec-timeout 0 0", "do show run | section line"}); out != "line console\n exec-timeout 0 0\nline vty\n exec-timeout 2 30\n" {
			t.Fatalf("the configuration is %q", out)
		}
		sit := func(from string) (*TTY, *vt.Screen, chan error) {
			screen := vt.New(80)
			tty := NewTTY(screen, window)
			done := make(chan error, 1)
			go func() { done <- b.Interact(t.Context(), modules.Actor{Name: "anna", From: from, Level: 1}, tty) }()
			synctest.Wait()
			return tty, screen, done
		}
		console, _, consoleLeft := sit("console")
		tty, screen, left := sit("192.0.2.1")
		began := time.Now()
		time.Sleep(2 * time.Minute)
		tty.Feed([]byte("hang\r")) // a command is not cut off, however long it takes
		synctest.Wait()
		<-b.started
		time.Sleep(time.Hour)
		b.Announce("a message is no key")
		synctest.Wait()
		tty.Feed([]byte("\x03"))
		<-b.finished
		synctest.Wait()
		if seen := screen.Text(); !strings.HasSuffix(seen, "hanging\na message is no key\n% Interrupted.\nhost>") {
			t.Fatalf("the command was cut off:\n%s", seen)
		}
		time.Sleep(time.Minute)
		b.Announce("nor is this one")
		time.Sleep(90*time.Second - time.Nanosecond)
		synctest.Wait()
		select {
		case <-left:
			t.Fatalf("the session ended early, after %v", time.Since(began))
		default:
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if err := <-left; err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != time.Hour+4*time.Minute+30*time.Second {
			t.Errorf("the session lived for %v", took)
		}
		if seen := screen.Text(); !strings.HasSuffix(seen, "% The session ends: no key was typed for too long.") {
			t.Errorf("the operator saw:\n%s", seen)
		}
		time.Sleep(100 * time.Hour)
		console.Feed([]byte("\r"))
		synctest.Wait()
		// One that waits already is told of a new limit.
		b.script(t, 15, []string{"configure", "line console", "exec-timeout 0 30"})
		began = time.Now()
		if err := <-consoleLeft; err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("a session that waited already lived for %v", took)
		}
	})
}

// TestIdleQuestions: who leaves a question, a password or a page open is gone too.
func TestIdleQuestions(t *testing.T) {
	for _, typed := range []string{"wipe\r", "key\r", "show lines 100\r", "show lines 100\r/x", "\x12abc", ""} {
		synctest.Test(t, func(t *testing.T) {
			b := newBox(t)
			screen := vt.New(80)
			tty := NewTTY(screen, window)
			done := make(chan error, 1)
			go func() { done <- b.Interact(t.Context(), actorAt(15), tty) }()
			tty.Feed([]byte(typed))
			synctest.Wait()
			began := time.Now()
			<-done
			if took := time.Since(began); took != defaultTimeout {
				t.Errorf("%q: the session lived for %v", typed, took)
			}
			if seen := screen.Text(); !strings.HasSuffix(seen, "typed for too long.") || strings.Contains(seen, "failed:") {
				t.Errorf("%q: the operator saw:\n%s", typed, seen)
			}
		})
	}
}

func TestWelcome(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	b.Banner = func() string { return "Authorised use only" }
	b.Welcome = func(ctx context.Context, actor modules.Actor, terminal modules.Terminal) error {
		if actor.Line != 1 {
			t.Errorf("the actor is %+v", actor)
		}
		secret, err := terminal.ReadSecret(ctx, "New secret: ")
		if err == nil && secret == "short" {
			err = &modules.Error{Message: "The secret is too short", Hint: "log in again"}
		}
		return err
	}
	for typed, want := range map[string]string{
		"short\r": "Authorised use only\n\nNew secret:\n% The secret is too short\n  log in again",
		"\x03":    "New secret:\n% Interrupted.",
	} {
		screen := vt.New(80)
		tty := NewTTY(screen, window)
		done := make(chan error, 1)
		go func() { done <- b.Interact(t.Context(), actorAt(1), tty) }()
		screen.Shows(t, "the question", func(seen string) bool { return strings.HasSuffix(seen, "New secret:") })
		tty.Feed([]byte(typed))
		if err := <-done; err != nil || !strings.HasSuffix(screen.Text(), want) {
			t.Errorf("%q: %v, the screen shows:\n%s", typed, err, screen.Text())
		}
	}
	screen := vt.New(80)
	tty := NewTTY(screen, window)
	done := make(chan error, 1)
	go func() { done <- b.Interact(t.Context(), actorAt(1), tty) }()
	tty.Feed([]byte("long enough\rexit\r")) // typed ahead
	if err := <-done; err != nil || !strings.Contains(screen.Text(), "New secret:\nhost>exit") {
		t.Errorf("%v, the screen shows:\n%s", err, screen.Text())
	}
}

func TestTerminalSettings(t *testing.T) {
	b := newBox(t)
	out, _ := b.script(t, 15, []string{"terminal length 7", "terminal width 60", "terminal history size 2", "show terminal", "show history", "terminal no width",
		"terminal no history", "show history", "show terminal | json"})
	want := "Line 0\nLength: 0 lines, Width: 60 columns\nHistory size is 2\nMonitor is off\nIdle EXEC timeout: 00:10:00\n  show terminal\n  show history\n"
	text, after, _ := strings.Cut(out, "{")
	var view terminalView
	if err := json.Unmarshal([]byte("{"+after), &view); err != nil || text != want || view.HistorySize != 0 || view.Width != 0 || view.ExecTimeout != 600 {
		t.Errorf("%v: printed %q", err, out)
	}
}
