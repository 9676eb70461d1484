package shell

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mbox/boxtest/vt"
	"mbox/modules"
)

// counting is an engine that counts the changes that are tried.
type counting struct {
	Engine
	changes atomic.Int64
	during  func() // called in each change
}

func (c *counting) Change(ctx context.Context, actor modules.Actor, o modules.Options, change func(*modules.Tree) error) error {
	c.changes.Add(1)
	if c.during != nil {
		c.during()
	}
	return c.Engine.Change(ctx, actor, o, change)
}

func (b *box) counted() *counting {
	c := &counting{Engine: b.Engine}
	b.Engine = c
	return c
}

// lines in which everything may happen that typing lines can meet.
var block = []string{
	"domain one", "! a comment", "", "interface eth0", " mtu 1500", " mtu 9", " description first", "exit", "interface eth1", " mtu 9000",
	"domain two",                            // walks up
	"mtu 1400",                              // and so is wrong here
	"no interface eth7",                     // is not there
	"interface eth1",                        //
	"no mtu",                                //
	"username anna password hunter2hunter2", // walks up, is hashed
	"username bob password short",           // refused by Normalize
	"domain unacceptable",                   // refused by Check
	"domain unapplied",                      // refused by Apply
	"interface eth2", " description \u00fcn\u00ef \u6f22",
	"show version",    // no configuration line
	"do show version", // a command
	"interface eth3",  //
	"end", "show run | count interface", "configure", "domain three", "exi", "show privilege",
}

// TestBatchEqualsTyping runs the same lines one by one and as a block that is there at once, and compares all that came
// of it.
func TestBatchEqualsTyping(t *testing.T) {
	one, all := newBox(t), newBox(t)
	typed, _ := one.script(t, 15, append([]string{"configure"}, block...))
	var out bytes.Buffer
	session := all.NewSession(actorAt(15), NewScript(&out, Size{}, noAnswer))
	st := session.runQueue(t.Context(), &queue{lines: append([]string{"configure"}, block...)})
	if out.String() != typed {
		t.Errorf("as a block:\n%s\ntyped:\n%s", &out, typed)
	}
	if got, want := all.engine.Running().Text(false), one.engine.Running().Text(false); got != want {
		t.Errorf("the configuration is:\n%s\ntyped:\n%s", got, want)
	}
	var numbers []int
	for _, r := range st.Refused {
		numbers = append(numbers, r.Number)
	}
	if got := fmt.Sprint(numbers); got != "[7 13 14 18 19 20 23]" {
		t.Errorf("refused are %s", got)
	}
	if text := fmt.Sprint(st.Refused); strings.Contains(text, "hunter2") || strings.Contains(text, "short") {
		t.Errorf("a secret is told: %s", text)
	}
	if got, want := fmt.Sprint(session.history.lines[:5]), "[configure domain one interface eth0 mtu 1500 mtu 9]"; got != want {
		t.Errorf("the history begins with %s", got)
	}
}

// TestNotesOfLines: what a line costs is said behind it, once it is accepted, alone and among others; not when it is removed.
func TestNotesOfLines(t *testing.T) {
	const note = "% Note: this costs\n"
	for lines, want := range map[string]string{
		"domain costly":                         note,
		"domain costly\ndomain cheap":           note,
		"domain a\ndomain costly\ninterface x":  note,
		"interface costly\nno interface costly": note,
		"domain cheap\nno domain\ninterface x":  "",
	} {
		var out bytes.Buffer
		session := newBox(t).NewSession(actorAt(15), NewScript(&out, Size{}, noAnswer))
		session.runQueue(t.Context(), &queue{lines: append([]string{"configure"}, strings.Split(lines, "\n")...)})
		if out.String() != want {
			t.Errorf("%q prints %q", lines, &out)
		}
	}
	b := newBox(t)
	p := b.person(t, 15, window)
	p.types("configure\rdomain costly\r")
	p.ends("domain costly\n" + note + "host(config)#")
}

