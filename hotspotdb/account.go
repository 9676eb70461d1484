package hotspotdb

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"mbox/proto/hotspotpb"
)

// UserType says how a guest proves who he is.
type UserType uint8

// The user types.
const (
	UserPassword UserType = iota // username and password
	UserMAC                      // the device's MAC address is the username
	UserPIN                      // a username alone
)

var userTypeNames = []string{"user", "mac", "pin"}

func (t UserType) String() string {
	if int(t) >= len(userTypeNames) {
		return fmt.Sprintf("usertype(%d)", uint8(t))
	}
	return userTypeNames[t]
}

// MarshalText makes a UserType its name in JSON.
func (t UserType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// ParseUserType finds a user type by its name.
func ParseUserType(name string) (UserType, error) {
	i := slices.Index(userTypeNames, name)
	if i < 0 {
		return 0, refuse("usertype", "expected user, mac or pin")
	}
	return UserType(i), nil
}

// Account is a guest's account: Access and Self in one.
type Account struct {
	ID          uint64            `json:"id"`
	Username    string            `json:"username"` // NAME~ and the id in base 36 if NameTaken
	UserType    UserType          `json:"usertype"`
	HasPassword bool              `json:"has_password"`
	Disabled    bool              `json:"disabled"`
	Expires     time.Time         `json:"expires,omitzero"` // zero: never
	Profiles    []string          `json:"profiles"`         // in priority order
	Attributes  []Attribute       `json:"attributes"`       // override the profiles'
	Info        map[string]string `json:"info"`             // by the names in InfoFields; no empty values
	Created     time.Time         `json:"created"`
	CreatedBy   string            `json:"createdby"`
	Updated     time.Time         `json:"updated"`
	UpdatedBy   string            `json:"updatedby"`
	NameTaken   bool              `json:"name_taken"` // another account claimed the username before this one
}

// AccountEdit is what EditAccount offers for change. ID, HasPassword, Created, Updated and NameTaken are ignored.
type AccountEdit struct {
	Account
	Password *string // nil: as it is; "": none
}

// accountParts is an account as it is stored.
type accountParts struct {
	id        uint64
	access    *hotspotpb.Access
	self      *hotspotpb.Self // nil: none was written
	nameTaken bool
}

func (p *accountParts) account() Account {
	a := Account{
		ID: p.id, Username: p.access.Username, UserType: UserType(p.access.Usertype), Disabled: p.access.Disabled,
		Expires: seconds(p.access.ExpiresS), Profiles: append([]string{}, p.access.Profiles...),
		Attributes: fromAttributes(p.access.Attributes), Info: map[string]string{}, NameTaken: p.nameTaken,
		Created: micros(p.access.CreatedUs), CreatedBy: p.access.CreatedBy,
		Updated: micros(p.access.UpdatedUs), UpdatedBy: p.access.UpdatedBy,
	}
	if p.nameTaken {
		a.Username = knownAs(a.Username, p.id)
	}
	if p.self == nil {
		return a
	}
	a.HasPassword = len(p.self.Password) > 0
	for i, field := range infoRefs(p.self) {
		if *field != "" {
			a.Info[InfoFields[i]] = *field
		}
	}
	if p.self.UpdatedUs > p.access.UpdatedUs {
		a.Updated, a.UpdatedBy = micros(p.self.UpdatedUs), p.self.UpdatedBy
	}
	return a
}

// InfoFields names the user info, in the order in which it is shown.
var InfoFields = []string{
	"firstname", "lastname", "email", "mobile", "gender", "race", "religion", "nationality", "profession", "interests",
	"marital_status", "birthdate", "locale", "passport_nric_no", "company", "address", "country", "zip",
}

// infoRefs are the fields of a Self in the order of InfoFields.
func infoRefs(s *hotspotpb.Self) []*string {
	return []*string{
		&s.Firstname, &s.Lastname, &s.Email, &s.Mobile, &s.Gender, &s.Race, &s.Religion, &s.Nationality, &s.Profession,
		&s.Interests, &s.MaritalStatus, &s.Birthdate, &s.Locale, &s.PassportNricNo, &s.Company, &s.Address, &s.Country, &s.Zip,
	}
}

// put writes what an operator may change into the parts, and says which of the two it changed.
func (p *accountParts) put(a *Account) (accessChanged, selfChanged bool, err error) {
	attributes, err := checkAttributes(a.Attributes, fromAttributes(p.access.Attributes))
	if err != nil {
		return false, false, err
	}
	if err := a.check(); err != nil {
		return false, false, err
	}
	access := proto.CloneOf(p.access)
	access.Usertype = hotspotpb.UserType(a.UserType)
	access.Disabled = a.Disabled
	access.ExpiresS = toSeconds(a.Expires)
	access.Profiles = a.Profiles
	access.Attributes = toAttributes(attributes)
	self := p.self
	if self == nil {
		self = &hotspotpb.Self{}
	}
	changed := proto.CloneOf(self)
	for i, field := range infoRefs(changed) {
		*field = a.Info[InfoFields[i]]
	}
	accessChanged, selfChanged = !proto.Equal(access, p.access), !proto.Equal(changed, self)
	p.access = access
	if selfChanged {
		p.self = changed
	}
	return accessChanged, selfChanged, nil
}

func (a *Account) check() error {
	if int(a.UserType) >= len(userTypeNames) {
		return refuse("usertype", "expected user, mac or pin")
	}
	if len(a.Profiles) > maxProfiles {
		return refuse("profiles", "at most %d", maxProfiles)
	}
	for i, name := range a.Profiles {
		if err := CheckGroupname(name); err != nil {
			return refuse("profiles", "%q: %v", name, err)
		}
		if slices.Contains(a.Profiles[:i], name) {
			return refuse("profiles", "%q is given twice", name)
		}
	}
	if !a.Expires.IsZero() && (a.Expires.Unix() <= 0 || a.Expires.Year() > 9999) {
		return refuse("expires", "must lie between 1970 and 9999")
	}
	for _, field := range slices.Sorted(maps.Keys(a.Info)) {
		if !slices.Contains(InfoFields, field) {
			return refuse(field, "is not a user info field")
		}
		if err := checkText(field, a.Info[field], 0, maxInfo); err != nil {
			return err
		}
	}
	return nil
}

// accountAAD binds a sealed password to its account.
func accountAAD(id uint64) []byte { return binary.BigEndian.AppendUint64(nil, id) }

func (db *DB) seal(id uint64, password string) ([]byte, error) {
	if err := CheckPassword(password); err != nil {
		return nil, err
	}
	if db.opts.Sealer == nil {
		return nil, fmt.Errorf("seal a password: %w", errNoSealer)
	}
	sealed, err := db.opts.Sealer.Seal([]byte(password), accountAAD(id))
	if err != nil {
		return nil, fmt.Errorf("seal a password: %w", err)
	}
	return sealed, nil
}

func fromAttributes(list []*hotspotpb.Attribute) []Attribute {
	out := make([]Attribute, len(list))
	for i, a := range list {
		out[i] = Attribute{a.Name, a.Value}
	}
	return out
}

func toAttributes(list []Attribute) []*hotspotpb.Attribute {
	var out []*hotspotpb.Attribute
	for _, a := range list {
		out = append(out, &hotspotpb.Attribute{Name: a.Name, Value: a.Value})
	}
	return out
}

func micros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

func toMicros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func seconds(s int64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}

func toSeconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
