package modules

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// DisplayWidth is how many columns a terminal gives to a text (Unicode TR11: East Asian wide and full-width characters take
// two, combining and invisible ones none).
func DisplayWidth(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// Printable keeps what guests, peers and files say from driving the operator's terminal: control characters and invisible
// ones (escape sequences, reversed text) are shown as a replacement character.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// Shorten cuts a text to at most columns and marks the cut.
func Shorten(s string, columns int) string {
	if DisplayWidth(s) <= columns {
		return s
	}
	return s[:fitting(s, columns-1)] + "…"
}

// fitting is how many bytes of s fit into so many columns.
func fitting(s string, columns int) int {
	used := 0
	for i, r := range s {
		if used += runeWidth(r); used > columns {
			return i
		}
	}
	return len(s)
}

// wrapCell cuts a text into lines: between words, or if a word is too long for a line, behind a comma, or anywhere.
func wrapCell(s string, columns int) []string {
	var out []string
	for s = strings.Trim(s, " "); DisplayWidth(s) > columns; {
		end := max(fitting(s, columns), 1)
		for end < len(s) && !utf8.RuneStart(s[end]) {
			end++ // a wide character in one column
		}
		if end == len(s) {
			break
		}
		if s[end] != ' ' {
			end = breakAt(s[:end])
		}
		out = append(out, strings.TrimRight(s[:end], " "))
		s = strings.TrimLeft(s[end:], " ")
	}
	return append(out, s)
}

// breakAt is where a line that is full should rather end.
func breakAt(line string) int {
	if space := strings.LastIndexByte(line, ' '); space > 0 {
		return space
	}
	if comma := strings.LastIndexByte(line, ','); comma > 0 {
		return comma + 1
	}
	return len(line)
}

// SizeText writes bytes with a unit: "999 B", "1.5 MiB".
func SizeText(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n), -1
	for value >= 1023.95 && unit < 4 {
		value /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGTP"[unit])
}