// TestPasteEqualsTyping does the same at a terminal.
func TestPasteEqualsTyping(t *testing.T) {
	checkLeaks(t)
	for _, marks := range [][2]string{{"", ""}, {"\x1b[200~", "\x1b[201~"}} {
		var seen []string
		for _, at := range []string{"typed", "pasted"} {
			b := newBox(t)
			p := b.person(t, 15, window)
			if at == "typed" {
				for _, line := range append([]string{"terminal length 0", "configure"}, block...) {
					p.types(line + "\r")
					drain(p.keys)
					p.ready()
				}
			} else {
				p.types("terminal length 0\rconfigure\r" + marks[0] + strings.Join(block, "\r") + "\r" + marks[1])
			}
			p.ends("Current privilege level is 15\nhost#")
			seen = append(seen, p.vt.Text())
		}
		if seen[0] != seen[1] {
			t.Errorf("typed:\n%s\n\npasted:\n%s", seen[0], seen[1])
		}
	}
}

// ready waits until the box waits for a key.
func (p *person) ready() {
	for waits := false; !waits; runtime.Gosched() {
		p.keys.mu.Lock()
		waits = p.keys.idle.waiting && len(p.keys.queue) == 0 || p.keys.closed
		p.keys.mu.Unlock()
	}
}

// TestBatchInAContextThatGoes: another operator removes the interface that a block is about.
func TestBatchInAContextThatGoes(t *testing.T) {
	b := newBox(t)
	engine := b.counted()
	var out bytes.Buffer
	session := b.NewSession(actorAt(15), NewScript(&out, Size{}, noAnswer))
	session.runQueue(t.Context(), &queue{lines: []string{"configure", "interface eth0"}})
	b.script(t, 15, []string{"configure", "no interface eth0"})
	engine.changes.Store(0)
	st := session.runQueue(t.Context(), &queue{lines: []string{"mtu 1500", "description x", "domain y"}})
	gone := "% \"interface eth0\" was removed meanwhile\n  Type exit, and enter it again\n"
	if want := gone + gone; out.String() != want || len(st.Refused) != 2 {
		t.Errorf("printed:\n%s\nrefused are %v", &out, st.Refused)
	}
	if got := b.engine.Running().Text(false); got != "domain y\n" {
		t.Errorf("the configuration is %q", got)
	}
}

func TestBatchIsOneChange(t *testing.T) {
	b := newBox(t)
	engine := b.counted()
	lines := []string{"configure"}
	for i := range 5000 {
		lines = append(lines, fmt.Sprintf("interface eth%d", i/2), "description x")
	}
	var out bytes.Buffer
	session := b.NewSession(actorAt(15), NewScript(&out, Size{}, noAnswer))
	if st := session.runQueue(t.Context(), &queue{lines: lines}); st.Outcome != Done || out.Len() > 0 {
		t.Errorf("outcome %d, printed %.200q", st.Outcome, &out)
	}
	if n := engine.changes.Load(); n > 10 {
		t.Errorf("%d changes for %d lines", n, len(lines))
	}
	if n := len(b.engine.Running().Nodes); n != 2500 {
		t.Errorf("%d interfaces", n)
	}
	// One line that a module refuses costs a few changes more.
	engine.changes.Store(0)
	lines[3000] = "domain unacceptable"
	st := session.runQueue(t.Context(), &queue{lines: lines[1:]})
	if len(st.Refused) != 1 || st.Refused[0].Number != 3000 {
		t.Errorf("refused are %v", st.Refused)
	}
	if n := engine.changes.Load(); n > 50 {
		t.Errorf("%d changes for one bad line", n)
	}
}

// TestPasteTellsWhatWasWrong pastes 5,000 lines, some of them wrong.
func TestPasteTellsWhatWasWrong(t *testing.T) {
	checkLeaks(t)
	for _, marked := range []bool{false, true} {
		b := newBox(t)
		p := b.person(t, 15, window)
		var text strings.Builder
		text.WriteString("configure\r")
		for i := 2; i <= 5000; i++ {
			switch i {
			case 17:
				text.WriteString("interfac\u00e9 eth17\r")
			case 4711:
				text.WriteString("username anna passwrd hunter2\r")
			default:
				fmt.Fprintf(&text, "interface eth%d\r", i)
			}
		}
		pasted := text.String()
		if marked {
			pasted = "\x1b[200~" + pasted + "\x1b[201~"
		}
		began := time.Now()
		go func() { // as a terminal sends it
			for rest := []byte(pasted); len(rest) > 0; {
				n := min(len(rest), 4096)
				p.Feed(rest[:n])
				rest = rest[n:]
			}
		}()
		p.ends("% 2 of 5000 lines were not done:\n  line 17: interfac\u00e9 eth17\n  line 4711: username anna passwrd ********\nhost(config-if-eth5000)#")
		t.Logf("marked %v: 5,000 lines took %v", marked, time.Since(began))
		if n := len(b.engine.Running().Nodes); n != 4997 {
			t.Errorf("%d interfaces", n)
		}
	}
}

