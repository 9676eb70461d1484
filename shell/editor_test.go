package shell

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mbox/boxtest/vt"
)

var window = Size{Width: 80, Height: 24}

func TestHelpKey(t *testing.T) {
	checkLeaks(t)
	p := newBox(t).person(t, 1, window)
	p.types("show v?")
	p.ends("host>show v?\n  version  Version\nhost>show v")
	p.types("\r")
	p.ends("mbox 1.0\nhost>")
	p.types("show lines ?")
	p.ends("host>show lines ?\n  <0-1000000>  Lines\nhost>show lines")
	p.types("2?")
	p.ends("host>show lines 2")
	p.types(" ?")
	p.ends("host>show lines 2 ?\n  <cr>\nhost>show lines 2")
	p.types("\x15show vrs?")
	p.ends("host>show vrs?\n           ^\n% Invalid input detected at '^' marker.\nhost>show vrs")
	p.types("\x15show | ?")
	p.ends("host>show |")
	p.types("\x15show version | ?")
	p.ends("  section  Show blocks whose first line matches\nhost>show version |")
	p.types("c?")
	p.ends("host>show version | c?\n  count  Count the lines that match\nhost>show version | c")
	p.types("\x15")
	p.ends("\nhost>")
	// In the middle of a line help is about what stands before the cursor, and the rest stays.
	p.types("show  2\x02\x02l?")
	p.ends("host>show l?\n  lines  That many lines\nhost>show l 2")
	p.types("ines\r")
	p.ends("line 1\nline 2\nhost>")
}

func TestQuotedQuestionMark(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	p := b.person(t, 15, window)
	p.does("configure", "host(config)#")
	p.does("domain a\x16?b", "host(config)#domain a?b\nhost(config)#")
	p.does("do show run | include domain", "domain a?b\nhost(config)#")
	p.types("domain \"c?")
	p.ends("host(config)#domain \"c?")
	p.does("\"", "host(config)#")
	p.does("do show run | include domain", "domain c?\nhost(config)#")
	p.does("\x1b[200~domain d?\tx\x1b[201~\x15domain e?f", "host(config)#domain ef\nhost(config)#")
}

func TestTab(t *testing.T) {
	checkLeaks(t)
	p := newBox(t).person(t, 15, window)
	p.types("sh\tver\t\r")
	p.ends("host#show version\nmbox 1.0\nhost#")
	p.types("show \t")
	p.ends("  version         Version\nhost#show")
	p.types("\x15conf\tt\t\rinter\teth0\r")
	p.ends("host(config)#interface eth0\nhost(config-if-eth0)#")
	p.types("no m\t\x15do sh\tr\t| i\teth0\r")
	p.ends("host(config-if-eth0)#do show running-config | include eth0\ninterface eth0\nhost(config-if-eth0)#")
	p.types("ex\t\r")
	p.ends("host(config-if-eth0)#exit\nhost(config)#")
}

func TestControlKeys(t *testing.T) {
	checkLeaks(t)
	p := newBox(t).person(t, 15, window)
	p.does("configure", "host(config)#")
	p.does("interface eth0", "host(config-if-eth0)#")
	p.types("mtu 1500")
	p.ends("#mtu 1500")
	p.types("\x03")
	p.ends("host(config-if-eth0)#mtu 1500\nhost(config-if-eth0)#")
	p.types("mtu 1500")
	p.ends("#mtu 1500")
	p.types("\x1a")
	p.ends("\nhost#")
	p.does("show run | count mtu", "regexp = 0\nhost#")
	p.types("\x04\x1b[3~\x00") // Delete on an empty line, and NUL, end nothing
	p.does("how version\x1b[1~s\x1b[4~\x7fn", "host#show version\nmbox 1.0\nhost#")
	p.types("s\x14\x14how version\r") // the transposition that runs past the end
	p.ends("mbox 1.0\nhost#")
	p.types("exit\r")
	<-p.left
}

func TestRecall(t *testing.T) {
	checkLeaks(t)
	p := newBox(t).person(t, 15, window)
	p.does("show version", "mbox 1.0\nhost#")
	p.does("show lines 1", "line 1\nhost#")
	p.types("\x1b[A\x1b[A\r")
	p.ends("host#show version\nmbox 1.0\nhost#")
	p.types("\x12lin")
	p.ends("bck-i-search: lin")
	p.types("\r")
	p.ends("host#show lines 1\nline 1\nhost#")
	p.types("\x12show")
	p.ends("bck-i-search: show")
	p.types("\x12")
	p.vt.Shows(t, "the line before that", func(seen string) bool { return strings.Contains(seen, "host#show version\nbck") })
	p.types("\x03") // gives up the line that was found, too
	p.does("show lines 1", "\nhost#show lines 1\nline 1\nhost#")
	p.does("user add anna password hunter2", "added\nhost#")
	p.types("\x1b[A")
	p.ends("host#user add anna password ********")
	p.types("\x1b[B")
	p.ends("\nhost#") // not the line as it was typed
	// A line recalled and made into one with a secret is kept masked too.
	p.types("\x1b[A\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7fhunter2\r")
	p.ends("added\nhost#")
	p.types("x\x15")
	p.types("\x1b[A")
	p.ends("host#user add anna password ********")
	p.types("\x15\x12hunter")
	p.ends("failing bck-i-search: hunter")
}

