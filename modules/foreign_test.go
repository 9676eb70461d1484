package modules

import (
	"strings"
	"testing"
)

type foreigner struct{}

func (foreigner) Name() string { return "foreigner" }
func (foreigner) Grammar() Grammar {
	return Grammar{
		Statements: []Statement{{Syntax: "service known", Help: "A line that is known"}},
		Foreign:    []Foreign{{"service", "leave it out"}, {"service password-encryption", "secrets are never in clear"}},
	}
}

func TestForeignLines(t *testing.T) {
	book, err := NewBook(foreigner{})
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"service timestamps debug":        "leave it out",
		"no service pad":                  "leave it out",
		"Service  password-encryption":    "secrets are never in clear",
		"service password-encryption now": "secrets are never in clear",
		"services":                        "nothing may follow here",
	} {
		_, err := book.ParseStatement(nil, line)
		if err == nil || (want != "nothing may follow here") != strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
	if _, err := book.ParseStatement(nil, "service known"); err != nil {
		t.Errorf("a known line: %v", err)
	}
	if tree := book.Load("service pad\n"); len(tree.SetAside) != 1 || !strings.Contains(tree.SetAside[0].Reason, "leave it out") {
		t.Errorf("loaded: %+v", tree.SetAside)
	}
}
