package freeradius

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Entry is one entry of a users file: a name, the check items on its line, and the reply items on the lines below.
type Entry struct {
	Name  string
	Line  int
	Items []Item
}

// Default is the name of the entries that match every user.
const Default = "DEFAULT"

// A LineError says why one entry or row cannot be used; those behind it can. It never repeats what stands there.
type LineError struct {
	Line   int
	Table  string // of a row, if known
	Reason string
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// ErrInclude refuses a file that refers to others: where their entries stand among these decides what they do.
var ErrInclude = errors.New("$INCLUDE is not followed")

// maxLine bounds a line in bytes, with its continuations.
const maxLine = 64 << 10

// Users reads a users file, one entry at a time.
type Users struct {
	src    *bufio.Reader
	line   int // number of the last line that was read
	held   string
	heldAt int // number of the line that is held; 0: none
}

// NewUsers reads from src.
func NewUsers(src io.Reader) *Users { return &Users{src: bufio.NewReaderSize(src, maxLine)} }

// errLong marks a line that is longer than maxLine.
var errLong = errors.New("the line is too long")

// Next returns the next entry. The error is a *LineError if only that entry is bad, io.EOF at the end, and otherwise that
// of the source or ErrInclude.
func (u *Users) Next() (Entry, error) {
	for {
		text, at, err := u.next()
		switch {
		case errors.Is(err, errLong):
			return u.bad(at, fmt.Sprintf("the line is longer than %d bytes", maxLine))
		case err != nil:
			return Entry{}, err
		case blankLine(text):
		case text[0] == ' ' || text[0] == '\t':
			return u.bad(at, "an entry begins with a name at the start of its line")
		default:
			return u.entry(text, at)
		}
	}
}

func blankLine(text string) bool { return skipBlank(text) == "" }

// entry reads the rest of an entry whose first line is given.
func (u *Users) entry(text string, at int) (Entry, error) {
	name, rest, err := entryName(text)
	if strings.EqualFold(name, "$INCLUDE") {
		return Entry{}, fmt.Errorf("line %d: %w", at, ErrInclude)
	}
	e := Entry{Name: name, Line: at}
	if err != nil {
		return u.bad(at, err.Error())
	}
	items, more, err := parseItems(rest, true, at)
	if err != nil {
		return u.bad(at, err.Error())
	}
	if e.Items = items; more {
		return u.bad(at, "a comma at the end of the check items, which must stand on one line")
	}
	return u.replies(e)
}

// replies reads the indented lines below.
func (u *Users) replies(e Entry) (Entry, error) {
	for {
		text, at, err := u.next()
		if err == io.EOF {
			return e, nil
		}
		if errors.Is(err, errLong) {
			return u.bad(at, fmt.Sprintf("the line is longer than %d bytes", maxLine))
		}
		if err != nil {
			return Entry{}, err
		}
		if blankLine(text) {
			continue
		}
		if text[0] != ' ' && text[0] != '\t' {
			u.held, u.heldAt = text, at
			return e, nil
		}
		items, _, err := parseItems(text, false, at)
		if err != nil {
			return u.bad(at, err.Error())
		}
		if e.Items = append(e.Items, items...); len(e.Items) > maxItems {
			return u.bad(at, errManyItems.Error())
		}
	}
}

// entryName takes the name off the line; one with blanks is in double quotes.
func entryName(text string) (name, rest string, err error) {
	if strings.IndexByte(text, 0) >= 0 || !utf8.ValidString(text) {
		return "", "", errors.New("the line is not UTF-8, or holds a NUL byte")
	}
	if text[0] == '"' {
		return parseQuoted(text)
	}
	end := strings.IndexAny(text, " \t\r\v\f")
	if end < 0 {
		end = len(text)
	}
	return text[:end], text[end:], nil
}

// bad passes over what is left of an entry.
func (u *Users) bad(at int, reason string) (Entry, error) {
	for {
		text, next, err := u.next()
		if errors.Is(err, errLong) {
			continue
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return Entry{}, err
		}
		if !blankLine(text) && text[0] != ' ' && text[0] != '\t' {
			u.held, u.heldAt = text, next
			break
		}
	}
	return Entry{}, &LineError{Line: at, Reason: reason}
}

// next returns a line with those that continue it behind a backslash, without their ends, and the number of the first.
func (u *Users) next() (string, int, error) {
	if u.heldAt > 0 {
		at := u.heldAt
		u.heldAt = 0
		return u.held, at, nil
	}
	text, err := u.read()
	at := u.line
	if err != nil || !continues(text) {
		return text, at, err
	}
	var whole strings.Builder
	long := false
	for err == nil && continues(text) {
		if long = long || whole.Len()+len(text) > maxLine; !long {
			whole.WriteString(strings.TrimSuffix(text, "\\"))
		}
		if text, err = u.read(); errors.Is(err, errLong) {
			long, text, err = true, "", nil
		}
	}
	switch {
	case err != nil && err != io.EOF:
		return "", at, err
	case long || whole.Len()+len(text) > maxLine:
		return "", at, errLong
	}
	return whole.String() + text, at, nil
}

// continues says whether the next line belongs to this one.
func continues(line string) bool {
	return strings.HasSuffix(line, "\\") && !strings.HasPrefix(line, "#")
}

// read returns one line; a long one is read to its end.
func (u *Users) read() (string, error) {
	data, err := u.src.ReadSlice('\n')
	if len(data) == 0 && err != nil {
		return "", err
	}
	u.line++
	if u.line == 1 {
		data = []byte(strings.TrimPrefix(string(data), "\xef\xbb\xbf"))
	}
	long := false
	for errors.Is(err, bufio.ErrBufferFull) {
		long = true
		_, err = u.src.ReadSlice('\n')
	}
	if err != nil && err != io.EOF {
		return "", err
	}
	if long {
		return "", errLong
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}
