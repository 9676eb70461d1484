package system

import (
	"context"
	"strings"
	"testing"

	"mbox/modules"
)

func TestBanner(t *testing.T) {
	b := newBox(t)
	for typed, want := range map[string]string{
		"Authorised users only":   "Authorised users only",
		"#Authorised users only#": "Authorised users only",
		"^CText^C":                "Text",
		"#a#b#":                   "#a#b#",
		"!#x#!":                   "#x#",
		"aXa":                     "aXa",
		`"quoted" words`:          `"quoted" words`,
		`"a\n \"b\"\\"`:           "a\n \"b\"\\",
		"%  spaces  %":            "  spaces  ",
		"–dash–":                  "dash",
		"#(c) nobody#":            "(c) nobody",
	} {
		b.must("banner motd " + typed)
		b.must("banner login " + typed)
		b.restart(want)
	}
	b.must("no banner login")
	if b.module.LoginBanner() != "" || b.module.Banner() == "" {
		t.Error("the wrong banner was removed")
	}
}

// restart checks the banners now, and again as they are loaded.
func (b *box) restart(want string) {
	b.t.Helper()
	for _, when := range []string{"now", "after a restart"} {
		if b.module.Banner() != want || b.module.LoginBanner() != want {
			b.t.Errorf("%s: %q and %q, want %q\n%s", when, b.module.Banner(), b.module.LoginBanner(), want, b.engine.Running().Text(false))
		}
		text := b.engine.Running().Text(false)
		report := b.engine.Boot(context.Background(), text)
		if len(report.SetAside) > 0 || b.engine.Running().Text(false) != text {
			b.t.Errorf("%q loads as %q, %+v", text, b.engine.Running().Text(false), report.SetAside)
		}
	}
}

// hard are lines that a reader of configurations could take for something else.
var hard = []string{
	"", "!", "end", "exit", " hostname evil", "hostname evil", "no banner motd", "banner login #x#", "banner exec #", "# %", "^", "\"", `\n`,
	"  three  ", "tab\tbed", "username x secret y", "! set aside: x", "do reload", "ünïcödé ─", "?", "| json", "*** ***",
}

func TestBannersOfSeveralLines(t *testing.T) {
	for _, text := range []string{"one\ntwo", strings.Join(hard, "\n"), "\nfirst is empty", "last is empty\n", "^C\nin it", "#%~|@$&*+=^C\n─"} {
		b := newBox(t)
		for _, word := range []string{"motd", "login"} {
			b.must("banner " + word + " " + modules.RenderWord(text))
		}
		b.restart(text)
		if shown := b.engine.Running().Text(false); !strings.Contains(shown, text+"\n") {
			t.Errorf("running-config has not the lines themselves:\n%s", shown)
		}
		if b.module.Hostname() != DefaultHostname || len(b.module.applied.Load().accounts) > 0 {
			t.Error("a line of the banner took effect")
		}
	}
}

// TestBannersOfIOS are forms in which other routers show a banner.
func TestBannersOfIOS(t *testing.T) {
	for pasted, want := range map[string]string{
		"banner motd ^C\nOne\n  Two\n^C\nhostname x":                             "One\n  Two",
		"banner motd ^COne\r\nTwo^C\r\nhostname x\r":                             "One\nTwo",
		"banner motd #One#\nhostname x":                                          "One",
		"banner motd #\nOne #\nhostname x":                                       "One ",
		"banner mo @\n@\nhostname x":                                             "",
		"!\nbanner motd %\n!!\n% \nhostname x":                                   "!!",
		"banner motd (c) nobody\nhostname x":                                     "(c) nobody", // never closed: it is one line
		"banner motd #\nhostname x":                                              "",           // never closed, and no text
		"banner motd #\nOne # behind\nhostname x":                                "",
		"banner motd #\n" + strings.Repeat("long line\n", 500) + "#\nhostname x": "",
	} {
		b := newBox(t)
		b.engine.Boot(context.Background(), pasted)
		if got := b.module.Banner(); got != want {
			t.Errorf("%.60q: %q, want %q", pasted, got, want)
		}
		if b.module.Hostname() != "x" {
			t.Errorf("%.60q: what follows is lost", pasted)
		}
	}
}

func FuzzBanner(f *testing.F) {
	for _, s := range []string{"a", "#a#", "^Ca^C", " a ", "##", "#", "a#", "^C^C", "──", "#%~|@$&*+=", `"a\nb"`, `"`, "(c) x", `"\n"x`} {
		f.Add(s)
	}
	typ := bannerType{modules.Line("text")}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := typ.Parse(s)
		if err != nil {
			return
		}
		rendered := typ.Render(v)
		if strings.TrimSpace(rendered) != rendered || strings.Contains(rendered, "\n") {
			t.Fatalf("%q is rendered as %q, which a line does not keep", v, rendered)
		}
		if again, err := typ.Parse(rendered); again != v || err != nil {
			t.Fatalf("%q, rendered as %q, is read as %q, %v", v, rendered, again, err)
		}
		if _, opens := typ.Opens(rendered); opens {
			t.Fatalf("%q, rendered as %q, waits for more lines", v, rendered)
		}
	})
}

// FuzzBannerText: whatever a banner holds, a configuration that has it loads as it was written.
func FuzzBannerText(f *testing.F) {
	f.Add("a\nb")
	f.Add(strings.Join(hard, "\n"))
	m := New(Deps{})
	book, err := modules.NewBook(m)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if checked, err := (bannerType{}).Parse(modules.RenderWord(text + "\n")); err != nil || checked != text+"\n" {
			return
		}
		line := "banner motd " + modules.RenderWord(text+"\n")
		tree, err := book.LoadStrict("hostname a\n" + line + "\npassword-policy strict\n")
		if err != nil {
			return
		}
		written := tree.Text(false)
		again, err := book.LoadStrict(written)
		if err != nil || again.Text(false) != written {
			t.Fatalf("%q is written\n%s\nand loads as %v\n%s", text, written, err, again.Text(false))
		}
	})
}
