// Package freeradius reads what a FreeRADIUS server keeps of its users, and says what that means for a hotspot: the file
// `users` (users(5), rlm_files), and dumps and CSV files of its SQL tables (rlm_sql, daloRADIUS).
//
// Everything that is read may be hostile: what one line, row or value takes is bounded, nothing is evaluated, and no error
// repeats a value, which may be a password.
package freeradius

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Item is one attribute of a check list or a reply list.
type Item struct {
	Name  string
	Op    string // :=, ==, += and so on
	Value string
	Check bool // of the check list
	Line  int
	Table string // where it stands; empty: in a users file
}

// Bounds of one entry, far above what FreeRADIUS takes itself (a line of 8,192 bytes).
const (
	maxName  = 128
	maxItems = 1000
)

// operators are those of rlm_files and rlm_sql, the longer ones first.
var operators = []string{":=", "==", "+=", "-=", "!=", ">=", "<=", "=~", "!~", "=*", "!*", "^=", "=", ">", "<"}

// sets says whether an operator gives a value rather than asking for one.
func (i Item) sets() bool { return i.Op == ":=" || i.Op == "=" || i.Op == "+=" }

// is compares the name as FreeRADIUS does: the case does not matter.
func (i Item) is(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(i.Name, name) })
}

var (
	errNoOperator = errors.New("an attribute without an operator such as := or ==")
	errNoValue    = errors.New("an attribute without a value")
	errUnclosed   = errors.New("a quoted value is not closed")
	errNoComma    = errors.New("a comma is missing between two attributes")
	errManyItems  = fmt.Errorf("more than %d attributes", maxItems)
	errBadName    = errors.New("an attribute's name has characters that no attribute has")
)

// parseItems reads attributes separated by commas. more says that the text ends in a comma.
func parseItems(text string, check bool, line int) (items []Item, more bool, err error) {
	for text = skipBlank(text); text != ""; text = skipBlank(text) {
		if len(items) > 0 && !more {
			return nil, false, errNoComma
		}
		var item Item
		if item, text, err = parseItem(text); err != nil {
			return nil, false, err
		}
		item.Check, item.Line = check, line
		if items = append(items, item); len(items) > maxItems {
			return nil, false, errManyItems
		}
		text, more = strings.CutPrefix(skipBlank(text), ",")
	}
	return items, more, nil
}

// skipBlank drops blanks, and a comment that begins where an attribute could.
func skipBlank(text string) string {
	text = strings.TrimLeft(text, " \t\r\v\f")
	if strings.HasPrefix(text, "#") {
		return ""
	}
	return text
}

func parseItem(text string) (item Item, rest string, err error) {
	end := strings.IndexFunc(text, func(r rune) bool { return !nameRune(r) })
	if end < 0 {
		return item, "", errNoOperator
	}
	if end == 0 || end > maxName {
		return item, "", errBadName
	}
	item.Name, rest = text[:end], strings.TrimLeft(text[end:], " \t")
	at := slices.IndexFunc(operators, func(op string) bool { return strings.HasPrefix(rest, op) })
	if at < 0 {
		return item, "", errNoOperator
	}
	item.Op = operators[at]
	item.Value, rest, err = parseValue(strings.TrimLeft(rest[len(item.Op):], " \t"))
	return item, rest, err
}

// nameRune is what the names in FreeRADIUS's dictionaries are made of.
func nameRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./", r)
}

// parseValue reads a word, or a string in one of the three quotes.
func parseValue(text string) (value, rest string, err error) {
	if text == "" || text[0] == ',' {
		return "", "", errNoValue
	}
	if strings.ContainsRune("\"'`", rune(text[0])) {
		return parseQuoted(text)
	}
	end := strings.IndexAny(text, ", \t\r\v\f")
	if end < 0 {
		end = len(text)
	}
	return text[:end], text[end:], nil
}

func parseQuoted(text string) (value, rest string, err error) {
	quote := text[0]
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == quote:
			return b.String(), text[i+1:], nil
		case c == '\\' && i+1 < len(text):
			n := unescape(&b, text[i+1:], quote)
			i += n
		default:
			b.WriteByte(c)
		}
	}
	return "", "", errUnclosed
}

// unescape writes what stands behind a backslash and returns its length. Only double quotes know \n and octal numbers;
// between single ones a backslash is itself, but for before a quote or a backslash.
func unescape(b *strings.Builder, text string, quote byte) int {
	c := text[0]
	if quote != '"' {
		if c != quote && c != '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
		return 1
	}
	switch c {
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case '0', '1', '2', '3':
		if len(text) >= 3 && isOctal(text[1]) && isOctal(text[2]) {
			b.WriteByte((c-'0')<<6 | (text[1]-'0')<<3 | text[2] - '0')
			return 3
		}
	}
	b.WriteByte(c)
	return 1
}

func isOctal(c byte) bool { return c >= '0' && c <= '7' }
