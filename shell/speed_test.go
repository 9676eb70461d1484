package shell

import (
	"context"
	"fmt"
	"io"
	"testing"

	"mbox/modules"
)

// bigBox has 10,000 lines of configuration and a session inside the last context.
func bigBox(tb testing.TB) (*box, *Session) {
	b := newBox(tb)
	b.script(tb, 15, []string{"configure", "line console", "exec-timeout 0 0"})
	err := b.engine.Commit(tb.Context(), actorAt(15), func(tree *modules.Tree) error {
		var around []*modules.Node
		for i := range 10_000 {
			line := fmt.Sprintf("interface eth%d", i/2)
			if i%2 == 1 {
				line = "mtu 1500"
			} else {
				around = nil
			}
			m, err := b.engine.Book().ParseStatement(around, line)
			if err != nil {
				return err
			}
			node, err := tree.Set(around, m)
			if err != nil {
				return err
			}
			if i%2 == 0 {
				around = []*modules.Node{node}
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	s := b.NewSession(actorAt(15), NewScript(io.Discard, Size{}, noAnswer))
	s.Execute(context.Background(), "configure")
	s.Execute(context.Background(), "interface eth4999")
	return b, s
}

func BenchmarkHelp(b *testing.B) {
	_, s := bigBox(b)
	for b.Loop() {
		if s.Help("m") == "" {
			b.Fatal("no help")
		}
	}
}

func BenchmarkComplete(b *testing.B) {
	_, s := bigBox(b)
	for b.Loop() {
		if suffix, _ := s.Complete("do sh"); suffix != "ow " {
			b.Fatal(suffix)
		}
	}
}

func BenchmarkRefusedLine(b *testing.B) {
	_, s := bigBox(b)
	for b.Loop() {
		if _, err := s.parse("mut 1500"); err == nil {
			b.Fatal("understood")
		}
	}
}

func BenchmarkLine(b *testing.B) {
	_, s := bigBox(b)
	for b.Loop() {
		if r := s.Execute(b.Context(), "mtu 1400"); r.Outcome != Done {
			b.Fatal("refused")
		}
	}
}

// BenchmarkKeystroke is from a key to its echo, with a line of 60 characters.
func BenchmarkKeystroke(b *testing.B) {
	box, _ := bigBox(b)
	screen := &countingScreen{wrote: make(chan struct{}, 1<<16)}
	tty := NewTTY(screen, window)
	done := make(chan error, 1)
	go func() { done <- box.Interact(context.Background(), actorAt(15), tty) }()
	tty.Feed([]byte("show lines 1"))
	drain(tty.keys)
	for b.Loop() {
		for len(screen.wrote) > 0 {
			<-screen.wrote
		}
		tty.Feed([]byte("x"))
		<-screen.wrote
		tty.Feed([]byte("\x7f"))
		drain(tty.keys)
	}
	tty.Hangup()
	<-done
}

type countingScreen struct{ wrote chan struct{} }

func (s *countingScreen) Write(p []byte) (int, error) {
	select {
	case s.wrote <- struct{}{}:
	default:
	}
	return len(p), nil
}
