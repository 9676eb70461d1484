package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"mbox/modules"
)

// box is a small box to try the shell on: its grammar has one of everything.
type box struct {
	*Server
	engine *modules.Engine
	log    *safeBuffer
	secret string // of enable; empty: none

	started  chan struct{} // a `hang` runs
	finished chan error    // a `hang` ended, why
	brief    bool          // `hang` does not
	reload   func()        // ends the box
}

func newBox(t testing.TB) *box {
	t.Helper()
	b := &box{log: &safeBuffer{}, started: make(chan struct{}, 1), finished: make(chan error, 1)}
	log := slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	b.engine = modules.NewEngine(nil, log)
	if err := b.engine.Register(Builtins(), b, Lines()); err != nil {
		t.Fatal(err)
	}
	b.Server = &Server{
		Engine: b.engine, Log: log,
		Hostname: func() string { return "host" },
		Enable:   b,
	}
	return b
}

// Asks and Prove guard enable with one secret for all levels.
func (b *box) Asks(modules.Actor, int) (bool, error) { return b.secret != "", nil }

func (b *box) Prove(_ context.Context, _ modules.Actor, _ int, secret string) error {
	if secret != b.secret {
		return errors.New("wrong")
	}
	return nil
}

func (b *box) Name() string { return "test" }

func (b *box) Check(tree *modules.Tree) error {
	for _, n := range tree.All("domain NAME") {
		if modules.Get[string](n.Values, "NAME") == "unacceptable" {
			return &modules.StatementError{Line: n.Line(true), Err: errors.New("this name is not acceptable")}
		}
	}
	return nil
}

func (b *box) Apply(_ context.Context, tree *modules.Tree) error {
	for _, n := range tree.All("domain NAME") {
		if modules.Get[string](n.Values, "NAME") == "unapplied" {
			return errors.New("the kernel says no")
		}
		if modules.Get[string](n.Values, "NAME") == "foreign" {
			return fmt.Errorf("listen: %w", &modules.Error{Message: "the address is not one of this box", Hint: "choose another"})
		}
	}
	return nil
}

func (b *box) Grammar() modules.Grammar {
	word := func(help string) modules.Type { return modules.Word(help, nil) }
	show := showWord
	return modules.Grammar{
		Statements: []modules.Statement{
			{Syntax: "domain NAME", Help: "Domain of the box", Args: map[string]modules.Type{"NAME": word("Domain name")}, Note: costs},
			{Syntax: "interface NAME", Help: "Configure an interface", Key: []string{"NAME"}, Mode: "if-NAME", Note: costs,
				Args: map[string]modules.Type{"NAME": word("Interface name")}},
			{In: "interface NAME", Syntax: "mtu BYTES", Help: "Largest packet",
				Args: map[string]modules.Type{"BYTES": modules.Int(576, 9000, "Bytes")}},
			{In: "interface NAME", Syntax: "description LINE", Help: "Text",
				Args: map[string]modules.Type{"LINE": modules.Line("Text")}},
			{Syntax: "username NAME password SECRET", Help: "Account", Key: []string{"NAME"},
				Args: map[string]modules.Type{"NAME": word("Name"), "SECRET": modules.Secret("Password", nil)},
				Normalize: func(v modules.Values) (modules.Values, error) {
					v = v.Clone()
					if v["SECRET"] == "short" {
						return nil, &modules.Error{Message: "The password is too short", Hint: "use 8 characters or more"}
					}
					v["SECRET"] = fmt.Sprintf("hashed-%d", len(v["SECRET"].(string)))
					return v, nil
				}},
		},
		Commands: []modules.Command{
			{Syntax: "show version", Help: "Version", Words: show, Run: text("mbox 1.0\n")},
			{Syntax: "show guests", Help: "Users", Words: show, Run: func(context.Context, modules.Call) (modules.View, error) {
				return userList{{"anna", 1}, {"bob", 2}, {"annabel", 3}}, nil
			}},
			{Syntax: "show running-config", Help: "Configuration", Level: 15, Words: show, Run: func(context.Context, modules.Call) (modules.View, error) {
				return modules.Text(b.engine.Running().Text(true)), nil
			}},
			{Syntax: "show lines COUNT", Help: "That many lines", Words: show,
				Args: map[string]modules.Type{"COUNT": modules.Int(0, 1_000_000, "Lines")}, Run: lines},
			{Syntax: "show evil", Help: "A result that attacks the terminal", Words: show, Run: text("name \x1b]0;owned\a end\n")},
			{Syntax: "reload", Help: "End the box", Level: 15, Run: func(ctx context.Context, _ modules.Call) (modules.View, error) {
				if b.reload == nil {
					return nil, modules.Errorf("this box stays")
				}
				go b.reload()
				<-ctx.Done()
				return modules.Text("reloading\n"), nil
			}},
			{Syntax: "hang", Help: "Run until stopped", Run: b.hang},
			{Syntax: "wipe [force]", Help: "Ask first", Level: 15, Run: wipe},
			{Syntax: "key", Help: "Ask for a passphrase", Run: passphrase},
			{Syntax: "import COUNT", Help: "Show progress", Run: progress,
				Args: map[string]modules.Type{"COUNT": modules.Int(1, 1000, "Steps")}},
			{Syntax: "fail", Help: "Fail inside", Run: func(context.Context, modules.Call) (modules.View, error) {
				return nil, fmt.Errorf("open the device: %w", io.ErrUnexpectedEOF)
			}},
			{Syntax: "crash", Help: "Panic", Run: func(context.Context, modules.Call) (modules.View, error) { panic("a bug") }},
			{Syntax: "user add NAME password SECRET", Help: "A command with a secret", Run: text("added\n"),
				Args: map[string]modules.Type{"NAME": word("Name"), "SECRET": modules.Secret("Password", nil)}},
		},
	}
}

