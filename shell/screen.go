package shell

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/chzyer/readline"
)

// screen writes text to a terminal in raw mode, which wants a carriage return before each newline.
type screen struct {
	mu      sync.Mutex // guards all below
	w       io.Writer
	last    byte // the last byte written, or newline
	muted   bool
	asked   string // the question that waits for an answer on the last row
	scratch []byte
}

func newScreen(w io.Writer) *screen { return &screen{w: w, last: '\n'} }

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.write(p)
}

// write is Write; the caller holds mu.
func (s *screen) write(p []byte) (int, error) {
	if s.muted || len(p) == 0 {
		return len(p), nil
	}
	s.scratch = s.scratch[:0]
	for _, c := range p {
		if c == '\n' && s.last != '\r' {
			s.scratch = append(s.scratch, '\r')
		}
		s.scratch = append(s.scratch, c)
		s.last = c
	}
	if _, err := s.w.Write(s.scratch); err != nil {
		return 0, err
	}
	return len(p), nil
}

// FreshLine begins a new line unless the cursor stands at the start of one: the editor clears the line that it puts
// its prompt on.
func (s *screen) FreshLine() {
	s.mu.Lock()
	fresh := s.last == '\n' || s.last == '\r'
	s.mu.Unlock()
	if !fresh {
		s.Write([]byte("\n"))
	}
}

// Ask puts a question on a row of its own; it stays the last until Answered.
func (s *screen) Ask(question string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != '\n' && s.last != '\r' {
		s.write([]byte("\n"))
	}
	s.asked = question
	s.write([]byte(question))
}

// Answered ends a question with what is to follow it: a new line, or the sequence that takes it away.
func (s *screen) Answered(then string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = ""
	s.write([]byte(then))
}

// Notice shows lines that nobody asked for: above the question that waits, or else on rows of their own.
func (s *screen) Notice(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.asked != "":
		s.write([]byte(eraseLine))
	case s.last != '\n' && s.last != '\r':
		s.write([]byte("\n"))
	}
	s.write([]byte(text + s.asked))
}

// Control sends a sequence that shows nothing.
func (s *screen) Control(sequence string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.muted {
		io.WriteString(s.w, sequence)
	}
}

// Mute drops everything from now on.
func (s *screen) Mute() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.muted = true
}

// Columns that views and the editor are given where the terminal says nothing, or nonsense.
const (
	defaultWidth  = 80
	defaultHeight = 24
	minWidth      = 20 // the editor fails below
	maxWidth      = 4096
)

func clampWidth(width int) int {
	if width <= 0 {
		return defaultWidth
	}
	return min(max(width, minWidth), maxWidth)
}

// columns counts what text takes on a terminal, by the same table as the editor; escape sequences are not expected.
func columns(text string) int {
	total := 0
	for _, r := range text {
		total += readline.Runes{}.Width(r)
	}
	return total
}

// cut returns the longest beginning of text that fits into width columns.
func cut(text string, width int) string {
	used := 0
	for i, r := range text {
		used += readline.Runes{}.Width(r)
		if used > width {
			return text[:i]
		}
	}
	return text
}

// cutPrompt is a prompt that leaves room to type in a window: it loses what does not fit, but never the mark at its end,
// which says whether the operator is privileged.
func cutPrompt(prompt string, window int) string {
	room := window - minWidth/2
	if columns(prompt) <= room {
		return prompt
	}
	mark, size := utf8.DecodeLastRuneInString(prompt)
	return cut(prompt[:len(prompt)-size], room-columns(string(mark))) + string(mark)
}

// printable replaces what would move the cursor or change the terminal: views print names that came from outside.
func printable(line []byte) []byte {
	if bytes.IndexFunc(line, unprintable) < 0 {
		return line
	}
	return bytes.Map(func(r rune) rune {
		if unprintable(r) {
			return utf8.RuneError
		}
		return r
	}, line)
}

// unprintable is also what turns the direction of writing: a name could make the rest of a row read otherwise than it is.
func unprintable(r rune) bool {
	return r != '\t' && (unicode.IsControl(r) || r == utf8.RuneError || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp))
}

// printableText does the same for text of several lines.
func printableText(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = string(printable([]byte(line)))
	}
	return strings.Join(lines, "\n")
}
