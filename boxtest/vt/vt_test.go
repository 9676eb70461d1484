package vt

import (
	"fmt"
	"testing"
)

func TestScreen(t *testing.T) {
	for _, test := range []struct {
		name, written, want string
		width               int
	}{
		{"lines", "a\r\nb\r\n", "a\nb", 10},
		{"newline keeps the column", "ab\nc", "ab\n  c", 10},
		{"carriage return overwrites", "abc\rx", "xbc", 10},
		{"wraps", "abcdef", "abcd\nef", 4},
		{"a wide character does not straddle", "abc漢", "abc\n漢", 4},
		{"a combining character takes no column", "e\u0301bcd", "e\u0301bcd"[:1] + "bcd", 4},
		{"backspace", "ab\b\bx", "xb", 10},
		{"erase the line", "abc\x1b[2K\rx", "x", 10},
		{"erase to its end", "abc\r\x1b[Kx", "x", 10},
		{"up and erase below", "a\r\nb\r\nc\x1b[2A\r\x1b[Jx", "x", 10},
		{"right", "\x1b[3Cx", "   x", 10},
		{"what shows nothing", "\x1b[?2004h\ax\x1b[4m", "x", 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			whole, bytewise := New(test.width), New(test.width)
			fmt.Fprint(whole, test.written)
			for i := range len(test.written) {
				bytewise.Write([]byte{test.written[i]})
			}
			if whole.Text() != test.want || bytewise.Text() != test.want {
				t.Errorf("got %q and byte by byte %q, want %q", whole.Text(), bytewise.Text(), test.want)
			}
		})
	}
}

func TestAwait(t *testing.T) {
	s := New(10)
	go fmt.Fprint(s, "ready")
	if !s.Await(func(seen string) bool { return seen == "ready" }) {
		t.Error("what was written was not seen")
	}
}
