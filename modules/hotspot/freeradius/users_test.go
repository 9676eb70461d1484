package freeradius

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
)

// entries reads a users file to its end: each entry on a line, refused ones with their reason.
func entries(t *testing.T, text string) string {
	t.Helper()
	var out []string
	for u := NewUsers(strings.NewReader(text)); ; {
		e, err := u.Next()
		line := new(LineError)
		switch {
		case err == io.EOF:
			return strings.Join(out, "\n")
		case errors.As(err, &line):
			out = append(out, "! "+err.Error())
		case err != nil:
			t.Fatal(err)
		default:
			out = append(out, fmt.Sprintf("%d %s%s", e.Line, e.Name, listed(e.Items)))
		}
	}
}

func listed(items []Item) string {
	var b strings.Builder
	for _, i := range items {
		side := "reply"
		if i.Check {
			side = "check"
		}
		fmt.Fprintf(&b, " [%s %s %s %q]", side, i.Name, i.Op, i.Value)
	}
	return b.String()
}

func TestUsers(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"check and reply items", "bob\tCleartext-Password := \"hello\", NAS-Port == 3 # desk\n\tReply-Message := 'hi',\n\tSession-Timeout = 60\n",
			`1 bob [check Cleartext-Password := "hello"] [check NAS-Port == "3"] [reply Reply-Message := "hi"] [reply Session-Timeout = "60"]`},
		{"no items", "bob\nDEFAULT\n", "1 bob\n2 DEFAULT"},
		{"comments between the lines of an entry", "# one\n\nbob A := 1\n# two\n  # three\n\n\tB = 2\n", `3 bob [check A := "1"] [reply B = "2"]`},
		{"a comma at the end of the last reply", "bob\n\tB = 2,\nal\n", "1 bob [reply B = \"2\"]\n3 al"},
		{"two replies on a line", "bob\n\tB = 2, C += x\n", `1 bob [reply B = "2"] [reply C += "x"]`},
		{"name with a space", "\"John Doe\" A := 1\n", `1 John Doe [check A := "1"]`},
		{"escapes", `bob A := "a\"b\\c\td\101\q", B := 'x\'y\n', C := "#,"` + "\n", `1 bob [check A := "a\"b\\c\tdAq"] [check B := "x'y\\n"] [check C := "#,"]`},
		{"a # inside a word", "bob A := x#y\n", `1 bob [check A := "x#y"]`},
		{"no blanks", "bob A:=1,B==2,C!=3\n", `1 bob [check A := "1"] [check B == "2"] [check C != "3"]`},
		{"all operators", "bob A =~ x, B !~ x, C >= 1, D <= 1, E > 1, F < 1, G =* x, H !* x, I -= x\n",
			`1 bob [check A =~ "x"] [check B !~ "x"] [check C >= "1"] [check D <= "1"] [check E > "1"] [check F < "1"] [check G =* "x"] [check H !* "x"] [check I -= "x"]`},
		{"continuation", "bob A := 1, \\\n  B := 2\n\tC = 3\n", `1 bob [check A := "1"] [check B := "2"] [reply C = "3"]`},
		{"CRLF and BOM, no line end", "\ufeffbob A := 1\r\n\tB = 2\r\nal", "1 bob [check A := \"1\"] [reply B = \"2\"]\n3 al"},
		{"backslash at the end of the file", "bob A := 1 \\", `1 bob [check A := "1"]`},
		{"comma at the end of check items", "bob A := 1,\n\tB = 2\nal\n", "! line 1: a comma at the end of the check items, which must stand on one line\n3 al"},
		{"unclosed quote", "bob A := \"x\n\tB = 2\nal\n", "! line 1: a quoted value is not closed\n3 al"},
		{"bad reply costs its entry", "bob A := 1\n\tB\n\tC = 1\nal\n", "! line 2: an attribute without an operator such as := or ==\n4 al"},
		{"missing comma", "bob A := 1 B := 2\n", "! line 1: a comma is missing between two attributes"},
		{"no value", "bob A := , B := 1\n", "! line 1: an attribute without a value"},
		{"indented first", "  A = 1\nbob\n", "! line 1: an entry begins with a name at the start of its line\n2 bob"},
		{"NUL and Latin-1", "b\x00b A := 1\nb\xf6b\nal\n", "! line 1: the line is not UTF-8, or holds a NUL byte\n! line 2: the line is not UTF-8, or holds a NUL byte\n3 al"},
		{"long line", "bob A := " + strings.Repeat("x", maxLine) + "\n\tB = 1\nal\n", "! line 1: the line is longer than 65536 bytes\n3 al"},
		{"long continuation", "bob A := " + strings.Repeat("x\\\n", maxLine) + "\nal\n", "! line 1: the line is longer than 65536 bytes\n65538 al"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := entries(t, tt.text); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestIncludeIsRefused(t *testing.T) {
	for _, text := range []string{"$INCLUDE users.other\n", "$include /etc/passwd"} {
		if _, err := NewUsers(strings.NewReader(text)).Next(); !errors.Is(err, ErrInclude) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestNoErrorRepeatsAValue because any of them may be a password.
func TestNoErrorRepeatsAValue(t *testing.T) {
	for _, text := range []string{"bob Password := \"sesame", "bob sesame", "bob A := sesame sesame", "bob A := sesame,", "sesame A =", "  sesame = 1"} {
		if got := entries(t, text); strings.Contains(got, "sesame") || !strings.HasPrefix(got, "!") {
			t.Errorf("%q: %s", text, got)
		}
	}
}

// sample is where Debian's freeradius-config has its users file.
const sample = "/etc/freeradius/3.0/users"

func TestSampleOfDebian(t *testing.T) {
	text, err := os.ReadFile(sample)
	if err != nil {
		t.Skipf("needs Debian's freeradius-config: %v", err)
	}
	for u := NewUsers(strings.NewReader(string(text))); ; {
		e, err := u.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(e.Items) == 0 {
			t.Errorf("entry %s of line %d has no items", e.Name, e.Line)
		}
	}
}

func FuzzUsers(f *testing.F) {
	for _, seed := range []string{
		"bob\tCleartext-Password := \"hello\"\n\tReply-Message := 'hi',\n\tSession-Timeout = 60\n", "DEFAULT Group == \"x\", Auth-Type := Reject\n",
		"\"a b\" A:=1 \\\n,B==2\n\n$INCLUDE x\n", "x A := \"\\101\\", "x\n\t#\n\tA=1,B=2\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		last, most := 0, strings.Count(text, "\n")+1
		for u := NewUsers(strings.NewReader(text)); ; {
			e, err := u.Next()
			line := new(LineError)
			switch {
			case err == io.EOF, errors.Is(err, ErrInclude):
				return
			case errors.As(err, &line):
				e.Line = line.Line
			case err != nil:
				t.Fatal(err)
			}
			if e.Line <= 0 || e.Line < last || e.Line > most {
				t.Fatalf("line %d after %d", e.Line, last)
			}
			last = e.Line
			if len(e.Items) > maxItems {
				t.Fatalf("%d items", len(e.Items))
			}
			translated(t, e.Items)
		}
	})
}
