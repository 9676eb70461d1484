package shell

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"mbox/modules"
)

// scribe is a module with a text of several lines.
type scribe struct{}

func (scribe) Name() string { return "scribe" }
func (scribe) Grammar() modules.Grammar {
	return modules.Grammar{Statements: []modules.Statement{
		{Syntax: "note TEXT", Help: "A text", Args: map[string]modules.Type{"TEXT": noteType{modules.Line("Text between two #")}}},
		{Syntax: "other NAME", Help: "Another line", Args: map[string]modules.Type{"NAME": modules.Word("Name", nil)}},
	}}
}

// noteType shows the newlines of a text as bars.
type noteType struct{ modules.Type }

func (noteType) Opens(text string) (string, bool) {
	return "#", strings.HasPrefix(text, "#") && strings.Count(text, "#") == 1
}
func (noteType) Join(text string) string { return strings.ReplaceAll(text, "\n", "|") }
func (noteType) Split(any) []string      { return nil }

func scribeServer(t *testing.T) (*Server, *modules.Engine) {
	t.Helper()
	engine := modules.NewEngine(nil, slog.New(slog.DiscardHandler))
	if err := engine.Register(Builtins(), scribe{}); err != nil {
		t.Fatal(err)
	}
	return &Server{Engine: engine}, engine
}

func TestTextOfSeveralLines(t *testing.T) {
	for name, test := range map[string]struct {
		lines, config, out string
		outcome            Outcome
	}{
		"whole":        {"configure terminal\nnote #\none\n\n! two?\nother x\n#\nother y", "note one||! two?|other x\nother y\n", "", Done},
		"on one line":  {"configure terminal\nnote one\nother y", "note one\nother y\n", "", Done},
		"first line":   {"configure terminal\nnot #one\r\ntwo#\r\nother y", "note one|two\nother y\n", "", Done},
		"not finished": {"configure terminal\nnote #\nother x\n", "", "% The input ends inside a text of several lines", Refused},
		"behind it":    {"configure terminal\nnote #\none\n# other x", "", "% Something stands behind the delimiter", Refused},
		"too long":     {"configure terminal\nnote #\n" + strings.Repeat("other x\n", 3000) + "#", "", "% The text is longer than", Refused},
		"in exec mode": {"note #", "", "% Invalid input", Refused},
	} {
		t.Run(name, func(t *testing.T) {
			actor := modules.Actor{Name: "alice", From: "192.0.2.1", Level: 15}
			for how, run := range map[string]func(*Server, *bytes.Buffer) Outcome{
				"one by one": func(s *Server, out *bytes.Buffer) Outcome { return s.Run(context.Background(), actor, out, test.lines) },
				"at once": func(s *Server, out *bytes.Buffer) Outcome {
					return s.RunAll(context.Background(), actor, strings.NewReader(test.lines), out)
				},
			} {
				server, engine := scribeServer(t)
				var out bytes.Buffer
				if got := run(server, &out); got != test.outcome {
					t.Errorf("%s: outcome %d, want %d\n%s", how, got, test.outcome, &out)
				}
				if got := engine.Running().Text(false); got != test.config {
					t.Errorf("%s: configured\n%swant\n%s", how, got, test.config)
				}
				if !strings.Contains(out.String(), test.out) || test.out == "" && out.Len() > 0 {
					t.Errorf("%s: said %q, want %q", how, out.String(), test.out)
				}
			}
		})
	}
}

func TestEnableWaitsAfterFailures(t *testing.T) {
	b := newBox(t)
	b.secret = "s3cret"
	tries := func(from string) string {
		var out bytes.Buffer
		b.Server.RunAll(context.Background(), modules.Actor{Name: "alice", From: from, Level: 1},
			strings.NewReader("enable\nwrong\nenable\ns3cret\nshow privilege\n"), &out)
		return out.String()
	}
	if got := tries("192.0.2.1"); !strings.Contains(got, "Try again in ") || !strings.Contains(got, "level is 1\n") {
		t.Errorf("from afar: %q", got)
	}
	if got := tries("console"); strings.Contains(got, "Try again") || !strings.Contains(got, "level is 15\n") {
		t.Errorf("the console: %q", got)
	}
}