func TestInterruptedPaste(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	engine := b.counted()
	p := b.person(t, 15, window)
	p.does("configure", "host(config)#")
	reached, release := make(chan struct{}), make(chan struct{})
	first := true
	engine.during = func() {
		if first {
			first = false
			close(reached)
			<-release
		}
	}
	var text strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&text, "interface eth%d\r", i)
	}
	p.types(text.String())
	<-reached
	p.types("\x03")
	close(release)
	p.vt.Shows(t, "what was lost", func(seen string) bool { return strings.Contains(seen, " lines that waited were not run.") })
	p.does("do show run | count ^interface", "host(config)#") // or in the context of the only line before
	var lost, kept int
	seen := p.vt.Text()
	lost, _ = strconv.Atoi(regexp.MustCompile(`(\d+) lines that waited`).FindStringSubmatch(seen)[1])
	lost += strings.Count(seen, "% Interrupted.") // the line that ran
	p.vt.Shows(t, "the count", func(seen string) bool {
		at := strings.Index(seen, "regexp = ")
		if at < 0 {
			return false
		}
		fmt.Sscanf(seen[at:], "regexp = %d", &kept)
		return true
	})
	if kept+lost != 5000 || lost < 4900 {
		t.Errorf("%d lines were run and %d were told to be lost:\n%.500s", kept, lost, seen)
	}
}

// TestPasteIsOverWhenItIsQuiet: lines that come later are numbered anew.
func TestPasteIsOverWhenItIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		screen := vt.New(80)
		tty := NewTTY(screen, window)
		done := make(chan error, 1)
		go func() { done <- b.Interact(t.Context(), actorAt(15), tty) }()
		tty.Feed([]byte("xa\rxb\rshow version\rx"))
		time.Sleep(pasteQuiet * 2 / 3) // the network is slow
		tty.Feed([]byte("c"))
		time.Sleep(pasteQuiet * 2 / 3)
		tty.Feed([]byte("\rxd\r"))
		time.Sleep(2 * pasteQuiet)
		if seen := screen.Text(); !strings.HasSuffix(seen, "% 4 of 5 lines were not done:\n  line 1: xa\n  line 2: xb\n  line 4: xc\n  line 5: xd\nhost#") {
			t.Errorf("the screen shows:\n%s", seen)
		}
		tty.Feed([]byte("xa\rxb\r")) // everybody sees which were wrong
		time.Sleep(2 * pasteQuiet)
		tty.Feed([]byte("\x1b[200~xa\rxb\r"))
		time.Sleep(time.Minute)
		tty.Feed([]byte("xc\r\x1b[201~"))
		time.Sleep(2 * pasteQuiet)
		if seen := screen.Text(); !strings.HasSuffix(seen, "% 3 of 3 lines were not done:\n  line 1: xa\n  line 2: xb\n  line 3: xc\nhost#") {
			t.Errorf("the screen shows:\n%s", seen)
		}
		tty.Hangup()
		<-done
	})
}

// TestPipedLinesStream: what a program has sent is run before it sends more.
func TestPipedLinesStream(t *testing.T) {
	r, w := io.Pipe()
	b := newBox(t)
	out := vt.New(200)
	done := make(chan Outcome, 1)
	go func() { done <- b.RunAll(t.Context(), actorAt(15), r, out) }()
	io.WriteString(w, "show version\nshow pri")
	out.Shows(t, "the version", func(seen string) bool { return strings.Contains(seen, "mbox 1.0") })
	io.WriteString(w, "vilege\n")
	out.Shows(t, "the privilege", func(seen string) bool { return strings.Contains(seen, "level is 15") })
	w.Close()
	if got := <-done; got != Done {
		t.Errorf("outcome %d", got)
	}
}
