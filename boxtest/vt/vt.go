// Package vt is a small terminal for tests: enough of ECMA-48 to know what a person would see. It keeps every row that
// was ever shown, so that a test can look back.
package vt

import (
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/chzyer/readline"
)

// Patience bounds every wait for the screen. It is no promise of speed.
const Patience = 20 * time.Second

const escape = 0x1b

// T is what of *testing.T is needed here.
type T interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Screen is a terminal's screen. What is written to it is drawn.
type Screen struct {
	mu       sync.Mutex // guards all below
	changed  *sync.Cond
	width    int
	rows     [][]rune
	row, col int
	rest     []byte // the start of a character or a sequence
	raw      int
}

// New makes an empty screen of that many columns.
func New(width int) *Screen {
	s := &Screen{width: width, rows: [][]rune{nil}}
	s.changed = sync.NewCond(&s.mu)
	return s
}

// Resize gives the screen another width. What is on it stays as it is.
func (s *Screen) Resize(width int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.width = width
}

// Raw is how many bytes were written so far.
func (s *Screen) Raw() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raw
}

func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.changed.Broadcast()
	s.raw += len(p)
	s.rest = append(s.rest, p...)
	for len(s.rest) > 0 {
		used := s.step(s.rest)
		if used == 0 {
			break
		}
		s.rest = s.rest[used:]
	}
	return len(p), nil
}

func (s *Screen) step(in []byte) int {
	switch in[0] {
	case '\r':
		s.col = 0
	case '\n':
		s.row++
		for len(s.rows) <= s.row {
			s.rows = append(s.rows, nil)
		}
	case '\b':
		s.col = max(s.col-1, 0)
	case '\a':
	case escape:
		return s.escape(in)
	default:
		if !utf8.FullRune(in) {
			return 0
		}
		r, size := utf8.DecodeRune(in)
		s.put(r)
		return size
	}
	return 1
}

func (s *Screen) put(r rune) {
	width := readline.Runes{}.Width(r)
	if s.col+width > s.width {
		s.col = 0
		s.step([]byte{'\n'})
	}
	for range width {
		for len(s.rows[s.row]) <= s.col {
			s.rows[s.row] = append(s.rows[s.row], ' ')
		}
		s.rows[s.row][s.col] = r
		r = 0 // the second cell of a wide character
		s.col++
	}
}

// escape draws the sequences that the shell uses: cursor up and right, erase line and screen. The rest shows nothing.
func (s *Screen) escape(in []byte) int {
	at := 2
	for at < len(in) && (in[at] < 0x40 || in[at] > 0x7e) {
		at++
	}
	if at >= len(in) {
		return 0
	}
	n, err := strconv.Atoi(string(in[2:at]))
	if err != nil {
		n = 1
	}
	switch in[at] {
	case 'A':
		s.row = max(s.row-n, 0)
	case 'C':
		s.col = min(s.col+n, s.width-1)
	case 'K':
		if string(in[2:at]) == "2" {
			s.rows[s.row] = nil
		} else if s.col < len(s.rows[s.row]) {
			s.rows[s.row] = s.rows[s.row][:s.col]
		}
	case 'J':
		if s.col < len(s.rows[s.row]) {
			s.rows[s.row] = s.rows[s.row][:s.col]
		}
		s.rows = s.rows[:s.row+1]
	}
	return at + 1
}

// Text is all that can be seen, without blanks at the ends of rows.
func (s *Screen) Text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text()
}

func (s *Screen) text() string {
	rows := make([]string, len(s.rows))
	for i, row := range s.rows {
		rows[i] = strings.TrimRight(strings.ReplaceAll(string(row), "\x00", ""), " ")
	}
	return strings.TrimRight(strings.Join(rows, "\n"), "\n")
}

// Await waits until what is seen satisfies ok, and says whether it did within Patience. ok must not use the screen.
func (s *Screen) Await(ok func(seen string) bool) bool {
	late := false
	timer := time.AfterFunc(Patience, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		late = true
		s.changed.Broadcast()
	})
	defer timer.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for !ok(s.text()) {
		if late {
			return false
		}
		s.changed.Wait()
	}
	return true
}

// Shows fails the test unless what is seen satisfies ok within Patience.
func (s *Screen) Shows(t T, what string, ok func(seen string) bool) {
	t.Helper()
	if !s.Await(ok) {
		t.Fatalf("waited in vain for %s; the screen shows:\n%s", what, s.Text())
	}
}
