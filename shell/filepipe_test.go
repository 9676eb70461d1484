package shell

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mbox/modules"
)

// folder is a file area that keeps what is complete.
type folder struct {
	modules.Files
	dir string
}

func (f folder) Open(name string) (*os.File, error) { return os.Open(filepath.Join(f.dir, name)) }

func (f folder) Stat(name string) (fs.FileInfo, error) { return os.Stat(filepath.Join(f.dir, name)) }

func (f folder) Create(name string) (modules.PendingFile, error) {
	return &pendingText{at: filepath.Join(f.dir, name)}, nil
}

type pendingText struct {
	bytes.Buffer
	at   string
	done bool
}

func (p *pendingText) Commit() error { p.done = true; return os.WriteFile(p.at, p.Bytes(), 0o600) }

func (p *pendingText) Abort() error {
	if !p.done {
		p.Reset()
	}
	return nil
}

func TestFilePipes(t *testing.T) {
	checkLeaks(t)
	b := newBox(t)
	area := folder{dir: t.TempDir()}
	b.Files = func(modules.Actor) modules.Files { return area }
	holds := func(name, want string) {
		t.Helper()
		if got, err := os.ReadFile(filepath.Join(area.dir, name)); string(got) != want {
			t.Errorf("%s holds %q, %v; want %q", name, got, err, want)
		}
	}
	for _, test := range []struct{ line, out string }{
		{"show lines 3 | redirect a", ""},
		{"show lines 3 | exclude 2 | append a", ""},
		{"show lines 2 | tee b", "line 1\nline 2\n"},
		{"show privilege | json | red c", ""},
		{"fail | redirect d", "% Command failed: open the device: unexpected EOF\n"},
		{"show version | tee", "% Incomplete command.\n  tee needs the name of a file\n"},
		{"show version | redirect a b", "show version | redirect a b\n                          ^\n% Invalid input detected at '^' marker.\n  expected one name of a file; put a name with blanks in double quotes\n"},
		{"show version | append a | count x", "show version | append a | count x\n                          ^\n% Invalid input detected at '^' marker.\n  nothing may follow append\n"},
	} {
		if out, _ := b.script(t, 15, []string{test.line}); out != test.out {
			t.Errorf("%s: printed %q", test.line, out)
		}
	}
	holds("a", "line 1\nline 2\nline 3\nline 1\nline 3\n")
	holds("b", "line 1\nline 2\n")
	holds("c", "{\n  \"level\": 15\n}\n")
	if _, err := area.Stat("d"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a command that failed made a file")
	}
	if out, _ := b.script(t, 1, []string{"show version | redirect e"}); !strings.Contains(out, "privilege level 15") {
		t.Errorf("without privilege: %q", out)
	}
	// Who has seen enough still gets the whole file; who interrupts gets none, and keeps the old one.
	p := b.person(t, 15, window)
	p.does("show lines 100 | tee b", " --More--")
	p.types("q")
	p.ends("line 23\nhost#")
	if got, _ := os.ReadFile(filepath.Join(area.dir, "b")); !strings.HasSuffix(string(got), "line 100\n") {
		t.Errorf("b ends in %.20q", got)
	}
	p.does("show lines 100 | tee a", " --More--")
	p.types("\x03")
	p.ends("% Interrupted.\nhost#")
	holds("a", "line 1\nline 2\nline 3\nline 1\nline 3\n")
	p.types("show version | r?")
	p.ends("  redirect  Write the result to a file instead of showing it\nhost#show version | r")
}

func TestAliases(t *testing.T) {
	b := newBox(t)
	out, _ := b.script(t, 15, []string{"configure",
		"alias exec sv show version", "alias exec xl show lines", "alias exec Loop loop", "alias exec again xl 1", "alias exec show who",
		"alias exec x2 user add anna password hunter2", "alias exec xk user add anna password", "alias exec x/ who", "alias exec wrong shw version", "end",
		"sv", "XL 2", "xl 2 | count .", "again", "do sv", "xl many", "xk hunter2", "xk hunter2 x", "show history"})
	want := "% \"show\" means the command show, and an alias cannot take its place\n  Choose another name.\n" +
		"% An alias cannot hold a secret\n  End it before the secret, and type that behind the alias.\n"
	for _, part := range []string{want, "expected a name of 1 to 32 letters", "% \"shw version\" is not a command",
		"mbox 1.0\nline 1\nline 2\nNumber of lines which match regexp = 2\n", "show lines many\n           ^\n", "added\nuser add anna password ********\n", "  user add anna password ********\n  show history\n"} {
		if !strings.Contains(out, part) {
			t.Errorf("%q is not in:\n%s", part, out)
		}
	}
	if strings.Contains(out, "hunter2") {
		t.Errorf("a secret behind an alias is shown:\n%s", out)
	}
	if strings.Contains(out, "line 1\nline 1") || strings.Contains(b.engine.Running().Text(false), "loop") {
		t.Errorf("an alias of an alias runs:\n%s", out)
	}
	// An alias that was there before a command of its name gives way to the command.
	err := b.engine.Commit(t.Context(), actorAt(15), func(tree *modules.Tree) error {
		m, err := b.engine.Book().ParseStatement(nil, "alias exec hang show version")
		if err == nil {
			_, err = tree.Set(nil, m)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b.brief = true
	if out, _ := b.script(t, 15, []string{"configure", "alias exec e show version", "end", "e"}); out != "mbox 1.0\n" {
		t.Errorf("an alias that several commands begin with printed %q", out)
	}
	if out, _ := b.script(t, 15, []string{"hang", "han"}); out != "hanging\nhanging\n" {
		t.Errorf("the command printed %q", out)
	}
}