func costs(v modules.Values) string {
	if modules.Get[string](v, "NAME") == "costly" {
		return "this costs"
	}
	return ""
}

func text(s string) func(context.Context, modules.Call) (modules.View, error) {
	return func(context.Context, modules.Call) (modules.View, error) { return modules.Text(s), nil }
}

func lines(_ context.Context, call modules.Call) (modules.View, error) {
	var out strings.Builder
	for i := range modules.Get[int](call.Values, "COUNT") {
		fmt.Fprintf(&out, "line %d\n", i+1)
	}
	return modules.Text(out.String()), nil
}

func (b *box) hang(ctx context.Context, call modules.Call) (modules.View, error) {
	fmt.Fprintln(call.Terminal, "hanging")
	if b.brief {
		return nil, nil
	}
	b.started <- struct{}{}
	<-ctx.Done()
	b.finished <- context.Cause(ctx)
	return nil, context.Cause(ctx)
}

func wipe(ctx context.Context, call modules.Call) (modules.View, error) {
	if !call.Values.Has("force") {
		switch yes, err := call.Terminal.Confirm(ctx, "Wipe it?"); {
		case err != nil:
			return nil, err
		case !yes:
			return modules.Text("kept\n"), nil
		}
	}
	return modules.Text("wiped\n"), nil
}

func passphrase(ctx context.Context, call modules.Call) (modules.View, error) {
	secret, err := call.Terminal.ReadSecret(ctx, "Passphrase: ")
	if err != nil {
		return nil, err
	}
	return modules.Text(fmt.Sprintf("%d characters\n", len(secret))), nil
}

func progress(_ context.Context, call modules.Call) (modules.View, error) {
	count := modules.Get[int](call.Values, "COUNT")
	for i := range count {
		call.Terminal.Progress(int64(i+1), int64(count), "accounts")
	}
	return modules.Text("imported\n"), nil
}

type userList []struct {
	Name string `json:"name"`
	ID   int    `json:"id"`
}

func (l userList) Text(w io.Writer, width int) error {
	for _, u := range l {
		if _, err := fmt.Fprintf(w, "%-10s %d width=%d\n", u.Name, u.ID, width); err != nil {
			return err
		}
	}
	return nil
}

// script runs lines in a session without a terminal and returns what it printed. answers feed ReadSecret.
func (b *box) script(t testing.TB, level int, typed []string, answers ...string) (string, []Result) {
	t.Helper()
	var out bytes.Buffer
	end := NewScript(&out, Size{}, func(context.Context) (string, error) {
		if len(answers) == 0 {
			return "", io.EOF
		}
		answer := answers[0]
		answers = answers[1:]
		return answer, nil
	})
	session := b.NewSession(modules.Actor{Name: "console", From: "console", Level: level}, end)
	var results []Result
	for _, line := range typed {
		results = append(results, session.Execute(t.Context(), line))
	}
	return out.String(), results
}

// safeBuffer is a buffer that several goroutines use.
type safeBuffer struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// checkLeaks fails the test if goroutines of this package or of readline outlive it. It is called first, so that it
// looks last.
func checkLeaks(t testing.TB) {
	t.Helper()
	t.Cleanup(func() {
		var stacks string
		for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
			buf := make([]byte, 1<<20)
			stacks = ours(string(buf[:runtime.Stack(buf, true)]))
			if stacks == "" {
				return
			}
		}
		t.Errorf("goroutines are left:\n%s", stacks)
	})
}

func ours(all string) string {
	var left []string
	for _, stack := range strings.Split(all, "\n\n")[1:] { // the first is the caller
		if (strings.Contains(stack, "mbox/shell.") || strings.Contains(stack, "chzyer/readline")) && !strings.Contains(stack, "testing.tRunner") && !strings.Contains(stack, "testing.(*F)") {
			left = append(left, stack)
		}
	}
	return strings.Join(left, "\n\n")
}

func lineErrorOf(err error) *modules.LineError {
	var wrong *modules.LineError
	errors.As(err, &wrong)
	return wrong
}

func actorAt(level int) modules.Actor {
	return modules.Actor{Name: "console", From: "console", Level: level}
}
