package modules

import (
	"cmp"
	"errors"
	"strings"
	"testing"
)

func lines(s ...string) string { return strings.Join(s, "\n") + "\n" }

func TestText(t *testing.T) {
	b := testBook(t)
	tree := &Tree{}
	typed(t, b, tree,
		"mbox sync allow 10.0.0.10", "mbox sync allow 10.0.0.9 accept sticky", "mbox sync allow 10.0.0.9 accept users datasets users",
		"interface eth10", "mtu 1400", "interface eth2", "dhcp-server", "range 10.0.0.9 10.0.0.10", "range 10.0.0.1 10.0.0.5", "mtu 1500",
		"dhcp-server", "ip address 10.0.0.11", "interface eth3",
		"access 100 deny all", "access 20 permit tcp dport 80 src 10.0.0.0/8",
		"ip host b 10.0.0.9", "ip host a 10.0.0.10", "ip host a 10.0.0.9", "ip host a 2001:db8::1",
		"ip name-server 8.8.8.8", "ip name-server 8.8.4.4 1.1.1.1", "username bob secret x", "hostname one", "hostname two", `enable secret "a b"`)
	want := lines("hostname two", "username bob secret x", `enable secret "a b"`, "!",
		"ip host a 10.0.0.9", "ip host a 10.0.0.10", "ip host a 2001:db8::1", "ip host b 10.0.0.9", "ip name-server 8.8.4.4 1.1.1.1", "!",
		"interface eth2", " mtu 1500", " ip address 10.0.0.11", " dhcp-server", "  range 10.0.0.9 10.0.0.10", "  range 10.0.0.1 10.0.0.5", "!",
		"interface eth3", "!", "interface eth10", " mtu 1400", "!",
		"access 20 permit tcp src 10.0.0.0/8 dport 80", "access 100 deny all", "!",
		"mbox sync allow 10.0.0.9 datasets users accept users", "mbox sync allow 10.0.0.10")
	got := tree.Text(false)
	compareText(t, got, want)
	masked := tree.Text(true)
	if strings.Contains(masked, "a b") || !strings.Contains(masked, "username bob secret "+Masked) {
		t.Errorf("masked text:\n%s", masked)
	}
	again, err := b.LoadStrict(got)
	if err != nil {
		t.Fatal(err)
	}
	compareText(t, again.Text(false), got)
}

