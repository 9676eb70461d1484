package system

import (
	"errors"
	"strings"
	"testing"

	"mbox/modules"
)

func TestLevelsOfCommands(t *testing.T) {
	b := newBox(t)
	book := b.engine.Book()
	allowed := func(level int, line string) bool { _, err := book.ParseCommand(level, line); return err == nil }
	if allowed(5, "show login failures") || !allowed(1, "show version") {
		t.Fatal("the levels that commands come with")
	}
	b.must("privilege exec level 5 sh login")
	if !allowed(5, "show login failures") || !allowed(5, "show login") || allowed(4, "show login") {
		t.Error("level 5 does not see it, or level 4 does")
	}
	if text := b.engine.Running().Text(false); !strings.Contains(text, "privilege exec level 5 show login\n") {
		t.Errorf("not in full:\n%s", text)
	}
	b.must("privilege exec level 9 show login failures") // more words count
	if allowed(8, "show login failures") || !allowed(5, "show login") {
		t.Error("the longer rule does not count")
	}
	b.must("privilege exec level 15 show version")
	if allowed(14, "show version") || !allowed(15, "show version") {
		t.Error("a command is not taken away")
	}
	b.must("privilege exec level 7 show login") // replaces
	if allowed(6, "show login") || strings.Count(b.engine.Running().Text(false), "show login\n") != 1 {
		t.Errorf("not replaced:\n%s", b.engine.Running().Text(false))
	}
	for _, line := range []string{"no privilege exec level 7 show login", "no privilege exec level 9 sh log fail", "no privilege exec level 15 show version"} {
		b.must(line)
	}
	if allowed(14, "show login failures") || !allowed(1, "show version") {
		t.Error("not as before")
	}
}

func TestLevelsThatAreRefused(t *testing.T) {
	b := newBox(t)
	for line, want := range map[string]string{
		"privilege exec level 5 show nonsense":                "No command begins with",
		"privilege exec level 5 show login failures 10.0.0.1": "No command begins with",
		"privilege exec level 5 s":                            "",
		"privilege exec level 16 show login":                  "0 to 15",
	} {
		err := b.enter(line)
		if want == "" {
			want = "No command begins with" // `s` is no command by itself, but begins show
			if err == nil {
				continue
			}
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", line, err)
		}
	}
	var refused *modules.StatementError
	if err := b.enter("privilege exec level 5 backup"); err == nil {
		t.Error("a backup holds every key of the box")
	} else if !errors.As(err, &refused) || !strings.Contains(err.Error(), "stays at its privilege level") {
		t.Errorf("backup: %v", err)
	}
}
