package system

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"mbox/modules"
)

const (
	blockSyntax = "login block-for SECONDS attempts COUNT within PERIOD"
	quietSyntax = "login quiet-mode access-class PREFIX..."
)

// Bounds of what is configured about logins: as on IOS, but for the attempts, of which each takes memory.
const (
	maxLoginSeconds  = 65_535
	maxLoginAttempts = 100
	maxQuietPrefixes = 64
)

// loginSettings is what is configured about logins.
type loginSettings struct {
	block    time.Duration // 0: nobody is locked out
	attempts int
	within   time.Duration
	exempt   []netip.Prefix // are let in while the box is quiet
}

func loginStatements() []modules.Statement {
	login := "Protect logins against guessing"
	return []modules.Statement{{
		Syntax: blockSyntax,
		Help:   "Lock out an address after too many failed logins, and everybody after many from everywhere",
		Words: map[string]string{
			"login": login, "block-for": "How long nobody may log in from there", "attempts": "How many failures are too many",
			"within": "The time in which they are counted",
		},
		Args: map[string]modules.Type{
			"SECONDS": modules.Int(1, maxLoginSeconds, "Seconds; 900 are usual"),
			"COUNT":   modules.Int(1, maxLoginAttempts, "Failures; 5 are usual"),
			"PERIOD":  modules.Int(1, maxLoginSeconds, "Seconds; 900 are usual"),
		},
	}, {
		Syntax: quietSyntax,
		Help:   "Networks of operators: they may log in also when everybody else is locked out",
		Words:  map[string]string{"login": login, "quiet-mode": "When everybody is locked out", "access-class": "But for these networks"},
		Args:   map[string]modules.Type{"PREFIX": modules.Prefix("Address or network")},
	}}
}

func readLogin(tree *modules.Tree) (s loginSettings, refused []error) {
	if node, ok := tree.One(blockSyntax); ok {
		s.block = time.Duration(modules.Get[int](node.Values, "SECONDS")) * time.Second
		s.attempts = modules.Get[int](node.Values, "COUNT")
		s.within = time.Duration(modules.Get[int](node.Values, "PERIOD")) * time.Second
	}
	if node, ok := tree.One(quietSyntax); ok {
		s.exempt = modules.List[netip.Prefix](node.Values, "PREFIX")
		if len(s.exempt) > maxQuietPrefixes {
			refused = append(refused, modules.Refuse(node, modules.Errorf("more than %d networks", maxQuietPrefixes)))
		}
	}
	return s, refused
}

// Errors of a login. What the person is told should be the same for all of them but ErrBlocked.
var (
	// ErrRefused: the account does not exist, is not for logins, or has another secret.
	ErrRefused = errors.New("wrong account or secret")
	// ErrBlocked: nobody may log in from there now. It comes as a *BlockedError.
	ErrBlocked = errors.New("logins are blocked after too many failures")
	// ErrBusy: too many logins are being checked.
	ErrBusy = errors.New("too many logins at once")
)

// BlockedError is ErrBlocked, with how long it will last.
type BlockedError struct{ Left time.Duration }

func (e *BlockedError) Error() string {
	return fmt.Sprintf("%v; try again in %s", ErrBlocked, modules.Count(modules.WholeSeconds(e.Left), "second"))
}

func (e *BlockedError) Unwrap() error { return ErrBlocked }

// Authenticate checks the secret of an operator who logs in from an address. A name that nobody has costs as much as one
// of the accounts does. Errors are those above, or that of ctx.
func (m *Module) Authenticate(ctx context.Context, name, secret, from string) (Account, error) {
	if err := m.guard.blocked(from); err != nil {
		return Account{}, err
	}
	s := m.applied.Load()
	account, known := s.accounts[name]
	hash := account.hash
	if !known {
		hash = m.guard.decoy(name, s.standIns)
	}
	ok, err := m.guard.matches(ctx, hash, secret)
	if err != nil {
		return Account{}, err
	}
	if !ok || !known || account.Role == RoleSync {
		m.Failed(name, from, "wrong account or secret")
		return Account{}, ErrRefused
	}
	// Not by what was typed: SCRAM takes several spellings for one secret (RFC 4013).
	account.MustChange, err = m.mustChange(ctx, account)
	return account, err
}

// Admit takes in an operator whose login was proved otherwise, by a key. Errors are those of Authenticate.
func (m *Module) Admit(name, from string) (Account, error) {
	if err := m.guard.blocked(from); err != nil {
		return Account{}, err
	}
	account, known := m.applied.Load().accounts[name]
	if !known || account.Role == RoleSync {
		m.Failed(name, from, "no such account")
		return Account{}, ErrRefused
	}
	var err error
	account.MustChange, err = m.mustChange(context.Background(), account)
	return account, err
}

// Failed counts a login that failed. What was typed as a name may be a secret: it is kept only if an account has it.
func (m *Module) Failed(name, from, reason string) {
	if _, known := m.applied.Load().accounts[name]; !known {
		name = ""
	}
	m.guard.failed(name, from, reason)
}
