package shell

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestEnable(t *testing.T) {
	tests := []struct {
		name, secret string
		lines        []string
		answers      []string
		want         string
	}{
		{"no secret is set", "", []string{"enable", "show privilege"}, nil, "Current privilege level is 15\n"},
		{"the next line is the secret", "s3cret", []string{"enable", "show privilege"}, []string{"s3cret"}, "Current privilege level is 15\n"},
		{"a script has one try", "s3cret", []string{"enable", "show privilege"}, []string{"wrong", "s3cret"}, "% Bad secrets\nCurrent privilege level is 1\n"},
		{"no more lines", "s3cret", []string{"enable", "show privilege"}, nil, "% Bad secrets\nCurrent privilege level is 1\n"},
		{"a level", "s3cret", []string{"enable 7", "show privilege", "configure terminal"}, []string{"s3cret"}, "Current privilege level is 7\nconfigure terminal\n"},
		{"going down is free", "s3cret", []string{"enable 0", "show privilege"}, nil, "Current privilege level is 0\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBox(t)
			b.secret = test.secret
			if got, _ := b.script(t, 1, test.lines, test.answers...); !strings.HasPrefix(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if test.secret != "" && strings.Contains(b.log.String(), test.secret) {
				t.Error("the log holds the secret")
			}
		})
	}
}

// TestSecretsLeaveNoTrace types secrets in good and bad lines and searches all that is kept or shown for them.
func TestSecretsLeaveNoTrace(t *testing.T) {
	b := newBox(t)
	out, results := b.script(t, 15, []string{
		"user add anna password hunter2", // a command
		"configure",
		"username anna password hunter2",       // a statement
		"username anna passwrd hunter2",        // a typo before it
		"usrname anna password hunter2",        // a typo at the start
		"username anna password hunter2 extra", // too much behind it
		"username anna password short",         // refused by its module; the word is not the secret of this test
		"no username anna password hunter2 hunter2",
		"do user add anna password hunter2",
		"do user add anna password hunter2 | include [",
		"do user ad anna password",
		"do show history",
	})
	kept := map[string]string{"output and history": out, "log": b.log.String(), "configuration": b.engine.Running().Text(false)}
	for where, text := range kept {
		if strings.Contains(text, "hunter2") {
			t.Errorf("a secret is in the %s:\n%s", where, text)
		}
	}
	if !strings.Contains(out, "user add anna password ********\n") {
		t.Errorf("a line with a secret is not in the history at all:\n%s", out)
	}
	for i, secret := range []bool{true, false, true, false} {
		if results[i].Secret != secret {
			t.Errorf("line %d: secret is %v", i, results[i].Secret)
		}
	}
	if !strings.Contains(b.log.String(), `msg="configuration changed" user=console from=console context="" line="username anna password ********"`) {
		t.Errorf("the log does not say who changed what:\n%s", b.log)
	}
}

func TestHistory(t *testing.T) {
	b := newBox(t)
	out, _ := b.script(t, 15, []string{"show version", "show version", "  sh ve ", "nonsense", "! comment", "show history | json"})
	var got struct{ Lines []string }
	_, text, _ := strings.Cut(out, "{")
	if err := json.Unmarshal([]byte("{"+text), &got); err != nil {
		t.Fatal(err, out)
	}
	if want := "show version,sh ve,nonsense,show history | json"; strings.Join(got.Lines, ",") != want {
		t.Errorf("history is %q", got.Lines)
	}
	var h history
	for i := range 3 * maxHistory {
		h.add(strings.Repeat("x", i))
	}
	if len(h.lines) != maxHistory || len(h.lines[maxHistory-1]) != 3*maxHistory-1 {
		t.Errorf("%d lines are kept", len(h.lines))
	}
}

func TestErrorsSayWhatIsRight(t *testing.T) {
	tests := []struct {
		level int
		line  string
		want  string
	}{
		{15, "show vrsion", `did you mean "version"?`},
		{15, "show lines 1000001", "expected a number from 0 to 1000000"},
		{15, "domain example.com", "configure terminal"},
		{1, "show running-config", "enable"},
	}
	for _, test := range tests {
		got, _ := newBox(t).script(t, test.level, []string{test.line})
		if !strings.Contains(got, test.want) {
			t.Errorf("%s at level %d says %q", test.line, test.level, got)
		}
	}
	got, _ := newBox(t).script(t, 15, []string{"configure", "show version"})
	if !strings.Contains(got, "type do before it") {
		t.Errorf("show in configuration mode says %q", got)
	}
}
