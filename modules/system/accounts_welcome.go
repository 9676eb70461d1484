package system

import (
	"context"
	"errors"
	"fmt"

	"mbox/credential"
	"mbox/modules"
)

// newSecretTries is how often a person may try to type a new secret before the session ends.
const newSecretTries = 3

// Welcome comes before the first prompt of a person's session: an account that still has the factory's secret must be
// given another one. An error ends the session.
func (m *Module) Welcome(ctx context.Context, actor modules.Actor, terminal modules.Terminal) error {
	account, known := m.Account(actor.Name)
	if !known || actor.From == consoleFrom {
		return nil
	}
	must, err := m.mustChange(ctx, account)
	if err != nil || !must {
		return err
	}
	fmt.Fprintf(terminal, "%s has the factory password. Choose another one now.\n", account.Name)
	verifier, err := m.askNewSecret(ctx, account.Name, terminal)
	if err != nil {
		return err
	}
	if err := m.changeSecret(ctx, actor, account, verifier); err != nil {
		return err
	}
	fmt.Fprintln(terminal, "The password is changed.")
	return m.offerSave(ctx, actor, terminal)
}

// askNewSecret returns the verifier of a secret that was typed twice.
func (m *Module) askNewSecret(ctx context.Context, account string, terminal modules.Terminal) (string, error) {
	for range newSecretTries {
		secret, err := terminal.ReadSecret(ctx, "New password: ")
		if err != nil {
			return "", err
		}
		again, err := terminal.ReadSecret(ctx, "Retype new password: ")
		if err != nil {
			return "", err
		}
		values, err := m.newSecret(account, secret, again)
		var told *modules.Error
		switch {
		case err == nil:
			return modules.Get[string](values, "SECRET"), nil
		case !errors.As(err, &told):
			return "", err
		}
		fmt.Fprintf(terminal, "%% %s\n", told.Message)
		if told.Hint != "" {
			fmt.Fprintf(terminal, "  %s\n", told.Hint)
		}
	}
	return "", &modules.Error{Message: "The password was not changed", Hint: "Log in again to try once more."}
}

func (m *Module) newSecret(account, secret, again string) (modules.Values, error) {
	switch {
	case secret != again:
		return nil, modules.Errorf("The two are not the same")
	case secret == FactoryPassword:
		return nil, modules.Errorf("This is the factory password")
	case credential.Is(secret):
		return nil, modules.Errorf("This is a verifier, not a password")
	}
	if _, err := parseSecret(secret); err != nil {
		return nil, modules.Errorf("%v", err)
	}
	clear := modules.Values{"SECRET": secret, "TYPE": typeClear}
	return storeSecret(clear, func(secret string) error { return m.judge(account, secret) })
}

// changeSecret replaces the secret on the account's line and leaves the rest of it.
func (m *Module) changeSecret(ctx context.Context, actor modules.Actor, account Account, verifier string) error {
	return m.deps.Commit(ctx, actor, func(candidate *modules.Tree) error {
		for _, node := range candidate.All(usernameSyntax) {
			if modules.Get[string](node.Values, "NAME") != account.Name {
				continue
			}
			values := node.Values.Clone()
			delete(values, "TYPE")
			delete(values, "password")
			values["secret"], values["SECRET"] = true, verifier
			_, err := candidate.Set(nil, modules.Match{Statement: node.Statement, Values: values})
			return err
		}
		return modules.Errorf("The account %s was removed meanwhile", account.Name)
	})
}

// offerSave saves unless the person says no. A change that could not be saved is in force all the same.
func (m *Module) offerSave(ctx context.Context, actor modules.Actor, terminal modules.Terminal) error {
	save, err := terminal.YesNo(ctx, "Save the configuration, so that it outlives a restart?")
	if err != nil || !save {
		return err
	}
	if _, err := m.deps.Config.Save(ctx, actor, "factory password changed"); err != nil {
		m.deps.Log.Error("the configuration was not saved", "error", err)
		fmt.Fprintf(terminal, "%% The configuration was not saved: %v\n", err)
		return nil
	}
	fmt.Fprintln(terminal, "[OK]")
	return nil
}
