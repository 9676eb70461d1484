package modules

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestLoad(t *testing.T) {
	b := testBook(t)
	for _, tt := range []struct{ name, text, want, aside string }{
		{"indented", "interface eth0\n mtu 1500\n enable\nhostname x\n", "hostname x\n!\ninterface eth0\n mtu 1500\n enable\n", ""},
		{"crlf, tabs, comments, case", "! a comment\r\nHOSTNAME X\r\ninterface eth0\r\n\tmtu 1500\r\n ! note\r\n\tenable\r\n", "hostname x\n!\ninterface eth0\n mtu 1500\n enable\n", ""},
		{"flat, as pasted", "interface eth0\nmtu 1500\ndhcp-server\nrange 1.1.1.1 1.1.1.2\nenable\nmtu 1400\ninterface eth1\nhostname x\n",
			"hostname x\n!\ninterface eth0\n mtu 1400\n dhcp-server\n  range 1.1.1.1 1.1.1.2\n  enable\n!\ninterface eth1\n", ""},
		{"flat with exit and end", "interface eth0\ndhcp-server\nexit\nenable\nend\nip host a 1.1.1.1", "ip host a 1.1.1.1\n!\ninterface eth0\n enable\n dhcp-server\n", ""},
		{"flat with a comment inside", "interface eth0\nmtu 1500\n!\nenable\nhostname x", "hostname x\n!\ninterface eth0\n mtu 1500\n enable\n", ""},
		{"childless contexts", "interface eth0\n!\ninterface eth1\n dhcp-server\n !\n enable\n hold\n", "interface eth0\n!\ninterface eth1\n enable\n dhcp-server\n !\n hold\n", ""},
		{"context twice", "interface eth0\n mtu 1500\n!\ninterface eth0\n enable\n", "interface eth0\n mtu 1500\n enable\n", ""},
		{"no of a default", "interface eth0\n no mtu\n enable\nno hostname\n", "interface eth0\n enable\n", ""},
		{"no of a line above", "hostname a\nno hostname\n", "", ""},
		{"unknown with children", "future thing 1\n child a\n  grandchild\n !\n child b\nhostname x\n", "hostname x\n", "1 / future thing 1| child a|  grandchild| !| child b"},
		{"unknown in a context", "interface eth0\n future\n  child\n mtu 1500\nhostname x\n", "hostname x\n!\ninterface eth0\n mtu 1500\n", "2 interface eth0/ future| child"},
		{"top line indented in a context", "interface eth0\n hostname x\n mtu 1500\n", "interface eth0\n mtu 1500\n", "2 interface eth0/ hostname x"},
		{"unknown in a flat context", "interface eth0\nmtu 1500\nfuture\nenable\n", "interface eth0\n mtu 1500\n enable\n", "3 interface eth0/ future"},
		{"a command", "hostname x\nend\nreload\n", "hostname x\n", "3 / reload"},
		{"ambiguous", "i h a 1.1.1.1\n", "", "1 / i h a 1.1.1.1"},
		{"bad value", "hostname x\ninterface eth0\n mtu 99999\n", "hostname x\n!\ninterface eth0\n", "3 interface eth0/ mtu 99999"},
		{"control bytes", "hostname a\x00b\n", "", "1 / hostname a\x00b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tree := b.Load(tt.text)
			compareText(t, tree.Text(false), tt.want)
			var aside []string
			for _, s := range tree.SetAside {
				var path []string
				for _, n := range s.Path {
					path = append(path, n.Line(false))
				}
				aside = append(aside, fmt.Sprintf("%d %s/ %s", s.Number, strings.Join(path, ">"), strings.Join(s.Lines, "|")))
				if s.Reason == "" {
					t.Error("no reason")
				}
			}
			if got := strings.Join(aside, "\n"); got != tt.aside {
				t.Errorf("set aside:\n%s\nwant:\n%s", got, tt.aside)
			}
			again := b.Load(tree.saved())
			compareText(t, again.Text(false), tt.want)
			compareText(t, again.saved(), tree.saved())
			_, err := b.LoadStrict(tt.text)
			if (err == nil) != (tt.aside == "") {
				t.Errorf("LoadStrict: %v", err)
			}
		})
	}
}

