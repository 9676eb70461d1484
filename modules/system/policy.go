package system

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"mbox/modules"
)

const policySyntax = "password-policy strict"

// The strict policy: the length and the classes that the product's hardening baseline asks for.
const (
	minLength  = 12 // characters
	minClasses = 3  // of small letters, capitals, digits and others
	// minNamePart is how long a name must be for a secret to be refused that holds it; shorter ones only if they are all of it.
	minNamePart = 3
)

func policyStatement() modules.Statement {
	return modules.Statement{
		Syntax: policySyntax,
		Help:   "Refuse weak secrets and the last ones of an account, as they are typed",
		Words: map[string]string{
			"password-policy": "Which secrets of operators are refused as they are typed",
			"strict":          "At least 12 characters of 3 kinds, without the name, no default, none of the last 5",
		},
	}
}

// judge refuses a typed secret that the policy in force does not allow; account is empty for an enable secret. The error
// says which rule it breaks, and nothing of the secret.
func (m *Module) judge(account, secret string) error {
	if !m.applied.Load().strict {
		return nil
	}
	rule := brokenRule(account, secret)
	if rule == "" && m.usedBefore(account, secret) {
		rule = fmt.Sprintf("it is one of the last %d of this account", remembered)
	}
	if rule == "" {
		return nil
	}
	return &modules.Error{
		Message: "password-policy strict refuses this secret: " + rule,
		Hint:    fmt.Sprintf("Use %d characters or more: small letters, capitals, digits and others, at least %d of these.", minLength, minClasses),
	}
}

// brokenRule says what is wrong with a secret, or nothing.
func brokenRule(account, secret string) string {
	if n := utf8.RuneCountInString(secret); n < minLength {
		return fmt.Sprintf("it has %d characters, not %d", n, minLength)
	}
	if classes(secret) < minClasses {
		return fmt.Sprintf("it mixes fewer than %d kinds of characters", minClasses)
	}
	lower := strings.ToLower(secret)
	for word, what := range map[string]string{strings.ToLower(account): "the name of the account", reverse(strings.ToLower(account)): "the name of the account backwards"} {
		if word != "" && (lower == word || len(word) >= minNamePart && strings.Contains(lower, word)) {
			return "it holds " + what
		}
	}
	if isDefault(secret) {
		return "it is a well-known default, or one with little added"
	}
	return ""
}

func classes(s string) int {
	seen := map[int]bool{}
	for _, r := range s {
		switch {
		case unicode.IsLower(r):
			seen[0] = true
		case unicode.IsUpper(r):
			seen[1] = true
		case unicode.IsDigit(r):
			seen[2] = true
		default:
			seen[3] = true
		}
	}
	return len(seen)
}

func reverse(s string) string {
	runes := []rune(s)
	for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
		runes[i], runes[j] = runes[j], runes[i]
	}
	return string(runes)
}

// defaults are words that delivered passwords are made of. The product's own documents print the first two.
var defaults = map[string]bool{
	FactoryPassword: true, "securemboxpass": true, "mbox": true, "ransnet": true, "testing": true, "demouser": true,
	"admin": true, "administrator": true, "root": true, "cisco": true, "changeme": true, "changemenow": true, "default": true,
	"letmein": true, "welcome": true, "password": true, "passwort": true, "passw": true, "qwerty": true, "qwertyuiop": true,
	"secret": true, "supersecret": true, "hotspot": true, "guest": true, "iloveyou": true, "abc": true, "abcdef": true,
}

// lookalikes are what people write for letters.
var lookalikes = strings.NewReplacer("0", "o", "1", "l", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i")

// isDefault finds a default with digits and signs around it, with lookalikes in it, or said twice: "P@ssw0rd2024!".
func isDefault(secret string) bool {
	core := strings.TrimFunc(strings.ToLower(secret), func(r rune) bool { return !unicode.IsLetter(r) })
	core = lookalikes.Replace(core)
	half := core[:len(core)/2]
	return core == "" || defaults[core] || half+half == core && defaults[half]
}
