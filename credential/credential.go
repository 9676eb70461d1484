// Package credential makes and reads the password verifiers of the box's own accounts: SCRAM-SHA-256 in the text form
// of RFC 5803, one credential for login and for sync. A verifier proves a password without holding it and can be pasted
// into another box.
package credential

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/xdg-go/scram"
)

// Iterations of PBKDF2 in a new verifier. RFC 7677 asks for at least 4,096; OWASP's figure for storage is higher, but
// every sync reconnect without a token pays it on a small box.
const Iterations = 30_000

// maxIterations bounds what a pasted verifier can make us, or a hostile server a follower, compute.
const maxIterations = 1_000_000

const scheme = "SCRAM-SHA-256$"

// ErrVerifier is returned for text that is not a verifier.
var ErrVerifier = errors.New("expected SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY (RFC 5803)")

// A Verifier proves a password.
type Verifier struct{ scram.StoredCredentials }

// Make derives the verifier of a password under a fresh salt. The error says why a password cannot be used (RFC 4013).
func Make(password string) (Verifier, error) {
	salt := make([]byte, 16)
	rand.Read(salt)
	return derive(password, scram.KeyFactors{Salt: string(salt), Iters: Iterations})
}

func derive(password string, factors scram.KeyFactors) (Verifier, error) {
	client, err := scram.SHA256.NewClient("x", password, "")
	if err != nil {
		return Verifier{}, fmt.Errorf("password has characters that cannot be used: %w", err)
	}
	stored, err := client.GetStoredCredentialsWithError(factors)
	return Verifier{stored}, err
}

// Is says whether text looks like a verifier rather than a password.
func Is(text string) bool { return strings.HasPrefix(text, scheme) }

// Parse reads the RFC 5803 form.
func Parse(text string) (Verifier, error) {
	rest, ok := strings.CutPrefix(text, scheme)
	head, keys, ok2 := strings.Cut(rest, "$")
	iters, salt64, ok3 := strings.Cut(head, ":")
	stored64, server64, ok4 := strings.Cut(keys, ":")
	if !ok || !ok2 || !ok3 || !ok4 || len(text) > 512 {
		return Verifier{}, ErrVerifier
	}
	n, err := strconv.Atoi(iters)
	if err != nil || n < 4096 || n > maxIterations {
		return Verifier{}, fmt.Errorf("%w: iterations from 4096 to %d", ErrVerifier, maxIterations)
	}
	salt, err1 := base64.StdEncoding.DecodeString(salt64)
	stored, err2 := base64.StdEncoding.DecodeString(stored64)
	server, err3 := base64.StdEncoding.DecodeString(server64)
	if errors.Join(err1, err2, err3) != nil || len(salt) < 8 || len(stored) != 32 || len(server) != 32 {
		return Verifier{}, ErrVerifier
	}
	return Verifier{scram.StoredCredentials{
		KeyFactors: scram.KeyFactors{Salt: string(salt), Iters: n}, StoredKey: stored, ServerKey: server,
	}}, nil
}

// String is the RFC 5803 form.
func (v Verifier) String() string {
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("%s%d:%s$%s:%s", scheme, v.Iters, b64([]byte(v.Salt)), b64(v.StoredKey), b64(v.ServerKey))
}

// Matches says, in constant time after the derivation, whether this is the verifier of the password.
func (v Verifier) Matches(password string) bool {
	other, err := derive(password, v.KeyFactors)
	return err == nil && subtle.ConstantTimeCompare(other.StoredKey, v.StoredKey) == 1
}
