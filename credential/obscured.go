package credential

import (
	"encoding/hex"
	"errors"
	"strconv"
)

// obscuring is the key text of Cisco's type 7, which every tool knows: it hides a password from a glance only.
const obscuring = "dsfd;kfoA,.iyewrkldJKDHSUBsgvca69834ncxv9873254k;fg87"

// ErrObscured is returned for text that is not of type 7.
var ErrObscured = errors.New("expected two digits from 00 to 15 and pairs of hexadecimal digits, as type 7 has it")

// Reveal returns the password of a type 7 text: two decimal digits say where in the key text the exclusive-or begins,
// the rest is the result in hexadecimal.
func Reveal(text string) (string, error) {
	if len(text) < 4 {
		return "", ErrObscured
	}
	start, err := strconv.ParseUint(text[:2], 10, 8)
	raw, err2 := hex.DecodeString(text[2:])
	if err != nil || err2 != nil || start > 15 {
		return "", ErrObscured
	}
	for i := range raw {
		raw[i] ^= obscuring[(int(start)+i)%len(obscuring)]
	}
	return string(raw), nil
}
