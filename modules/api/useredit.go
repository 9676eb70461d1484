package api

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	"mbox/hotspotdb"
)

// createUser is the body of POST users.
type createUser struct {
	Usertype string  `json:"usertype" required:"true" enum:"user,mac,pin"`
	Username string  `json:"username" required:"true" doc:"1 to 253 bytes; for mac the address of the device"`
	Password *string `json:"password" doc:"1 to 128 bytes; needed for usertype user, not taken for the others"`
	Disabled bool    `json:"disabled"`
	Expires  string  `json:"expires" doc:"Such as 2026-12-31 (the end of that day) or 2026-12-31 18:00:00; left out: never"`
	Profiles string  `json:"profiles" doc:"Names separated by commas; the first one wins"`
	userInfo
}

func postUser(c *call) (any, error) {
	body := c.body.(*createUser)
	e := hotspotdb.AccountEdit{Account: hotspotdb.Account{Username: body.Username, Disabled: body.Disabled, Info: map[string]string{}}}
	if err := c.editUser(&e, &body.Usertype, &body.Expires); err != nil {
		return nil, err
	}
	body.put(&e.Account)
	password := ""
	switch has := body.Password != nil; {
	case e.UserType == hotspotdb.UserPassword && (!has || *body.Password == ""):
		return nil, refuse("password: is missing; send one, which usertype user needs")
	case e.UserType != hotspotdb.UserPassword && has:
		return nil, refuse("password: is not taken for usertype %s; leave it out", body.Usertype)
	case has:
		password = *body.Password
	}
	var err error
	if e.Profiles, err = splitNames("profiles", body.Profiles); err != nil {
		return nil, err
	}
	var a hotspotdb.Account
	var v hotspotdb.AccountVersion
	err = c.update(func(tx *hotspotdb.Tx) error {
		if err := profilesThere(tx, e.Profiles, nil); err != nil {
			return err
		}
		if a, err = tx.AddAccount(e.Account, password, c.user.name); err != nil {
			return nameTaken(err, e.Username)
		}
		v, err = tx.AccountVersion(a.ID)
		return err
	})
	c.etag, c.location, c.message = tagOf(v), pathOf("/users/%d", a.ID), "user created"
	return c.showUser(a), err
}

// updateUser is the body of POST users/{id}: what is left out stays.
type updateUser struct {
	Usertype *string `json:"usertype" enum:"user,mac,pin"`
	Username *string `json:"username" doc:"1 to 253 bytes; for mac the address of the device"`
	Password *string `json:"password" doc:"1 to 128 bytes; an empty one takes the password away"`
	Disabled *bool   `json:"disabled"`
	Expires  *string `json:"expires" doc:"Such as 2026-12-31 (the end of that day) or 2026-12-31 18:00:00; empty or never: never"`
	Profiles *string `json:"profiles" doc:"Names separated by commas, instead of those that it had; the first one wins"`
	userInfo
}

func postUserUpdate(c *call) (any, error) {
	body := c.body.(*updateUser)
	if reflect.ValueOf(*body).IsZero() {
		return nil, refuse("the body names nothing to change; send at least one of %s", strings.Join(fieldNames(reflect.TypeOf(*body)), ", "))
	}
	c.message = "user updated"
	return c.changeUser(func(tx *hotspotdb.Tx, e *hotspotdb.AccountEdit) error {
		if body.Username != nil {
			e.Username = *body.Username
		}
		if body.Disabled != nil {
			e.Disabled = *body.Disabled
		}
		if body.Profiles != nil {
			names, err := splitNames("profiles", *body.Profiles)
			if err == nil {
				err = profilesThere(tx, names, e.Profiles)
			}
			if err != nil {
				return err
			}
			e.Profiles = names
		}
		e.Password = body.Password
		body.put(&e.Account)
		return c.editUser(e, body.Usertype, body.Expires)
	})
}

// editUser sets what needs reading; nil leaves it.
func (c *call) editUser(e *hotspotdb.AccountEdit, usertype, expires *string) error {
	var err error
	if usertype != nil {
		if e.UserType, err = hotspotdb.ParseUserType(*usertype); err != nil {
			return err
		}
	}
	if expires != nil {
		if e.Expires, err = c.expiry(*expires); err != nil {
			return err
		}
	}
	if e.UserType == hotspotdb.UserMAC {
		mac, err := hotspotdb.ParseMAC(e.Username)
		if err != nil {
			return refuse("username: for usertype mac it must be a MAC address like 3A-71-B4-E9-F7-99")
		}
		e.Username = hotspotdb.FormatMAC(mac)
	}
	return nil
}

