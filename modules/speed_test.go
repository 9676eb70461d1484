package modules

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
)

const manyLines = 10_000

func benchText() string {
	var out strings.Builder
	for i := range manyLines / 2 {
		fmt.Fprintf(&out, "host h%05d 10.0.%d.%d\n", i, i/250, i%250)
	}
	for i := range manyLines / 8 {
		fmt.Fprintf(&out, "port e%d\n mtu 1500\n rule a\n rule b\n!\n", i)
	}
	return out.String()
}

func BenchmarkBoot10000Lines(b *testing.B) {
	text := benchText()
	for b.Loop() {
		w := newWorld(b)
		w.Boot(context.Background(), text)
	}
}

// One line typed on a box that has 10,000.
func BenchmarkCommitOf1In10000(b *testing.B) {
	w := newWorld(b)
	w.Engine.log = slog.New(slog.NewTextHandler(io.Discard, nil))
	w.Boot(context.Background(), benchText())
	for i := 0; b.Loop(); i++ {
		w.must(fmt.Sprintf("host h%05d 10.9.9.%d", i%5000, i%250))
	}
}

// One line typed inside a section of 10,000 lines.
func BenchmarkCommitInASection(b *testing.B) {
	w := newWorld(b)
	w.Boot(context.Background(), benchText())
	for i := 0; b.Loop(); i++ {
		w.must("port e77", fmt.Sprintf("mtu %d", 1000+i%1000))
	}
}

// A pasted block of 5,000 lines as one change.
func BenchmarkBlockOf5000(b *testing.B) {
	lines := hostLines(5000)
	for b.Loop() {
		w := newWorld(b)
		w.must(lines...)
	}
}

func BenchmarkReplaceOf10000(b *testing.B) {
	w := newWorld(b)
	text := benchText()
	w.Boot(context.Background(), text)
	for b.Loop() {
		if _, err := w.Input(context.Background(), ann, Options{}, Input{Text: text, Replace: true}); err != nil {
			b.Fatal(err)
		}
	}
}

// 10,000 lines whose order is meaning.
func BenchmarkBootAsTyped(b *testing.B) {
	text := strings.ReplaceAll(strings.Join(hostLines(manyLines), "\n"), "host h", "server h")
	text = strings.NewReplacer(" 10.0.", "x").Replace(text)
	for b.Loop() {
		w := newWorld(b)
		w.Boot(context.Background(), text)
		if n := len(w.Running().Nodes); n != manyLines {
			b.Fatalf("%d lines", n)
		}
	}
}

// A change asks only the modules that it is about, once for all of its lines, however many there are.
func TestAChangeAsksWhomItIsAbout(t *testing.T) {
	rec := &recorder{}
	a, b := &fakeModule{name: "a", rec: rec}, &readerModule{fakeModule{name: "b", rec: rec}}
	c := &probe{}
	e := NewEngine(&disk{}, nil)
	if err := e.Register(a, b, c); err != nil {
		t.Fatal(err)
	}
	w := &world{Engine: e, t: t}
	w.must(hostLines(5000)...)
	if c.checks != 1 || c.applies != 1 {
		t.Errorf("%d checks and %d applies for 5000 lines", c.checks, c.applies)
	}
	if got := rec.take(); got != "" {
		t.Errorf("others were asked: %s", got)
	}
	w.must("a 1")
	if got := rec.take(); got != "check a=1; check b=-; apply a=1; apply b=-" || c.checks != 1 {
		t.Errorf("a module that reads the lines of another: %s", got)
	}
	w.must("b 1")
	if got := rec.take(); got != "check b=1; apply b=1" {
		t.Errorf("a module whose lines another does not read: %s", got)
	}
	if b.seen != "a 1\n!\nb 1\n" {
		t.Errorf("a reader is shown %q", b.seen)
	}
	if c.applied != strings.Join(hostLines(5000), "\n")+"\n" {
		t.Error("a module is shown the lines of others")
	}
}

// readerModule also reads the lines of module a.
type readerModule struct{ fakeModule }

func (*readerModule) Reads() []string { return []string{"a"} }

func (m *readerModule) Check(t *Tree) error {
	m.seen = t.Text(false)
	return m.fakeModule.Check(t)
}
