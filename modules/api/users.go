package api

import (
	"reflect"
	"slices"
	"strings"

	"mbox/hotspotdb"
)

// userInfo is what is known of a person. Its members are those of hotspotdb.InfoFields.
type userInfo struct {
	Firstname      *string `json:"firstname"`
	Lastname       *string `json:"lastname"`
	Email          *string `json:"email"`
	Mobile         *string `json:"mobile"`
	Gender         *string `json:"gender"`
	Race           *string `json:"race"`
	Religion       *string `json:"religion"`
	Nationality    *string `json:"nationality"`
	Profession     *string `json:"profession"`
	Interests      *string `json:"interests"`
	MaritalStatus  *string `json:"marital_status"`
	Birthdate      *string `json:"birthdate"`
	Locale         *string `json:"locale"`
	PassportNricNo *string `json:"passport_nric_no"`
	Company        *string `json:"company"`
	Address        *string `json:"address"`
	Country        *string `json:"country"`
	Zip            *string `json:"zip"`
}

// members are the fields of the user info, by name.
func (i *userInfo) members() map[string]**string {
	out := map[string]**string{}
	v := reflect.ValueOf(i).Elem()
	for _, f := range fields(v.Type()) {
		out[f.name] = v.FieldByIndex(f.index).Addr().Interface().(**string)
	}
	return out
}

func infoOf(a hotspotdb.Account) (info userInfo) {
	for name, member := range info.members() {
		*member = known(a.Info[name])
	}
	return info
}

// put writes what was sent into an account; "" clears a field.
func (i *userInfo) put(a *hotspotdb.Account) {
	for name, member := range i.members() {
		switch {
		case *member == nil:
		case **member == "":
			delete(a.Info, name)
		default:
			a.Info[name] = **member
		}
	}
}

// masked stands for a password.
const masked = "********"

// user is an account as it is shown.
type user struct {
	ID       uint64  `json:"id"`
	Username string  `json:"username"`
	Password *string `json:"password" doc:"Masked; null if the account has none"`
	Usertype string  `json:"usertype" enum:"Username-Password,Auth-Type" doc:"Username-Password for a user, Auth-Type for mac and pin"`
	Authtype string  `json:"authtype" enum:"user,mac,pin" doc:"How the guest proves who he is"`
	Disabled bool    `json:"disabled"`
	State    string  `json:"state" enum:"active,disabled,expired"`
	Expires  *stamp  `json:"expires" doc:"null: never. In the time zone of the box"`
	Profiles string  `json:"profiles" doc:"Names separated by commas; the first one wins"`
	userInfo
	Access    accessValues `json:"attributes" doc:"The account's own access attributes; they override the profiles'"`
	Created   *stamp       `json:"created"`
	CreatedBy *string      `json:"createdby"`
	Updated   *stamp       `json:"updated"`
	UpdatedBy *string      `json:"updatedby"`
}

func (c *call) showUser(a hotspotdb.Account) user {
	u := user{
		ID: a.ID, Username: a.Username, Usertype: shownType(a.UserType), Authtype: a.UserType.String(), Disabled: a.Disabled, State: c.state(a),
		Expires: c.at(a.Expires), Profiles: strings.Join(a.Profiles, ","), userInfo: infoOf(a), Access: accessOf(a.Attributes),
		Created: c.at(a.Created), CreatedBy: known(a.CreatedBy), Updated: c.at(a.Updated), UpdatedBy: known(a.UpdatedBy),
	}
	if a.HasPassword {
		u.Password = known(masked)
	}
	return u
}

// showChanged is what the answer to a change shows. Writing does not include reading: who may only write is not told what he
// did not send.
func (c *call) showChanged(a hotspotdb.Account) user {
	u := c.showUser(a)
	if c.user.may(usersRead) {
		return u
	}
	return user{
		ID: u.ID, Username: u.Username, Usertype: u.Usertype, Authtype: u.Authtype, Disabled: u.Disabled, State: u.State, Access: accessValues{},
	}
}

func shownType(t hotspotdb.UserType) string {
	if t == hotspotdb.UserPassword {
		return "Username-Password"
	}
	return "Auth-Type"
}

func (c *call) state(a hotspotdb.Account) string {
	switch {
	case a.Disabled:
		return "disabled"
	case !a.Expires.IsZero() && !c.Now().Before(a.Expires):
		return "expired"
	}
	return "active"
}

// Parameters of several lists.
var (
	byUsername  = text("username", "The whole username")
	searchUsers = search("the username or any of the user info")
	afterUser   = idNumber("after", "Only accounts behind the one with this id: page by page, nothing is missed although accounts come and go")
)

