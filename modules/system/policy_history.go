package system

import (
	"encoding/json"
	"fmt"
	"slices"

	"mbox/credential"
)

// Memory keeps the verifiers of earlier secrets, by account; *configstore.State is one. They are in no configuration text:
// a text that is pasted elsewhere must not carry them.
type Memory interface {
	Get(key string) (value []byte, found bool, err error)
	Put(key string, value []byte) error
	Delete(key string) error
	All() (map[string][]byte, error)
}

// remembered is how many secrets of an account may not be used again, the present one included.
const remembered = 5

// maxRemembered bounds the accounts whose secrets are kept. Beyond, those of accounts that are gone are forgotten.
const maxRemembered = 2 * MaxAccounts

// usedBefore says whether a secret is the account's present one or one of those before.
func (m *Module) usedBefore(account, secret string) bool {
	if account == "" {
		return false
	}
	used, err := m.remembers(account)
	if err != nil {
		m.deps.Log.Error("earlier secrets are not known", "account", account, "error", err)
	}
	if present, known := m.Account(account); known && !slices.Contains(used, present.Verifier) {
		used = append([]string{present.Verifier}, used...)
	}
	for _, text := range used[:min(len(used), remembered)] {
		if hash, err := credential.ParseHash(text); err == nil && hash.Matches(secret) {
			return true
		}
	}
	return false
}

// remembers returns the verifiers of an account, newest first.
func (m *Module) remembers(account string) ([]string, error) {
	if m.deps.Memory == nil {
		return nil, nil
	}
	raw, found, err := m.deps.Memory.Get(account)
	if err != nil || !found {
		return nil, err
	}
	var used []string
	if err := json.Unmarshal(raw, &used); err != nil {
		return nil, fmt.Errorf("read earlier secrets of %s: %w", account, err)
	}
	return used, nil
}

// remember notes the secrets of a configuration that was applied. Going back to an earlier one makes its secrets the
// newest again. A box that cannot note them does its work all the same.
func (m *Module) remember(next *settings) {
	if !next.strict || m.deps.Memory == nil {
		return
	}
	before := m.applied.Load()
	for name, account := range next.accounts {
		if before.strict && before.accounts[name].Verifier == account.Verifier {
			continue
		}
		if err := m.rememberOne(name, account.Verifier); err != nil {
			m.deps.Log.Error("a secret is not remembered: it could be used again", "account", name, "error", err)
		}
	}
	if err := m.forgetGone(next); err != nil {
		m.deps.Log.Error("secrets of accounts that are gone are not forgotten", "error", err)
	}
}

func (m *Module) rememberOne(name, verifier string) error {
	used, err := m.remembers(name)
	if err != nil || len(used) > 0 && used[0] == verifier {
		return err
	}
	used = slices.DeleteFunc(used, func(text string) bool { return text == verifier })
	used = append([]string{verifier}, used...)
	raw, err := json.Marshal(used[:min(len(used), remembered)])
	if err != nil {
		return err
	}
	return m.deps.Memory.Put(name, raw)
}

// forgetGone keeps the memory bounded. As long as there is room, an account that is removed and made again keeps its past.
func (m *Module) forgetGone(next *settings) error {
	if len(next.accounts) == len(m.applied.Load().accounts) {
		return nil
	}
	all, err := m.deps.Memory.All()
	if err != nil || len(all) <= maxRemembered {
		return err
	}
	for name := range all {
		if _, known := next.accounts[name]; known {
			continue
		}
		if err := m.deps.Memory.Delete(name); err != nil {
			return err
		}
	}
	return nil
}
