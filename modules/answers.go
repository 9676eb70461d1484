package modules

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Said is the result of a command that only succeeds.
type Said struct {
	Done string `json:"done"`
}

// Text is one line.
func (v Said) Text(w io.Writer, _ int) error {
	_, err := fmt.Fprintln(w, v.Done)
	return err
}

// ConfigText is a configuration as a result.
type ConfigText struct {
	Lines []string `json:"lines"`
}

// ViewConfig is a configuration text as a result.
func ViewConfig(text string) ConfigText {
	view := ConfigText{Lines: []string{}}
	for line := range strings.Lines(text) {
		view.Lines = append(view.Lines, strings.TrimRight(line, "\n"))
	}
	return view
}

// Text prints the configuration and nothing else, so that it can be pasted into a box.
func (v ConfigText) Text(w io.Writer, _ int) error {
	var b strings.Builder
	for _, line := range v.Lines {
		b.WriteString(line + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Unchanged is the result of a command that the operator called off.
const Unchanged = Text("")

// Confirm asks unless the command says force. Off a terminal nobody answers, and the operator is told of force.
func Confirm(ctx context.Context, call Call, command, question string) (bool, error) {
	return ask(ctx, call, command, question, call.Terminal.Confirm)
}

// YesNo is Confirm where another question may follow.
func YesNo(ctx context.Context, call Call, command, question string) (bool, error) {
	return ask(ctx, call, command, question, call.Terminal.YesNo)
}

func ask(ctx context.Context, call Call, command, question string, put func(context.Context, string) (bool, error)) (bool, error) {
	if call.Values.Has("force") {
		return true, nil
	}
	ok, err := put(ctx, question)
	if errors.Is(err, ErrNotInteractive) {
		return false, &Error{
			Message: command + " needs a terminal to confirm",
			Hint:    "Type " + command + " force to do it without asking.",
		}
	}
	return ok, err
}
