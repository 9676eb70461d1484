package hotspot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
)

func (m *Module) addUser(ctx context.Context, call modules.Call) (modules.View, error) {
	var e hotspotdb.AccountEdit
	e.Username = modules.Get[string](call.Values, "NAME")
	if err := editAccount(&e, call.Values); err != nil {
		return nil, err
	}
	if err := normalName(&e); err != nil {
		return nil, m.refusal(err, "account", e.Username)
	}
	var account hotspotdb.Account
	pending, err := m.store(ctx, call.Actor, "account", e.Username, func(tx *hotspotdb.Tx) (err error) {
		account, err = tx.AddAccount(e.Account, text(e.Password), call.Actor.Name)
		return err
	})
	if err != nil {
		return nil, err
	}
	m.audit(ctx, call.Actor, "hotspot account added", "username", account.Username)
	if err := m.warnAccount(call.Terminal, account); err != nil {
		return nil, err
	}
	return nil, pending
}

func (m *Module) setUser(ctx context.Context, call modules.Call) (modules.View, error) {
	if len(call.Values) <= 1 {
		return nil, &modules.Error{Message: "nothing to set", Hint: "Name what changes, for example expires 2026-12-31; ? lists the fields"}
	}
	return m.edit(ctx, call, "hotspot account changed", func(e *hotspotdb.AccountEdit) error { return editAccount(e, call.Values) })
}

func (m *Module) disableUser(ctx context.Context, call modules.Call) (modules.View, error) {
	return m.edit(ctx, call, "hotspot account disabled", func(e *hotspotdb.AccountEdit) error { e.Disabled = true; return nil })
}

func (m *Module) enableUser(ctx context.Context, call modules.Call) (modules.View, error) {
	return m.edit(ctx, call, "hotspot account enabled", func(e *hotspotdb.AccountEdit) error { e.Disabled = false; return nil })
}

func (m *Module) edit(ctx context.Context, call modules.Call, what string, change func(*hotspotdb.AccountEdit) error) (modules.View, error) {
	name := m.guestName(call.Values)
	var account hotspotdb.Account
	pending, err := m.store(ctx, call.Actor, "account", name, func(tx *hotspotdb.Tx) (err error) {
		account, err = tx.EditAccount(name, call.Actor.Name, change)
		return err
	})
	if err != nil {
		return nil, err
	}
	m.audit(ctx, call.Actor, what, "username", account.Username)
	if err := m.warnAccount(call.Terminal, account); err != nil {
		return nil, err
	}
	return nil, pending
}

func (m *Module) deleteUser(ctx context.Context, call modules.Call) (modules.View, error) {
	name := m.guestName(call.Values)
	pending, err := m.store(ctx, call.Actor, "account", name, func(tx *hotspotdb.Tx) error { return tx.DeleteAccount(name, call.Actor.Name) })
	if err != nil {
		return nil, err
	}
	m.audit(ctx, call.Actor, "hotspot account deleted", "username", name)
	return nil, pending
}

// editAccount applies the options of a line, in any order.
func editAccount(e *hotspotdb.AccountEdit, v modules.Values) error {
	if v.Has("SECRET") {
		secret := modules.Get[string](v, "SECRET")
		e.Password = &secret
	}
	if v.Has("TYPE") {
		if err := setUserType(e, modules.Get[string](v, "TYPE")); err != nil {
			return &modules.Error{Message: "usertype: " + err.Error()}
		}
	}
	if v.Has("PROFILE") {
		e.Profiles = uniqueNames(modules.List[string](v, "PROFILE"))
	}
	if v.Has("disabled") {
		e.Disabled = true
	}
	if v.Has("TIME") {
		e.Expires = modules.Get[time.Time](v, "TIME")
	}
	return setDetails(e, accountDetails(), modules.List[string](v, "FIELD"), modules.List[string](v, "VALUE"))
}

// normalName writes the username of a device as MAC addresses are written everywhere: 3A-71-B4-E9-F7-99.
func normalName(e *hotspotdb.AccountEdit) error {
	if e.UserType != hotspotdb.UserMAC {
		return nil
	}
	mac, err := hotspotdb.ParseMAC(e.Username)
	if err != nil {
		return &hotspotdb.FieldError{Field: "username", Rule: "for usertype mac: expected a MAC address like 3A-71-B4-E9-F7-99"}
	}
	e.Username = hotspotdb.FormatMAC(mac)
	return nil
}

// setDetails sets pairs of field and value.
func setDetails[E any](e *E, fields []field[E], names, values []string) error {
	for i, name := range names {
		f, ok := find(fields, name)
		if !ok || i >= len(values) {
			return modules.Errorf("unknown field %s", name)
		}
		if err := f.set(e, values[i]); err != nil {
			return &modules.Error{Message: f.name + ": " + err.Error()}
		}
	}
	return nil
}

// warnAccount says what would keep a guest out although the line was right.
func (m *Module) warnAccount(terminal modules.Terminal, a hotspotdb.Account) error {
	if a.UserType == hotspotdb.UserPassword && !a.HasPassword {
		fmt.Fprintf(terminal, "%% Warning: %s has no password and cannot log in until it has one.\n", modules.Printable(a.Username))
	}
	if expired(a, m.now()) {
		fmt.Fprintf(terminal, "%% Warning: %s expired at %s and cannot log in.\n", modules.Printable(a.Username), m.displayTime(a.Expires))
	}
	missing, err := m.missingProfiles(a.Profiles)
	for _, name := range missing {
		hint := ""
		if near := nearest(name, m.profileNames()); near != "" {
			hint = " Did you mean " + near + "?"
		}
		fmt.Fprintf(terminal, "%% Warning: there is no profile %s; %s is denied until it is added.%s\n", name, modules.Printable(a.Username), hint)
	}
	return err
}

// refusal words an error of the database for the operator, as far as it is one that an operator can mend.
func (m *Module) refusal(err error, kind, name string) error {
	field := new(hotspotdb.FieldError)
	short := modules.Printable(modules.Shorten(name, 64))
	switch {
	case errors.Is(err, hotspotdb.ErrExists):
		return &modules.Error{Message: fmt.Sprintf("%s %s is there already", kind, short), Hint: m.useSet(kind, short)}
	case errors.Is(err, hotspotdb.ErrNotFound):
		return &modules.Error{Message: fmt.Sprintf("there is no %s %s", kind, short), Hint: m.similar(kind, name)}
	case errors.As(err, &field):
		return &modules.Error{Message: field.Error()}
	case errors.Is(err, hotspotdb.ErrNoSpace), errors.Is(err, hotspotdb.ErrReadOnly):
		return &modules.Error{Message: err.Error()}
	}
	return fmt.Errorf("change %s: %w", kind, err)
}
