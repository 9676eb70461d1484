package modules

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// show writes values in a stable order.
func show(v Values) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(v)) {
		out = append(out, fmt.Sprintf("%s=%v", k, v[k]))
	}
	return strings.Join(out, " ")
}

func TestParseStatement(t *testing.T) {
	b := testBook(t)
	for _, tt := range []struct{ line, syntax, values, full string }{
		{"hostname Box1", "hostname NAME", "NAME=box1", "hostname box1"},
		{"HOSTNAME x", "hostname NAME", "NAME=x", "hostname x"},
		{"ip ho a 10.0.0.1", "ip host NAME ADDR", "ADDR=10.0.0.1 NAME=a", "ip host a 10.0.0.1"},
		{"ip n 8.8.8.8   8.8.4.4", "ip name-server ADDR...", "ADDR=[8.8.8.8 8.8.4.4]", "ip name-server 8.8.8.8 8.8.4.4"},
		{`banner motd Don't "panic | now  `, "banner motd LINE", `LINE=Don't "panic | now`, `banner motd Don't "panic | now`},
		{"user bob sec x", "username", "NAME=bob SECRET=x secret=true", "username bob secret ********"},
		{"username bob role sync password y", "username", "NAME=bob ROLE=sync SECRET=y password=true role=true", "username bob role sync password ********"},
		{"username bob priv 3 secret x", "username", "LEVEL=3 NAME=bob SECRET=x privilege=true secret=true", "username bob privilege 3 secret ********"},
		{`enable secret "a \"b\" \\c\nd"`, "enable secret SECRET", "SECRET=a \"b\" \\c\nd", "enable secret ********"},
		{"mbox sync allow 10.0.0.2", "mbox sync allow", "PREFIX=10.0.0.2/32", "mbox sync allow 10.0.0.2"},
		{"mbox sync allow 10.20.0.0/16 datasets users prof accept sess users", "mbox sync allow",
			"ACCEPT=[sessions users] DATASET=[users profiles] PREFIX=10.20.0.0/16 accept=true datasets=true",
			"mbox sync allow 10.20.0.0/16 datasets users profiles accept sessions users"},
		{"mbox sync allow 10.0.0.2 accept users datasets users", "mbox sync allow",
			"ACCEPT=[users] DATASET=[users] PREFIX=10.0.0.2/32 accept=true datasets=true", "mbox sync allow 10.0.0.2 accept users datasets users"},
		{"mbox sync primary p username u password 6 abc", "mbox sync primary", "6=true NAME=p SEALED=abc USER=u",
			"mbox sync primary p username u password 6 abc"},
		{"mbox sync primary p username u password 6", "mbox sync primary", "NAME=p SECRET=6 USER=u", "mbox sync primary p username u password ********"},
		{`mbox sync primary p username u password "6" port 8443`, "mbox sync primary", "NAME=p PORT=8443 SECRET=6 USER=u port=true",
			"mbox sync primary p username u password ******** port 8443"},
		{"mbox sync primary p username u password x send users port 1 datasets users", "mbox sync primary",
			"DATASET=[users] NAME=p PORT=1 SECRET=x SEND=[users] USER=u datasets=true port=true send=true",
			"mbox sync primary p username u password ******** send users port 1 datasets users"},
		{"access 5 permit tcp dport 80 src 10.0.0.0/8", "access", "NUMBER=5 PORT=80 SRC=10.0.0.0/8 dport=true permit=true src=true tcp=true",
			"access 5 permit tcp dport 80 src 10.0.0.0/8"},
		{"access 5 deny all", "access", "NUMBER=5 all=true deny=true", "access 5 deny all"},
	} {
		m, err := b.ParseStatement(nil, tt.line)
		if err != nil {
			t.Errorf("%q: %v", tt.line, err)
			continue
		}
		if !strings.HasPrefix(m.Statement.Syntax, tt.syntax) || show(m.Values) != tt.values || m.Line != tt.full || m.Negated || m.Climbed != 0 {
			t.Errorf("%q:\n got %s %s %q\nwant %s %s %q", tt.line, m.Statement.Syntax, show(m.Values), m.Line, tt.syntax, tt.values, tt.full)
		}
		if m.Secret != strings.Contains(tt.full, Masked) {
			t.Errorf("%q: secret %v", tt.line, m.Secret)
		}
	}
}

