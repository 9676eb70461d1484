package modules

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// testModule has one statement or command of every shape that the grammar knows.
type testModule struct {
	name    string
	grammar Grammar
}

func (m testModule) Name() string     { return m.name }
func (m testModule) Grammar() Grammar { return m.grammar }

func name(help string) Type {
	return Word(help, func(s string) (string, error) {
		if strings.ContainsAny(s, "!/\n") {
			return "", errors.New("expected a name of letters, digits and -")
		}
		return strings.ToLower(s), nil
	})
}

func secret() Type {
	return Secret("the password", func(s string) (string, error) {
		if len(s) > 100 {
			return "", fmt.Errorf("%q is longer than 100 characters", s)
		}
		return s, nil
	})
}

func datasets() Type {
	return Enum("a part of the database", Candidate{"profiles", "Profiles"}, Candidate{"users", "Accounts"},
		Candidate{"sessions", "Sessions"}, Candidate{"sticky", "Sticky bindings"})
}

func systemModule() Module {
	return testModule{"system", Grammar{
		Statements: []Statement{
			{Syntax: "hostname NAME", Help: "Name of the box", Args: map[string]Type{"NAME": name("a name")}},
			{Syntax: "banner motd LINE", Help: "Text at login", Args: map[string]Type{"LINE": Line("the text")}},
			{Syntax: "username NAME [{privilege LEVEL | role ROLE}] {secret SECRET | password SECRET}", Help: "Account of the box",
				Args: map[string]Type{"NAME": name("an account"), "LEVEL": Int(0, 15, "a level"), "SECRET": secret(),
					"ROLE": Enum("a role", Candidate{"sync", "Sync only"})}, Key: []string{"NAME"}},
			{Syntax: "enable secret SECRET", Help: "Secret of enable", Args: map[string]Type{"SECRET": secret()}},
		},
		Commands: []Command{
			{Syntax: "show version", Help: "Version", Words: map[string]string{"show": "Show information"}},
			{Syntax: "show running-config", Help: "Configuration in force", Level: 15},
			{Syntax: "reload [force]", Help: "Restart", Level: 15},
			{Syntax: "write memory", Help: "Save", Level: 15},
			{Syntax: "end", Help: "Leave configuration", Level: 15, InConfig: true},
		},
	}}
}

func hostsModule() Module {
	addr := map[string]Type{"NAME": name("a host"), "ADDR": Address("its address")}
	return testModule{"hosts", Grammar{
		Statements: []Statement{
			{Syntax: "ip host NAME ADDR", Help: "Local name", Args: addr, Key: []string{"NAME", "ADDR"}},
			{Syntax: "ip name-server ADDR...", Help: "Name servers", Args: addr},
		},
		Commands: []Command{{Syntax: "show hosts [NAME]", Help: "Names", Args: addr}},
	}}
}

func networkModule() Module {
	return testModule{"network", Grammar{Statements: []Statement{
		{Syntax: "interface NAME", Help: "Interface", Args: map[string]Type{"NAME": name("an interface")}, Key: []string{"NAME"},
			Mode: "if-NAME"},
		{In: "interface NAME", Syntax: "description LINE", Help: "Text", Args: map[string]Type{"LINE": Line("the text")}},
		{In: "interface NAME", Syntax: "mtu SIZE", Help: "Size of packets", Args: map[string]Type{"SIZE": Int(68, 9000, "bytes")}},
		{In: "interface NAME", Syntax: "ip address PREFIX", Help: "Address", Args: map[string]Type{"PREFIX": Prefix("address")},
			Key: []string{"PREFIX"}},
		{In: "interface NAME", Syntax: "enable", Help: "Up"},
		{In: "interface NAME", Syntax: "dhcp-server", Help: "DHCP server", Mode: "dhcp"},
		{In: "interface NAME", Syntax: "hold", Help: "Hold"},
		{In: "interface NAME", Syntax: "hop", Help: "Hop"},
		{In: "interface NAME", Syntax: "access NUMBER permit all DIRECTION", Help: "Which rule", Args: map[string]Type{
			"NUMBER": Int(1, 999, "number"), "DIRECTION": Word("direction", nil)}},
		{In: "dhcp-server", Syntax: "range FROM TO", Help: "Pool", Order: AsTyped, Key: []string{"FROM", "TO"},
			Args: map[string]Type{"FROM": Address("first"), "TO": Address("last")}},
		{In: "dhcp-server", Syntax: "enable", Help: "On"},
		{Syntax: "access NUMBER {permit | deny} {all | tcp [src SRC] [dport PORT]}", Help: "Firewall rule", Key: []string{"NUMBER"},
			Args: map[string]Type{"NUMBER": Int(1, 999, "number"), "SRC": Prefix("source"), "PORT": Int(1, 65535, "port")}},
	}}}
}