func compareText(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestRemove(t *testing.T) {
	b := testBook(t)
	full := []string{"hostname box", "banner motd hi", "username bob secret x", "ip host a 10.0.0.1", "ip host a 10.0.0.2", "ip host b 10.0.0.1",
		"ip name-server 8.8.8.8 8.8.4.4", "interface eth0", "mtu 1500", "interface eth1", "mbox sync allow 10.0.0.2 datasets users profiles",
		"mbox sync primary p username u password x port 8443", "access 5 permit all"}
	for _, tt := range []struct{ line, gone, changed string }{
		{"no hostname", "hostname box", ""},
		{"no hostname box", "hostname box", ""},
		{"no hostname other", "", ""},
		{"no banner motd", "banner motd hi", ""},
		{"no banner", "banner motd hi", ""},
		{"no username bob", "username bob secret x", ""},
		{"no username bob password different", "username bob secret x", ""},
		{"no username eve", "", ""},
		{"no ip host a", "ip host a 10.0.0.1|ip host a 10.0.0.2", ""},
		{"no ip host a 10.0.0.2", "ip host a 10.0.0.2", ""},
		{"no ip host a 10.0.0.3", "", ""},
		{"no ip name-server", "ip name-server 8.8.8.8 8.8.4.4", ""},
		{"no ip name-server 8.8.8.8", "ip name-server 8.8.8.8 8.8.4.4", "ip name-server 8.8.4.4"},
		{"no ip name-server 8.8.4.4 8.8.8.8", "ip name-server 8.8.8.8 8.8.4.4", ""},
		{"no ip name-server 1.1.1.1", "", ""},
		{"no interface eth0", "interface eth0| mtu 1500", ""},
		{"no mbox sync allow 10.0.0.2", "mbox sync allow 10.0.0.2 datasets users profiles", ""},
		{"no mbox sync allow 10.0.0.2 datasets users", "mbox sync allow 10.0.0.2 datasets users profiles", ""},
		{"no mbox sync allow 10.0.0.2 datasets sticky", "", ""},
		{"no mbox sync primary p", "mbox sync primary p username u password x port 8443", ""},
		{"no mbox sync primary p username u password 6 sealed", "mbox sync primary p username u password x port 8443", ""},
		{"no mbox sync primary p username other", "", ""},
		{"no access 5", "access 5 permit all", ""},
		{"no access 5 deny", "", ""},
	} {
		tree := &Tree{}
		typed(t, b, tree, full...)
		before := strings.Split(strings.TrimSpace(tree.Text(false)), "\n")
		kept := tree.Clone()
		m, err := b.ParseStatement(nil, tt.line)
		if err != nil {
			t.Errorf("%q: %v", tt.line, err)
			continue
		}
		err = tree.Remove(nil, m)
		var mistake *Error
		if tt.gone == "" {
			if !errors.As(err, &mistake) || !strings.Contains(err.Error(), "is not configured") {
				t.Errorf("%q: %v", tt.line, err)
			}
			compareText(t, tree.Text(false), kept.Text(false))
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", tt.line, err)
		}
		gone := map[string]bool{}
		for _, line := range strings.Split(tt.gone, "|") {
			gone[line] = true
		}
		var want []string
		for _, line := range before {
			if line == "!" {
				continue
			}
			if !gone[line] {
				want = append(want, line)
			} else if tt.changed != "" {
				want = append(want, tt.changed)
			}
		}
		compareText(t, strings.ReplaceAll(tree.Text(false), "!\n", ""), lines(want...))
		compareText(t, kept.Text(false), lines(before...))
	}
}

// A list that loses an item keeps its place among the lines that are in the operator's order.
func TestRemoveKeepsThePlace(t *testing.T) {
	b, err := NewBook(testModule{"hosts", Grammar{Statements: []Statement{
		{Syntax: "ip name-server ADDR...", Help: "Name servers", Args: map[string]Type{"ADDR": Address("address")}, Key: []string{"ADDR"}, Order: AsTyped},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		typed []string
		want  string
	}{
		{[]string{"ip name-server 1.1.1.1 2.2.2.2", "ip name-server 3.3.3.3", "no ip name-server 1.1.1.1"}, lines("ip name-server 2.2.2.2", "ip name-server 3.3.3.3")},
		{[]string{"ip name-server 1.1.1.1 2.2.2.2", "ip name-server 3.3.3.3", "ip name-server 2.2.2.2", "no ip name-server 1.1.1.1"},
			lines("ip name-server 2.2.2.2", "ip name-server 3.3.3.3")},
		{[]string{"ip name-server 2.2.2.2", "ip name-server 3.3.3.3", "ip name-server 1.1.1.1 2.2.2.2", "no ip name-server 1.1.1.1"},
			lines("ip name-server 2.2.2.2", "ip name-server 3.3.3.3")},
	} {
		tree := &Tree{}
		typed(t, b, tree, tt.typed...)
		compareText(t, tree.Text(false), tt.want)
	}
}

func TestSetLeavesTheOldTreeAlone(t *testing.T) {
	b := testBook(t)
	old := &Tree{}
	contexts := typed(t, b, old, "hostname a", "interface eth0", "mtu 1500", "dhcp-server", "range 1.1.1.1 1.1.1.2")
	before := old.Text(false)
	fresh := old.Clone()
	for _, line := range []string{"range 1.1.1.3 1.1.1.4", "no range 1.1.1.1"} {
		m, err := b.ParseStatement(contexts, line)
		if err != nil {
			t.Fatal(err)
		}
		if m.Negated {
			err = fresh.Remove(contexts, m)
		} else {
			_, err = fresh.Set(contexts, m)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	typed(t, b, fresh, "hostname b", "interface eth0", "mtu 9000")
	compareText(t, old.Text(false), before)
	compareText(t, fresh.Text(false), lines("hostname b", "!", "interface eth0", " mtu 9000", " dhcp-server", "  range 1.1.1.3 1.1.1.4"))
}

func TestLostContext(t *testing.T) {
	b := testBook(t)
	tree := &Tree{}
	contexts := typed(t, b, tree, "interface eth0")
	typed(t, b, tree, "no interface eth0")
	m, err := b.ParseStatement(contexts, "mtu 1500")
	if err != nil {
		t.Fatal(err)
	}
	var mistake *Error
	if _, err := tree.Set(contexts, m); !errors.As(err, &mistake) || !strings.Contains(err.Error(), "removed meanwhile") {
		t.Fatalf("got %v", err)
	}
	m, _ = b.ParseStatement(contexts, "hostname x")
	if _, err := tree.Set(contexts, m); err != nil {
		t.Fatalf("a line that leaves the lost context: %v", err)
	}
}

func TestNaturalOrder(t *testing.T) {
	order := []string{"", "01", "1", "2", "10", "a", "a1", "a2b", "a10", "b"}
	for i, a := range order {
		for j, b := range order {
			if got, want := compareNatural(a, b), cmp.Compare(i, j); got != want {
				t.Errorf("%q %q: %d, want %d", a, b, got, want)
			}
		}
	}
}
