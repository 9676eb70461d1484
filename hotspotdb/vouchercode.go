package hotspotdb

import (
	"strings"
	"unicode"
)

// Limits of a voucher's code, in letters and digits.
const (
	minCode = 4
	maxCode = 64
)

// NormalCode returns a code as it is stored: in upper case, without the hyphens and spaces that it is printed with.
func NormalCode(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, s)
}

// CheckCode says what is wrong with a code, without repeating it: who has it may use it.
func CheckCode(s string) error {
	if !isCode([]byte(NormalCode(s))) {
		return refuse("code", "must be %d to %d letters A-Z and digits", minCode, maxCode)
	}
	return nil
}

// isCode says whether a code is as NormalCode returns it.
func isCode(code []byte) bool {
	if len(code) < minCode || len(code) > maxCode {
		return false
	}
	for _, b := range code {
		if (b < 'A' || b > 'Z') && (b < '0' || b > '9') {
			return false
		}
	}
	return true
}
