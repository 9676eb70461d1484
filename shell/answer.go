package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"mbox/modules"
)

// maxReason bounds what is shown of an internal error, in columns; the log has all of it.
const maxReason = 400

// answer prints why a line was not done, and says whose fault it was.
func (s *Session) answer(ctx context.Context, line string, m modules.Match, err error) Outcome {
	if err == nil {
		return Done
	}
	text, outcome := s.explain(ctx, line, m, err)
	if s.tty != nil {
		s.tty.out.FreshLine()
	}
	io.WriteString(s.end, text)
	return outcome
}

// note prints what somebody who typed a configuration line must know.
func (s *Session) note(m modules.Match) {
	text := s.noteOf(m)
	if text != "" && s.tty != nil {
		s.tty.out.FreshLine()
	}
	io.WriteString(s.end, text)
}

func (s *Session) noteOf(m modules.Match) string {
	if m.Negated || m.Statement == nil || m.Statement.Note == nil {
		return ""
	}
	if text := m.Statement.Note(m.Values); text != "" {
		return s.fold("% ", "Note: "+text)
	}
	return ""
}

func (s *Session) explain(ctx context.Context, line string, m modules.Match, err error) (string, Outcome) {
	var wrong *modules.LineError
	var refused *modules.StatementError
	var mistake *modules.Error
	var unapplied *modules.ApplyError
	switch {
	case errors.Is(err, errHangup), s.tty != nil && (errors.Is(err, errIdle) || errors.Is(context.Cause(ctx), errCleared)):
		return "", Failed // nobody reads it
	case errors.As(err, &unapplied) && (unapplied.Rollback != nil || !errors.As(err, &mistake)):
		// whatever it wraps: it says how the return to the old configuration went; after a mistake that is plain
	case errors.As(err, &wrong):
		var alias *aliasError
		if errors.As(err, &alias) {
			return s.lineErrorBelow(s.echoed(alias.line), alias.line, wrong), Refused
		}
		return s.lineError(line, wrong), Refused
	case errors.As(err, &refused) && !errors.As(err, &mistake):
		mistake = &modules.Error{Message: refused.Err.Error()}
		fallthrough
	case errors.As(err, &mistake):
		message := s.sentence(mistake.Message)
		if refused != nil && refused.Line != m.Line {
			message = s.fold("% ", refused.Line+": "+mistake.Message)
		}
		return message + s.indented(mistake.Hint), Refused
	case errors.Is(err, modules.ErrNotInteractive):
		return s.sentence(err.Error()), Refused
	case errors.Is(err, errInterrupted) || errors.Is(context.Cause(ctx), errInterrupted):
		return s.sentence("Interrupted."), Failed
	case ctx.Err() != nil:
		return s.sentence("The session ends before the command is done."), Failed
	}
	s.log().Error("command failed", "line", m.Line, "error", err)
	short, _, _ := strings.Cut(err.Error(), "\n")
	return s.sentence("Command failed: " + cut(short, maxReason)), Failed
}

// lineError renders what the grammar says, as IOS does, and below it what would have been right. A person sees the
// caret under the line just typed. In a script's output the line stands above the caret, so that it means something
// there, and what may be a secret is masked.
func (s *Session) lineError(line string, e *modules.LineError) string {
	if s.tty != nil {
		return s.lineErrorBelow(nil, line, e)
	}
	return s.lineErrorBelow(s.echoed(line), line, e)
}

// echo is a line that is shown again above a caret, with what may be a secret masked.
type echo struct{ line string }

func (s *Session) echoed(line string) *echo {
	return &echo{strings.ReplaceAll(s.server.Engine.Book().MaskLine(line), "\t", " ")}
}

// lineErrorBelow renders an error below the line as it is shown again, or below the line just typed.
func (s *Session) lineErrorBelow(again *echo, line string, e *modules.LineError) string {
	switch e.Kind {
	case modules.Ambiguous:
		return fmt.Sprintf("%% Ambiguous command:  \"%s\"\n", printable([]byte(e.Word))) + s.better(e)
	case modules.Incomplete:
		return "% Incomplete command.\n" + s.better(e)
	case modules.Invalid:
		return s.caret(again, line, e.Column) + "% Invalid input detected at '^' marker.\n" + s.better(e)
	}
	caret := ""
	if e.Kind == modules.BadText && s.tty != nil {
		caret = s.caret(again, line, e.Column)
	}
	return caret + s.sentence(e.Detail+".") + s.indented(e.Hint)
}

func (s *Session) caret(again *echo, line string, column int) string {
	if again == nil {
		width := s.editWidth()
		prompt := cutPrompt(s.Prompt(), width)
		return caretBelow(prompt+line, columns(prompt)+column, width)
	}
	book := s.server.Engine.Book()
	before := strings.ReplaceAll(cut(strings.ReplaceAll(line, "\t", " "), column), "\t", " ")
	if !strings.HasPrefix(again.line, before) {
		column = columns(book.MaskLine(before))
	}
	return string(printable([]byte(again.line))) + "\n" + strings.Repeat(" ", column) + "^\n"
}

// caretBelow marks a column of what was typed in a window. Where it stands above the last row, that row is shown again: the
// caret would seem to mean what is below.
func caretBelow(typed string, column, width int) string {
	var row string
	if at := column / width; at < (columns(typed)-1)/width {
		row = strings.TrimPrefix(cut(typed, (at+1)*width), cut(typed, at*width)) + "\n"
	}
	return row + strings.Repeat(" ", column%width) + "^\n"
}

// better is the second line of an error: what was expected, or what was probably meant.
func (s *Session) better(e *modules.LineError) string {
	switch {
	case e.Detail == "":
		return s.indented(e.Hint)
	case e.Hint == "":
		return s.indented(e.Detail)
	}
	return s.indented(e.Detail + "; " + e.Hint)
}

func (s *Session) indented(text string) string {
	if text == "" {
		return ""
	}
	return s.fold("  ", text)
}

// sentence begins with a capital, unless the first word is a name: `edge1.example.com: no route` stays as it is.
func (s *Session) sentence(text string) string {
	word := text
	if end := strings.IndexAny(text, " \n"); end >= 0 {
		word = text[:end]
	}
	if word == "" || strings.ContainsFunc(word, func(r rune) bool { return !unicode.IsLetter(r) }) {
		return s.fold("% ", text)
	}
	first, size := utf8.DecodeRuneInString(text)
	return s.fold("% ", string(unicode.ToUpper(first))+text[size:])
}

// fold sets text behind a mark of two columns, what does not fit below it. Scripts get each line whole.
func (s *Session) fold(mark, text string) string {
	var out strings.Builder
	for _, line := range strings.Split(printableText(text), "\n") {
		parts := []string{line}
		if s.tty != nil {
			parts = wrap(line, s.editWidth()-len(mark))
		}
		for _, part := range parts {
			out.WriteString(mark + part + "\n")
			mark = "  "
		}
	}
	return out.String()
}
