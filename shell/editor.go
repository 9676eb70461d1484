package shell

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/chzyer/readline"
)

// maxEdited is the longest line that is edited, in characters: the editor redraws the whole line at each key. Longer
// lines can be pasted whole or come from a script.
const maxEdited = 2048

var (
	errCtrlC   = errors.New("line given up")     // the operator typed Ctrl-C
	errCtrlZ   = errors.New("mode given up")     // the operator typed Ctrl-Z
	errTooLong = errors.New("line is too long")  // to be edited
	errNotUTF8 = errors.New("line is not UTF-8") // or holds what stands for a character that is not
)

// assistant answers what an operator asks with the cursor in a line. Both are given the line up to the cursor.
type assistant interface {
	Help(line string) string
	// Complete returns what Tab may add, or else the text of a list.
	Complete(line string) (suffix, list string)
	// Unfinished says that the line belongs to a text: a question mark is one.
	Unfinished() bool
}

// editor reads lines from a TTY by readline. It keeps to what readline does safely: the keyboard sends it only keys
// that it handles, its prompt is always narrower than the window, its history is never empty, it never gets more than
// one completion, and it is told of a new width only between keys.
type editor struct {
	tty       *TTY
	assistant assistant
	width     func() int // the width to draw for; may change at any time
	rl        *readline.Instance
	ended     bool // readline has seen the end of input, and its reader is gone

	// What the callbacks share: readline calls them from its own goroutine, and once, with key 0, from ReadLine's.
	length  atomic.Int64 // of the line, in characters
	tooLong atomic.Bool
	mu      sync.Mutex // guards all below
	prompt  string
	adopted int    // the width that readline knows
	adopt   func() // makes readline ask for the width
	literal bool   // the key now handled is a quoted question mark
}

func newEditor(tty *TTY, width func() int, assistant assistant) (*editor, error) {
	e := &editor{tty: tty, width: width, assistant: assistant, adopt: func() {}}
	e.adopted = width()
	cfg := &readline.Config{
		Stdin:                  io.NopCloser(tty.keys),
		Stdout:                 tty.out,
		Stderr:                 tty.out,
		FuncGetWidth:           e.currentWidth,
		FuncIsTerminal:         func() bool { return true },
		FuncMakeRaw:            func() error { return nil },
		FuncExitRaw:            func() error { return nil },
		FuncOnWidthChanged:     func(f func()) { e.adopt = f },
		ForceUseInteractive:    true,
		DisableAutoSaveHistory: true,
		HistoryLimit:           2 * maxHistory,
		InterruptPrompt:        "\n", // readline's word for none
		AutoComplete:           completer{e},
		FuncFilterInputRune:    e.filter,
	}
	cfg.SetListener(e.onKey)
	rl, err := readline.NewEx(cfg)
	if err != nil {
		return nil, fmt.Errorf("start the line editor: %w", err)
	}
	e.rl = rl
	return e, nil
}

func (e *editor) currentWidth() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.adopted
}

// ReadLine returns the next line, errCtrlC, errCtrlZ, errTooLong, errNotUTF8, or io.EOF when the person is gone.
func (e *editor) ReadLine(prompt string, history []string) (string, error) {
	e.tty.keys.rested()
	e.tty.notices.setEditing(true, e.tty.out.Notice)
	defer e.tty.notices.setEditing(false, e.tty.out.Notice)
	e.tty.out.FreshLine()
	if line, ok := e.tty.keys.TakeLine(); ok {
		_, err := fmt.Fprintf(e.tty.out, "%s%s\n", prompt, line)
		return line, err
	}
	e.recall(history)
	e.mu.Lock()
	e.prompt = prompt
	e.mu.Unlock()
	e.length.Store(0)
	e.tooLong.Store(false)
	line, err := e.rl.Readline()
	switch {
	case errors.Is(err, readline.ErrInterrupt) && e.tty.keys.wasCtrlZ():
		return "", errCtrlZ
	case errors.Is(err, readline.ErrInterrupt):
		return "", errCtrlC
	case err != nil:
		e.ended = true
		return "", err
	case e.tooLong.Load():
		return "", errTooLong
	case strings.ContainsRune(line, utf8.RuneError):
		return "", errNotUTF8
	}
	return line, nil
}

