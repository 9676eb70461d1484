package hotspot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"mbox/hotspotdb"
	"mbox/modules"
)

const masked = "********"

func (m *Module) showUser(_ context.Context, call modules.Call) (modules.View, error) {
	name := m.guestName(call.Values)
	account, err := m.db.Account(name)
	if err != nil {
		return nil, m.refusal(err, "account", name)
	}
	missing, err := m.missingProfiles(account.Profiles)
	if err != nil {
		return nil, err
	}
	return inFull{m.accountInFull(account, missing), m.zone()}, nil
}

// accountInFull is an account with what may keep its guest out: profiles that do not exist, and a password that not every kind of login
// can be checked with.
func (m *Module) accountInFull(a hotspotdb.Account, missing []string) object {
	return append(m.accountObject(a),
		member{"password_storage", "Password kept", m.storageOf(a)},
		member{"missing_profiles", "No such profile", list(missing)})
}

// storageOf is hashed or reversible, as `hotspot password-storage` has it, or unreadable; nil without a password.
func (m *Module) storageOf(a hotspotdb.Account) *string {
	if !a.HasPassword {
		return nil
	}
	switch _, err := m.db.Password(a.Username); {
	case err == nil:
		return known("reversible")
	case errors.Is(err, hotspotdb.ErrHashed):
		return known("hashed")
	}
	return known("unreadable") // this box has not been given the keys
}

// accountObject is an account in full, with the names of the data model.
func (m *Module) accountObject(a hotspotdb.Account) object {
	var password *string
	if a.HasPassword {
		password = known(masked)
	}
	o := object{
		{"id", "ID", a.ID},
		{"username", "Username", a.Username},
		{"password", "Password", password},
		{"usertype", "Type", a.UserType.String()},
		{"state", "State", m.state(a)},
		{"disabled", "", a.Disabled},
		{"expires", "Expires", instant(a.Expires)},
		{"profiles", "Profiles", list(a.Profiles)},
		{"attributes", "", attributeMap(a.Attributes)},
	}
	for _, attr := range a.Attributes {
		o = append(o, attributeMember(attr))
	}
	for _, name := range hotspotdb.InfoFields {
		o = append(o, member{name, name, known(a.Info[name])})
	}
	return append(o,
		member{"created", "Created", instant(a.Created)},
		member{"createdby", "Created by", known(a.CreatedBy)},
		member{"updated", "Updated", instant(a.Updated)},
		member{"updatedby", "Updated by", known(a.UpdatedBy)})
}

func attributeMap(attributes []hotspotdb.Attribute) map[string]string {
	out := make(map[string]string, len(attributes))
	for _, a := range attributes {
		out[a.Name] = a.Value
	}
	return out
}

// attributeMember shows an attribute with its unit; JSON has it among the attributes, as it is stored.
func attributeMember(a hotspotdb.Attribute) member {
	value := a.Value
	if spec, ok := hotspotdb.FindAttribute(a.Name); ok && spec.Unit != "" && spec.Unit != "URL" {
		value += " " + spec.Unit
	}
	return member{label: a.Name, value: value}
}

// state is active, disabled or expired.
func (m *Module) state(a hotspotdb.Account) string {
	switch {
	case a.Disabled:
		return "disabled"
	case expired(a, m.now()):
		return "expired"
	}
	return "active"
}

// accountList is a list of accounts that is read while it is written.
type accountList struct {
	ctx    context.Context
	m      *Module
	filter hotspotdb.AccountFilter // Limit 0: all
}

func (m *Module) showUsers(ctx context.Context, call modules.Call) (modules.View, error) {
	v := call.Values
	filter := hotspotdb.AccountFilter{
		Profile: modules.Get[string](v, "PROFILE"),
		Match:   modules.Get[string](v, "TEXT"),
		Limit:   modules.Get[int](v, "N"),
	}
	if v.Has("disabled") {
		yes := true
		filter.Disabled = &yes
	}
	return accountList{ctx, m, filter}, nil
}

// userColumns give up the list of profiles first: `show hotspot users NAME` has all of it.
var userColumns = []modules.Column{
	{Name: "USERNAME", Min: 12}, {Name: "TYPE"}, {Name: "PROFILES", Min: 8, Weight: 4, Cut: true}, {Name: "STATE"}, {Name: "EXPIRES"}, {Name: "UPDATED"},
}

func (l accountList) Text(w io.Writer, width int) error {
	limit, shown, more := l.filter.Limit, 0, false
	filter := l.filter
	if limit > 0 {
		filter.Limit++ // to know whether there are more
	}
	rows := func(yield func([]string, error) bool) {
		for a, err := range l.m.db.Accounts(l.ctx, filter) {
			if more = err == nil && limit > 0 && shown == limit; more {
				return
			}
			shown++
			if !yield(l.row(a), err) {
				return
			}
		}
	}
	table := modules.Table{Columns: userColumns, Rows: rows}
	if err := table.Text(w, width); err != nil {
		return err
	}
	if !more {
		return nil
	}
	return l.writeMore(w, shown)
}

// writeMore says how many there are beyond the limit; what only a search of all accounts could count it does not count.
func (l accountList) writeMore(w io.Writer, shown int) error {
	f := l.filter
	if f.Match == "" && f.Profile == "" && f.Disabled == nil {
		_, err := fmt.Fprintf(w, "%d more\n", l.m.db.Statistics().Users-shown)
		return err
	}
	_, err := fmt.Fprintf(w, "There are more; raise limit %d to see them.\n", f.Limit)
	return err
}

func (l accountList) row(a hotspotdb.Account) []string {
	return []string{a.Username, a.UserType.String(), strings.Join(a.Profiles, ","), l.m.state(a), l.m.displayTime(a.Expires), l.m.displayTime(a.Updated)}
}

// MarshalJSON is a list of accounts in full. Without a limit it refuses what would not fit rather than leave some out.
func (l accountList) MarshalJSON() ([]byte, error) {
	filter := l.filter
	if filter.Limit == 0 {
		filter.Limit = l.m.maxJSON + 1
	}
	accounts := []object{}
	for a, err := range l.m.db.Accounts(l.ctx, filter) {
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, l.m.accountObject(a))
	}
	if l.filter.Limit == 0 && len(accounts) > l.m.maxJSON {
		return nil, l.m.tooMany("accounts")
	}
	return json.Marshal(accounts)
}

func (m *Module) tooMany(what string) error {
	return &modules.Error{Message: fmt.Sprintf("more than %d %s are too many for one JSON document", m.maxJSON, what),
		Hint: "Add limit N, or export them to a file"}
}
