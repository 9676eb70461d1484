package system

import (
	"errors"
	"fmt"

	"mbox/credential"
	"mbox/modules"
)

// FactoryPassword is the password with which the original product is delivered. No account has it by default here, and one
// that was given it must not be used between boxes and has to be given another at its first login.
const FactoryPassword = "mboxadmin"

// MaxAccounts bounds the operators' accounts.
const MaxAccounts = 1000

// RoleSync is the role of an account that other boxes log in with, and nobody else.
const RoleSync = "sync"

const usernameSyntax = "username NAME [privilege LEVEL | role ROLE] {secret [TYPE] SECRET | password [TYPE] SECRET}"

// Account is an operator, or another box.
type Account struct {
	Name  string
	Level int    // privilege level after login, 0 to 15
	Role  string // empty, or RoleSync: no login, whatever the level
	// Verifier is the secret as package credential writes it. Only a SCRAM-SHA-256 verifier is of use between boxes.
	Verifier string
	// MustChange says that the secret is the factory's, and that nothing else may be done before it is changed. Only what
	// Authenticate and Admit return has it.
	MustChange bool

	hash credential.Hash // of Verifier
}

// defaultLevel is that of IOS: user mode, `enable` for more.
const defaultLevel = 1

// accountOf reads an account of a configuration.
func accountOf(v modules.Values) (Account, error) {
	a := Account{
		Name:     modules.Get[string](v, "NAME"),
		Level:    defaultLevel,
		Role:     modules.Get[string](v, "ROLE"),
		Verifier: modules.Get[string](v, "SECRET"),
	}
	if v.Has("LEVEL") {
		a.Level = modules.Get[int](v, "LEVEL")
	}
	var err error
	if a.hash, err = storedHash(v); err != nil {
		return a, err
	}
	if a.Role == RoleSync {
		a.Level = 0
		if !credential.Is(a.Verifier) {
			return a, errSyncHash
		}
	}
	return a, nil
}

// readAccounts returns the accounts of a tree, without the lines that it refuses.
func readAccounts(tree *modules.Tree) (map[string]Account, []error) {
	nodes := tree.All(usernameSyntax)
	accounts := make(map[string]Account, len(nodes))
	var refused []error
	for _, node := range nodes {
		account, err := accountOf(node.Values)
		if err == nil && len(accounts) == MaxAccounts {
			err = modules.Errorf("more than %d accounts", MaxAccounts)
		}
		if err != nil {
			refused = append(refused, modules.Refuse(node, err))
			continue
		}
		accounts[account.Name] = account
	}
	return accounts, refused
}

// errSyncHash: in SCRAM both sides must know what only a verifier holds.
var errSyncHash = &modules.Error{
	Message: "boxes cannot log in with the hash of another router",
	Hint:    "Type the secret in clear, or paste the verifier of another box.",
}

func (m *Module) usernameStatement() modules.Statement {
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
			"NAME":   modules.Known(modules.Word("Name of the account", parseAccountName), m.accountNames),
			"LEVEL":  modules.Int(0, 15, "Privilege level; 15 may do everything"),
			"ROLE":   modules.Enum("Role", modules.Candidate{Text: RoleSync, Help: "Boxes that synchronise; no login"}),
			"TYPE":   secretType{},
			"SECRET": secretArg(),
		},
		Key:       []string{"NAME"},
		Normalize: m.storeAccount,
	}
}

// accountNames are the accounts there are, for `?`.
func (m *Module) accountNames(string) (out []modules.Candidate) {
	for name, account := range m.applied.Load().accounts {
		help := fmt.Sprintf("privilege %d", account.Level)
		if account.Role != "" {
			help = "role " + account.Role
		}
		out = append(out, modules.Candidate{Text: name, Help: help})
	}
	return out
}

// storeAccount is storeSecret for an account. The word `password` becomes `secret`, so that running-config has one form.
func (m *Module) storeAccount(v modules.Values) (modules.Values, error) {
	v = v.Clone()
	if v.Has("password") {
		delete(v, "password")
		v["secret"] = true
	}
	name := modules.Get[string](v, "NAME")
	return storeSecret(v, func(secret string) error { return m.judge(name, secret) })
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

// Cuts says why a change would end the session of whoever makes it: his account would be gone, or another one.
func (m *Module) Cuts(old, candidate *modules.Tree, actor modules.Actor) string {
	if actor.From == consoleFrom {
		return ""
	}
	before, _ := readAccounts(old)
	after, _ := readAccounts(candidate)
	was, had := before[actor.Name]
	is, has := after[actor.Name]
	switch {
	case !had:
		return ""
	case !has:
		return "the account " + actor.Name + " is removed"
	case is.Role != was.Role:
		return "the account " + actor.Name + " is no operator's any more"
	case is.Level != was.Level:
		return "the privilege level of the account " + actor.Name + " changes"
	}
	return ""
}
