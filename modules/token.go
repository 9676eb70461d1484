package modules

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxLine is the longest line that is read, in bytes.
const MaxLine = 64 << 10

// A Token is one word of a line.
type Token struct {
	Text       string // without quotes and escapes
	Start, End int    // bytes of the line, quotes included
	Quoted     bool   // a quoted word is never taken for a literal
}

// Tokenize splits a line into words. A word that starts with a double quote ends at the next one and may hold spaces
// and the escapes \" \\ \n. The error is a *LineError; the tokens before it are returned as well.
func Tokenize(line string) ([]Token, error) {
	if err := checkText(line); err != nil {
		return nil, err
	}
	var tokens []Token
	for at := skipSpace(line, 0); at < len(line); at = skipSpace(line, at) {
		tok, err := nextToken(line, at)
		if err != nil {
			return tokens, err
		}
		tokens = append(tokens, tok)
		at = tok.End
	}
	return tokens, nil
}

// checkText refuses what no line may hold, before anything looks at the words.
func checkText(line string) error {
	if len(line) > MaxLine {
		return &LineError{Kind: TooLong, Column: displayWidth(line[:80]), Detail: "the line is longer than 65536 bytes"}
	}
	for i, r := range line {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(line[i:]); size == 1 {
				return &LineError{Kind: BadText, Column: displayWidth(line[:i]), Detail: "the line is not valid UTF-8"}
			}
		}
		if r != '\t' && unicode.IsControl(r) {
			return &LineError{Kind: BadText, Column: displayWidth(line[:i]), Detail: "the line holds a control character"}
		}
	}
	return nil
}

func nextToken(line string, start int) (Token, error) {
	if line[start] == '"' {
		return quotedToken(line, start)
	}
	end := start
	for end < len(line) && !isSpace(line[end]) {
		end++
	}
	return Token{Text: line[start:end], Start: start, End: end}, nil
}

// quotedToken returns the text so far also with an error, because `?` is asked inside open quotes.
func quotedToken(line string, start int) (Token, error) {
	var text strings.Builder
	for i := start + 1; i < len(line); i++ {
		switch line[i] {
		case '"':
			tok := Token{Text: text.String(), Start: start, End: i + 1, Quoted: true}
			if i+1 < len(line) && !isSpace(line[i+1]) {
				return tok, badQuote(line, i+1, `expected a space after the closing quote`)
			}
			return tok, nil
		case '\\':
			i++
			if i == len(line) {
				break
			}
			switch line[i] {
			case '"', '\\':
				text.WriteByte(line[i])
			case 'n':
				text.WriteByte('\n')
			default:
				return Token{}, badQuote(line, i-1, `inside quotes a backslash is written \\`)
			}
		default:
			text.WriteByte(line[i])
		}
	}
	return Token{Text: text.String(), Start: start, End: len(line), Quoted: true},
		badQuote(line, start, "the quote that opens here is not closed")
}

func badQuote(line string, at int, detail string) *LineError {
	return &LineError{Kind: BadText, Column: displayWidth(line[:at]), Detail: detail}
}

// RenderWord writes a word so that Tokenize reads it back: in quotes where it needs them. Control characters other
// than newline and tab have no written form; types refuse them.
func RenderWord(s string) string {
	if s != "" && s[0] != '"' && !strings.ContainsAny(s, " \t\n") {
		return s
	}
	return quoteWord(s)
}

func quoteWord(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

func isSpace(b byte) bool { return b == ' ' || b == '\t' }

func skipSpace(line string, at int) int {
	for at < len(line) && isSpace(line[at]) {
		at++
	}
	return at
}

// wide are the blocks whose characters take two columns on a terminal (Unicode TR11, East Asian Width W and F).
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x1100, 0x115f, 1}, {0x2e80, 0x303e, 1}, {0x3041, 0x33ff, 1}, {0x3400, 0x4dbf, 1}, {0x4e00, 0x9fff, 1},
		{0xa000, 0xa4cf, 1}, {0xac00, 0xd7a3, 1}, {0xf900, 0xfaff, 1}, {0xfe30, 0xfe6f, 1}, {0xff00, 0xff60, 1},
		{0xffe0, 0xffe6, 1},
	},
	R32: []unicode.Range32{{0x1f300, 0x1f64f, 1}, {0x1f900, 0x1f9ff, 1}, {0x20000, 0x3fffd, 1}},
}

// displayWidth counts terminal columns; a tab counts as one, because the shell prints it so.
func displayWidth(s string) int {
	width := 0
	for _, r := range s {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		case unicode.Is(wide, r):
			width += 2
		default:
			width++
		}
	}
	return width
}
