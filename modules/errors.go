package modules

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Error is a mistake of the operator: Message says what was wrong and Hint what to type instead. The shell prints it
// behind "% "; any other error is logged in full and answered in one short sentence.
type Error struct {
	Message string
	Hint    string
}

func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + ". " + e.Hint
}

// Errorf makes an Error without a hint.
func Errorf(format string, args ...any) error { return &Error{Message: fmt.Sprintf(format, args...)} }

// StatementError is a line of the candidate that a module refuses.
type StatementError struct {
	Line string // as rendered, secrets masked
	Node *Node  // the line itself, where two contexts may hold equal ones; nil: the first that reads like Line
	Err  error
}

// Refuse is what a Check returns to refuse one line.
func Refuse(n *Node, err error) error { return &StatementError{Line: n.Line(true), Node: n, Err: err} }

func (e *StatementError) Error() string { return fmt.Sprintf("%s: %v", e.Line, e.Err) }
func (e *StatementError) Unwrap() error { return e.Err }

// ErrNotInteractive is returned for questions that nobody is there to answer.
var ErrNotInteractive = errors.New("needs a terminal to confirm; add force to do it without asking")

func marshalText(s string) ([]byte, error) {
	return json.Marshal(struct {
		Text string `json:"text"`
	}{s})
}