func TestParseCommand(t *testing.T) {
	b := testBook(t)
	for _, tt := range []struct{ line, syntax, values string }{
		{"sh ver", "show version", ""},
		{"show run", "show running-config", ""},
		{"show hosts", "show hosts", ""},
		{"show hosts A", "show hosts", "NAME=a"},
		{"rel f", "reload", "force=true"},
		{"show hotspot users bob", "show hotspot users", "NAME=bob"},
		{"show hotspot users active", "show hotspot users", "active=true"},
		{"show hotspot users a", "show hotspot users", "active=true"},
		{`show hotspot users "active"`, "show hotspot users", "NAME=active"},
		{"show hotspot users active hist", "show hotspot users", "NAME=hist active=true"},
		{"show hotspot users limit 5 bob h", "show hotspot users", "N=5 NAME=bob history=true limit=true"},
		{"show hotspot users limit", "show hotspot users", "NAME=limit"},
		{"hotspot user add bob profile gold firstname Bob profile silver email profile", "hotspot user add",
			"FIELD=[firstname email] NAME=bob PROFILE=[gold silver] VALUE=[Bob profile] profile=true"},
		{"hotspot user add bob password s3 f B", "hotspot user add", "FIELD=[firstname] NAME=bob SECRET=s3 VALUE=[B] password=true"},
		{"end", "end", ""},
	} {
		m, err := b.ParseCommand(15, tt.line)
		if err != nil {
			t.Errorf("%q: %v", tt.line, err)
			continue
		}
		if !strings.HasPrefix(m.Command.Syntax, tt.syntax) || show(m.Values) != tt.values {
			t.Errorf("%q:\n got %s %s\nwant %s %s", tt.line, m.Command.Syntax, show(m.Values), tt.syntax, tt.values)
		}
	}
}

// TestLineErrors has a caret line under each line: the column is where the caret stands.
func TestLineErrors(t *testing.T) {
	b := testBook(t)
	for _, tt := range []struct {
		mode, line, caret string
		kind              LineErrorKind
		contains          string
	}{
		{"config", "hostnmae x", "     ^", Invalid, `did you mean "hostname"?`},
		{"config", "frobnicate", "^", Invalid, "column 1"},
		{"config", "hostname a b", "           ^", Invalid, "nothing may follow"},
		{"config", "ip hosts a 1.1.1.1", "       ^", Invalid, `did you mean "host"?`},
		{"config", "ip host a 1.1.1", "          ^", Invalid, "IPv4 or IPv6 address"},
		{"config", "ip host 名前 1.1.1", "             ^", Invalid, "IPv4 or IPv6 address"},
		{"config", "ip", "  ^", Incomplete, "expected host or name-server"},
		{"config", "ip host", "       ^", Incomplete, "expected NAME"},
		{"config", "i h", "^", Ambiguous, "expected interface or ip"},
		{"config", "access 5 permit tcp dport 70000", "                          ^", Invalid, "from 1 to 65535"},
		{"config", "access 5 permit tcp dport 7 dport 8", "                            ^", Invalid, "column 29"},
		{"config", "access 5 permit tcp dport 7 src 1.1.1.1 dport 8", strings.Repeat(" ", 40) + "^", Invalid, "nothing may follow"},
		{"config", "mtu 1500", " ^", Invalid, `this belongs into "interface NAME"`},
		{"config", "show version", "^", Invalid, "type do before it"},
		{"config", "", "^", Incomplete, ""},
		{"config", "no", "  ^", Incomplete, ""},
		{"config", "no ip", "     ^", Incomplete, ""},
		{"config", "no ip host", "          ^", Incomplete, "expected NAME"},
		{"config", "no username", "           ^", Incomplete, "expected NAME"},
		{"config", "no frob", "   ^", Invalid, ""},
		{"config", `username bob secret "abc`, "                    ^", BadText, "not closed"},
		{"config", `username bob secret "a\bc"`, "                      ^", BadText, "backslash"},
		{"config", `username bob secret "a"b`, "                       ^", BadText, "space after the closing quote"},
		{"config", "username bob secret a b", "                      ^", Invalid, `("********")`},
		{"config", "hostname a\x07", "          ^", BadText, "control character"},
		{"config", "hostname a\xff", "          ^", BadText, "UTF-8"},
		{"user", "sh r", "   ^", Invalid, "enable first"},
		{"user", "reload", "^", Invalid, "enable first"},
		{"exec", "sh r", "", 0, ""},
		{"exec", "show h", "     ^", Ambiguous, `"show h"`},
		{"exec", "show", "    ^", Incomplete, "expected hosts or hotspot or mbox or running-config or version"},
		{"exec", "show vresion", "      ^", Invalid, `did you mean "version"?`},
		{"exec", "hostname x", "  ^", Invalid, "configure terminal first"},
		{"exec", "mtu 1500", " ^", Invalid, `configuration command of "interface NAME"`},
		{"exec", "mbox sync allow 1.1.1.1", "          ^", Invalid, "configure terminal first"},
		{"exec", "hotspot user add bob password s3cret pro", strings.Repeat(" ", 40) + "^", Incomplete, "expected PROFILE"},
	} {
		t.Run(tt.mode+" "+tt.line, func(t *testing.T) {
			err := parseIn(b, tt.mode, tt.line)
			if tt.caret == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var e *LineError
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			if e.Kind != tt.kind || e.Column != len(tt.caret)-1 || !strings.Contains(e.Error(), tt.contains) {
				t.Errorf("kind %d column %d %q\n%s\n%s\nwant kind %d, %q", e.Kind, e.Column, e.Error(), tt.line, tt.caret, tt.kind, tt.contains)
			}
		})
	}
	if err := parseIn(b, "config", "hostname "+strings.Repeat("a", MaxLine)); err.(*LineError).Kind != TooLong {
		t.Errorf("long line: %v", err)
	}
}

