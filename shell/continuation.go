package shell

import (
	"context"
	"fmt"

	"mbox/modules"
)

// continues takes a line that belongs to a text of several lines, such as a banner: the one that opens it, or one of those
// below. With the last of them it returns the whole text as one line; more says that it is not complete yet.
func (s *Session) continues(line string) (whole string, more bool, err error) {
	if s.pending == nil {
		if !s.config {
			return line, false, nil
		}
		if s.pending = s.server.Engine.Book().Continues(line); s.pending == nil {
			return line, false, nil
		}
		if s.tty != nil {
			fmt.Fprintf(s.end, "Enter TEXT message.  End with the character '%s'.\n", printable([]byte(s.pending.Delimiter())))
		}
		return "", true, nil
	}
	if !s.pending.Add(line) {
		return "", true, nil
	}
	text := s.pending
	s.pending = nil
	whole, err = text.Line()
	return whole, false, err
}

// Unfinished says whether a text of several lines waits for more of them.
func (s *Session) Unfinished() bool { return s.pending != nil }

// giveUp drops a text of several lines that is not complete.
func (s *Session) giveUp() { s.pending = nil }

// atEnd is the outcome of the end of a script: one that ends inside a text is told so.
func (s *Session) atEnd() Outcome {
	if s.pending == nil {
		return Done
	}
	err := &modules.Error{
		Message: "The input ends inside a text of several lines; it is not entered",
		Hint:    "The text ends with " + s.pending.Delimiter(),
	}
	s.giveUp()
	return s.answer(context.Background(), "", modules.Match{}, err)
}
