package shell

import (
	"strings"
	"testing"
)

func TestErrorsAreFoldedForAPerson(t *testing.T) {
	p := newBox(t).person(t, 15, Size{Width: 30, Height: 24})
	var detail string
	p.types("show lines many\r")
	p.vt.Shows(t, "the error", func(seen string) bool {
		_, after, found := strings.Cut(seen, "marker.\n")
		detail = after
		return found && strings.HasSuffix(after, "host#")
	})
	if !strings.HasPrefix(detail, "  expected ") {
		t.Fatalf("the screen shows:\n%s", detail)
	}
	lines := strings.Split(detail, "\n")
	if len(lines) < 3 {
		t.Fatalf("not folded:\n%s", detail)
	}
	for _, line := range lines[:len(lines)-1] {
		if !strings.HasPrefix(line, "  ") || strings.HasPrefix(line, "   ") {
			t.Errorf("%q is not indented by two", line)
		}
	}
}

func TestSentence(t *testing.T) {
	s := &Session{}
	for text, want := range map[string]string{
		"nothing was restored":                  "% Nothing was restored\n",
		"primary.example.com: no route to host": "% primary.example.com: no route to host\n",
		"eth0 is down":                          "% eth0 is down\n",
		"several\nlines of text":                "% Several\n  lines of text\n",
		"":                                      "% \n",
	} {
		if got := s.sentence(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestCaretInALineOfSeveralRows(t *testing.T) {
	p := newBox(t).person(t, 15, Size{Width: 20, Height: 24})
	p.does("show lines many | include mbox", "host#show lines many\n                ^\n% Invalid input dete\ncted at '^' marker.\n  expected a number\n  from 0 to 1000000\nhost#")
	p.does("show lines 1 | include mbox | wrong", "\ninclude mbox | wrong\n               ^\n% Invalid input dete\ncted at '^' marker.\n  expected a filter:\n  append, begin,\n  count, exclude,\n  include, json,\n  redirect, section\n  or tee\nhost#")
	p.does(`show "abc`, "host#show \"abc\n          ^\n% The quote that\n  opens here is not\n  closed.\nhost#")
}

func TestPromptOfANarrowWindowKeepsItsMark(t *testing.T) {
	p := newBox(t).person(t, 15, Size{Width: 20, Height: 24})
	p.does("configure terminal", "\nhost(conf#")
}
