package shell

import (
	"strings"
	"testing"
)

// TestScript runs lines without a terminal and compares all that is printed.
func TestScript(t *testing.T) {
	tests := []struct {
		name    string
		level   int
		lines   []string
		answers []string
		want    string
		results []Outcome
	}{
		{name: "abbreviation", lines: []string{"sh ver"}, want: "mbox 1.0\n"},
		{name: "blank lines and comments", lines: []string{"", "   ", "! show version", "  !x"}},
		{name: "carriage return of a DOS file", lines: []string{"show version\r"}, want: "mbox 1.0\n"},
		{name: "ambiguous", lines: []string{"e", "sh v", "show  g"}, results: []Outcome{Refused, Done},
			want: "% Ambiguous command:  \"e\"\nmbox 1.0\nanna       1 width=0\nbob        2 width=0\nannabel    3 width=0\n"},
		{name: "incomplete", lines: []string{"show"}, results: []Outcome{Refused}, want: "% Incomplete command.\n"},
		{name: "invalid", lines: []string{"show  vrsion"}, results: []Outcome{Refused},
			want: "show  vrsion\n       ^\n% Invalid input detected at '^' marker.\n"},
		{name: "range", lines: []string{"show lines many"}, results: []Outcome{Refused},
			want: "show lines many\n           ^\n% Invalid input detected at '^' marker.\n"},
		{name: "a level too high is unknown", lines: []string{"show running-config"}, results: []Outcome{Refused},
			want: "show running-config\n     ^\n% Invalid input detected at '^' marker.\n"},
		{name: "control characters", lines: []string{"show\x01version"}, results: []Outcome{Refused}, want: "% The line holds a control character.\n"},
		{name: "invalid UTF-8", lines: []string{"show \xff"}, results: []Outcome{Refused}, want: "% The line is not valid UTF-8.\n"},
		{name: "overlong", lines: []string{strings.Repeat("x", 65537)}, results: []Outcome{Refused}, want: "% The line is longer than 65536 bytes.\n"},
		{name: "failure inside", lines: []string{"fail"}, results: []Outcome{Failed},
			want: "% Command failed: open the device: unexpected EOF\n"},
		{name: "panic", lines: []string{"crash", "show version"}, results: []Outcome{Failed, Done},
			want: "% Command failed: internal error: a bug\nmbox 1.0\n"},
		{name: "confirmation is refused", level: 15, lines: []string{"wipe", "wipe force"}, results: []Outcome{Refused, Done},
			want: "% Needs a terminal to confirm; add force to do it without asking\nwiped\n"},
		{name: "a secret is the next line", lines: []string{"key"}, answers: []string{"hunter2"}, want: "7 characters\n"},
		{name: "help without a terminal", lines: []string{"show v?"}, want: "  version  Version\n"},
		{name: "exit leaves", lines: []string{"exit"}},
		{name: "a result cannot move the cursor", lines: []string{"show evil"}, want: "name \ufffd]0;owned\ufffd end\n"},
		{name: "modes", level: 15, lines: []string{"configure terminal", "interface eth0", "mtu 1500", "description a | b ! c", "do show running-config | section interface", "exit", "exit", "show version"},
			want: "interface eth0\n mtu 1500\n description a | b ! c\nmbox 1.0\n"},
		{name: "walk-up moves the mode", level: 15, lines: []string{"conf t", "interface eth0", "domain example.com", "mtu 1500"},
			results: []Outcome{Done, Done, Done, Refused}, want: "mtu 1500\n^\n% Invalid input detected at '^' marker.\n"},
		{name: "end and a context that exists already", level: 15,
			lines: []string{"conf", "interface eth0", "mtu 1500", "end", "conf", "interface eth0", "mtu 9000", "end", "sh run | i mtu"}, want: " mtu 9000\n"},
		{name: "do keeps the column", level: 15, lines: []string{"conf", "do show vrsion"}, results: []Outcome{Done, Refused},
			want: "do show vrsion\n         ^\n% Invalid input detected at '^' marker.\n"},
		{name: "help behind do keeps the column", level: 15, lines: []string{"conf", "do show vrsion ?"},
			want: "do show vrsion \n         ^\n% Invalid input detected at '^' marker.\n"},
		{name: "no", level: 15, lines: []string{"conf", "domain a", "no domain", "no domain", "do sh run | count domain"},
			results: []Outcome{Done, Done, Done, Refused, Done}, want: "% \"domain\" is not configured\nNumber of lines which match regexp = 0\n"},
		{name: "a check refuses", level: 15, lines: []string{"conf", "domain unacceptable", "do sh run | count domain"},
			results: []Outcome{Done, Refused, Done}, want: "% This name is not acceptable\nNumber of lines which match regexp = 0\n"},
		{name: "applying fails", level: 15, lines: []string{"conf", "domain unapplied", "do sh run | count domain"},
			results: []Outcome{Done, Failed, Done}, want: "% Command failed: apply test: the kernel says no; the configuration is as before\nNumber of lines which match regexp = 0\n"},
		{name: "applying shows a mistake", level: 15, lines: []string{"conf", "domain foreign", "do sh run | count domain"},
			results: []Outcome{Done, Refused, Done}, want: "% The address is not one of this box\n  choose another\nNumber of lines which match regexp = 0\n"},
		{name: "an operator's mistake has a hint", level: 15, lines: []string{"conf", "username a password short"},
			results: []Outcome{Done, Refused}, want: "% The password is too short\n  use 8 characters or more\n"},
		{name: "a pipe is text in configuration", level: 15, lines: []string{"conf", "username a password x|y", "username b password |json", "do sh run | include user"},
			want: "username a password ********\nusername b password ********\n"},
		{name: "privilege", level: 15, lines: []string{"show privilege", "disable", "show privilege", "show privilege | json", "disable 9"},
			results: []Outcome{Done, Done, Done, Done, Refused},
			want:    "Current privilege level is 15\nCurrent privilege level is 1\n{\n  \"level\": 1\n}\n% New privilege level must be less than the current one\n  enable raises it\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, results := newBox(t).script(t, max(test.level, 1), test.lines, test.answers...)
			if plainErrors(got) != test.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, test.want)
			}
			for i, want := range test.results {
				if results[i].Outcome != want {
					t.Errorf("%q: outcome %d, want %d", test.lines[i], results[i].Outcome, want)
				}
			}
		})
	}
}

// plainErrors takes off the second lines of grammar errors, which have a test of their own.
func plainErrors(out string) string {
	lines := strings.SplitAfter(out, "\n")
	kept := lines[:0]
	for i, line := range lines {
		grammar := i > 0 && (strings.HasPrefix(lines[i-1], "% Invalid input") || strings.HasPrefix(lines[i-1], "% Incomplete") || strings.HasPrefix(lines[i-1], "% Ambiguous"))
		if !(grammar && strings.HasPrefix(line, "  ")) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}
