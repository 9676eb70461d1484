package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRewrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "doc.md")
	const doc = "# Title\n<!-- a -->\nold\nold\n<!-- /a -->\nkept\n<!-- b -->\n<!-- /b -->\n"
	if err := os.WriteFile(file, []byte(doc), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // twice: the marks must survive
		if err := Rewrite(file, "a", "new\n\n"); err != nil {
			t.Fatal(err)
		}
	}
	if err := Rewrite(file, "b", "filled"); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const want = "# Title\n<!-- a -->\nnew\n<!-- /a -->\nkept\n<!-- b -->\nfilled\n<!-- /b -->\n"
	if string(raw) != want {
		t.Errorf("got\n%s\nwant\n%s", raw, want)
	}
	if err := Rewrite(file, "c", "x"); err == nil || !strings.Contains(err.Error(), "<!-- c -->") {
		t.Errorf("a document without the place: %v", err)
	}
	if after, _ := os.ReadFile(file); string(after) != want {
		t.Error("a refused rewrite changed the document")
	}
}

func TestMarkdown(t *testing.T) {
	got := Table{{"work", "mbox"}, {"commits", "12"}}.Markdown()
	if want := "| work | mbox |\n|---|---:|\n| commits | 12 |\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestThisMachine(t *testing.T) {
	m := ThisMachine()
	if m.Cores < 1 || m.Memory < 1 || m.Kernel == "" || m.Load == "" || !strings.HasPrefix(m.Go, "go") {
		t.Errorf("%+v", m)
	}
}