// recall gives readline the history anew: it keeps drafts of edited lines, secrets among them, and on saving an edited
// old line it would keep the draft instead of what it is given.
func (e *editor) recall(history []string) {
	e.rl.ResetHistory()
	if len(history) == 0 {
		e.rl.SaveHistory("") // leaving a search in an empty history would fail
	}
	for _, line := range history {
		e.rl.SaveHistory(line)
	}
}

// filter sees each key before readline handles it.
func (e *editor) filter(key rune) (rune, bool) {
	e.mu.Lock()
	e.literal = key == literalHelp
	e.mu.Unlock()
	empty := e.length.Load() == 0
	if key == keyInterrupt && e.rl.Operation.IsSearchMode() {
		e.rl.Operation.ExitSearchMode(true) // readline would keep what was found as the line; Ctrl-C gives it up
	}
	switch {
	case key == literalHelp:
		key = '?'
	case key == keyDelete && empty && !e.rl.Operation.IsSearchMode():
		return key, false // readline would take it for the end of input
	}
	if key >= ' ' && key != keyRubout && e.length.Load() >= maxEdited {
		e.tooLong.Store(true)
		return keyBell, true
	}
	return key, true
}

// onKey sees the line after each key; a question mark that was just typed asks for help and is taken out again.
func (e *editor) onKey(line []rune, pos int, key rune) ([]rune, int, bool) {
	switch key {
	case keyEnter, '\n', keyInterrupt:
		return nil, 0, false // the line has been handed over, and its reader may be at work
	case 0:
		e.fit()
		return nil, 0, false
	}
	e.fit()
	e.length.Store(int64(len(line)))
	if !e.rl.Operation.IsSearchMode() {
		if text := e.tty.notices.take(); text != "" {
			io.WriteString(e.rl.Stdout(), text)
		}
	}
	e.mu.Lock()
	asks := key == '?' && !e.literal
	prompt := e.prompt
	e.mu.Unlock()
	if !asks || e.rl.Operation.IsSearchMode() || pos == 0 || line[pos-1] != '?' {
		return nil, 0, false
	}
	before := string(line[:pos-1])
	if insideQuotes(before) || e.assistant.Unfinished() {
		return nil, 0, false
	}
	fmt.Fprintf(e.rl.Stdout(), "%s%s?\n%s", prompt, before, e.assistant.Help(before))
	e.length.Store(int64(len(line) - 1))
	return slices.Concat(line[:pos-1], line[pos:]), pos - 1, true
}

// fit tells readline the prompt and the width. A prompt as wide as the window would keep it counting lines for ever.
func (e *editor) fit() {
	width := e.width()
	e.mu.Lock()
	changed := width != e.adopted
	e.adopted = width
	prompt := cutPrompt(e.prompt, width)
	e.mu.Unlock()
	e.rl.SetPrompt(prompt)
	if changed {
		e.adopt()
	}
}

// Close ends readline and waits for its goroutines. The keyboard is closed first, because readline's own Close waits
// for a read that nothing would end.
func (e *editor) Close() {
	e.tty.out.Mute()
	e.tty.keys.Close()
	for !e.ended {
		_, err := e.rl.Readline()
		e.ended = err != nil && !errors.Is(err, readline.ErrInterrupt)
	}
	e.rl.Close()
}

// completer is readline's view of the assistant.
type completer struct{ e *editor }

func (c completer) Do(line []rune, pos int) ([][]rune, int) {
	if c.e.rl.Operation.IsSearchMode() {
		return nil, 0
	}
	suffix, list := c.e.assistant.Complete(string(line[:pos]))
	if suffix != "" {
		return [][]rune{[]rune(suffix)}, 0
	}
	if list != "" {
		c.e.mu.Lock()
		prompt := c.e.prompt
		c.e.mu.Unlock()
		fmt.Fprintf(c.e.rl.Stdout(), "%s%s\n%s", prompt, string(line), list)
	}
	return nil, 0
}

// insideQuotes says whether a double quote is open at the end of line, by the rules of modules.Tokenize.
func insideQuotes(line string) bool {
	open, escaped, wordStart := false, false, true
	for _, c := range line {
		switch {
		case escaped:
			escaped = false
		case open:
			escaped, open = c == '\\', c != '"'
		default:
			open = c == '"' && wordStart
			wordStart = c == ' ' || c == '\t'
		}
	}
	return open
}