// expiry reads when something ends; the zero time is never.
func (c *call) expiry(text string) (time.Time, error) {
	if text == "" || text == "never" {
		return time.Time{}, nil
	}
	begin, end, err := parseMoment(text, c.Location())
	if err != nil {
		return time.Time{}, refuse("expires: %v", err)
	}
	if end.Sub(begin) > time.Second { // a day ends when it is over
		return end, nil
	}
	return begin, nil
}

// changeUser changes the account of the path, in one transaction with the comparison of its version.
func (c *call) changeUser(edit func(*hotspotdb.Tx, *hotspotdb.AccountEdit) error) (any, error) {
	a, err := c.changeAccount(edit)
	return c.showChanged(a), err
}

func (c *call) changeAccount(edit func(*hotspotdb.Tx, *hotspotdb.AccountEdit) error) (a hotspotdb.Account, err error) {
	err = c.updateAccount(func(tx *hotspotdb.Tx, old hotspotdb.Account) error {
		name := old.Username
		a, err = tx.EditAccount(name, c.user.name, func(e *hotspotdb.AccountEdit) error {
			err := edit(tx, e)
			name = e.Username
			return err
		})
		if err != nil {
			return nameTaken(err, name)
		}
		v, err := tx.AccountVersion(a.ID)
		c.etag = tagOf(v)
		return err
	})
	return a, err
}

// updateAccount runs change for the account of the path if it is the version that the client means.
func (c *call) updateAccount(change func(*hotspotdb.Tx, hotspotdb.Account) error) error {
	id, err := c.pathID()
	if err != nil {
		return err
	}
	return c.update(func(tx *hotspotdb.Tx) error {
		v, err := tx.AccountVersion(id)
		if err != nil {
			return noUser(err, id)
		}
		if err := c.checkVersion(tagOf(v)); err != nil {
			return err
		}
		old, err := tx.AccountByID(id)
		if err != nil {
			return err
		}
		return change(tx, old)
	})
}

func deleteUser(c *call) (any, error) {
	c.message = "user deleted"
	return nil, c.updateAccount(func(tx *hotspotdb.Tx, old hotspotdb.Account) error {
		return tx.DeleteAccount(old.Username, c.user.name)
	})
}

// update makes a change as the user of the token.
func (c *call) update(change func(*hotspotdb.Tx) error) error {
	err := c.DB.Update(c.ctx(), func(tx *hotspotdb.Tx) error {
		tx.By(hotspotdb.Author{Name: c.user.name, From: c.from.String(), Via: "api"})
		return change(tx)
	})
	if errors.Is(err, hotspotdb.ErrUnconfirmed) {
		c.pending, err = true, nil
	}
	return err
}

// profilesBody is the body of attach-profile and detach-profile.
type profilesBody struct {
	Profiles string `json:"profiles" required:"true" doc:"Names separated by commas"`
}

func attachProfile(c *call) (any, error) {
	names, err := splitNames("profiles", c.body.(*profilesBody).Profiles)
	if err != nil {
		return nil, err
	}
	c.message = "profile attached"
	return c.changeUser(func(tx *hotspotdb.Tx, e *hotspotdb.AccountEdit) error {
		for _, name := range names {
			if !slices.Contains(e.Profiles, name) {
				e.Profiles = append(e.Profiles, name)
			}
		}
		return profilesThere(tx, names, nil)
	})
}

func detachProfile(c *call) (any, error) {
	names, err := splitNames("profiles", c.body.(*profilesBody).Profiles)
	if err != nil {
		return nil, err
	}
	c.message = "profile detached"
	return c.changeUser(func(_ *hotspotdb.Tx, e *hotspotdb.AccountEdit) error {
		for _, name := range names {
			at := slices.Index(e.Profiles, name)
			if at < 0 {
				return refuse("profiles: %s does not have %s; send those that GET /users/{id} shows", e.Username, name)
			}
			e.Profiles = slices.Delete(e.Profiles, at, at+1)
		}
		return nil
	})
}

// splitNames reads names of profiles.
func splitNames(field, text string) ([]string, error) {
	var names []string
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if hotspotdb.CheckGroupname(name) != nil {
			return nil, refuse("%s: expected names of 1 to 64 letters, digits, _ or -, separated by commas", field)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// profilesThere refuses names that no profile has, but for those that the account had before.
func profilesThere(tx *hotspotdb.Tx, names, before []string) error {
	for _, name := range names {
		if slices.Contains(before, name) {
			continue
		}
		if err := profileThere(tx, "profiles", name); err != nil {
			return err
		}
	}
	return nil
}

func profileThere(tx *hotspotdb.Tx, field, name string) error {
	_, err := tx.Profile(name)
	if isNotFound(err) {
		return refuse("%s: there is no profile %s; GET /profiles lists them", field, printable(name))
	}
	return err
}
