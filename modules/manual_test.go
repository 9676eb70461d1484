package modules

import (
	"slices"
	"strings"
	"testing"
)

type manualModule struct{}

func (manualModule) Name() string { return "manual" }

func (manualModule) Grammar() Grammar {
	word := Word("Name of it", nil)
	return Grammar{
		Statements: []Statement{
			{Syntax: "interface NAME", Help: "An interface", Mode: "if", Key: []string{"NAME"}, Args: map[string]Type{"NAME": word}},
			{In: "interface NAME", Syntax: "mtu BYTES", Help: "Largest packet", Default: "mtu 1500", Args: map[string]Type{"BYTES": Int(576, 9000, "Octets")}},
			{Syntax: "account NAME [role ROLE] secret SECRET", Help: "Somebody", Key: []string{"NAME"}, Words: map[string]string{"role": "What for"},
				Args: map[string]Type{"NAME": word, "ROLE": Enum("Role", Candidate{"sync", "Boxes"}), "SECRET": Secret("Secret of it", nil)}},
		},
		Commands: []Command{
			{Syntax: "show interface [NAME]", Help: "Interfaces", Args: map[string]Type{"NAME": word}},
			{Syntax: "show account", Help: "Accounts", Level: 15},
			{Syntax: "show route ADDR", Help: "Where packets go", Args: map[string]Type{"ADDR": Address("Where to")}},
		},
	}
}

func TestManual(t *testing.T) {
	book, err := NewBook(manualModule{})
	if err != nil {
		t.Fatal(err)
	}
	syntaxes := func(entries []Entry) string {
		var out []string
		for _, e := range entries {
			out = append(out, e.Syntax)
		}
		return strings.Join(out, ", ")
	}
	for _, test := range []struct {
		level int
		words string
		found string
	}{
		{15, "interface", "interface NAME, show interface [NAME]"},
		{15, "INTER show", "show interface [NAME]"},
		{15, "octets", "mtu BYTES"},
		{15, "packet", "mtu BYTES, show route ADDR"},
		{15, "what for", "account NAME [role ROLE] secret SECRET"},
		{15, "nothing", ""},
		{1, "account", ""},
		{1, "mtu", ""},
	} {
		if got := syntaxes(book.Find(test.level, test.words)); got != test.found {
			t.Errorf("find %s at level %d: %s", test.words, test.level, got)
		}
	}
	pages, begin := book.Manual(15, "sh int eth0")
	if len(pages) != 1 || pages[0].Syntax != "show interface [NAME]" || len(begin) != 0 {
		t.Fatalf("pages %+v, begin %v", pages, begin)
	}
	pages, _ = book.Manual(15, "no mtu")
	if p := pages[0]; p.Default != "mtu 1500" || p.Example != "mtu 576" || p.In != "interface NAME" || p.Arguments[0].Form != "<576-9000>" {
		t.Errorf("the page of mtu is %+v", p)
	}
	pages, _ = book.Manual(15, "acc")
	if p := pages[0]; !p.Arguments[2].Secret || p.Arguments[1].Values[0].Text != "sync" || p.Words[0].Help != "What for" || p.Example != "account name secret secret" ||
		!slices.Contains(p.SeeAlso, "show account") {
		t.Errorf("the page of account is %+v", p)
	}
	if pages, begin = book.Manual(15, "show"); len(pages) != 0 || syntaxes(begin) != "show interface [NAME], show account, show route ADDR" {
		t.Errorf("show: %v, %s", pages, syntaxes(begin))
	}
	if pages, begin = book.Manual(1, "show account"); len(pages)+len(begin) != 0 {
		t.Errorf("level 1 reads of show account: %v, %v", pages, begin)
	}
	if pages, _ = book.Manual(15, "show route"); pages[0].Example != "show route 192.0.2.1" {
		t.Errorf("the example is %q", pages[0].Example)
	}
}

// TestExamplesParse tries every example of the grammar that the tests have.
func TestExamplesParse(t *testing.T) {
	book, err := NewBook(manualModule{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range slices.Concat(book.statements, book.commands) {
		if book.example(p) == "" {
			t.Errorf("%s has no example", p.syntax())
		}
	}
}
