package credential

import (
	"errors"
	"strings"
)

// A Hash proves a password: a Verifier, or what another system stored of it. Only a Verifier can be used between boxes:
// the others prove a password to whoever is shown it, so they are for login only.
type Hash interface {
	// Matches compares in constant time, after a derivation of bounded cost: 20 to 40 ms for each but a Verifier, whose
	// iterations are bounded by Parse.
	Matches(password string) bool
	String() string // as ParseHash reads it
}

// maxHashed bounds a password that is compared with a Hash, in bytes.
const maxHashed = 1024

// ErrHash is returned for text that is none of the forms of ParseHash.
var ErrHash = errors.New("expected a SCRAM-SHA-256 verifier or a hash that begins with $1$, $8$ or $9$")

// ParseHash reads a SCRAM-SHA-256 verifier or a hash of Cisco's types 5 ($1$), 8 and 9. All of it must be right, so that
// a hash that was cut off while pasting is found here and not at the next login.
func ParseHash(text string) (Hash, error) {
	switch {
	case Is(text):
		return Parse(text)
	case strings.HasPrefix(text, md5Prefix):
		return parseMD5(text)
	case strings.HasPrefix(text, pbkdf2Prefix):
		return parseCisco(text, pbkdf2Prefix, derivePBKDF2)
	case strings.HasPrefix(text, scryptPrefix):
		return parseCisco(text, scryptPrefix, deriveScrypt)
	}
	return nil, ErrHash
}
