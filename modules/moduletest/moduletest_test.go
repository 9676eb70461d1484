package moduletest_test

import (
	"context"
	"strings"
	"testing"

	"mbox/modules"
	"mbox/modules/moduletest"
)

// sample is a module with a secret, a context and a list.
type sample struct{ writes, applied int }

func (*sample) Name() string { return "sample" }

func (*sample) Grammar() modules.Grammar {
	word := modules.Word("a word", nil)
	return modules.Grammar{
		Statements: []modules.Statement{
			{Syntax: "account NAME {secret SECRET | password SECRET}", Help: "Account", Key: []string{"NAME"},
				Args: map[string]modules.Type{"NAME": word, "SECRET": modules.Secret("its secret", nil)}, Normalize: hash},
			{Syntax: "link NAME", Help: "Link", Key: []string{"NAME"}, Args: map[string]modules.Type{"NAME": word}, Mode: "link-NAME"},
			{In: "link NAME", Syntax: "peers ADDR...", Help: "Peers", Args: map[string]modules.Type{"ADDR": modules.Address("a peer")}},
		},
		Commands: []modules.Command{{Syntax: "show links", Help: "Links",
			Run: func(context.Context, modules.Call) (modules.View, error) { return modules.Text(""), nil }}},
	}
}

func hash(v modules.Values) (modules.Values, error) {
	v = v.Clone()
	if v.Has("password") {
		delete(v, "password")
		v["secret"], v["SECRET"] = true, "hash:"+modules.Get[string](v, "SECRET")
	}
	return v, nil
}

func (s *sample) Check(*modules.Tree) error { return nil }

func (s *sample) Apply(_ context.Context, t *modules.Tree) error {
	if n := len(t.Nodes); n != s.applied {
		s.applied = n
		s.writes++
	}
	return nil
}

func TestGrammar(t *testing.T) {
	moduletest.Grammar(t, &sample{}, `account bob password "a b"`, "link eth0", "link eth0\npeers 10.0.0.1 ::1")
}

func TestApplyTwice(t *testing.T) {
	s := &sample{}
	moduletest.ApplyTwice(t, s, "link eth0\nlink eth1\n", func() int { return s.writes })
	if s.writes != 1 {
		t.Errorf("%d writes", s.writes)
	}
	if text := moduletest.Tree(t, "link eth1\n", s).Text(false); !strings.HasPrefix(text, "link eth1") {
		t.Errorf("tree %q", text)
	}
}
