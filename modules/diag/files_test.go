package diag

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDir(t *testing.T) {
	b := newBox(t)
	if got := b.text("dir"); got != "Directory of files\n\n0 names, 0 B (5.0 GiB free)\n" {
		t.Errorf("%q", got)
	}
	b.area.put(t, "guests.csv", strings.Repeat("x", 1536))
	if err := os.Mkdir(filepath.Join(b.area.dir, "old"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("guests.csv", filepath.Join(b.area.dir, "link\x1b[2J")); err != nil {
		t.Fatal(err)
	}
	got := b.text("dir")
	for _, want := range []string{"1.5 KiB  2", "guests.csv\n", "old/\n", "link�[2J\n", "3 names, 1.5 KiB (5.0 GiB free)\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	var v struct {
		Folder  string
		Entries []struct {
			Name, Kind string
			Bytes      *int64
		}
	}
	b.json("dir", &v)
	if len(v.Entries) != 3 || v.Entries[0].Kind != "file" || *v.Entries[0].Bytes != 1536 || v.Entries[1].Kind != "link" || v.Entries[2].Bytes != nil {
		t.Errorf("%+v", v)
	}
}

func TestMore(t *testing.T) {
	b := newBox(t)
	b.area.put(t, "a.txt", "hostname edge1\r\n\tindented\x1b[2J 世界\n"+strings.Repeat("long ", 10_000)+"\nlast")
	got := b.text("more a.txt")
	if !strings.HasPrefix(got, "hostname edge1\n        indented�[2J 世界\nlong long") || !strings.HasSuffix(got, "long \nlast\n") || strings.Contains(got, "\x1b") {
		t.Errorf("%.200q ... %.30q", got, got[len(got)-30:])
	}
	for line := range strings.Lines(got) {
		if len(line) > maxMoreLine+1 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
	var v struct {
		File  string
		Bytes int64
		Lines []string
	}
	if b.json("more a.txt", &v); v.File != "a.txt" || v.Lines[0] != "hostname edge1" || v.Bytes < 50_000 {
		t.Errorf("%+v", v.File)
	}
	for name, content := range map[string]string{
		"nul": "text\x00text", "latin1": "caf\xe9 au lait", "control": strings.Repeat("\x01\x02", 40),
	} {
		b.area.put(t, name, content)
		if got := b.refused("more " + name); !strings.Contains(got, name+" is not text") || !strings.Contains(got, "show file "+name) {
			t.Error(got)
		}
	}
	for name, content := range map[string]string{
		"empty": "", "cut": strings.Repeat("x", sniffed-1) + "é and so on",
	} {
		b.area.put(t, name, content)
		if got := b.text("more " + name); strings.TrimSuffix(strings.ReplaceAll(got, "\n", ""), "\n") != content {
			t.Errorf("%s: %d bytes of %d", name, len(got), len(content))
		}
	}
}

// TestMoreIsBounded: what is too long for one JSON document is refused rather than cut off.
func TestMoreIsBounded(t *testing.T) {
	b := newBox(t)
	b.area.put(t, "long", strings.Repeat(strings.Repeat("x", 99)+"\n", maxMoreJSON/100+2))
	view, err := b.run(t.Context(), "more long", true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := view.(moreView).MarshalJSON(); err == nil || !strings.Contains(err.Error(), "too long for one JSON document") {
		t.Errorf("%v", err)
	}
	ctx, stop := contextWithStop(t)
	if view, err = b.run(ctx, "more long", false); err != nil {
		t.Fatal(err)
	}
	stop()
	var out strings.Builder
	if err := view.Text(&out, 0); err == nil || out.Len() > 1000 {
		t.Errorf("%v after %d bytes", err, out.Len())
	}
}

const helloSum = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // of "hello"

func TestVerifyAndShowFile(t *testing.T) {
	b := newBox(t)
	b.area.put(t, "a", "hello")
	if got := b.text("verify sha256 a"); got != helloSum+"  a\n" {
		t.Error(got)
	}
	if got := b.text("verify sha256 a " + strings.ToUpper(helloSum)); got != "Verified: a has that digest.\n" {
		t.Error(got)
	}
	if got := b.refused("verify sha256 a " + strings.Repeat("0", 64)); !strings.Contains(got, helloSum) {
		t.Error(got)
	}
	if _, err := b.book.ParseCommand(15, "verify sha256 a 12"); err == nil {
		t.Error("a short digest is understood")
	}
	got := b.text("show file a")
	for _, want := range []string{"Length   : 5 bytes (5 B)", "Content  : text", helloSum} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	var v struct {
		Kind   string
		IsText *bool   `json:"is_text"`
		SHA256 *string `json:"sha256"`
	}
	if b.json("show file a", &v); v.Kind != "file" || !*v.IsText || *v.SHA256 != helloSum {
		t.Errorf("%+v", v)
	}
}

func TestDeleteAndRename(t *testing.T) {
	b := newBox(t)
	b.area.put(t, "a", "hello")
	b.area.put(t, "b", "other")
	if got := b.refused("delete a"); !strings.Contains(got, "Add force") {
		t.Error(got)
	}
	b.term.person = true
	if got := b.text("delete a"); got != "Nothing was deleted.\n" {
		t.Error(got)
	}
	if got := b.refused("rename a b"); !strings.Contains(got, "already") {
		t.Error(got)
	}
	if got := b.text("rename a b force"); got != "a is now b.\n" {
		t.Error(got)
	}
	b.term.answer = true
	if got := b.text("delete b"); got != "b is deleted.\n" {
		t.Error(got)
	}
	if got := b.refused("delete b force"); !strings.Contains(got, "no file b") {
		t.Error(got)
	}
}

// TestFilesAreForOperators: a file may hold guests' data, or verifiers.
func TestFilesAreForOperators(t *testing.T) {
	b := newBox(t)
	for _, line := range []string{"dir", "more a", "show file a", "verify sha256 a", "delete a force", "rename a b"} {
		for level := range 15 {
			if _, err := b.book.ParseCommand(level, line); err == nil {
				t.Errorf("%s at level %d", line, level)
			}
		}
	}
	b.area.put(t, "guests.csv", "x")
	if got := b.book.HelpCommand(15, "more gu"); !strings.Contains(fmt.Sprint(got.Candidates), "guests.csv") {
		t.Errorf("more gu? shows %v", got.Candidates)
	}
}