var userQuery = []parameter{
	byUsername,
	searchUsers,
	text("profile", "Only accounts that have this profile"),
	oneOf("usertype", "Only this kind", "user", "mac", "pin"),
	truth("disabled", "Only accounts that are, or are not, disabled"),
	afterUser,
}

// listUsers lists accounts in an order that no change of them changes.
func listUsers(c *call) (any, error) { return c.users(value[string](c, "profile")) }

func (c *call) users(profile string) (any, error) {
	s := hotspotdb.AccountSelect{Profile: profile, Disabled: given[bool](c, "disabled")}
	if word := value[string](c, "usertype"); word != "" {
		t, err := hotspotdb.ParseUserType(word)
		if err != nil {
			return nil, err
		}
		s.UserType = &t
	}
	out := []user{}
	if name := value[string](c, "username"); name != "" {
		c.last = true
		a, err := c.DB.Account(name)
		if isNotFound(err) || err == nil && (c.skip() > 0 || !c.finds(a) || !selects(s, a)) {
			return out, nil
		}
		return append(out, c.showUser(a)), err
	}
	page, err := c.accountPage(s)
	for _, a := range page {
		out = append(out, c.showUser(a))
	}
	return out, err
}

// accountPage is the page that was asked for. With a filter all accounts are read.
func (c *call) accountPage(s hotspotdb.AccountSelect) (page []hotspotdb.Account, err error) {
	read := func() error {
		var more bool
		page, more, err = c.DB.AccountPage(c.ctx(), s, value[uint64](c, "after"), c.skip(), c.perPage())
		c.last = !more
		return err
	}
	switch {
	case value[string](c, "search") != "":
		err = c.scan(func() error { page, err = c.searchAccounts(s); return err })
	case s == (hotspotdb.AccountSelect{}):
		err = read()
	default:
		err = c.scan(read)
	}
	return page, err
}

// searchAccounts goes through all accounts, some at a time, because user info is not kept with what AccountPage looks at.
func (c *call) searchAccounts(s hotspotdb.AccountSelect) (page []hotspotdb.Account, err error) {
	after, skip := value[uint64](c, "after"), c.skip()
	for more := true; more; {
		var some []hotspotdb.Account
		if some, more, err = c.DB.AccountPage(c.ctx(), hotspotdb.AccountSelect{}, after, 0, maxPerPage); err != nil {
			return nil, err
		}
		for _, a := range some {
			after = a.ID
			switch {
			case !c.finds(a) || !selects(s, a):
			case skip > 0:
				skip--
			case len(page) == c.perPage():
				return page, nil
			default:
				page = append(page, a)
			}
		}
	}
	c.last = true
	return page, nil
}

// finds says whether an account has what is searched for.
func (c *call) finds(a hotspotdb.Account) bool {
	part := strings.ToLower(value[string](c, "search"))
	if strings.Contains(strings.ToLower(a.Username), part) {
		return true
	}
	for _, text := range a.Info {
		if strings.Contains(strings.ToLower(text), part) {
			return true
		}
	}
	return false
}

// selects is what AccountPage does for a single account.
func selects(s hotspotdb.AccountSelect, a hotspotdb.Account) bool {
	return (s.Profile == "" || slices.Contains(a.Profiles, s.Profile)) &&
		(s.Disabled == nil || *s.Disabled == a.Disabled) && (s.UserType == nil || *s.UserType == a.UserType)
}

// pathID is the id in the path.
func (c *call) pathID() (uint64, error) {
	id, err := parseID(c.r.PathValue("id"))
	if err != nil {
		return 0, refuse("id: %v", err)
	}
	return id, nil
}

// getAccount reads an account and the tag of exactly that version.
func (c *call) getAccount() (hotspotdb.Account, error) {
	id, err := c.pathID()
	if err != nil {
		return hotspotdb.Account{}, err
	}
	for {
		before, err := c.DB.AccountVersion(id)
		if err != nil {
			return hotspotdb.Account{}, noUser(err, id)
		}
		a, err := c.DB.AccountByID(id)
		if err != nil {
			return hotspotdb.Account{}, noUser(err, id)
		}
		after, err := c.DB.AccountVersion(id)
		if err != nil {
			return hotspotdb.Account{}, noUser(err, id)
		}
		if before == after {
			c.etag = tagOf(after)
			return a, nil
		}
		if err := c.ctx().Err(); err != nil {
			return hotspotdb.Account{}, err
		}
	}
}

func getUser(c *call) (any, error) {
	a, err := c.getAccount()
	return c.showUser(a), err
}
