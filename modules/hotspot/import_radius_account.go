package hotspot

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"mbox/hotspotdb"
	"mbox/modules/hotspot/freeradius"
)

// guest is what a FreeRADIUS server knows of one user.
type guest struct {
	name   string
	line   int
	table  string
	grants []freeradius.Grant // in the order in which they count, those of groups too
	layers []freeradius.Layer // their limits
	// profiles are the groups by the names that they have here, with the attributes that they have here, or will have.
	profiles []hotspotdb.Profile
	info     map[string]string
	notes    []freeradius.Note
	// partial: the file says only a part of the account, which must be there already. What it has stays.
	partial bool
}

// account makes an account of a guest. What could not be translated must not let him do more than before.
func (g *guest) account() hotspotdb.AccountEdit {
	e := hotspotdb.AccountEdit{Account: hotspotdb.Account{Username: g.name, Info: g.info}}
	conditions, accept := []string{}, false
	for _, grant := range g.grants {
		g.notes = append(g.notes, grant.Notes...)
		conditions = append(conditions, grant.Conditional...)
		accept = accept || grant.Accept
		e.Disabled = e.Disabled || grant.Reject
		if e.Password == nil {
			e.Password = grant.Password
		}
		if e.Expires.IsZero() || !grant.Expires.IsZero() && grant.Expires.Before(e.Expires) {
			e.Expires = grant.Expires
		}
	}
	g.userType(&e, accept)
	if len(conditions) > 0 {
		e.Disabled = true
		slices.Sort(conditions)
		g.notes = append(g.notes, freeradius.Note{Line: g.line, Name: "(login)",
			Reason: "the account is added disabled, because it was limited by " + strings.Join(slices.Compact(conditions), ", ")})
	}
	own := make([][]hotspotdb.Attribute, len(g.profiles))
	for i, p := range g.profiles {
		own[i] = p.Attributes
		e.Profiles = append(e.Profiles, p.Name)
	}
	e.Profiles = uniqueNames(e.Profiles)
	effective := freeradius.Effective(g.layers)
	g.noteReplaced(effective)
	e.Attributes = freeradius.Own(effective, own...)
	return e
}

// noteReplaced names limits of the guest that a group or a later entry replaced, as it did at FreeRADIUS.
func (g *guest) noteReplaced(effective []hotspotdb.Attribute) {
	for _, layer := range g.layers {
		for _, l := range layer.Limits {
			if layer.Profile == "" && attribute(effective, l.Name) != l.Value {
				g.notes = append(g.notes, freeradius.Note{Line: g.line, Name: l.Name, Reason: "replaced by := of a group or of a later entry"})
			}
		}
	}
}

// userType tells devices and PINs from guests with a password. FreeRADIUS lets a device in by its address in User-Name, with any
// password (Auth-Type := Accept) or with the address once more.
func (g *guest) userType(e *hotspotdb.AccountEdit, accept bool) {
	mac, err := hotspotdb.ParseMAC(g.name)
	device := err == nil && strings.ContainsAny(g.name, ":-.abcdefABCDEF")
	again := false
	if e.Password != nil {
		other, err := hotspotdb.ParseMAC(*e.Password)
		again = err == nil && other == mac
	}
	switch {
	case device && (accept || again):
		e.UserType, e.Password = hotspotdb.UserMAC, nil
		e.Username = hotspotdb.FormatMAC(mac)
	case accept:
		e.UserType, e.Password = hotspotdb.UserPIN, nil
	case e.Password == nil && !g.partial && !e.Disabled:
		g.notes = append(g.notes, freeradius.Note{Line: g.line, Name: "(password)",
			Reason: "the account is added without one, as there is none that could be taken: give the guest one"})
	}
}

// move is the account as a record to store.
func (i *migration) move(g *guest) moved {
	e := g.account()
	r := moved{line: g.line, table: g.table, kind: &i.result.Accounts, name: e.Username, notes: g.notes}
	r.store = func(tx *hotspotdb.Tx) (outcome, error) {
		if g.partial {
			return amend(tx, e, i.author.Name)
		}
		_, err := tx.AddAccount(e.Account, text(e.Password), i.author.Name)
		if errors.Is(err, hotspotdb.ErrExists) {
			return unchanged, &rowError{"there is an account of this name already, which stays as it is"}
		}
		if err == nil && i.dry {
			i.stored[i.hash(e.Username)] = true
		}
		return added, err
	}
	return r
}

// amend adds to an account what it lacks.
func amend(tx *hotspotdb.Tx, from hotspotdb.AccountEdit, by string) (outcome, error) {
	account, err := accountNamed(tx, from.Username)
	if errors.Is(err, hotspotdb.ErrNotFound) {
		return unchanged, &rowError{"there is no account of this name, and nothing in radcheck to make one"}
	}
	if err != nil {
		return unchanged, err
	}
	done := unchanged
	_, err = tx.EditAccount(account.Username, by, func(e *hotspotdb.AccountEdit) error {
		attributes := missing(e.Attributes, from.Attributes)
		profiles := uniqueNames(append(slices.Clone(e.Profiles), from.Profiles...))
		info := map[string]string{}
		for name, value := range from.Info {
			if e.Info[name] == "" {
				info[name] = value
			}
		}
		if len(attributes) == 0 && len(profiles) == len(e.Profiles) && len(info) == 0 && (!from.Disabled || e.Disabled) {
			return nil
		}
		done = changed
		e.Attributes, e.Profiles, e.Disabled = append(slices.Clone(e.Attributes), attributes...), profiles, e.Disabled || from.Disabled
		for name, value := range info {
			setInfo(e, name, value)
		}
		return nil
	})
	return done, err
}

// missing returns those of the attributes that a list lacks by name.
func missing(have, more []hotspotdb.Attribute) []hotspotdb.Attribute {
	var out []hotspotdb.Attribute
	for _, a := range more {
		if attribute(have, a.Name) == "" {
			out = append(out, a)
		}
	}
	return out
}

// moveProfile is a profile as a record to store. fill adds what a profile lacks that is there already; otherwise that stays.
func (i *migration) moveProfile(p hotspotdb.Profile, line int, table string, fill bool, notes []freeradius.Note) moved {
	r := moved{line: line, table: table, kind: &i.result.Profiles, name: p.Name, notes: notes}
	r.store = func(tx *hotspotdb.Tx) (outcome, error) {
		err := tx.AddProfile(p, i.author.Name)
		if !errors.Is(err, hotspotdb.ErrExists) {
			return added, err
		}
		old, err := tx.Profile(p.Name)
		if err != nil {
			return unchanged, fmt.Errorf("read profile %s: %w", p.Name, err)
		}
		more := missing(old.Attributes, p.Attributes)
		if !fill || len(more) == 0 {
			return unchanged, nil
		}
		return changed, tx.EditProfile(p.Name, i.author.Name, func(e *hotspotdb.Profile) error {
			e.Attributes = append(slices.Clone(e.Attributes), more...)
			return nil
		})
	}
	return r
}
