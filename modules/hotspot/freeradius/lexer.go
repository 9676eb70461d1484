package freeradius

import (
	"bufio"
	"bytes"
	"io"
	"strings"
)

// Bounds of what is held of a dump at once.
const (
	maxValue   = 64 << 10 // octets of one value; FreeRADIUS's columns hold at most 253, daloRADIUS's notes more
	maxColumns = 256      // of a table
)

// dialect is how a database writes its text.
type dialect struct {
	name      string
	backslash bool // escapes in '...'
	dollar    bool // $tag$...$tag$
	quotes    bool // "..." is text, not a name
}

var (
	mysql    = dialect{name: "MySQL", backslash: true, quotes: true}
	postgres = dialect{name: "PostgreSQL", dollar: true}
	sqlite   = dialect{name: "SQLite"}
)

// dialectOf judges by the beginning of a dump.
func dialectOf(start []byte) dialect {
	switch {
	case bytes.Contains(start, []byte("PostgreSQL")), bytes.Contains(start, []byte("standard_conforming_strings")):
		return postgres
	case bytes.HasPrefix(bytes.TrimSpace(start), []byte("PRAGMA ")):
		return sqlite
	}
	return mysql
}

// lexer takes SQL text apart. What it does not need it passes over without holding it.
type lexer struct {
	src  *bufio.Reader
	lang dialect
	line int
	err  error // of the source, once met; io.EOF too

	word []byte // of the token at hand
	long bool   // the token is longer than maxValue; word holds its beginning
}

// kind of a token.
type kind byte

const (
	end    kind = iota
	symbol      // one octet of punctuation, in word
	name        // a bare word: a keyword, a number, a name
	quoted      // a name in quotes
	text        // a string
)

func newLexer(src *bufio.Reader, lang dialect) *lexer { return &lexer{src: src, lang: lang, line: 1} }

// get returns the next octet; 0 at the end, where err is set.
func (l *lexer) get() byte {
	c, err := l.src.ReadByte()
	if err != nil {
		l.err = err
		return 0
	}
	if c == '\n' {
		l.line++
	}
	return c
}

// peek returns the next octet without taking it; 0 at the end.
func (l *lexer) peek() byte {
	b, err := l.src.Peek(1)
	if err != nil {
		return 0
	}
	return b[0]
}

func (l *lexer) put(c byte) {
	if len(l.word) >= maxValue {
		l.long = true
		return
	}
	l.word = append(l.word, c)
}

// next reads a token into word.
func (l *lexer) next() kind {
	l.word, l.long = l.word[:0], false
	c := l.blanks()
	switch {
	case l.err != nil:
		return end
	case c == '\'':
		l.quote('\'', l.lang.backslash)
		return text
	case c == '"':
		l.quote('"', l.lang.backslash)
		if l.lang.quotes {
			return text
		}
		return quoted
	case c == '`':
		l.quote('`', false)
		return quoted
	case c == '$' && l.lang.dollar && l.dollar():
		return text
	case wordByte(c):
		return l.bare(c)
	}
	l.word = append(l.word, c)
	return symbol
}

// bare reads a word, or a string that a word introduces: E'...', N'...', _utf8mb4'...' and so on.
func (l *lexer) bare(c byte) kind {
	l.put(c)
	for {
		c = l.peek()
		if c == '\'' && l.introduces() {
			l.get()
			escapes := l.lang.backslash || strings.EqualFold(string(l.word), "e")
			hex := strings.EqualFold(string(l.word), "x")
			l.word = l.word[:0]
			l.quote('\'', escapes)
			if hex {
				l.unhex()
			}
			return text
		}
		if !wordByte(c) {
			return name
		}
		l.put(l.get())
	}
}

// introduces says whether the word at hand says how the string behind it is written.
func (l *lexer) introduces() bool {
	w := strings.ToLower(string(l.word))
	return w == "e" || w == "n" || w == "x" || strings.HasPrefix(w, "_")
}

// unhex makes octets of hexadecimal digits; what is none makes the token a bad one.
func (l *lexer) unhex() {
	out, ok := decodeHex(l.word)
	if l.word = append(l.word[:0], out...); !ok {
		l.long = true
	}
}

func decodeHex(digits []byte) ([]byte, bool) {
	out := make([]byte, 0, len(digits)/2)
	for i := 0; i+1 < len(digits); i += 2 {
		high, ok1 := hexDigit(digits[i])
		low, ok2 := hexDigit(digits[i+1])
		if !ok1 || !ok2 {
			return nil, false
		}
		out = append(out, high<<4|low)
	}
	return out, len(digits)%2 == 0
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '@' || c >= 0x80
}

// blanks passes over blanks and comments and returns what comes then.
func (l *lexer) blanks() byte {
	for {
		c := l.get()
		if l.err != nil {
			return 0
		}
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
		case c == '-' && l.peek() == '-', c == '#' && l.lang.quotes:
			l.dropLine()
		case c == '/' && l.peek() == '*':
			l.get()
			l.comment()
		default:
			return c
		}
	}
}

// dropLine passes over the rest of the line.
func (l *lexer) dropLine() {
	for l.err == nil && l.get() != '\n' {
	}
}

// comment ends at */; what a comment holds for one version of a server only is of no use here.
func (l *lexer) comment() {
	for star := false; l.err == nil; {
		c := l.get()
		if star && c == '/' {
			return
		}
		star = c == '*'
	}
}

// quote reads up to the closing quote; two of them are one.
func (l *lexer) quote(q byte, escapes bool) {
	for {
		c := l.get()
		if l.err != nil {
			return
		}
		switch {
		case c == '\\' && escapes:
			l.escape()
		case c != q:
			l.put(c)
		case l.peek() == q:
			l.put(l.get())
		default:
			return
		}
	}
}

// escape reads what is behind a backslash (MySQL's manual, "String Literals"; PostgreSQL's, "String Constants with C-Style
// Escapes"). \% and \_ keep their backslash.
func (l *lexer) escape() {
	c := l.get()
	switch c {
	case '0':
		c = 0
	case 'b':
		c = '\b'
	case 'f':
		if l.lang.dollar {
			c = '\f'
		}
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'Z':
		c = 0x1a
	case '%', '_':
		l.put('\\')
	}
	if l.err == nil {
		l.put(c)
	}
}

// dollar reads a string between two equal tags, of which the first $ is taken already. It says false if there is no tag.
func (l *lexer) dollar() bool {
	const longest = 64
	ahead, _ := l.src.Peek(longest)
	n := bytes.IndexByte(ahead, '$')
	if n < 0 || bytes.ContainsFunc(ahead[:n], func(r rune) bool { return r > 0x7f || !wordByte(byte(r)) || r == '.' }) {
		return false
	}
	tag := append([]byte{'$'}, ahead[:n+1]...)
	for range n + 1 {
		l.get()
	}
	tail := make([]byte, 0, len(tag))
	for l.err == nil {
		c := l.get()
		if len(tail) == len(tag) {
			l.put(tail[0])
			tail = append(tail[:0], tail[1:]...)
		}
		if tail = append(tail, c); bytes.Equal(tail, tag) {
			return true
		}
	}
	return true
}

// failed is the error of the source, other than its end.
func (l *lexer) failed() error {
	if l.err == io.EOF {
		return nil
	}
	return l.err
}
