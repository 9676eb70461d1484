package hosts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"mbox/modules"
	"mbox/modules/moduletest"
)

func TestGrammar(t *testing.T) {
	moduletest.Grammar(t, New(),
		"ip host mboxprimary.ransnet.com 10.10.10.1",
		"ip host BOX2.Example.com. 2001:db8::1",
		"ip host _ldap._tcp.example 10.0.0.1",
		"ip name-server 8.8.8.8 8.8.4.4",
		"ip name-server 2001:4860:4860::8888",
	)
}

func TestApplyTwiceIsOnce(t *testing.T) {
	m := New()
	applied := func() int { return len(m.table.Load().names())*100 + len(m.table.Load().servers) }
	moduletest.ApplyTwice(t, m, "ip host a 10.0.0.1\nip host a 10.0.0.2\nip name-server 8.8.8.8 8.8.8.8\n", applied)
	if applied() != 101 {
		t.Errorf("one name and one server, not %d", applied())
	}
}

// running is a module behind an engine, as on a box.
type running struct {
	t      *testing.T
	module *Module
	engine *modules.Engine
}

type noStore struct{}

func (noStore) Startup() (string, bool, error)                  { return "", false, nil }
func (noStore) SaveStartup(string, string, string) (int, error) { return 1, nil }
func (noStore) EraseStartup() error                             { return nil }

func run(t *testing.T, lines ...string) running {
	t.Helper()
	r := running{t, New(), modules.NewEngine(noStore{}, nil)}
	if err := r.engine.Register(r.module); err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		if err := r.enter(line); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
	return r
}

func (r running) enter(line string) error {
	match, err := r.engine.Book().ParseStatement(nil, line)
	if err != nil {
		return err
	}
	return r.engine.Commit(context.Background(), modules.Actor{Name: "test"}, func(tree *modules.Tree) error {
		if match.Negated {
			return tree.Remove(nil, match)
		}
		_, err := tree.Set(nil, match)
		return err
	})
}

func (r running) lookup(name string) []string {
	r.t.Helper()
	addrs, err := r.module.LookupNetIP(context.Background(), name)
	if err != nil {
		r.t.Fatal(err)
	}
	out := []string{}
	for _, a := range addrs {
		out = append(out, a.String())
	}
	return out
}

