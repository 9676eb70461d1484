package hotspot

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mbox/hotspotdb"
	"mbox/modules"
)

func (m *Module) addProfile(ctx context.Context, call modules.Call) (modules.View, error) {
	p := hotspotdb.Profile{Name: modules.Get[string](call.Values, "NAME")}
	if err := editProfile(&p, call.Values); err != nil {
		return nil, err
	}
	pending, err := m.store(ctx, call.Actor, "profile", p.Name, func(tx *hotspotdb.Tx) error { return tx.AddProfile(p, call.Actor.Name) })
	if err != nil {
		return nil, err
	}
	m.audit(ctx, call.Actor, "hotspot profile added", "profile", p.Name)
	return nil, pending
}

func (m *Module) setProfile(ctx context.Context, call modules.Call) (modules.View, error) {
	if len(call.Values) <= 1 {
		return nil, &modules.Error{Message: "nothing to set", Hint: "Name what changes, for example Session-Timeout 3600; ? lists the attributes"}
	}
	name := modules.Get[string](call.Values, "NAME")
	pending, err := m.store(ctx, call.Actor, "profile", name, func(tx *hotspotdb.Tx) error {
		return tx.EditProfile(name, call.Actor.Name, func(p *hotspotdb.Profile) error { return editProfile(p, call.Values) })
	})
	if err != nil {
		return nil, err
	}
	m.audit(ctx, call.Actor, "hotspot profile changed", "profile", name)
	return nil, pending
}

// deleteProfile asks if accounts or vouchers use the profile: they are denied without it.
func (m *Module) deleteProfile(ctx context.Context, call modules.Call) (modules.View, error) {
	name := modules.Get[string](call.Values, "NAME")
	if !call.Values.Has("force") {
		if ok, err := m.confirmDelete(ctx, call.Terminal, name); err != nil || !ok {
			return nil, err
		}
	}
	pending, err := m.store(ctx, call.Actor, "profile", name, func(tx *hotspotdb.Tx) error { return tx.DeleteProfile(name, call.Actor.Name) })
	if err != nil {
		return nil, err
	}
	m.audit(ctx, call.Actor, "hotspot profile deleted", "profile", name)
	return nil, pending
}

func (m *Module) confirmDelete(ctx context.Context, terminal modules.Terminal, name string) (bool, error) {
	if _, err := m.db.Profile(name); err != nil {
		return false, m.refusal(err, "profile", name)
	}
	users, err := m.usersOf(ctx, name)
	if err != nil || len(users) == 0 {
		return err == nil, err
	}
	inUse := fmt.Sprintf("Profile %s is used by %s: denied without it", name, strings.Join(users, ", "))
	ok, err := terminal.Confirm(ctx, inUse+". Delete it?")
	if errors.Is(err, modules.ErrNotInteractive) {
		return false, &modules.Error{Message: inUse, Hint: "Add force to delete it all the same"}
	}
	return ok, err
}

// usersOf says what refers to a profile.
func (m *Module) usersOf(ctx context.Context, profile string) (users []string, err error) {
	accounts, err := m.db.ProfileUsers(ctx, profile)
	if err != nil {
		return nil, fmt.Errorf("look for accounts of profile %s: %w", profile, err)
	}
	if accounts > 0 {
		users = append(users, modules.Count(accounts, "account"))
	}
	batches, err := m.db.Batches()
	if err != nil {
		return nil, fmt.Errorf("look for vouchers of profile %s: %w", profile, err)
	}
	for _, b := range batches {
		if b.Profile == profile {
			users = append(users, "the vouchers of "+b.Name)
		}
	}
	const most = 4 // names on a line
	if len(users) > most {
		users = append(users[:most], "others")
	}
	return users, nil
}

func editProfile(p *hotspotdb.Profile, v modules.Values) error {
	if v.Has("TEXT") {
		p.Description = modules.Get[string](v, "TEXT")
	}
	return setDetails(p, profileDetails(), modules.List[string](v, "ATTRIBUTE"), modules.List[string](v, "VALUE"))
}

// missingProfiles returns those of the names that are no profile here.
func (m *Module) missingProfiles(names []string) ([]string, error) {
	missing := []string{}
	for _, name := range names {
		_, err := m.db.Profile(name)
		switch {
		case errors.Is(err, hotspotdb.ErrNotFound):
			missing = append(missing, name)
		case err != nil:
			return nil, fmt.Errorf("look for profile %s: %w", name, err)
		}
	}
	return missing, nil
}

// profileNames is for hints; without the database there is none.
func (m *Module) profileNames() []string {
	profiles, err := m.db.Profiles()
	if err != nil {
		return nil
	}
	var names []string
	for _, p := range profiles {
		names = append(names, p.Name)
	}
	return names
}

func (m *Module) useSet(kind, name string) string {
	switch kind {
	case "account":
		return "hotspot user set " + name + " changes it"
	case "batch":
		return "hotspot voucher set " + name + " changes it"
	}
	return "hotspot profile set " + name + " changes it"
}

func (m *Module) similar(kind, name string) string {
	switch kind {
	case "account":
		return "show hotspot users match TEXT searches"
	case "batch":
		return m.similarBatch(name)
	case "voucher":
		return "show hotspot vouchers lists them"
	}
	if near := nearest(name, m.profileNames()); near != "" {
		return "Did you mean " + near + "?"
	}
	return "show hotspot profiles lists them"
}
