package system

import (
	"context"
	"hash/maphash"
	"maps"
	"slices"
	"sync"

	"mbox/credential"
)

// Bounds of the work that logins cause. A check takes some 10 to 40 ms of a processor and, for type 9, 2 MiB.
const (
	maxChecks  = 2  // at once
	maxWaiting = 64 // for one of them
)

// checker compares secrets with hashes, a few at a time: who has no account must not keep the box busy.
type checker struct {
	slots   chan struct{} // held while a secret is checked
	waiting chan struct{} // held while waiting for a slot, too
	seed    maphash.Seed
	nobody  credential.Hash // of a box without accounts

	mu      sync.Mutex // guards factory
	factory map[string]bool
}

// nobody is the verifier of no password: its keys are zero.
const nobody = "SCRAM-SHA-256$30000:AAAAAAAAAAAAAAAAAAAAAA==$" +
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

func newChecker() *checker {
	hash, err := credential.ParseHash(nobody)
	if err != nil {
		panic("system: " + err.Error()) // the constant above is wrong
	}
	return &checker{
		slots: make(chan struct{}, maxChecks), waiting: make(chan struct{}, maxChecks+maxWaiting),
		seed: maphash.MakeSeed(), nobody: hash, factory: map[string]bool{},
	}
}

// matches waits for its turn. Errors are ErrBusy, or that of ctx.
func (c *checker) matches(ctx context.Context, hash credential.Hash, secret string) (bool, error) {
	select {
	case c.waiting <- struct{}{}:
		defer func() { <-c.waiting }()
	default:
		return false, ErrBusy
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
		return hash.Matches(secret), nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

// mustChange says whether the secret of an account is the factory's. Answers are kept, as many as there are accounts.
func (m *Module) mustChange(ctx context.Context, account Account) (bool, error) {
	c := m.guard.checker
	c.mu.Lock()
	is, known := c.factory[account.Verifier]
	c.mu.Unlock()
	if known {
		return is, nil
	}
	is, err := c.matches(ctx, account.hash, FactoryPassword)
	if err != nil {
		return false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.factory) >= MaxAccounts {
		clear(c.factory)
	}
	c.factory[account.Verifier] = is
	return is, nil
}

// decoy is what a secret is compared with where no account has the name: the hash of one that there is, always the same
// one for a name, so that the time it takes says nothing about which names exist.
func (c *checker) decoy(name string, standIns []credential.Hash) credential.Hash {
	if len(standIns) == 0 {
		return c.nobody
	}
	return standIns[maphash.String(c.seed, name)%uint64(len(standIns))]
}

// standIns are the hashes of the accounts in an order that does not depend on chance.
func standIns(accounts map[string]Account) []credential.Hash {
	out := make([]credential.Hash, 0, len(accounts))
	for _, name := range slices.Sorted(maps.Keys(accounts)) {
		out = append(out, accounts[name].hash)
	}
	return out
}
