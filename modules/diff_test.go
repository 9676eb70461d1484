package modules

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCompareShowsSectionsAndOrder(t *testing.T) {
	w := newWorld(t)
	for _, test := range []struct{ name, from, to, want string }{
		{"nothing", "name a\n", "name a\n", ""},
		{"changed", "name a\n", "name b\n", "-name a\n+name b\n"},
		{"in a section", "port e0\n mtu 1500\n pool x\n  lease 5\n", "port e0\n mtu 1500\n pool x\n  lease 6\n",
			" port e0\n  pool x\n-  lease 5\n+  lease 6\n"},
		{"a whole section", "port e0\n mtu 1500\n", "port e1\n mtu 1500\n", "-port e0\n- mtu 1500\n+port e1\n+ mtu 1500\n"},
		{"order as typed", "server a\nserver b\nserver c\n", "server c\nserver a\nserver b\n", "+server c\n server a\n-server c\n"},
		{"inserted", "server a\nserver c\n", "server a\nserver b\nserver c\n", "+server b\n server c\n"},
		{"sorted lines have no order", "host b 1\nhost a 1\n", "host a 1\nhost b 1\n", ""},
		{"secret", "user u secret hash-one\n", "user u secret hash-two\n", "-user u secret ********\n+user u secret ********   ! another secret\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := diffText(Compare(w.Book().Load(test.from), w.Book().Load(test.to)))
			if got != test.want {
				t.Errorf("got\n%swant\n%s", got, test.want)
			}
			if strings.Contains(got, "hash-") {
				t.Error("a secret is shown")
			}
		})
	}
}

// someTree draws a configuration with sections, lines in order and secrets.
func someTree(t *rapid.T, b *Book, label string) *Tree {
	tree := &Tree{}
	n := rapid.IntRange(0, 14).Draw(t, label+" lines")
	var contexts []*Node
	for range n {
		line := rapid.SampledFrom([]string{"name N", "host N N", "server N", "server N port 5", "user N secret hash-N", "port N", "mtu N", "rule N", "pool N", "lease N"}).Draw(t, "kind")
		for strings.Contains(line, "N") {
			line = strings.Replace(line, "N", fmt.Sprint(rapid.IntRange(1, 4).Draw(t, "n")), 1)
		}
		m, err := b.ParseStatement(contexts, line)
		if err != nil {
			continue
		}
		node, err := tree.Set(contexts, m)
		if err != nil {
			t.Fatal(err)
		}
		contexts = contexts[:len(contexts)-m.Climbed]
		if m.Statement.Mode != "" {
			contexts = append(contexts, node)
		}
	}
	return shuffled(t, b, tree)
}

// shuffled moves lines whose order is meaning, which typing cannot.
func shuffled(t *rapid.T, b *Book, tree *Tree) *Tree {
	for i := 0; i+1 < len(tree.Nodes); i++ {
		x, y := tree.Nodes[i], tree.Nodes[i+1]
		if x.Statement == y.Statement && x.Statement.Order == AsTyped && rapid.Bool().Draw(t, "swap") {
			tree.Nodes[i], tree.Nodes[i+1] = y, x
		}
	}
	return tree
}

// TestPatchOfADifferenceGivesTheOther: applying what Compare says makes one configuration the other, whatever they are,
// and leaves the first as it was; equal ones have no difference.
func TestPatchOfADifferenceGivesTheOther(t *testing.T) {
	w := newWorld(t)
	rapid.Check(t, func(t *rapid.T) { patchGives(t, w) })
}

func FuzzCompare(f *testing.F) {
	w := newWorld(f)
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) { patchGives(t, w) }))
}

func patchGives(t *rapid.T, w *world) {
	a, b := someTree(t, w.Book(), "a"), someTree(t, w.Book(), "b")
	if rapid.Bool().Draw(t, "related") { // so that nodes are shared
		b = a.Clone()
		_ = w.typing(rapid.SampledFrom([]string{"host 1 9", "server 9", "port 1", "no server 1", "no port 1", "name 7"}).Draw(t, "edit"))(b)
		b = shuffled(t, w.Book(), b)
	}
	before, want := a.Text(false), b.Text(false)
	differences := Compare(a, b)
	got := a.Clone()
	if conflicts := got.patch(differences, false); len(conflicts) > 0 {
		t.Fatalf("conflicts: %v", conflicts)
	}
	if text := got.Text(false); text != want {
		t.Fatalf("from\n%s\nwith\n%s\ncame\n%s\nwant\n%s", before, diffText(differences), text, want)
	}
	if a.Text(false) != before || b.Text(false) != want {
		t.Fatal("a configuration that was compared has changed")
	}
	if (len(differences) == 0) != (before == want) {
		t.Fatalf("differences %v of\n%s\nand\n%s", differences, before, want)
	}
	if again := Compare(got, b); len(again) > 0 {
		t.Fatalf("still different: %s", diffText(again))
	}
	if before != want && len(touchedSet(a, b)) == 0 {
		t.Fatal("no module would be asked")
	}
	for _, m := range touchedSet(a, got) {
		if before == want {
			t.Fatalf("%s is touched by nothing", m)
		}
	}
}

func touchedSet(a, b *Tree) (out []string) {
	for name := range touched(a, b) {
		out = append(out, name)
	}
	return out
}

func TestPatchReportsConflicts(t *testing.T) {
	w := newWorld(t)
	base := w.load("name a", "host x 1", "port e0", " mtu 1500", "server s1")
	ours := w.load("name b", "host x 2", "port e0", " mtu 9000", "server s1", "server s2")
	for name, test := range map[string]struct {
		theirs    []string
		conflicts int
		merged    string
	}{
		"elsewhere":      {[]string{"name a", "host x 1", "host y 1", "port e0", " mtu 1500", "server s0", "server s1"}, 0, "name b\nhost x 2\nhost y 1\nserver s0\nserver s1\nserver s2\n!\nport e0\n mtu 9000\n"},
		"the same":       {[]string{"name b", "host x 2", "port e0", " mtu 1500", "server s1"}, 0, "name b\nhost x 2\nserver s1\nserver s2\n!\nport e0\n mtu 9000\n"},
		"another value":  {[]string{"name c", "host x 1", "port e0", " mtu 1500", "server s1"}, 1, ""},
		"section gone":   {[]string{"name a", "host x 1", "server s1"}, 1, ""},
		"line in it":     {[]string{"name a", "host x 1", "port e0", " mtu 1000", "server s1"}, 1, ""},
		"removed":        {[]string{"port e0", " mtu 1500", "server s1"}, 2, ""},
		"all of it else": {[]string{"name c", "host x 3", "port e0", " mtu 3", "server s2 port 9"}, 4, ""},
	} {
		t.Run(name, func(t *testing.T) {
			theirs := w.load(test.theirs...)
			before := theirs.Text(false)
			merged := theirs.Clone()
			conflicts := merged.patch(Compare(base, ours), false)
			if len(conflicts) != test.conflicts {
				t.Errorf("conflicts %v", conflicts)
			}
			if test.merged != "" && merged.Text(false) != test.merged {
				t.Errorf("merged\n%s", merged.Text(false))
			}
			forced := theirs.Clone()
			forced.patch(Compare(base, ours), true)
			for _, line := range []string{"name b", "host x 2", " mtu 9000", "server s2"} {
				if !strings.Contains(forced.Text(false), line+"\n") {
					t.Errorf("forced, %q is not in\n%s", line, forced.Text(false))
				}
			}
			if theirs.Text(false) != before {
				t.Error("the configuration that was merged into has changed itself")
			}
		})
	}
}
