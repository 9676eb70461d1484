package hotspot

import (
	"crypto/rand"
	"errors"
	"math"
	"strings"

	"mbox/hotspotdb"
)

// codeAlphabet has no two symbols that look alike in print or by hand (0 O, 1 I, 2 Z, 5 S, 8 B are left out), and no vowels, so that
// no card bears a word.
const codeAlphabet = "CDFGHJKLMNPQRTVWXY34679"

const (
	// codeLength makes 54 bits: 12 symbols of 4.52 each. Somebody who tries a hundred codes a second, unhindered for a month,
	// while 100,000 codes are good (2^16.6 * 2^6.6 * 2^21.3 of 2^54.3), finds one with a probability of a thousandth.
	codeLength    = 12
	minCodeLength = 8
	maxCodeLength = 24
	// codeSparse is how many wrong codes there are at least for each of a batch, whatever length an operator chooses: whoever tries
	// ten a second, the most that is let through at one access point, needs three weeks for one.
	codeSparse = 1 << 24
	// maxBatch bounds what one command makes.
	maxBatch = 100_000
)

// newCode draws a code. Bytes that would favour the first symbols are thrown away.
func newCode(length int) string {
	const fair = 256 - 256%len(codeAlphabet)
	code := make([]byte, 0, length)
	random := make([]byte, 2*length)
	for len(code) < length {
		rand.Read(random) // never fails: it ends the program instead
		for _, b := range random {
			if int(b) < fair && len(code) < length {
				code = append(code, codeAlphabet[int(b)%len(codeAlphabet)])
			}
		}
	}
	return string(code)
}

// newCodes draws different ones.
func newCodes(count, length int) []string {
	codes := make([]string, 0, count)
	seen := make(map[string]bool, count)
	for len(codes) < count {
		if code := newCode(length); !seen[code] {
			seen[code] = true
			codes = append(codes, code)
		}
	}
	return codes
}

// leastLength is how long the codes of a batch must be.
func leastLength(count int) int {
	for length := minCodeLength; ; length++ {
		if math.Pow(float64(len(codeAlphabet)), float64(length)) >= float64(count)*codeSparse {
			return length
		}
	}
}

// printedCode is a code as people read it: in groups of four.
func printedCode(code string) string {
	var groups []string
	for len(code) > 4 {
		groups, code = append(groups, code[:4]), code[4:]
	}
	return strings.Join(append(groups, code), "-")
}

// checkCode takes a code as it is printed or typed. It need not be one that was drawn here.
func checkCode(text string) (string, error) {
	if hotspotdb.CheckCode(text) != nil {
		return "", errors.New("expected a voucher's code such as CDFG-HJKL-MNPQ")
	}
	return hotspotdb.NormalCode(text), nil
}
