package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

// maxSecret bounds what is typed at a password prompt, in bytes.
const maxSecret = 1024

// rubOut takes back one column of what was echoed.
const rubOut = "\b \b"

// TTY is a person's terminal in raw mode, whatever carries it: the carrier calls Feed with what was typed, Resize when
// the window changes, and Hangup when the person is gone.
type TTY struct {
	keys *keyboard
	out  *screen

	notices *notices

	mu     sync.Mutex // guards all below
	size   Size
	hungUp []func()
}

// NewTTY makes a terminal that shows its output on out.
func NewTTY(out io.Writer, size Size) *TTY {
	return &TTY{keys: newKeyboard(), out: newScreen(out), notices: newNotices(), size: size}
}

// Feed delivers what was typed, as the terminal sent it. It waits while far too much is typed ahead.
func (t *TTY) Feed(p []byte) { t.keys.Feed(p) }

// Resize says that the window has a new size.
func (t *TTY) Resize(size Size) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.size = size
}

// Hangup ends all reading with io.EOF.
func (t *TTY) Hangup() {
	t.keys.Close()
	t.mu.Lock()
	told := t.hungUp
	t.hungUp = nil
	t.mu.Unlock()
	for _, tell := range told {
		tell()
	}
}

// OnHangup has tell called at Hangup, once. The carrier sees to it there that a write to a person who is gone ends.
func (t *TTY) OnHangup(tell func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hungUp = append(t.hungUp, tell)
}

// farewell says why a session ends that the person did not end.
func (t *TTY) farewell(ctx context.Context) {
	switch {
	case errors.Is(context.Cause(ctx), errCleared):
		t.out.Notice("% The line was cleared.\n")
	case t.keys.isIdle():
		t.out.Notice("% The session ends: no key was typed for too long.\n")
	}
}

func (t *TTY) Write(p []byte) (int, error) { return t.out.Write(p) }

// Interactive is true: a person sits there.
func (t *TTY) Interactive() bool { return true }

// Size is that of the window.
func (t *TTY) Size() Size {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.size
}

// Interruptible returns a context that the person's Ctrl-C ends.
func (t *TTY) Interruptible(ctx context.Context) (context.Context, func()) {
	return t.keys.Interruptible(ctx)
}

// ReadSecret asks for a line without echo. Ctrl-C gives errInterrupted.
func (t *TTY) ReadSecret(ctx context.Context, prompt string) (string, error) {
	return t.readAnswer(ctx, prompt, maxSecret, false)
}

// YesNo asks until the answer is yes or no, or begins one of them. Ctrl-C gives errInterrupted.
func (t *TTY) YesNo(ctx context.Context, question string) (bool, error) {
	for {
		answer, err := t.readAnswer(ctx, question+" [yes/no]: ", len("yes"), true)
		if err != nil {
			return false, err
		}
		answer = strings.ToLower(strings.TrimSpace(answer))
		for word, yes := range map[string]bool{"yes": true, "no": false} {
			if answer != "" && strings.HasPrefix(word, answer) {
				return yes, nil
			}
		}
		io.WriteString(t.out, "% Please answer 'yes' or 'no'.\n")
	}
}

// readAnswer asks for a line of at most limit bytes.
func (t *TTY) readAnswer(ctx context.Context, prompt string, limit int, echo bool) (string, error) {
	t.out.Ask(prompt)
	defer t.out.Answered("\n")
	show := func(text string) {
		if echo {
			io.WriteString(t.out, text)
		}
	}
	var typed []byte
	for {
		key, err := t.keys.ReadKey(ctx)
		if err != nil {
			return "", err
		}
		switch {
		case key == keyEnter:
			return string(typed), nil
		case key == keyInterrupt || key == endOfMode:
			return "", errInterrupted
		case key == keyKillLine:
			show(strings.Repeat(rubOut, columns(string(typed))))
			typed = typed[:0]
		case key == keyBackspace || key == keyRubout:
			last, size := utf8.DecodeLastRune(typed)
			show(strings.Repeat(rubOut, columns(string(last))*min(size, 1)))
			typed = typed[:len(typed)-size]
		case key == utf8.RuneError:
			return "", errors.New("what was typed is not valid UTF-8")
		case key >= ' ' && len(typed) < limit:
			show(string(key))
			typed = utf8.AppendRune(typed, key)
		}
	}
}

// Confirm asks a question that Enter or y says yes to, and any other key no.
func (t *TTY) Confirm(ctx context.Context, question string) (bool, error) {
	t.out.Ask(question + " [confirm]")
	defer t.out.Answered("\n")
	key, err := t.keys.ReadKey(ctx)
	if err != nil {
		return false, err
	}
	if key >= ' ' && key != keyRubout && key < utf8.RuneError {
		fmt.Fprintf(t.out, "%c", key)
	}
	return key == keyEnter || key == 'y' || key == 'Y', nil
}