func syncModule() Module {
	return testModule{"sync", Grammar{
		Statements: []Statement{
			{Syntax: "mbox sync allow PREFIX [datasets DATASET...] [accept ACCEPT...]", Help: "Who may follow", Key: []string{"PREFIX"},
				Args: map[string]Type{"PREFIX": Prefix("an address"), "DATASET": datasets(), "ACCEPT": datasets()}},
			{Syntax: "mbox sync primary NAME username USER password {6 SEALED | SECRET} [port PORT] [datasets DATASET...] [send SEND...]",
				Help: "Whom to follow", Key: []string{"NAME"}, Words: map[string]string{"6": "A sealed password follows"},
				Args: map[string]Type{"NAME": name("the primary"), "USER": name("account"), "SEALED": Word("sealed", nil), "SECRET": secret(),
					"PORT": Int(1, 65535, "port"), "DATASET": datasets(), "SEND": datasets()}},
			{Syntax: "mbox sync log {all | FILTER}", Help: "What to log", Args: map[string]Type{"FILTER": Word("filter", nil)}},
			{Syntax: "mbox sync listen ADDR [port PORT]", Help: "Where to listen",
				Args: map[string]Type{"ADDR": Address("address"), "PORT": Int(1, 65535, "port")}},
		},
		Commands: []Command{
			{Syntax: "show mbox sync status [detail]", Help: "State of sync"},
			{Syntax: "show hotspot users [NAME] [active | history] [limit N]", Help: "Accounts", Level: 15,
				Args: map[string]Type{"NAME": Word("an account", nil), "N": Int(1, 1000, "lines")}},
			{Syntax: "hotspot user add NAME [password SECRET] [profile PROFILE]... [FIELD VALUE]...", Help: "New account", Level: 15,
				Args: map[string]Type{"NAME": Word("an account", nil), "SECRET": secret(), "PROFILE": name("a profile"),
					"FIELD": Enum("a field", Candidate{"firstname", ""}, Candidate{"email", ""}), "VALUE": Word("a value", nil)}},
			{Syntax: "mbox sync pause", Help: "Pause", Level: 15},
			{Syntax: "test NAME [tag TAG]... [KEY VALUE]...", Help: "Test", Level: 15, Args: map[string]Type{
				"NAME": Word("w", nil), "TAG": Word("w", nil), "KEY": Word("w", nil), "VALUE": Word("w", nil)}},
		},
	}}
}

func testBook(t testing.TB) *Book {
	t.Helper()
	b, err := NewBook(systemModule(), hostsModule(), networkModule(), syncModule())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// typed enters lines as a session does: contexts open, walk-up moves out of them.
func typed(t testing.TB, b *Book, tree *Tree, lines ...string) []*Node {
	t.Helper()
	var contexts []*Node
	for _, line := range lines {
		m, err := b.ParseStatement(contexts, line)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if m.Negated {
			if err := tree.Remove(contexts, m); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			continue
		}
		n, err := tree.Set(contexts, m)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		contexts = contexts[:len(contexts)-m.Climbed]
		if n.Statement.Mode != "" {
			contexts = append(contexts, n)
		}
	}
	return contexts
}

func TestNewBookRefusesWrongGrammars(t *testing.T) {
	word := map[string]Type{"NAME": Word("w", nil), "A": Word("w", nil), "REST": Line("r")}
	for _, tt := range []struct {
		name, want string
		s          Statement
	}{
		{"no help", "no help", Statement{Syntax: "a NAME", Args: word}},
		{"no type", "label B has no Type", Statement{Syntax: "a B", Help: "h"}},
		{"unknown parent", "opens a context", Statement{In: "interface X", Syntax: "a", Help: "h"}},
		{"parent without mode", "opens a context", Statement{In: "plain", Syntax: "a", Help: "h"}},
		{"duplicate", "also in module", Statement{Syntax: "plain", Help: "h"}},
		{"key unknown", "key B", Statement{Syntax: "a NAME", Key: []string{"B"}, Help: "h", Args: word}},
		{"key not in syntax", "key A", Statement{Syntax: "a NAME", Key: []string{"A"}, Help: "h", Args: word}},
		{"starts with label", "start with a literal", Statement{Syntax: "NAME a", Help: "h", Args: word}},
		{"starts with option", "start with a literal", Statement{Syntax: "[a] b", Help: "h", Args: word}},
		{"empty", "nothing before", Statement{Help: "h"}},
		{"open group", "} is missing", Statement{Syntax: "a {b", Help: "h"}},
		{"stray closing", "unexpected", Statement{Syntax: "a } b", Help: "h"}},
		{"empty alternative", "nothing before", Statement{Syntax: "a {b | }", Help: "h"}},
		{"bar at the top", "outside", Statement{Syntax: "a | b", Help: "h"}},
		{"label twice", "NAME may come twice", Statement{Syntax: "a NAME [b NAME]", Help: "h", Args: word}},
		{"option in repeat", "only literals and labels", Statement{Syntax: "a [b [c] NAME]...", Help: "h", Args: word}},
		{"repeat without label", "with a label", Statement{Syntax: "a [b]...", Help: "h", Args: word}},
		{"mixed case", "unexpected", Statement{Syntax: "a Bc", Help: "h"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			plain := Statement{Syntax: "plain", Help: "h"}
			_, err := NewBook(testModule{"m", Grammar{Statements: []Statement{plain, tt.s}}})
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "module m") {
				t.Fatalf("got %v, want an error of module m with %q", err, tt.want)
			}
		})
	}
	_, err := NewBook(testModule{"m", Grammar{Commands: []Command{{Syntax: "x", Help: "h", Level: 16}}}})
	if err == nil || !strings.Contains(err.Error(), "level 16") {
		t.Fatalf("level 16: %v", err)
	}
}