func TestLocalNames(t *testing.T) {
	r := run(t, "ip host Box.Example.COM 10.0.0.10", "ip host box.example.com 10.0.0.9", "ip host box.example.com. 2001:db8::1", "ip host other 10.0.0.1")
	want := []string{"10.0.0.9", "10.0.0.10", "2001:db8::1"}
	for _, name := range []string{"box.example.com", "BOX.example.com.", "box.EXAMPLE.com"} {
		if got := r.lookup(name); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if err := r.enter("no ip host BOX.example.com 10.0.0.10"); err != nil {
		t.Fatal(err)
	}
	if got := r.lookup("box.example.com"); !slices.Equal(got, []string{"10.0.0.9", "2001:db8::1"}) {
		t.Errorf("after removing one address: %v", got)
	}
	if err := r.enter("no ip host box.example.com"); err != nil {
		t.Fatal(err)
	}
	if got := r.engine.Running().Text(false); got != "ip host other 10.0.0.1\n" {
		t.Errorf("after removing the name:\n%s", got)
	}
}

func TestAddressesStandForThemselves(t *testing.T) {
	r := run(t)
	for text, want := range map[string]string{"10.0.0.1": "10.0.0.1", "::ffff:10.0.0.1": "10.0.0.1", "2001:db8::1": "2001:db8::1"} {
		if got := r.lookup(text); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestNameServersMerge(t *testing.T) {
	r := run(t, "ip name-server 8.8.8.8 8.8.4.4", "ip name-server 1.1.1.1", "ip name-server 8.8.8.8 9.9.9.9")
	servers := func() []string { return strings.Fields(join(r.module.table.Load().servers)) }
	if got := servers(); !slices.Equal(got, []string{"8.8.8.8,", "8.8.4.4,", "1.1.1.1,", "9.9.9.9"}) {
		t.Errorf("in the order they were typed, each once: %v", got)
	}
	if err := r.enter("no ip name-server 8.8.4.4"); err != nil {
		t.Fatal(err)
	}
	if got := servers(); !slices.Equal(got, []string{"8.8.8.8,", "1.1.1.1,", "9.9.9.9"}) {
		t.Errorf("after `no`, in the same order: %v", got)
	}
}

func TestRefusedLines(t *testing.T) {
	r := run(t, "ip host fine 10.0.0.1")
	before := r.engine.Running().Text(false)
	for _, line := range []string{
		"ip host", "ip host a", "ip host a b", "ip host a 10.0.0.300", "ip host a 10.0.0.1 10.0.0.2",
		"ip host -a 10.0.0.1", "ip host a- 10.0.0.1", "ip host a..b 10.0.0.1", "ip host a,b 10.0.0.1",
		"ip host 10.0.0.1 10.0.0.2", "ip host 10.0.0.300 10.0.0.2", "ip host " + strings.Repeat("a", 64) + " 10.0.0.1",
		"ip host a 0.0.0.0", "ip host a 224.0.0.1", "ip host a ff02::1", "ip host a 255.255.255.255", "ip host a fe80::1%eth0",
		"ip name-server", "ip name-server x", "ip name-server 0.0.0.0", "ip name-server 8.8.8.8 ::",
		"no ip host missing", "no ip host fine 10.0.0.2", "no ip name-server 1.2.3.4",
	} {
		if err := r.enter(line); err == nil {
			t.Errorf("%q was accepted", line)
		}
	}
	if after := r.engine.Running().Text(false); after != before {
		t.Errorf("something changed:\n%s", after)
	}
}

func TestBounds(t *testing.T) {
	many := func(n int, line func(i int) string) *modules.Tree {
		var b strings.Builder
		for i := range n {
			b.WriteString(line(i))
		}
		return moduletest.Tree(t, b.String(), New())
	}
	names := func(i int) string { return fmt.Sprintf("ip host n%d 10.0.0.1\n", i) }
	addrs := func(i int) string { return fmt.Sprintf("ip host n 10.0.%d.1\n", i) }
	servers := func(i int) string { return fmt.Sprintf("ip name-server 10.0.%d.1\n", i) }
	for name, c := range map[string]struct {
		limit int
		line  func(int) string
	}{"names": {MaxNames, names}, "addresses": {MaxAddresses, addrs}, "servers": {MaxServers, servers}} {
		if err := New().Check(many(c.limit, c.line)); err != nil {
			t.Errorf("%d %s: %v", c.limit, name, err)
		}
		var refused *modules.StatementError
		if err := New().Check(many(c.limit+1, c.line)); !errors.As(err, &refused) || refused.Node == nil {
			t.Errorf("%d %s: %v", c.limit+1, name, err)
		}
	}
}

// manyNames is a tree with n names.
func manyNames(t testing.TB, n int) *modules.Tree {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "ip host n%d 10.0.0.1\n", i)
	}
	return moduletest.Tree(t, b.String(), New())
}

func TestParseName(t *testing.T) {
	long := strings.Repeat("abcdefg.", 31) + "abcde" // 253
	for in, want := range map[string]string{
		"a": "a", "A-1.B": "a-1.b", "a.": "a", "_x": "_x", "1a": "1a", "1.a": "1.a", long: long, "xn--bcher-kva.example": "xn--bcher-kva.example",
	} {
		if got, err := ParseName(in); got != want || err != nil {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", ".", "a..", "..", ".a", "-a", "a-", "a-.b", "a.-b", "a b", "bücher", "a/b", "a:b", "1", "a.1",
		"10.0.0.1", "256.1.1.1", long + "x", strings.Repeat("a", 64), "a\x00", "a%b"} {
		if got, err := ParseName(in); err == nil {
			t.Errorf("%q became %q", in, got)
		}
	}
}

func FuzzParseName(f *testing.F) {
	for _, s := range []string{"a", "Box.Example.com.", "10.0.0.1", "-", "a..b", "_x._y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := ParseName(s)
		if err != nil {
			return
		}
		if again, err := ParseName(name); again != name || err != nil {
			t.Fatalf("%q, then %q, %v", name, again, err)
		}
		if len(name) > 253 || strings.ToLower(name) != name || strings.ContainsAny(name, " \t\"!") {
			t.Fatalf("%q became %q", s, name)
		}
		if _, err := netip.ParseAddr(name); err == nil {
			t.Fatalf("%q is an address", name)
		}
	})
}

func show(t *testing.T, m *Module, line string) (modules.View, error) {
	t.Helper()
	book, err := modules.NewBook(m)
	if err != nil {
		t.Fatal(err)
	}
	match, err := book.ParseCommand(1, line)
	if err != nil {
		t.Fatal(err)
	}
	return match.Command.Run(context.Background(), modules.Call{Values: match.Values})
}

func TestShowHosts(t *testing.T) {
	r := run(t)
	for _, c := range []struct{ line, text, json string }{
		{"show hosts", "Name servers: none configured, the system's are asked\n", `{"name_servers":[],"hosts":[]}`},
	} {
		check(t, r.module, c.line, c.text, c.json)
	}
	r = run(t, "ip host mboxprimary.ransnet.com 10.10.10.1", "ip host a 10.0.0.1", "ip host a 2001:db8::1", "ip name-server 8.8.8.8 8.8.4.4")
	check(t, r.module, "show hosts", `Name servers: 8.8.8.8, 8.8.4.4

Host                     Address
a                        10.0.0.1
a                        2001:db8::1
mboxprimary.ransnet.com  10.10.10.1
`, `{"name_servers":["8.8.8.8","8.8.4.4"],"hosts":[{"name":"a","addresses":["10.0.0.1","2001:db8::1"]},{"name":"mboxprimary.ransnet.com","addresses":["10.10.10.1"]}]}`)
	check(t, r.module, "show hosts MBOXPRIMARY.ransnet.com.", `Name servers: 8.8.8.8, 8.8.4.4

Host                     Address
mboxprimary.ransnet.com  10.10.10.1
`, `{"name_servers":["8.8.8.8","8.8.4.4"],"hosts":[{"name":"mboxprimary.ransnet.com","addresses":["10.10.10.1"]}]}`)
	var told *modules.Error
	if _, err := show(t, r.module, "show hosts missing"); !errors.As(err, &told) || !strings.Contains(told.Hint, "ip host missing") {
		t.Errorf("a name that is not there: %v", err)
	}
}

func check(t *testing.T, m *Module, line, text, asJSON string) {
	t.Helper()
	view, err := show(t, m, line)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := view.Text(&b, 80); err != nil || b.String() != text {
		t.Errorf("%s:\n%s\nwant\n%s", line, b.String(), text)
	}
	if raw, err := json.Marshal(view); err != nil || string(raw) != asJSON {
		t.Errorf("%s | json:\n%s\nwant\n%s", line, raw, asJSON)
	}
}

func TestHelpListsNames(t *testing.T) {
	r := run(t, "ip host alpha 10.0.0.1", "ip host beta 10.0.0.2")
	book := r.engine.Book()
	if got := book.HelpCommand(1, "show hosts AL").Completions(); !slices.Equal(got, []string{"alpha"}) {
		t.Errorf("Tab behind AL: %v", got)
	}
	for i := range 2 * maxListed {
		if err := r.enter(fmt.Sprintf("ip host n%d 10.0.0.1", i)); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(book.HelpCommand(1, "show hosts ").Completions()); got > maxListed+1 {
		t.Errorf("%d names listed", got)
	}
}
