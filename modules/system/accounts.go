package system

import (
	"errors"
	"fmt"

	"mbox/credential"
	"mbox/modules"
)

// FactoryPassword is the password with which the original product is delivered. No account has it by default here, and one
// that was given it must not be used between boxes.
const FactoryPassword = "mboxadmin"

// MaxAccounts bounds the operators' accounts.
const MaxAccounts = 1000

// maxSecret bounds a typed secret, in bytes.
const maxSecret = 128

// RoleSync is the role of an account that other boxes log in with, and nobody else.
const RoleSync = "sync"

const (
	usernameSyntax = "username NAME [privilege LEVEL | role ROLE] {secret SECRET | password SECRET}"
	enableSyntax   = "enable secret SECRET"
)

// Account is an operator, or another box.
type Account struct {
	Name     string
	Level    int    // privilege level after login, 0 to 15
	Role     string // empty, or RoleSync: no login, whatever the level
	Verifier string // as package credential writes it
}

// defaultLevel is that of IOS: user mode, `enable` for more.
const defaultLevel = 1

func accountOf(v modules.Values) Account {
	a := Account{
		Name:     modules.Get[string](v, "NAME"),
		Level:    defaultLevel,
		Role:     modules.Get[string](v, "ROLE"),
		Verifier: modules.Get[string](v, "SECRET"),
	}
	if v.Has("LEVEL") {
		a.Level = modules.Get[int](v, "LEVEL")
	}
	if a.Role == RoleSync {
		a.Level = 0
	}
	return a
}

func usernameStatement() modules.Statement {
	return modules.Statement{
		Syntax: usernameSyntax,
		Help:   "Account of an operator, or of another box",
		Words: map[string]string{
			"privilege": "Privilege level after login (without: 1)",
			"role":      "What the account is for, instead of a login",
			"secret":    "Secret in clear, or the verifier that another box shows",
			"password":  "The same as secret",
		},
		Args: map[string]modules.Type{
			"NAME":   modules.Word("Name of the account", parseAccountName),
			"LEVEL":  modules.Int(0, 15, "Privilege level; 15 may do everything"),
			"ROLE":   modules.Enum("Role", modules.Candidate{Text: RoleSync, Help: "Boxes that synchronise; no login"}),
			"SECRET": modules.Secret("Secret in clear, or a SCRAM-SHA-256 verifier", parseSecret),
		},
		Key:       []string{"NAME"},
		Normalize: hashSecret,
	}
}

func enableStatement() modules.Statement {
	return modules.Statement{
		Syntax:    enableSyntax,
		Help:      "Secret that the enable command asks for",
		Words:     map[string]string{"secret": "Secret in clear, or the verifier that another box shows"},
		Args:      map[string]modules.Type{"SECRET": modules.Secret("Secret in clear, or a SCRAM-SHA-256 verifier", parseSecret)},
		Normalize: hashSecret,
	}
}

// hashSecret replaces a secret in clear by its verifier, and the word `password` by `secret`, so that running-config has
// one form. A verifier is kept as it is.
func hashSecret(v modules.Values) (modules.Values, error) {
	v = v.Clone()
	if v.Has("password") {
		delete(v, "password")
		v["secret"] = true
	}
	secret := modules.Get[string](v, "SECRET")
	if credential.Is(secret) {
		return v, nil
	}
	verifier, err := credential.Make(secret)
	if err != nil {
		return nil, &modules.Error{
			Message: "This secret cannot be used: it has characters that not every keyboard and device writes alike",
			Hint:    "Use letters, digits and punctuation.",
		}
	}
	v["SECRET"] = verifier.String()
	return v, nil
}

// parseSecret accepts a secret in clear or a verifier.
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

// checkVerifier finds a secret in clear that was loaded: only typed lines are hashed.
func checkVerifier(s string) error {
	if _, err := credential.Parse(s); err != nil {
		return &modules.Error{
			Message: "a saved configuration cannot hold this secret in clear",
			Hint:    "Type the line again in configuration mode; then it is stored as a verifier.",
		}
	}
	return nil
}

// parseAccountName keeps to what needs no quoting in SCRAM (RFC 5802 section 5.1), RADIUS or a log.
func parseAccountName(s string) (string, error) {
	for i := range len(s) {
		c := s[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || c != '.' && c != '_' && c != '-' && c != '@') {
			return "", errAccountName
		}
	}
	if s == "" || len(s) > 64 {
		return "", errAccountName
	}
	return s, nil
}

var errAccountName = errors.New("expected a name of 1 to 64 letters, digits and . _ - @ that starts with a letter or digit")