// TestSearchInEmptyHistory are the keys that made readline fail.
func TestSearchInEmptyHistory(t *testing.T) {
	checkLeaks(t)
	p := newBox(t).person(t, 1, window)
	p.types("\x12x")
	p.types("\x07\x12x")
	p.vt.Shows(t, "the search", func(seen string) bool { return strings.Contains(seen, "i-search: x") })
	p.types("\x03")
	p.types("\x13\x1a\x15")
	p.does("show version", "mbox 1.0\nhost>")
}

func TestInterruptCommand(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	p := b.person(t, 1, window)
	p.types("hang\rshow version\r")
	<-b.started
	p.types("\x03")
	if err := <-b.finished; err != errInterrupted {
		t.Errorf("the command ended with %v", err)
	}
	p.ends("hanging\n% Interrupted.\n% 1 line that waited was not run.\nhost>")
	p.does("show version", "mbox 1.0\nhost>")
}

func TestHangup(t *testing.T) {
	for _, typed := range []string{"", "show version", "show lines 100\r", "key\r", "wipe\r", "\x12show"} {
		checkLeaks(t)
		p := newBox(t).person(t, 15, window)
		p.types(typed)
		drain(p.keys)
		p.Hangup()
		<-p.left
	}
}

func TestCaretStandsUnderTheWord(t *testing.T) {
	checkLeaks(t)
	p := newBox(t).person(t, 15, window)
	p.does("show lines many", "host#show lines many\n                ^\n% Invalid input detected at '^' marker.\n  expected a number from 0 to 1000000\nhost#")
	p.does("configure", "host(config)#")
	p.does("interface eth0", "(config-if-eth0)#")
	p.does("mtu 漢 x", "host(config-if-eth0)#mtu 漢 x\n                         ^\n% Invalid input detected at '^' marker.\n  expected a number from 576 to 9000\nhost(config-if-eth0)#")
	p.does("do  show  lines x", "#do  show  lines x\n                                     ^\n% Invalid input detected at '^' marker.\n  expected a number from 0 to 1000000\nhost(config-if-eth0)#")
}

func TestProgressBar(t *testing.T) {
	for _, test := range []struct {
		done, total int64
		width       int
		want        string
	}{
		{0, 1000, 79, "[----------------------------------------]    0%  0/1000 accounts  0/s"},
		{500, 1000, 79, "[####################--------------------]   50%  500/1000 accounts  250/s"},
		{1000, 1000, 60, "[#########################]  100%  1000/1000 accounts  500/s"},
		{2000, 1000, 30, "100%  2000/1000 accounts  1000"},
		{7, 0, 79, "7 accounts  4/s"},
	} {
		if got := bar(test.done, test.total, "accounts", 2*time.Second, test.width); got != test.want {
			t.Errorf("%d of %d at width %d: %q", test.done, test.total, test.width, got)
		}
	}
	v := vt.New(80)
	terminal := &terminal{end: NewTTY(v, window)}
	terminal.Progress(1, 2, "rows")
	if !strings.HasPrefix(v.Text(), "[####") {
		t.Errorf("no bar: %q", v.Text())
	}
	fmt.Fprintln(terminal, "row 1 is odd")
	terminal.Progress(2, 2, "rows")
	terminal.Close()
	if got := v.Text(); got != "row 1 is odd" {
		t.Errorf("the bar is left behind: %q", got)
	}
}

func TestQuestions(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	b.secret = "s3cret"
	p := b.person(t, 1, window)
	p.types("enable\r")
	p.ends("Enter enable password:")
	p.types("wrong\r")
	p.ends("Enter enable password:\nEnter enable password:")
	p.types("nonsense\x15s3crex\x7ft\r") // typed with corrections, and not shown
	p.ends("host>enable\nEnter enable password:\nEnter enable password:\nhost#")
	p.does("wipe", "Wipe it? [confirm]")
	p.types("\r")
	p.ends("wiped\nhost#")
	p.does("wipe", "Wipe it? [confirm]")
	p.types("n")
	p.ends("Wipe it? [confirm]n\nkept\nhost#")
	p.does("wipe", "Wipe it? [confirm]")
	p.types("\x03")
	p.ends("% Interrupted.\nhost#")
	p.does("disable", "host>")
	p.types("enable\r1\r2\r3\r")
	p.ends("% Bad secrets\nhost>")
	p.does("import 50", "imported\nhost>")
	p.types("key\rtyped ahead\rshow version\r")
	p.ends("Passphrase:\n11 characters\nhost>show version\nmbox 1.0\nhost>")
}

