package logging

import (
	"log/slog"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes text from wherever fit for one line: what does not print (control characters, line ends, marks that turn
// the direction of writing, broken UTF-8) is written as an escape such as \n or \u202e. The result has at most longest
// bytes.
func clean(text string, longest int) string {
	if len(text) <= longest && isPlain(text) {
		return text
	}
	out := make([]byte, 0, min(len(text), longest)+len(ellipsis))
	for i, r := range text {
		var piece []byte
		switch {
		case r == utf8.RuneError && strings.HasPrefix(text[i:], "\ufffd"):
			piece = utf8.AppendRune(piece, r)
		case r == utf8.RuneError: // one byte that is no UTF-8
			piece = append(piece, `\x`...)
			piece = append(piece, hexDigits[text[i]>>4], hexDigits[text[i]&15])
		case unicode.IsPrint(r):
			piece = utf8.AppendRune(piece, r)
		default:
			quoted := strconv.AppendQuoteRuneToASCII(nil, r)
			piece = quoted[1 : len(quoted)-1]
		}
		if len(out)+len(piece) > longest {
			return string(append(out[:cutAt(out, longest-len(ellipsis))], ellipsis...))
		}
		out = append(out, piece...)
	}
	return string(out)
}

const (
	ellipsis  = "..."
	hexDigits = "0123456789abcdef"
)

// cutAt is the greatest length up to limit that does not split a character.
func cutAt(text []byte, limit int) int {
	if limit >= len(text) {
		return len(text)
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return max(limit, 0)
}

// isPlain says whether text is printable ASCII, as nearly all of it is.
func isPlain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// Limits of one message, in bytes and in attributes.
const (
	maxMessage    = 4 << 10
	maxValue      = 1 << 10
	maxKey        = 64
	maxAttributes = 32
	maxAttrBytes  = 8 << 10
	maxDepth      = 4 // of groups
)

// secretWords are what a key is made of whose value never belongs into a log.
var secretWords = map[string]bool{
	"password": true, "passwords": true, "passwd": true, "pwd": true, "passphrase": true, "secret": true, "secrets": true, "psk": true,
	"token": true, "credential": true, "credentials": true, "verifier": true, "cookie": true, "authorization": true, "apikey": true,
	"privatekey": true, "bearer": true,
}

// secretKeys are kinds of keys that are secret; a `host key` or a `key` of a record is not.
var secretKeys = map[string]bool{"private": true, "shared": true, "api": true, "master": true, "session": true, "radius": true, "sealing": true}

// isSecret says whether an attribute must not be written. It is the last line of defence: nobody should log one. Whether there are
// secrets, yes or no, is none.
func isSecret(key string, value slog.Value) bool {
	return value.Kind() != slog.KindBool && namesSecret(key)
}

// namesSecret says whether an attribute is named like a secret.
func namesSecret(key string) bool {
	before, word := "", make([]byte, 0, 32)
	secret := false
	flush := func() {
		w := string(word)
		secret = secret || secretWords[w] || w == "key" && secretKeys[before]
		if len(word) > 0 {
			before = w
		}
		word = word[:0]
	}
	lower := false // whether the character before was a small letter: camelCase begins a word
	for i := range len(key) {
		c := key[i]
		switch {
		case c >= 'A' && c <= 'Z':
			if lower {
				flush()
			}
			word, lower = append(word, c+'a'-'A'), false
		case c >= 'a' && c <= 'z':
			word, lower = append(word, c), true
		default:
			flush()
			lower = false
		}
	}
	flush()
	return secret
}