func parseIn(b *Book, mode, line string) error {
	var err error
	switch mode {
	case "config":
		_, err = b.ParseStatement(nil, line)
	case "user":
		_, err = b.ParseCommand(1, line)
	default:
		_, err = b.ParseCommand(15, line)
	}
	return err
}

func TestErrorsHoldNoSecret(t *testing.T) {
	b := testBook(t)
	long := strings.Repeat("hunter2", 20)
	for _, line := range []string{
		"username bob secret " + long,
		"username bob secret hunter2 hunter2",
		"mbox sync primary p username u password hunter2 p",
		"mbox sync primary p username u password hunter2 d x",
		"no username bob secret hunter2 hunter2",
	} {
		for _, err := range []error{parseIn(b, "config", line), parseIn(b, "exec", line)} {
			if err != nil && strings.Contains(fmt.Sprintf("%v %+v", err, err.(*LineError).Word), "hunter2") {
				t.Errorf("%q: %v", line, err)
			}
		}
	}
}

func TestWalkUp(t *testing.T) {
	b := testBook(t)
	tree := &Tree{}
	contexts := typed(t, b, tree, "interface eth0", "dhcp-server")
	for _, tt := range []struct {
		line    string
		climbed int
		kind    LineErrorKind // if climbed is -1
		column  int
	}{
		{"range 10.0.0.1 10.0.0.9", 0, 0, 0},
		{"enable", 0, 0, 0}, // of dhcp-server, though the interface knows it too
		{"mtu 1500", 1, 0, 0},
		{"hostname x", 2, 0, 0},
		{"ip host a 1.1.1.1", 2, 0, 0}, // the interface knows `ip`, but not `ip host`
		{"enable secret x", 2, 0, 0},   // both contexts know `enable`, but not more of it
		{"interface eth1", 2, 0, 0},    // leaves both
		{"end", 0, 0, 0},               // a command is known everywhere
		{"range 10.0.0.1", -1, Incomplete, 14},
		{"ip", -1, Incomplete, 2},         // incomplete in the interface: does not climb to the top
		{"e", -1, Ambiguous, 0},           // enable or end
		{"ip address x", -1, Invalid, 11}, // the interface understood most of it
		{"frob", -1, Invalid, 0},
		{"ho x", -1, Ambiguous, 0},                  // hold or hop; not hostname further out
		{"access 5 permit all", -1, Incomplete, 19}, // though it is whole further out
		{"no mtu", 1, 0, 0},
		{"no hostname", 2, 0, 0},
	} {
		m, err := b.ParseStatement(contexts, tt.line)
		if tt.climbed >= 0 {
			if err != nil || m.Climbed != tt.climbed {
				t.Errorf("%q: climbed %d of %d, %v", tt.line, m.Climbed, tt.climbed, err)
			}
			continue
		}
		var e *LineError
		if !errors.As(err, &e) || e.Kind != tt.kind || e.Column != tt.column {
			t.Errorf("%q: %v, want kind %d at %d", tt.line, err, tt.kind, tt.column)
		}
	}
	if name := contexts[0].ModeName() + " " + contexts[1].ModeName(); name != "if-eth0 dhcp" {
		t.Errorf("mode names %q", name)
	}
}

// TestHostileLineIsFast has a line where every word may be a literal or an argument, and which is wrong at its end.
func TestHostileLineIsFast(t *testing.T) {
	b := testBook(t)
	line := "test x" + strings.Repeat(" tag", 4001)
	start := time.Now()
	_, err := b.ParseCommand(15, line)
	if e, ok := err.(*LineError); !ok || e.Kind != Incomplete {
		t.Fatalf("got %v", err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Fatalf("took %v", took)
	}
}

func TestAmbiguousErrorHoldsNoSecret(t *testing.T) {
	b, err := NewBook(testModule{"m", Grammar{Commands: []Command{
		{Syntax: "open KEY [slow] [slack]", Help: "h", Args: map[string]Type{"KEY": secret()}}}}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.ParseCommand(15, "open hunter2 sl")
	if e, ok := err.(*LineError); !ok || e.Kind != Ambiguous || e.Word != "open "+Masked+" sl" {
		t.Fatalf("got %v", err)
	}
}

// TestArgumentThatLooksLikeALiteral: a quoted word is never a literal, and is rendered so that it stays one.
func TestArgumentThatLooksLikeALiteral(t *testing.T) {
	b := testBook(t)
	for line, want := range map[string]string{
		"mbox sync log all":     "mbox sync log all",
		"mbox sync log al":      "mbox sync log all",
		`mbox sync log "al"`:    `mbox sync log "al"`,
		`mbox sync log "alone"`: "mbox sync log alone",
	} {
		m, err := b.ParseStatement(nil, line)
		if err != nil {
			t.Fatal(err)
		}
		if got := (&Node{Statement: m.Statement, Values: m.Values}).Line(false); got != want {
			t.Errorf("%q renders as %q", line, got)
		}
	}
}
