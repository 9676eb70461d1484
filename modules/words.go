package modules

import (
	"fmt"
	"time"

	"mbox/credential"
)

// Count says a number of things: "1 minute", "2 minutes".
func Count(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}

// WholeSeconds rounds up: what is left is never 0.
func WholeSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// Verifier is what is kept of a secret that was typed in clear. The error says what to type instead.
func Verifier(secret string) (string, error) {
	verifier, err := credential.Make(secret)
	if err != nil {
		return "", &Error{
			Message: "This secret cannot be used: it has characters that not every keyboard and device writes alike",
			Hint:    "Use letters, digits and punctuation.",
		}
	}
	return verifier.String(), nil
}
