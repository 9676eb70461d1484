package mbox_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	documented = regexp.MustCompile("`go test ([./a-z]+) -run ('[^']*'|[^ `]+)")
	named      = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	mnemonic   = regexp.MustCompile(`^%%?[A-Z][A-Z0-9_]*-[0-7]-[A-Z0-9_]+`) // also as the format of a Printf
)

// TestCommandsOfTheDocuments holds docs/testing.md to it that each of its commands runs something: every alternative of every
// pattern finds a test, or a scenario.
func TestCommandsOfTheDocuments(t *testing.T) {
	page, err := os.ReadFile("docs/testing.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := documented.FindAllStringSubmatch(string(page), -1)
	if len(commands) < 50 {
		t.Fatalf("only %d commands found", len(commands))
	}
	for _, command := range commands {
		pattern := strings.Trim(strings.ReplaceAll(command[2], `\|`, "|"), "'")
		if pattern == "^$" {
			continue
		}
		names := testsOf(t, command[1])
		test, scenarios, nested := strings.Cut(pattern, "/")
		if nested {
			checkPattern(t, command[0], test, names)
			pattern, names = scenarios, scripts(t)
		}
		checkPattern(t, command[0], pattern, names)
	}
}

func checkPattern(t *testing.T, command, pattern string, names []string) {
	t.Helper()
	head, tail := "", ""
	if before, rest, grouped := strings.Cut(pattern, "("); grouped && !strings.Contains(before, "|") {
		head = before
		pattern, tail, _ = strings.Cut(rest, ")")
	}
	for part := range strings.SplitSeq(pattern, "|") {
		want, err := regexp.Compile(head + "(?:" + part + ")" + tail)
		if err != nil {
			t.Errorf("%s: %v", command, err)
			continue
		}
		found := false
		for _, name := range names {
			found = found || want.MatchString(name)
		}
		if !found {
			t.Errorf("%s: nothing is called %s", command, part)
		}
	}
}

func testsOf(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllSubmatch(source, -1) {
			names = append(names, string(m[1]))
		}
	}
	return names
}

func scripts(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, name := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(name), ".txtar"))
	}
	return names
}

// TestMessagesAreDocumented holds docs/monitoring.md to name every message that has a code of its own.
func TestMessagesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("docs/monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, room := range []string{"modules", "shell", "cmd"} {
		err := filepath.WalkDir(room, func(name string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
				return err
			}
			for _, code := range codesIn(t, name) {
				found++
				if !strings.Contains(string(page), "`"+code+"`") {
					t.Errorf("%s writes %s, which docs/monitoring.md does not know", name, code)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 20 {
		t.Fatalf("only %d messages found", found)
	}
}

// codesIn returns the codes with which strings of a source begin.
func codesIn(t *testing.T, name string) (codes []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil {
				if code := mnemonic.FindString(text); code != "" {
					codes = append(codes, strings.Replace(code, "%%", "%", 1))
				}
			}
		}
		return true
	})
	return codes
}