func TestPager(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	p := b.person(t, 1, Size{Width: 40, Height: 5})
	p.does("show lines 3", "line 3\nhost>")
	p.does("show lines 100", "line 1\nline 2\nline 3\nline 4\n --More--")
	p.types("\r")
	p.ends("line 4\nline 5\n --More--")
	p.types(" ")
	p.ends("line 5\nline 6\nline 7\nline 8\nline 9\n --More--")
	p.types("/")
	p.ends("line 9\n/")
	p.types("9x\x7f0\r")
	p.ends("line 9\nskipping\nline 90\nline 91\nline 92\nline 93\n --More--")
	p.types("/never\r")
	p.ends("% Pattern not found\nhost>")
	p.does("show lines 100", " --More--")
	p.types("q")
	p.ends("line 4\nhost>")
	p.does("show lines 100", " --More--")
	p.types("\x03")
	p.ends("line 4\n% Interrupted.\nhost>")
	p.does("show lines 4", "line 4\nhost>")
	p.does("terminal length 3", "host>")
	p.does("show lines 100", "line 1\nline 2\n --More--")
	p.types("q")
	p.does("terminal length 0", "host>")
	p.does("show lines 1000", "line 999\nline 1000\nhost>")
}

func TestPagerCountsWrappedRows(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	b.Banner = func() string { return "Authorised use only\x1b[31m" }
	p := b.person(t, 15, Size{Width: 40, Height: 6})
	p.does("terminal length 0", "host#")
	p.does("configure", "host(config)#")
	p.does("interface eth0", "#")
	p.does("description "+strings.Repeat("漢", 50), "#") // 113 columns: 3 rows
	p.does("end", "host#")
	p.does("terminal length 4", "host#")
	p.does("show run", "interface eth0\n --More--")
}

func TestNarrowAndOddWindows(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	b.Hostname = func() string { return strings.Repeat("long", 9) + "lon" } // with > as wide as one or two windows: readline would count for ever
	for _, width := range []int{0, -5, 1, 20, 40, 45, 1 << 30} {
		p := &person{t: t, vt: vt.New(clampWidth(width)), left: make(chan struct{})}
		p.TTY = NewTTY(p.vt, Size{Width: width, Height: -1})
		done := make(chan error, 1)
		go func() { done <- b.Interact(t.Context(), actorAt(1), p.TTY) }()
		p.types("show version")
		p.Resize(Size{Width: 20})
		p.types(" | include mbox | exclude nothing\x02\x02\x02\x1b[D\x05")
		p.types("\r")
		p.vt.Shows(t, fmt.Sprintf("the version at width %d", width), func(seen string) bool { return strings.Contains(seen, "mbox 1.0") })
		p.types("exit\r")
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestPaste sends 500 lines at once, in pieces that cut lines and characters.
func TestPaste(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	p := b.person(t, 15, window)
	p.does("terminal length 0", "host#")
	var paste strings.Builder
	paste.WriteString("configure terminal\r\n")
	for i := range 500 {
		fmt.Fprintf(&paste, "interface eth%d\r\n description ünï %d\r\n!\r\n", i, i)
	}
	paste.WriteString("end\r\nshow run | count ^interface\r\nshow run | count .description.ünï\r\nshow privilege\r\n")
	for rest := []byte(paste.String()); len(rest) > 0; {
		n := min(len(rest), 97)
		p.Feed(rest[:n])
		rest = rest[n:]
	}
	p.ends("regexp = 500\nhost#show run | count .description.ünï\nNumber of lines which match regexp = 500\nhost#show privilege\nCurrent privilege level is 15\nhost#")
}

func TestOverlongAndBrokenLines(t *testing.T) {
	checkLeaks(t)
	p := newBox(t).person(t, 1, window)
	p.types(strings.Repeat("x", maxEdited+100) + "?") // `?` keeps it from being taken whole
	p.types("\r")
	p.vt.Shows(t, "the refusal", func(seen string) bool { return strings.Contains(seen, "% The line is longer than the 2048") })
	p.does("show \xff", "% The line is not valid UTF-8.\nhost>")
	p.does("show version", "mbox 1.0\nhost>")
}

// drain waits until all keys were read or nobody reads any more.
func drain(k *keyboard) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for len(k.queue) > 0 && !k.closed {
		k.changed.Wait()
	}
}
