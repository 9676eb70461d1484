package shell

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDecoder(t *testing.T) {
	const help, ctrlZ = string(literalHelp), string(endOfMode)
	tests := []struct{ name, typed, want string }{
		{"text", "show ünïcode 漢字", "show ünïcode 漢字"},
		{"line ends", "a\r\nb\nc\rd\n\n", "a\rb\rc\rd\r\r"},
		{"NUL ends nothing", "a\x00b", "ab"},
		{"keys that the editor mishandles", "a\x14\x0f\x11\x18\x1c\x1d\x1e\x1fb", "ab"},
		{"keys that it knows", "\x01\x05\x0b\x15\x17\x19\x7f\x08\t", "\x01\x05\x0b\x15\x17\x19\x7f\x08\t"},
		{"Ctrl-Z", "a\x1a", "a" + ctrlZ},
		{"Home and End of all kinds", "\x1b[1~\x1b[4~\x1b[7~\x1b[8~\x1b[H\x1b[F\x1bOH\x1bOF", "\x01\x05\x01\x05\x01\x05\x01\x05"},
		{"arrows", "\x1b[A\x1b[B\x1b[C\x1b[D\x1bOA\x1bOB", "\x10\x0e\x06\x02\x10\x0e"},
		{"arrows by words", "\x1b[1;5C\x1b[1;5D\x1bb\x1bf\x1bd", "\x1bf\x1bb\x1bb\x1bf\x1bd"},
		{"Delete", "\x1b[3~", "\x04"},
		{"function keys and reports do nothing", "\x1b[15~\x1b[24;80R\x1b[[Ax\x1bOPy\x1b[5~z", "xyz"},
		{"Esc alone before a key", "\x1b\rshow", "\rshow"},
		{"Esc and a letter do nothing", "\x1bxy", "y"},
		{"an endless sequence", "\x1b[" + strings.Repeat("1", 100) + "A", strings.Repeat("1", 70) + "A"},
		{"a sequence cut short", "\x1b[1\rx", "\rx"},
		{"quoted question mark", "a\x16?b?", "a" + help + "b?"},
		{"Ctrl-V before another key", "\x16x?", "x?"},
		{"paste is text", "\x1b[200~a?b\tc\x01\x1b[Ad\r\x1b[201~?", "a" + help + "b cd\r?"},
		{"Ctrl-C ends a paste", "\x1b[200~a\x03?", "a\x03?"},
		{"not UTF-8", "a\xffb", "a\ufffdb"},
		{"marks cannot be typed", "\ue03f\ue01a\u0085", "\ufffd\ufffd\ufffd"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var whole, bytewise decoder
			if got := string(whole.decode([]byte(test.typed))); test.name != "an endless sequence" && got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			var got []byte
			for i := range len(test.typed) {
				got = append(got, bytewise.decode([]byte{test.typed[i]})...)
			}
			if test.name == "an endless sequence" {
				if len(bytewise.rest) > maxEscape {
					t.Errorf("%d bytes are kept", len(bytewise.rest))
				}
			} else if string(got) != test.want {
				t.Errorf("byte by byte: got %q, want %q", got, test.want)
			}
		})
	}
}

// FuzzDecoder checks that the editor never sees a key that it could stumble over, however the input is cut.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte("\x1b[200~?\x1b[201~\x1b[1;5C漢\xff\x1b"), 3)
	f.Fuzz(func(t *testing.T, typed []byte, at int) {
		at = min(max(at, 0), len(typed))
		var d decoder
		keys := append(d.decode(typed[:at]), d.decode(typed[at:])...)
		if len(d.rest) > maxEscape || !utf8.Valid(keys) {
			t.Fatalf("%d bytes kept, keys %q", len(d.rest), keys)
		}
		for i := 0; i < len(keys); i++ {
			switch c := keys[i]; {
			case c == keyEsc && (i+1 == len(keys) || !strings.ContainsRune("bfd\x7f", rune(keys[i+1]))):
				t.Fatalf("keys %q hold a bare Esc", keys)
			case c != keyEsc && c < ' ' && !strings.ContainsRune(edited, rune(c)):
				t.Fatalf("keys %q hold %#x", keys, c)
			}
		}
	})
}

func TestKeyboard(t *testing.T) {
	k := newKeyboard()
	k.Feed([]byte("show version\r\nshow ?\r"))
	if line, ok := k.TakeLine(); !ok || line != "show version" {
		t.Errorf("took %q, %v", line, ok)
	}
	if line, ok := k.TakeLine(); ok {
		t.Errorf("a line that asks for help was taken: %q", line)
	}
	k.Feed([]byte("\x03"))
	if key, err := k.ReadKey(t.Context()); key != keyInterrupt || err != nil {
		t.Errorf("an interrupt does not come first: %q, %v", key, err)
	}
	ctx, stop := k.Interruptible(t.Context())
	k.Feed([]byte("typed ahead\x03x"))
	if _, err := k.ReadKey(ctx); !errors.Is(err, errInterrupted) {
		t.Errorf("ReadKey in an interrupted command: %v", err)
	}
	stop()
	if key, err := k.ReadKey(t.Context()); key != 'x' || err != nil {
		t.Errorf("type-ahead before an interrupt is kept: %q, %v", key, err)
	}
	waiting := make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, err := k.ReadKey(ctx)
		waiting <- err
	}()
	cancel()
	if err := <-waiting; !errors.Is(err, context.Canceled) {
		t.Errorf("ReadKey after cancel: %v", err)
	}
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		k.Feed(make([]byte, 0))
		k.Feed([]byte(strings.Repeat("x", 2*maxTypeAhead)))
	}()
	k.Close()
	<-fed
	if _, err := k.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("Read after Close: %v", err)
	}
}

func TestInsideQuotes(t *testing.T) {
	for line, want := range map[string]bool{
		"": false, `a "b`: true, `a "b"`: false, `a "b\"`: true, `a "b\\"`: false, `a b"c`: false, `"`: true, `a "b" "c`: true,
	} {
		if insideQuotes(line) != want {
			t.Errorf("%q: %v", line, !want)
		}
	}
}
