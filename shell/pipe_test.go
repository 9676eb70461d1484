package shell

import (
	"strings"
	"testing"
)

func TestPipes(t *testing.T) {
	const config = "domain a\ninterface eth0\n mtu 1500\n description x\ninterface eth1\n mtu 9000\n"
	setup := []string{"configure", "domain a", "interface eth0", "description x", "mtu 1500", "interface eth1", "mtu 9000", "end"}
	tests := []struct{ line, want string }{
		{"show run | include mtu", " mtu 1500\n mtu 9000\n"},
		{"show run | i mtu|domain", "domain a\n mtu 1500\n mtu 9000\n"},
		{"show run | include mtu 1", " mtu 1500\n"},
		{`show run | include "mtu 1"`, " mtu 1500\n"},
		{`show run | include "mtu | domain"`, " mtu 1500\n mtu 9000\n"},
		{`show run | include ^\smtu`, " mtu 1500\n mtu 9000\n"},
		{"show run | i mtu | exclude 9000", " mtu 1500\n"},
		{"show run |i mtu|e 9000", " mtu 1500\n mtu 9000\n"},
		{"show run | begin eth1 | exclude !", "interface eth1\n mtu 9000\n"},
		{"show run | section eth0", "interface eth0\n mtu 1500\n description x\n"},
		{"show run | section mtu", " mtu 1500\n mtu 9000\n"},
		{"show run | count mtu", "Number of lines which match regexp = 2\n"},
		{"show run | section eth1 | count .", "Number of lines which match regexp = 2\n"},
		{"show guests | json", "[\n  {\n    \"name\": \"anna\",\n    \"id\": 1\n  },\n  {\n    \"name\": \"bob\",\n    \"id\": 2\n  },\n  {\n    \"name\": \"annabel\",\n    \"id\": 3\n  }\n]\n"},
		{"show guests | j | i name.*ann | count .", "Number of lines which match regexp = 2\n"},
		{"show guests | include bob", "bob        2 width=0\n"},
		{"show guests|include bob", "show guests|include bob\n           ^\n% Invalid input detected at '^' marker.\n"},
		{"show run | include [", "show run | include [\n                   ^\n% Invalid input detected at '^' marker.\n  expected a regular expression (RE2): missing closing ]: `[`\n"},
		{"show run |  frobnicate x", "show run |  frobnicate x\n            ^\n% Invalid input detected at '^' marker.\n  expected a filter: append, begin, count, exclude, include, json, redirect, section or tee\n"},
		{"show run | include", "% Incomplete command.\n  include needs a regular expression\n"},
		{"show run |", "% Incomplete command.\n  a filter is missing behind |\n"},
		{"show run | include a | | include b", "% Incomplete command.\n  a filter is missing behind |\n"},
		{"show run | include a | json", "show run | include a | json\n                       ^\n% Invalid input detected at '^' marker.\n  json stands before other filters\n"},
		{"show run | json x", "show run | json x\n                ^\n% Invalid input detected at '^' marker.\n  json takes no argument; another filter may follow behind |\n"},
	}
	b := newBox(t)
	if out, _ := b.script(t, 15, setup); out != "" {
		t.Fatalf("setup printed %q", out)
	}
	if out, _ := b.script(t, 15, []string{"show run | exclude !"}); out != config {
		t.Fatalf("running-config is %q", out)
	}
	for _, test := range tests {
		got, results := b.script(t, 15, []string{test.line})
		if i := strings.Index(got, "  nothing may"); i >= 0 {
			got = got[:i]
		}
		if got != test.want {
			t.Errorf("%s\ngot:\n%s\nwant:\n%s", test.line, got, test.want)
		}
		if refused := strings.HasPrefix(test.want, "%") || strings.Contains(test.want, "\n%"); refused != (results[0].Outcome == Refused) {
			t.Errorf("%s: outcome %d", test.line, results[0].Outcome)
		}
	}
}

// FuzzPipeline checks that no text behind a pipe fails otherwise than by an error whose column is on the line.
func FuzzPipeline(f *testing.F) {
	for _, seed := range []string{"include a", ` section "a\" | b" | count .`, "json | i x", "| | |", `include "`, "i [", "\t\tjson\t|\ti\tx"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePipeline(text, 7)
		if err == nil && !p.json && len(p.filters) == 0 {
			t.Errorf("%q: neither a filter nor an error", text)
		}
		if wrong := lineErrorOf(err); wrong != nil && (wrong.Column < 7 || wrong.Column > 7+columns(text)+1) {
			t.Errorf("%q: column %d is not on the line", text, wrong.Column)
		}
		helpFilter(text, 15)
	})
}
