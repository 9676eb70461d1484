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
