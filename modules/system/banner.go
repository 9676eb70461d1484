package system

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"mbox/modules"
)

const bannerSyntax = "banner motd TEXT"

// maxBanner bounds the banner, in bytes.
const maxBanner = 2000

func bannerStatement() modules.Statement {
	return modules.Statement{
		Syntax: bannerSyntax,
		Help:   "Message that is shown before a login",
		Words:  map[string]string{"banner": "Message that is shown to operators", "motd": "Message that is shown before a login"},
		Args:   map[string]modules.Type{"TEXT": bannerType{modules.Line("Text, also between two delimiters: #text#")}},

		Normalize: refuseOpening,
	}
}

// refuseOpening refuses the first line of an IOS banner of several lines. Taken as a text, it would leave the lines that
// follow to be run as commands.
func refuseOpening(v modules.Values) (modules.Values, error) {
	text := modules.Get[string](v, "TEXT")
	first, size := utf8.DecodeRuneInString(text)
	if text == "^C" || size == len(text) && (unicode.IsPunct(first) || unicode.IsSymbol(first)) {
		return nil, &modules.Error{
			Message: "The banner is missing between its delimiters",
			Hint:    fmt.Sprintf("A banner is one line: banner motd %[1]stext%[1]s", text),
		}
	}
	return v, nil
}

// bannerType is the rest of the line. As on IOS it may stand between two equal characters (or ^C) that are not part of it.
type bannerType struct{ modules.Type }

// Parse takes the delimiters off.
func (bannerType) Parse(s string) (any, error) {
	text := strip(s)
	if strings.TrimSpace(text) == "" || len(text) > maxBanner {
		return nil, fmt.Errorf("expected a text of 1 to %d characters", maxBanner)
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return nil, errors.New("expected text without control characters")
	}
	return text, nil
}

// Render adds delimiters where Parse would take away something else.
func (bannerType) Render(v any) string {
	text := v.(string)
	if strip(text) == text && strings.TrimSpace(text) == text {
		return text
	}
	return delimit(text)
}

func strip(s string) string {
	if inner, ok := between(s, "^C"); ok {
		return inner
	}
	first, size := utf8.DecodeRuneInString(s)
	if unicode.IsPunct(first) || unicode.IsSymbol(first) {
		if inner, ok := between(s, s[:size]); ok {
			return inner
		}
	}
	return s
}

// between returns what stands between two delimiters and does not hold a third.
func between(s, delimiter string) (string, bool) {
	inner, opened := strings.CutPrefix(s, delimiter)
	inner, closed := strings.CutSuffix(inner, delimiter)
	return inner, opened && closed && !strings.Contains(inner, delimiter)
}

func delimit(text string) string {
	for _, r := range "#%~|@$&*+=" {
		if !strings.ContainsRune(text, r) {
			return string(r) + text + string(r)
		}
	}
	r := '─' // box drawing has more characters than maxBanner can hold in addition to those above
	for strings.ContainsRune(text, r) {
		r++
	}
	return string(r) + text + string(r)
}
