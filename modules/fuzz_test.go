package modules

import (
	"errors"
	"strings"
	"testing"
)

// FuzzParseStatement types a line in three modes. What parses is entered, renders to a line that parses to the same, and
// is gone after `no`.
func FuzzParseStatement(f *testing.F) {
	b := testBook(f)
	for _, line := range []string{"ip host a 10.0.0.1", "no ip host a", "mtu 1500", `username "a b" secret "c\nd"`, "banner motd  x y",
		"mbox sync primary p username u password 6 port 1 send users", "mbox sync allow ::1 accept users datasets users", "no", "e",
		"access 1 permit tcp src 1.1.1.1", "range 1.1.1.1 1.1.1.1", "hostname \"disabled\"", "ip name-server 1.1.1.1 2.2.2.2"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		start := &Tree{}
		contexts := typed(t, b, start, "interface eth0", "dhcp-server")
		for depth := range 3 {
			b.HelpStatement(contexts[:depth], line)
			b.HelpCommand(15, line)
			m, err := b.ParseStatement(contexts[:depth], line)
			if err != nil {
				var e *LineError
				if !errors.As(err, &e) || e.Column < 0 || e.Column > len(line) {
					t.Fatalf("%q: %#v", line, err)
				}
				continue
			}
			if m.Negated || m.Command != nil {
				continue
			}
			tree := start.Clone()
			n, err := tree.Set(contexts[:depth], m)
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			rendered := n.Line(false)
			again, err := b.ParseStatement(contexts[:depth-m.Climbed], rendered)
			if err != nil || again.Statement != m.Statement || show(again.Values) != show(m.Values) {
				t.Fatalf("%q renders as %q: %s, %v; want %s", line, rendered, show(again.Values), err, show(m.Values))
			}
			no, err := b.ParseStatement(contexts[:depth-m.Climbed], "no "+rendered)
			if err != nil {
				t.Fatalf("no %q: %v", rendered, err)
			}
			if err := tree.Remove(contexts[:depth-m.Climbed], no); err != nil {
				t.Fatalf("no %q: %v", rendered, err)
			}
		}
	})
}

// FuzzLoad: whatever the text, loading ends, what is saved loads to the same, and no word gets lost.
func FuzzLoad(f *testing.F) {
	b := testBook(f)
	for _, text := range []string{
		"hostname a\ninterface eth0\n mtu 1500\n dhcp-server\n  range 1.1.1.1 1.1.1.2\n !\n enable\n!\nfuture\n child\n",
		"interface eth0\nmtu 1\n!\nenable\nexit\nend\nno hostname", "x\n y\n  z\n w\n", "interface eth0\n  mtu 99\n mtu 99\n\tfuture\n",
		"banner motd  ! x\n", "interface eth0\n future\n  child\n enable\n", "!", "\r\n\x00\n \n", "interface eth0\n!\ninterface eth0\n x",
		"username a secret b\nusername a secret c\nip name-server 1.1.1.1\nno ip name-server 1.1.1.1",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<14 {
			t.Skip()
		}
		tree := b.Load(text)
		saved := tree.saved()
		again := b.Load(saved)
		if got := again.Text(false); got != tree.Text(false) {
			t.Fatalf("loaded\n%s\nsaved and loaded again\n%s", tree.Text(false), got)
		}
		if got := again.saved(); got != saved && withoutReasons(got) != withoutReasons(saved) {
			t.Fatalf("saved\n%s\nloaded and saved again\n%s", saved, got)
		}
		if _, err := b.LoadStrict(tree.Text(false)); err != nil {
			t.Fatalf("running-config does not load: %v\n%s", err, tree.Text(false))
		}
		for _, line := range tree.SetAside {
			if !strings.Contains(saved, line.Lines[0]) || !strings.Contains(text, line.Lines[0]) {
				t.Fatalf("%q was set aside and is lost", line.Lines[0])
			}
		}
	})
}

// withoutReasons drops the comments: the words of an error may differ where a line stands elsewhere.
func withoutReasons(text string) string {
	var out []string
	for _, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(strings.TrimSpace(line), "! set aside: ") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}
