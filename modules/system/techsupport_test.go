package system

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"mbox/modules"
)

// room is another module, of which system knows nothing.
type room struct{}

func (room) Name() string { return "room" }

func (room) Grammar() modules.Grammar {
	key := map[string]modules.Type{"KEY": modules.Word("Key that this box has encrypted", nil)}
	text := func(s string) func(context.Context, modules.Call) (modules.View, error) {
		return func(context.Context, modules.Call) (modules.View, error) { return modules.Text(s), nil }
	}
	return modules.Grammar{
		Statements: []modules.Statement{{Syntax: "room key 6 KEY", Help: "A key", Args: key}},
		Commands: []modules.Command{
			{Syntax: "show room [detail]", Help: "The room", Level: 1, Support: "show room detail", Run: func(_ context.Context, c modules.Call) (modules.View, error) {
				return modules.Text("detail " + map[bool]string{true: "yes", false: "no"}[c.Values.Has("detail")] + "\n"), nil
			}},
			{Syntax: "show guests", Help: "Nobody's business", Level: 1, Run: text("alice\n")},
			{Syntax: "show broken", Help: "It fails", Level: 1, Support: "show broken", Run: func(context.Context, modules.Call) (modules.View, error) {
				return nil, errors.New("the room is locked")
			}},
		},
	}
}

// Support gets what each module offers, also when one part fails, and no secret that was typed.
func TestTechSupport(t *testing.T) {
	b := newBox(t)
	b.engine = modules.NewEngine(b.store, b.module.deps.Log)
	b.module = New(Deps{Config: b.engine, Box: b, Backups: b.back, Host: b.host, Now: b.module.deps.Now})
	if err := b.engine.Register(b.module, room{}); err != nil {
		t.Fatal(err)
	}
	b.must("hostname lobby")
	b.must("username bob privilege 15 secret hunter2hunter2")
	b.must("enable secret hunter2hunter3")
	b.must("room key 6 c2VhbGVkaHVudGVyMg")
	view, err := b.exec("show tech-support", nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(view)
	if err != nil {
		t.Fatal(err)
	}
	text := print(t, view)
	for name, shown := range map[string]string{"text": text, "JSON": string(raw)} {
		for _, secret := range []string{"hunter2", "SCRAM", "c2VhbGVk", "alice"} {
			if strings.Contains(shown, secret) {
				t.Errorf("the %s shows %s:\n%s", name, secret, shown)
			}
		}
		for _, want := range []string{"hostname lobby", "username bob privilege 15 secret " + modules.Masked, "room key 6 " + modules.Masked, "detail yes", "the room is locked", "show version"} {
			if !strings.Contains(shown, want) {
				t.Errorf("the %s does not have %q:\n%s", name, want, shown)
			}
		}
	}
	if !strings.Contains(text, "\n"+heading("show room detail", 80)+"\n") {
		t.Errorf("no heading:\n%s", text)
	}
	if got := heading("show room detail", 40); len(got) > 40 {
		t.Errorf("a heading of %d columns: %s", len(got), got)
	}
}
