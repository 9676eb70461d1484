// Package moduletest holds the tests that every module passes: what its grammar promises, and that applying twice is
// applying once. A module's own tests call them with sample lines for each of its statements.
package moduletest

import (
	"context"
	"slices"
	"strings"
	"testing"

	"mbox/modules"
)

// Grammar checks the grammar of a module. A sample is a line as an operator types it, or several of which the first open
// the contexts of the last ("interface eth0\nmtu 1500"); every statement needs one. For each sample: the line parses,
// renders, and parses to the same values; typing the rendered line again changes nothing; `no` with the line, and `no`
// with only its key, empties the tree. Every literal and argument has help, and every command can run.
func Grammar(t *testing.T, mod modules.Module, samples ...string) {
	t.Helper()
	book, err := modules.NewBook(mod)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, sample := range samples {
		t.Run(sample, func(t *testing.T) {
			s := session{t: t, book: book, tree: &modules.Tree{}}
			lines := strings.Split(sample, "\n")
			for _, line := range lines[:len(lines)-1] {
				s.enter(line)
			}
			s.sample(lines[len(lines)-1], seen)
		})
	}
	for _, s := range book.Statements() {
		if !seen[s.In+"\n"+s.Syntax] {
			t.Errorf("no sample for %q", s.Syntax)
		}
		argumentsHaveHelp(t, s.Syntax, s.Args)
	}
	for _, c := range book.Commands() {
		argumentsHaveHelp(t, c.Syntax, c.Args)
		if c.Run == nil {
			t.Errorf("command %q does nothing", c.Syntax)
		}
	}
}

func argumentsHaveHelp(t *testing.T, syntax string, args map[string]modules.Type) {
	t.Helper()
	for label, typ := range args {
		if typ.Help() == "" || typ.Form() == "" {
			t.Errorf("%q: %s has no help or no form", syntax, label)
		}
		if !strings.Contains(syntax, label) {
			t.Errorf("%q: there is no %s in it", syntax, label)
		}
	}
}

// session types lines as an operator does.
type session struct {
	t        *testing.T
	book     *modules.Book
	tree     *modules.Tree
	contexts []*modules.Node
}

func (s *session) parse(line string) modules.Match {
	s.t.Helper()
	m, err := s.book.ParseStatement(s.contexts, line)
	if err != nil {
		s.t.Fatalf("%q: %v", line, err)
	}
	if m.Statement == nil {
		s.t.Fatalf("%q is a command", line)
	}
	if m.Statement.Normalize != nil && !m.Negated {
		if m.Values, err = m.Statement.Normalize(m.Values); err != nil {
			s.t.Fatalf("%q: normalize: %v", line, err)
		}
	}
	return m
}

func (s *session) enter(line string) *modules.Node {
	s.t.Helper()
	m := s.parse(line)
	node, err := s.tree.Set(s.contexts, m)
	if err != nil {
		s.t.Fatalf("%q: %v", line, err)
	}
	s.contexts = s.contexts[:len(s.contexts)-m.Climbed]
	if m.Statement.Mode != "" {
		s.contexts = append(s.contexts, node)
	}
	return node
}

func (s *session) sample(line string, seen map[string]bool) {
	t := s.t
	before := s.tree.Text(false)
	around := slices.Clone(s.contexts)
	node := s.enter(line)
	seen[node.Statement.In+"\n"+node.Statement.Syntax] = true
	s.contexts = around

	text, rendered := s.tree.Text(false), node.Line(false)
	again, err := s.book.LoadStrict(text)
	if err != nil {
		t.Fatalf("running-config does not load: %v\n%s", err, text)
	}
	if got := again.Text(false); got != text {
		t.Errorf("running-config\n%s\nloads as\n%s", text, got)
	}
	if got := s.enter(rendered).Line(false); got != rendered {
		t.Errorf("%q, typed again, becomes %q", rendered, got)
	}
	s.contexts = around
	if masked := node.Line(true); holdsSecret(node) && !strings.Contains(masked, modules.Masked) {
		t.Errorf("the secret is not masked in %q", masked)
	}
	for _, no := range []string{"no " + rendered, "no " + keyOf(node)} {
		tree := s.tree.Clone()
		m := s.parse(no)
		if err := tree.Remove(s.contexts, m); err != nil {
			t.Errorf("%q: %v", no, err)
		} else if got := tree.Text(false); got != before {
			t.Errorf("%q leaves\n%s", no, got)
		}
	}
	if node.Statement.Default != "" {
		s.defaults(around, node.Statement)
	}
	s.help(rendered)
}

