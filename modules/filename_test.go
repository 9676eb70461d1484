package modules

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

type listed struct {
	Files
	dir string
}

func (l listed) List(name string) (out Folder, err error) {
	entries, err := os.ReadDir(filepath.Join(l.dir, name))
	for _, e := range entries {
		info, infoErr := e.Info()
		err = errors.Join(err, infoErr)
		out.Entries = append(out.Entries, info)
	}
	return out, err
}

// TestFileNamesAreListed: what `?` and Tab offer can be typed, and is not more than a screen.
func TestFileNamesAreListed(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.csv", "b.csv", "bad\x1bname", "sub/c.csv", "sub/d"} {
		name = filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, make([]byte, 2048), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	typ := FileName("a file", listed{dir: dir})
	list := func(prefix string) (text string) {
		for _, c := range typ.(Lister).List(prefix) {
			text += c.Text + "=" + c.Help + ";"
		}
		return text
	}
	for prefix, want := range map[string]string{
		"": "a.csv=2.0 KiB;b.csv=2.0 KiB;sub=folder;", "b": "b.csv=2.0 KiB;", "sub/": "sub/c.csv=2.0 KiB;sub/d=2.0 KiB;", "sub/c": "sub/c.csv=2.0 KiB;",
		"missing/": "", "/etc/": "", "x": "",
	} {
		if got := list(prefix); got != want {
			t.Errorf("%q: %s", prefix, got)
		}
	}
	for i := range 100 {
		if err := os.WriteFile(filepath.Join(dir, "z"+string(rune('A'+i))), nil, 0o600); err != nil && !errors.Is(err, fs.ErrInvalid) {
			t.Fatal(err)
		}
	}
	if got := typ.(Lister).List("z"); len(got) != maxListed {
		t.Errorf("%d names", len(got))
	}
	if got := FileName("a file", nil).(Lister).List(""); got != nil {
		t.Errorf("without an area: %v", got)
	}
}

func TestSizeText(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1.0 MiB", 5 << 30: "5.0 GiB", 1 << 62: "4096.0 PiB"} {
		if got := SizeText(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
