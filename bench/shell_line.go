package main

import (
	"bytes"
	"io"
	"time"
)

// line is a terminal session with some shell.
type line struct {
	t     *harness
	in    io.Writer
	out   chan []byte
	end   func()
	ended chan struct{}
}

// patience ends a run whose shell does not answer as expected.
const patience = 60 * time.Second

func newLine(t *harness, in io.Writer, out io.Reader, end func()) *line {
	l := &line{t: t, in: in, out: make(chan []byte, 64), end: end, ended: make(chan struct{})}
	go func() {
		defer close(l.out)
		for {
			buffer := make([]byte, 64<<10)
			n, err := out.Read(buffer)
			if n > 0 {
				select {
				case l.out <- buffer[:n]:
				case <-l.ended:
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	return l
}

// ask types keys and returns how long it took until expected had come since; empty: anything.
func (l *line) ask(keys, expected string) time.Duration {
	l.discard()
	began := time.Now()
	typed := make(chan error, 1)
	go func() { // the shell may want to be read before it reads on
		_, err := io.WriteString(l.in, keys)
		typed <- err
	}()
	took := l.await(began, keys, expected)
	if err := <-typed; err != nil {
		l.t.Fatalf("type %.80q: %v", keys, err)
	}
	return took
}

// discard forgets what has come.
func (l *line) discard() {
	for {
		select {
		case _, open := <-l.out:
			if !open {
				l.t.Fatal("the session has ended")
			}
		default:
			return
		}
	}
}

func (l *line) await(began time.Time, keys, expected string) time.Duration {
	var seen []byte
	limit := time.After(patience)
	for {
		select {
		case text, open := <-l.out:
			if seen = append(seen, text...); bytes.Contains(plainText(seen), []byte(expected)) || bytes.Contains(seen, []byte(expected)) {
				return time.Since(began)
			}
			if !open {
				l.t.Fatalf("after %.80q the session ended with %q", keys, seen)
			}
		case <-limit:
			l.t.Fatalf("after %.80q there was no %q, but %.2000q", keys, expected, seen)
		}
	}
}

// plainText is what was shown, without the sequences that move the cursor.
func plainText(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != 0x1b || i+1 == len(raw) || raw[i+1] != '[' {
			out = append(out, raw[i])
			continue
		}
		for i += 2; i < len(raw) && (raw[i] < 0x40 || raw[i] > 0x7e); i++ {
		}
	}
	return out
}

func (l *line) close() {
	close(l.ended)
	l.end()
}