// defaults looks for the line that says what is in force without the sample, as it would be typed.
func (s *session) defaults(around []*modules.Node, statement *modules.Statement) {
	tree := s.tree.Clone()
	s.contexts = around
	var m modules.Match
	var err error
	words := strings.Fields(statement.Default)
	for n := range words { // as few as name it: others may begin like it
		if m, err = s.book.ParseStatement(around, "default "+strings.Join(words[:n+1], " ")); err == nil {
			break
		}
	}
	if err == nil {
		err = tree.Remove(around, m)
	}
	if err != nil {
		s.t.Errorf("%q: the default %q is no line of it: %v", statement.Syntax, statement.Default, err)
		return
	}
	text := s.book.WithDefaults(tree).Text(false)
	if !strings.Contains("\n"+strings.ReplaceAll(text, "\n ", "\n"), "\n"+statement.Default+"\n") && !strings.Contains(text, " "+statement.Default+"\n") {
		s.t.Errorf("the default %q is not in\n%s", statement.Default, text)
	}
	if _, err := s.book.LoadStrict(text); err != nil {
		s.t.Errorf("the configuration with defaults does not load: %v", err)
	}
}

// help asks `?` behind every word of a line.
func (s *session) help(line string) {
	for at := 0; at < len(line); at++ {
		if at > 0 && line[at-1] != ' ' || strings.Count(line[:at], `"`)%2 == 1 {
			continue
		}
		h := s.book.HelpStatement(s.contexts, line[:at])
		if h.Err != nil {
			s.t.Errorf("? after %q: %v", line[:at], h.Err)
		}
		for _, c := range h.Candidates {
			if c.Help == "" {
				s.t.Errorf("? after %q: %q has no help", line[:at], c.Text)
			}
		}
	}
}

func holdsSecret(n *modules.Node) bool {
	for label, typ := range n.Statement.Args {
		if typ.Secret() && n.Values.Has(label) {
			return true
		}
	}
	return false
}

// keyOf is the line up to its last key label, or up to its first label.
func keyOf(n *modules.Node) string {
	var words []string
	labels := 0
	for _, word := range strings.Fields(n.Statement.Syntax) {
		label := strings.TrimSuffix(word, "...")
		typ, isLabel := n.Statement.Args[label]
		switch {
		case isLabel && slices.Contains(n.Statement.Key, label):
			labels++
			words = append(words, renderAll(typ, n.Values[label])...)
		case isLabel && labels < len(n.Statement.Key) && n.Values.Has(label):
			words = append(words, renderAll(typ, n.Values[label])...) // the key stands behind it
		case isLabel || strings.ContainsAny(word, "{}[]"):
			return strings.Join(words, " ")
		default:
			words = append(words, word)
		}
		if labels > 0 && labels == len(n.Statement.Key) {
			return strings.Join(words, " ")
		}
	}
	return strings.Join(words, " ")
}

func renderAll(typ modules.Type, value any) []string {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	var out []string
	for _, item := range list {
		text := typ.Render(item)
		if typ.Form() != "LINE" {
			text = modules.RenderWord(text)
		}
		out = append(out, text)
	}
	return out
}

// Tree loads a configuration text with the grammar of the modules; the text must be right in every line.
func Tree(t testing.TB, text string, mods ...modules.Module) *modules.Tree {
	t.Helper()
	book, err := modules.NewBook(mods...)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := book.LoadStrict(text)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// ApplyTwice checks and applies a configuration, and again: writes counts what reached the host (or whatever the module
// drives) so far, and must not grow the second time.
func ApplyTwice(t *testing.T, mod modules.Module, text string, writes func() int) {
	t.Helper()
	configured, ok := mod.(modules.Configured)
	if !ok {
		t.Fatalf("module %s is not Configured", mod.Name())
	}
	tree := Tree(t, text, mod)
	if err := configured.Check(tree); err != nil {
		t.Fatalf("check: %v", err)
	}
	if err := configured.Apply(context.Background(), tree); err != nil {
		t.Fatalf("apply: %v", err)
	}
	once := writes()
	if err := configured.Apply(context.Background(), tree); err != nil {
		t.Fatalf("apply again: %v", err)
	}
	if again := writes(); again != once {
		t.Errorf("applying again made %d more changes", again-once)
	}
}
