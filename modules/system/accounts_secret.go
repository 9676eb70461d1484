package system

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"mbox/credential"
	"mbox/modules"
)

// Types of a secret, as IOS numbers them.
const (
	typeClear    = 0
	typeMD5      = 5
	typeObscured = 7
	typePBKDF2   = 8
	typeScrypt   = 9
)

// maxSecret bounds a typed secret, in bytes.
const maxSecret = 128

// secretTypes are those that are taken, with their help.
var secretTypes = []modules.Candidate{
	{Text: "0", Help: "The secret follows in clear, as it does without a type"},
	{Text: "5", Help: "An MD5 hash of another router follows; for login only"},
	{Text: "7", Help: "An obscured secret of another router follows"},
	{Text: "8", Help: "A PBKDF2 hash of another router follows; for login only"},
	{Text: "9", Help: "An scrypt hash of another router follows; for login only"},
}

// secretType is one digit. Those that are not taken are refused by storeSecret, which can say more.
type secretType struct{}

func (secretType) Parse(s string) (any, error) {
	if len(s) != 1 || s[0] < '0' || s[0] > '9' {
		return nil, errors.New("expected a type of secret: 0, 5, 7, 8 or 9")
	}
	return int(s[0] - '0'), nil
}
func (secretType) Render(v any) string { return strconv.Itoa(v.(int)) }
func (secretType) Form() string        { return "<0-9>" }
func (secretType) Help() string        { return "Type of the secret that follows" }
func (secretType) Secret() bool        { return false }

// List offers the types that are taken.
func (secretType) List(prefix string) []modules.Candidate {
	return slices.DeleteFunc(slices.Clone(secretTypes), func(c modules.Candidate) bool { return !strings.HasPrefix(c.Text, prefix) })
}

// secretArg is the secret itself.
func secretArg() modules.Type {
	return modules.Secret("Secret in clear, a SCRAM-SHA-256 verifier, or what its type says", parseSecret)
}

// parseSecret accepts what can be a secret in clear, a verifier or a hash.
func parseSecret(s string) (string, error) {
	if credential.Is(s) {
		_, err := credential.Parse(s)
		return s, err
	}
	if s == "" || len(s) > maxSecret {
		return "", fmt.Errorf("expected a secret of 1 to %d characters", maxSecret)
	}
	return s, nil
}

// storeSecret replaces a typed secret in clear by its verifier, also one that was obscured. A verifier and the hash of
// another router are kept as they are. policy judges what can be read.
func storeSecret(v modules.Values, policy func(secret string) error) (modules.Values, error) {
	v = v.Clone()
	secret := modules.Get[string](v, "SECRET")
	kind, typed := v["TYPE"].(int)
	switch {
	case !typed && credential.Is(secret):
		return v, nil
	case !typed && strings.HasPrefix(secret, "$"):
		if _, err := credential.ParseHash(secret); err == nil {
			return nil, &modules.Error{Message: "This is a hash, not a secret in clear", Hint: "Type its type before it, such as: secret 9 $9$..."}
		}
	case kind == typeObscured:
		clear, err := credential.Reveal(secret)
		if err != nil || len(clear) > maxSecret || !utf8.ValidString(clear) {
			return nil, badHash(kind, credential.ErrObscured)
		}
		secret = clear
	case kind != typeClear:
		_, err := typedHash(kind, secret)
		return v, err
	}
	delete(v, "TYPE")
	if err := policy(secret); err != nil {
		return nil, err
	}
	verifier, err := modules.Verifier(secret)
	if err != nil {
		return nil, err
	}
	v["SECRET"] = verifier
	return v, nil
}

// typedHash reads the hash of another router, which must be of the type that was said.
func typedHash(kind int, text string) (credential.Hash, error) {
	if kind != typeMD5 && kind != typePBKDF2 && kind != typeScrypt {
		return nil, &modules.Error{
			Message: fmt.Sprintf("Secrets of type %d are not understood", kind),
			Hint:    "Type the secret in clear, or paste it as type 5, 7, 8 or 9.",
		}
	}
	if prefix := map[int]string{typeMD5: "$1$", typePBKDF2: "$8$", typeScrypt: "$9$"}[kind]; !strings.HasPrefix(text, prefix) {
		return nil, badHash(kind, fmt.Errorf("it begins with %s", prefix))
	}
	hash, err := credential.ParseHash(text)
	if err != nil {
		return nil, badHash(kind, err)
	}
	return hash, nil
}

func badHash(kind int, err error) error {
	return &modules.Error{
		Message: fmt.Sprintf("This is no secret of type %d: %v", kind, err),
		Hint:    "Paste all of it, or type the secret in clear.",
	}
}

// storedHash reads the secret of a line that is in a configuration. A secret in clear was loaded from a text: only typed
// lines are hashed.
func storedHash(v modules.Values) (credential.Hash, error) {
	secret := modules.Get[string](v, "SECRET")
	if kind, typed := v["TYPE"].(int); typed && kind != typeClear && kind != typeObscured {
		return typedHash(kind, secret)
	} else if !typed {
		if verifier, err := credential.Parse(secret); err == nil {
			return verifier, nil
		}
	}
	return nil, &modules.Error{
		Message: "a saved configuration cannot hold this secret in clear",
		Hint:    "Type the line again in configuration mode; then it is stored as a verifier.",
	}
}