func TestLoadStrictNamesTheLine(t *testing.T) {
	_, err := testBook(t).LoadStrict("hostname x\n\nusername bob scret hunter2\n")
	if err == nil || !strings.HasPrefix(err.Error(), "line 3: ") || strings.Contains(err.Error(), "hunter2") {
		t.Fatalf("got %v", err)
	}
}

// TestTypedSinceWins: a line that was set aside does not come back over what was typed in its place.
func TestTypedSinceWins(t *testing.T) {
	b := testBook(t)
	tree := b.Load("interface eth0\n mtu 99999\nhostname a!b\n")
	typed(t, b, tree, "hostname good", "interface eth0", "mtu 1500")
	want := lines("! set aside: R", "hostname a!b", "!", "hostname good", "!", "interface eth0", " ! set aside: R", " mtu 99999", " mtu 1500")
	got := tree.saved()
	for _, s := range tree.SetAside {
		got = strings.ReplaceAll(got, s.Reason, "R")
	}
	compareText(t, got, want)
	typed(t, b, tree, "no interface eth0", "interface eth0")
	if strings.Contains(tree.saved(), "99999") {
		t.Errorf("what was set aside in a removed context is kept:\n%s", tree.saved())
	}
}

func TestReasonsHoldNoWords(t *testing.T) {
	for _, line := range []string{"username bob hunter2", "user bob secret a hunter2"} {
		tree := testBook(t).Load(line)
		if len(tree.SetAside) != 1 || strings.Contains(tree.SetAside[0].Reason, "hunter2") {
			t.Errorf("%q: %+v", line, tree.SetAside)
		}
	}
}

func TestMaskLine(t *testing.T) {
	b := testBook(t)
	for line, want := range map[string]string{
		"future 1 2":                    "future 1 2",
		"future password hunter2 x":     "future password ********",
		"future pass hunter2":           "future pass ********",
		"radius-key hunter2":            "radius-key ********",
		"client 1.1.1.1 psk hunter2":    "client 1.1.1.1 psk ********",
		"usrname bob SECRET hunter2":    "usrname bob SECRET ********",
		" child wpa-passphrase  a b ":   " child wpa-passphrase  ********",
		"password":                      "password",
		"radius-server 1.1.1.1 hunter2": "radius-server ********",
		"snmp-server host 1.1.1.1 hun2": "snmp-server ********",
	} {
		if got := b.MaskLine(line); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func TestLoadIsFast(t *testing.T) {
	b := testBook(t)
	var text strings.Builder
	for i := range 2500 {
		fmt.Fprintf(&text, "ip host h%d 10.0.%d.%d\naccess %d permit all\nmbox sync allow 10.1.%d.%d datasets users\nusername u%d secret x\n", i, i/250, i%250, i%999+1, i/250, i%250, i)
	}
	start := time.Now()
	tree := b.Load(text.String())
	took := time.Since(start)
	if len(tree.SetAside) > 0 || len(tree.Nodes) != 3*2500+999 {
		t.Fatalf("%d lines, %d set aside", len(tree.Nodes), len(tree.SetAside))
	}
	t.Logf("10,000 lines in %v", took)
	if took > 3*time.Second {
		t.Errorf("10,000 lines took %v", took)
	}
}

func BenchmarkLoad(b *testing.B) {
	book := testBook(b)
	var text strings.Builder
	for i := range 10000 {
		fmt.Fprintf(&text, "ip host h%d 10.0.%d.%d\n", i, i/250, i%250)
	}
	for b.Loop() {
		book.Load(text.String())
	}
}
