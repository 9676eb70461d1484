package modules

import (
	"strings"
	"testing"
)

// helpText writes Help as `?` would print it, on one line.
func helpText(h Help) string {
	if h.Err != nil {
		return h.Err.Error()
	}
	var out []string
	for _, c := range h.Candidates {
		out = append(out, c.Text)
	}
	if h.CR {
		out = append(out, "<cr>")
	}
	return strings.Join(out, " ")
}

func TestHelpCommand(t *testing.T) {
	b := testBook(t)
	for _, tt := range []struct {
		level      int
		line, want string
	}{
		{1, "", "show"},
		{15, "", "end hotspot mbox reload show test write"},
		{15, "sh", "show"},
		{15, "SH", "show"},
		{15, "show", "show"},
		{1, "sh ", "hosts mbox version"},
		{15, "show h", "hosts hotspot"},
		{15, "show ver", "version"},
		{15, "show version ", "<cr>"},
		{15, "show hosts ", "WORD <cr>"},
		{15, "show hosts a", "WORD"},
		{15, "show hotspot users ", "active history limit WORD <cr>"},
		{15, "show hotspot users active ", "limit WORD <cr>"},
		{15, "show hotspot users limit ", "<1-1000>"},
		{15, "hotspot user add bob password x ", "profile firstname email <cr>"},
		{15, "hotspot user add bob f", "firstname"},
		{15, "hotspot user add bob firstname Bob p", "password profile"},
		{15, "hotspot user add bob firstname \"Bo", "WORD"},
		{15, "hotspot user add bob password ", "SECRET"},
		{15, "sh x", "invalid input at column 4 (\"x\")"},
		{15, "frob ", "invalid input at column 1 (\"frob\")"},
		{15, "show h x", `ambiguous command: "show h": expected hosts or hotspot`},
		{15, "show version x", "invalid input at column 14 (\"x\"): nothing may follow here"},
		{15, "show vrsion", `invalid input at column 7 ("vrsion"): did you mean "version"?`},
		{15, "show vrsion ", `invalid input at column 7 ("vrsion"): did you mean "version"?`},
		{1, "reload ", `invalid input at column 1 ("reload"): this needs more privilege: type enable first`},
		{15, "show\x01", "the line holds a control character"},
	} {
		if got := helpText(b.HelpCommand(tt.level, tt.line)); got != tt.want {
			t.Errorf("level %d %q:\n got %s\nwant %s", tt.level, tt.line, got, tt.want)
		}
	}
}

func TestHelpStatement(t *testing.T) {
	b := testBook(t)
	contexts := typed(t, b, &Tree{}, "interface eth0", "dhcp-server")
	for _, tt := range []struct {
		depth      int
		line, want string
	}{
		{0, "", "access banner default enable end hostname interface ip mbox no username"},
		{0, "n", "no"},
		{0, "no ", "access banner enable hostname interface ip mbox username"},
		{0, "no i", "interface ip"},
		{0, "no ip host ", "WORD"},
		{0, "no ip host a ", "A.B.C.D|X:X::X <cr>"},
		{0, "no hostname ", "WORD <cr>"},
		{0, "no ip ", "host name-server"},
		{0, "ip hots ", `invalid input at column 6 ("hots"): did you mean "host"?`},
		{0, "reload ", `invalid input at column 1 ("reload"): this is an exec command: type do before it`},
		{0, "banner motd ", "LINE"},
		{0, "banner motd some ", "LINE <cr>"},
		{0, "banner motd don't \"so", "LINE"},
		{0, "mbox sync allow 10.0.0.1 datasets ", "profiles users sessions sticky"},
		{0, "mbox sync allow 10.0.0.1 datasets users ", "accept profiles users sessions sticky <cr>"},
		{0, "mbox sync allow 10.0.0.1 datasets users s", "sessions sticky"},
		{0, "mbox sync primary p username u password ", "6 SECRET"},
		{0, "mbox sync primary p username u password 6 ", "WORD"},
		{0, "access 1 permit ", "all tcp"},
		{1, "", "access default description dhcp-server enable end hold hop ip mtu no"},
		{1, "host", "hostname"},
		{0, "mbox sync primary p username u password x datasets users se po", "port"},
		{1, "ip ", "address"},
		{1, "ip host ", "WORD"},
		{2, "", "default enable end no range"},
		{2, "no ", "enable range"},
		{2, "mt", "mtu"},
		{2, "mtu ", "<68-9000>"},
		{2, "mtu x ", `invalid input at column 5 ("x"): expected a number from 68 to 9000`},
	} {
		if got := helpText(b.HelpStatement(contexts[:tt.depth], tt.line)); got != tt.want {
			t.Errorf("depth %d %q:\n got %s\nwant %s", tt.depth, tt.line, got, tt.want)
		}
	}
}

func TestHelpTexts(t *testing.T) {
	b := testBook(t)
	for line, want := range map[string]string{
		"sh":         "Show information",
		"show ver":   "Version",
		"show hosts": "Names",
	} {
		h := b.HelpCommand(15, line)
		if len(h.Candidates) != 1 || h.Candidates[0].Help != want {
			t.Errorf("%q: %+v, want help %q", line, h.Candidates, want)
		}
	}
	if h := b.HelpStatement(nil, "mbox "); h.Candidates[0].Help != "allow or listen or log or primary" {
		t.Errorf("shared word: %+v", h.Candidates)
	}
	if h := b.HelpStatement(nil, "hostname "); h.Candidates[0] != (Candidate{"WORD", "a name"}) {
		t.Errorf("argument: %+v", h.Candidates)
	}
	h := b.HelpStatement(nil, "mbox sync allow 1.1.1.1 datasets users s")
	if got := strings.Join(h.Completions(), " "); got != "sessions sticky" {
		t.Errorf("completions %q", got)
	}
	if got := b.HelpStatement(nil, "hostname ").Completions(); len(got) != 0 {
		t.Errorf("a form is completed: %q", got)
	}
}

func TestHelpDoesNotEndABareNo(t *testing.T) {
	b, err := NewBook(testModule{"m", Grammar{Statements: []Statement{{Syntax: "only", Help: "h"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if h := b.HelpStatement(nil, "no "); h.CR || len(h.Candidates) != 1 {
		t.Errorf("%+v", h)
	}
}

// TestHelpIsComplete types every candidate that help offers and never meets an invalid word.
func TestHelpIsComplete(t *testing.T) {
	b := testBook(t)
	var follow func(line string, depth int)
	follow = func(line string, depth int) {
		h := b.HelpStatement(nil, line)
		if h.Err != nil {
			t.Fatalf("%q: %v", line, h.Err)
		}
		if h.CR && line != "" {
			if _, err := b.ParseStatement(nil, line); err != nil {
				t.Fatalf("help offers <cr> after %q: %v", line, err)
			}
		}
		if depth == 0 {
			return
		}
		for _, word := range h.Completions() {
			follow(line+word+" ", depth-1)
		}
		for _, c := range h.Candidates {
			if example := map[string]string{"WORD": "abc", "SECRET": "s", "A.B.C.D|X:X::X": "10.0.0.1", "LINE": "l", "<1-65535>": "5",
				"<1-999>": "5", "<0-15>": "5", "A.B.C.D[/N]|X:X::X[/N]": "10.0.0.1"}[c.Text]; example != "" {
				follow(line+example+" ", depth-1)
			}
		}
	}
	follow("", 7)
}
