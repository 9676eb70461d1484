package modules

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// AskCut says whether a change was refused because it would end the operator's own session, and returns what asks
// whether to make it all the same: nil is yes. Off a terminal the answer is an *Error that says what to type.
func AskCut(err error) (ask func(context.Context, Terminal) error, cuts bool) {
	var cut *CutError
	if !errors.As(err, &cut) {
		return nil, false
	}
	refused := &Error{
		Message: "This would end your own session: " + cut.Reason,
		Hint:    "Type configure terminal revert timer MINUTES before it, so that it is undone unless you confirm it, or configure terminal force",
	}
	return func(ctx context.Context, t Terminal) error {
		if !t.Interactive() {
			return refused
		}
		if _, err := io.WriteString(t, "Warning: this will end your own session: "+cut.Reason+"\n"); err != nil {
			return err
		}
		yes, err := t.YesNo(ctx, "Do it without a way back?")
		if err == nil && !yes {
			err = &Error{Message: "Nothing was changed", Hint: refused.Hint}
		}
		return err
	}, true
}

// Timer is the type of a time to confirm, in minutes.
func Timer() Type {
	return Int(int(MinTimer/time.Minute), int(MaxTimer/time.Minute), "Minutes to type configure confirm in")
}

// TimerOf is the value of a label MINUTES; 0 if there is none.
func TimerOf(v Values) time.Duration { return time.Duration(Get[int](v, "MINUTES")) * time.Minute }

// CandidateName is the type of the name of a configuration session.
func CandidateName() Type {
	return Word("Name of the configuration session", func(s string) (string, error) {
		bad := func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
		}
		if s == "" || len(s) > 32 || strings.ContainsFunc(s, bad) {
			return "", fmt.Errorf("expected a name of 1 to 32 letters, digits, - and _")
		}
		return s, nil
	})
}

// DiffView is the result of a command that compares configurations.
type DiffView struct {
	Lines []DiffLine `json:"lines"`
}

// ViewDiff is differences as a result, secrets masked.
func ViewDiff(differences []Difference) DiffView {
	return DiffView{append([]DiffLine{}, DiffLines(differences)...)}
}

// Text prints + and - before the lines, indented as they stand.
func (v DiffView) Text(w io.Writer, _ int) error {
	var b strings.Builder
	for _, line := range v.Lines {
		fmt.Fprintf(&b, "%s%s%s\n", line.Op, strings.Repeat(" ", line.Depth), line.Text)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
