package system

import (
	"errors"
	"strings"

	"mbox/modules"
)

// DefaultHostname is the name of a box without a `hostname` line.
const DefaultHostname = "mbox"

const hostnameSyntax = "hostname NAME"

// settings is the applied configuration; it is never changed.
type settings struct {
	hostname string
	banner   string
	enable   string // verifier
	accounts map[string]Account
}

// read takes the settings out of a tree, without the lines that it refuses; the error names each of them.
func read(tree *modules.Tree) (*settings, error) {
	s := &settings{hostname: DefaultHostname, accounts: map[string]Account{}}
	var refused []error
	if node, ok := tree.One(hostnameSyntax); ok {
		s.hostname = modules.Get[string](node.Values, "NAME")
	}
	if node, ok := tree.One(bannerSyntax); ok {
		s.banner = modules.Get[string](node.Values, "TEXT")
	}
	if node, ok := tree.One(enableSyntax); ok {
		s.enable = modules.Get[string](node.Values, "SECRET")
		if err := checkVerifier(s.enable); err != nil {
			refused = append(refused, modules.Refuse(node, err))
		}
	}
	for _, node := range tree.All(usernameSyntax) {
		account := accountOf(node.Values)
		err := checkVerifier(account.Verifier)
		if err == nil && len(s.accounts) == MaxAccounts {
			err = modules.Errorf("more than %d accounts", MaxAccounts)
		}
		if err != nil {
			refused = append(refused, modules.Refuse(node, err))
			continue
		}
		s.accounts[account.Name] = account
	}
	return s, errors.Join(refused...)
}

func hostnameStatement() modules.Statement {
	return modules.Statement{
		Syntax: hostnameSyntax,
		Help:   "Name of this box, as its prompt shows it",
		Args:   map[string]modules.Type{"NAME": modules.Word("Letters, digits and hyphens, at most 63", parseHostname)},
	}
}

// parseHostname accepts one label of RFC 1123 section 2.1.
func parseHostname(s string) (string, error) {
	other := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-')
	}
	if s == "" || len(s) > 63 || strings.ContainsFunc(s, other) || s[0] == '-' || s[len(s)-1] == '-' {
		return "", errors.New("expected a name of 1 to 63 letters, digits and hyphens, with no hyphen at either end")
	}
	return s, nil
}
