package system

import (
	"errors"
	"slices"
	"strings"

	"mbox/credential"
	"mbox/modules"
)

// DefaultHostname is the name of a box without a `hostname` line.
const DefaultHostname = "mbox"

const hostnameSyntax = "hostname NAME"

// settings is the applied configuration; it is never changed.
type settings struct {
	hostname string
	banners  map[string]string       // by their word in bannerWords
	enable   map[int]credential.Hash // by level
	accounts map[string]Account
	standIns []credential.Hash // of the accounts; see checker.decoy
	strict   bool              // password-policy
	login    loginSettings
	levels   []modules.LevelRule
}

// read takes the settings out of a tree, without the lines that it refuses; the error names each of them.
func (m *Module) read(tree *modules.Tree) (*settings, error) {
	s := &settings{hostname: DefaultHostname}
	if node, ok := tree.One(hostnameSyntax); ok {
		s.hostname = modules.Get[string](node.Values, "NAME")
	}
	_, s.strict = tree.One(policySyntax)
	refused := make([][]error, 5)
	s.enable, refused[0] = readEnable(tree)
	s.accounts, refused[1] = readAccounts(tree)
	s.login, refused[2] = readLogin(tree)
	s.levels, refused[3] = m.readLevels(tree)
	s.banners, refused[4] = readBanners(tree)
	s.standIns = standIns(s.accounts)
	return s, errors.Join(slices.Concat(refused...)...)
}

func hostnameStatement() modules.Statement {
	return modules.Statement{
		Syntax:  hostnameSyntax,
		Help:    "Name of this box, as its prompt shows it",
		Default: "hostname " + DefaultHostname,
		Alone:   true,
		Args:    map[string]modules.Type{"NAME": modules.Word("Letters, digits and hyphens, at most 63", parseHostname)},
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
