package modules

import (
	"errors"
	"strings"
	"testing"
)

type leveled struct{}

func (leveled) Name() string { return "leveled" }
func (leveled) Grammar() Grammar {
	file := map[string]Type{"FILE": Word("A file", nil)}
	return Grammar{Commands: []Command{
		{Syntax: "enable", Help: "Get privilege", Pinned: true},
		{Syntax: "show clock", Help: "Time", Level: 1},
		{Syntax: "show keys", Help: "Keys", Level: 15},
		{Syntax: "show keys detail", Help: "Keys in detail", Level: 15},
		{Syntax: "copy FILE running", Help: "Load a configuration", Args: file, Level: 15, Pinned: true},
		{Syntax: "copy running saved", Help: "Save it", Level: 15},
		{Syntax: "configure", Help: "Change everything", Level: 15, Pinned: true},
		{Syntax: "do FILE", Help: "Leave", Args: file, ConfigOnly: true},
	}}
}

func TestSetLevels(t *testing.T) {
	book, err := NewBook(leveled{})
	if err != nil {
		t.Fatal(err)
	}
	// lowest is the lowest level that understands a line; 16 if none does.
	lowest := func(line string) int {
		for level := range 16 {
			if _, err := book.ParseCommand(level, line); err == nil {
				return level
			}
		}
		return 16
	}
	for name, test := range map[string]struct {
		rules []LevelRule
		want  map[string]int
	}{
		"as they come":       {nil, map[string]int{"show clock": 1, "show keys": 15, "show keys detail": 15, "enable": 0, "configure": 15}},
		"a prefix":           {[]LevelRule{{5, "show keys"}}, map[string]int{"show clock": 1, "show keys": 5, "show keys detail": 5}},
		"the longer rule":    {[]LevelRule{{9, "show keys detail"}, {5, "show keys"}, {3, "show"}}, map[string]int{"show clock": 3, "show keys": 5, "show keys detail": 9}},
		"half a word":        {[]LevelRule{{5, "show key"}}, map[string]int{"show keys": 15}},
		"pinned stay":        {[]LevelRule{{1, "copy"}, {1, "configure"}, {15, "enable"}}, map[string]int{"copy a running": 15, "copy running saved": 1, "configure": 15, "enable": 0}},
		"taken away":         {[]LevelRule{{15, "show clock"}}, map[string]int{"show clock": 15}},
		"not behind options": {[]LevelRule{{1, "copy x running"}}, map[string]int{"copy x running": 15}},
		"configuration only": {[]LevelRule{{1, "do"}}, map[string]int{"do x": 16}},
	} {
		book.SetLevels(test.rules)
		for line, want := range test.want {
			if got := lowest(line); got != want {
				t.Errorf("%s: %q is of level %d, want %d", name, line, got, want)
			}
		}
	}
	book.SetLevels([]LevelRule{{5, "show keys"}})
	if help := book.HelpCommand(4, "show "); len(help.Candidates) != 1 {
		t.Errorf("level 4 is offered %v", help.Candidates)
	}
	if help := book.HelpCommand(5, "show "); len(help.Candidates) != 2 {
		t.Errorf("level 5 is offered %v", help.Candidates)
	}
}

func TestCommandWords(t *testing.T) {
	book, err := NewBook(leveled{})
	if err != nil {
		t.Fatal(err)
	}
	for typed, want := range map[string]string{
		"sh  key": "show keys", "SHOW clock": "show clock", "show": "show", "show keys det": "show keys detail", "cop": "copy", "copy run": "copy running",
	} {
		if got, err := book.CommandWords(typed); got != want || err != nil {
			t.Errorf("%q: %q, %v; want %q", typed, got, err, want)
		}
	}
	for typed, want := range map[string]string{
		"": "expected", "nonsense": "No command", "show keys more": "No command", "co": "configure or copy", "conf": "stays at", "enable": "stays at",
		"do": "No command", "copy x": "No command",
	} {
		_, err := book.CommandWords(typed)
		var told *Error
		if !errors.As(err, &told) || !strings.Contains(err.Error(), want) && !strings.Contains(err.Error(), "copy or configure") {
			t.Errorf("%q: %v, want %q", typed, err, want)
		}
	}
}
