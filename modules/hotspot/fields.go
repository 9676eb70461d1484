package hotspot

import (
	"errors"
	"slices"
	"strings"
	"time"

	"mbox/hotspotdb"
)

// field is one thing that an operator sets by a word of a command or by a column of a CSV file. E is what is edited: an
// account or a profile.
type field[E any] struct {
	name, help string
	get        func(e *E) string
	set        func(e *E, value string) error // "" clears; an error never repeats the value
}

type (
	accountField = field[hotspotdb.AccountEdit]
	profileField = field[hotspotdb.Profile]
)

// accountColumns are the columns of a file of accounts. An empty cell clears the field of an account that an import
// updates, but for usertype, disabled and password, where it leaves what is there.
func accountColumns(now func() time.Time) []accountField {
	columns := []accountField{
		{"username", "The name to log in with; for mac the device's address",
			func(e *hotspotdb.AccountEdit) string { return e.Username },
			func(e *hotspotdb.AccountEdit, v string) error { e.Username = v; return nil }},
		{"password", "1 to 128 bytes",
			func(*hotspotdb.AccountEdit) string { return "" }, // an export opens it, and only when told to
			setPassword},
		{"usertype", "user (username and password), mac or pin; empty: user",
			func(e *hotspotdb.AccountEdit) string { return e.UserType.String() },
			setUserType},
		{"disabled", "yes or no; empty: no",
			func(e *hotspotdb.AccountEdit) string { return display(e.Disabled) },
			setDisabled},
		{"expires", "A date, a time, a span such as +30d; empty or never: never",
			func(e *hotspotdb.AccountEdit) string { return formatExpiry(e.Expires) },
			func(e *hotspotdb.AccountEdit, v string) (err error) {
				e.Expires, err = parseExpiry(v, now())
				return err
			}},
		{"profiles", "Names separated by commas or semicolons, the first wins",
			func(e *hotspotdb.AccountEdit) string { return strings.Join(e.Profiles, ",") },
			func(e *hotspotdb.AccountEdit, v string) (err error) {
				e.Profiles, err = splitProfiles(v)
				return err
			}},
	}
	return append(columns, accountDetails()...)
}

// accountDetails are the fields that `hotspot user add NAME FIELD VALUE` takes: access attributes and user info.
func accountDetails() []accountField {
	fields := attributeFields(func(e *hotspotdb.AccountEdit) *[]hotspotdb.Attribute { return &e.Attributes })
	for _, name := range hotspotdb.InfoFields {
		fields = append(fields, accountField{name, "User info: " + strings.ReplaceAll(name, "_", " "),
			func(e *hotspotdb.AccountEdit) string { return e.Info[name] },
			func(e *hotspotdb.AccountEdit, v string) error { setInfo(e, name, v); return nil }})
	}
	return fields
}

// profileColumns are the columns of a file of profiles.
func profileColumns() []profileField {
	columns := []profileField{
		{"groupname", "The profile's name: letters, digits, _ and -",
			func(p *hotspotdb.Profile) string { return p.Name },
			func(p *hotspotdb.Profile, v string) error { p.Name = v; return nil }},
		{"description", "What the profile is for",
			func(p *hotspotdb.Profile) string { return p.Description },
			func(p *hotspotdb.Profile, v string) error { p.Description = v; return nil }},
	}
	return append(columns, profileDetails()...)
}

// profileDetails are what `hotspot profile add NAME ATTRIBUTE VALUE` takes.
func profileDetails() []profileField {
	return attributeFields(func(p *hotspotdb.Profile) *[]hotspotdb.Attribute { return &p.Attributes })
}

func attributeFields[E any](of func(*E) *[]hotspotdb.Attribute) []field[E] {
	var fields []field[E]
	for _, spec := range hotspotdb.AccessAttributes {
		fields = append(fields, field[E]{spec.Name, attributeHelp(spec),
			func(e *E) string { return attribute(*of(e), spec.Name) },
			func(e *E, v string) error { return setAttribute(of(e), spec, v) }})
	}
	return fields
}

func attributeHelp(spec hotspotdb.AttributeSpec) string {
	if spec.Unit == "" {
		return spec.Help
	}
	return spec.Help + " (" + spec.Unit + ")"
}

func attribute(attributes []hotspotdb.Attribute, name string) string {
	i := slices.IndexFunc(attributes, func(a hotspotdb.Attribute) bool { return a.Name == name })
	if i < 0 {
		return ""
	}
	return attributes[i].Value
}

// setAttribute replaces, adds or removes one attribute; the others keep their order.
func setAttribute(attributes *[]hotspotdb.Attribute, spec hotspotdb.AttributeSpec, value string) error {
	list := slices.Clone(*attributes) // what it was may still be read elsewhere
	i := slices.IndexFunc(list, func(a hotspotdb.Attribute) bool { return a.Name == spec.Name })
	switch {
	case value == "" && i >= 0:
		list = slices.Delete(list, i, i+1)
	case value == "":
	case i >= 0:
		list[i].Value = value
	default:
		list = append(list, hotspotdb.Attribute{Name: spec.Name, Value: value})
	}
	*attributes = list
	return nil
}

func setInfo(e *hotspotdb.AccountEdit, name, value string) {
	if value == "" {
		delete(e.Info, name)
		return
	}
	if e.Info == nil {
		e.Info = map[string]string{}
	}
	e.Info[name] = value
}

func setPassword(e *hotspotdb.AccountEdit, value string) error {
	if value != "" {
		e.Password = &value
	}
	return nil
}

func setUserType(e *hotspotdb.AccountEdit, value string) error {
	if value == "" {
		return nil
	}
	parsed, err := hotspotdb.ParseUserType(strings.ToLower(value))
	if err != nil {
		return errors.New("expected user, mac or pin")
	}
	e.UserType = parsed
	return nil
}

func setDisabled(e *hotspotdb.AccountEdit, value string) error {
	switch strings.ToLower(value) {
	case "":
	case "yes", "true", "1":
		e.Disabled = true
	case "no", "false", "0":
		e.Disabled = false
	default:
		return errors.New("expected yes or no")
	}
	return nil
}

// splitProfiles reads a list of profile names; neither separator may be part of a name.
func splitProfiles(text string) ([]string, error) {
	var names []string
	for _, name := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' }) {
		name = strings.TrimSpace(name)
		if name == "" || slices.Contains(names, name) {
			continue
		}
		if hotspotdb.CheckGroupname(name) != nil {
			return nil, errors.New("expected names of 1 to 64 letters, digits, _ or -, separated by commas")
		}
		names = append(names, name)
	}
	return names, nil
}

// names lists what the fields are called.
func names[E any](fields []field[E]) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.name
	}
	return out
}

// find returns a field by its name, however it is capitalised or spaced: "Marital Status" is marital_status.
func find[E any](fields []field[E], name string) (field[E], bool) {
	want := plainName(name)
	i := slices.IndexFunc(fields, func(f field[E]) bool { return plainName(f.name) == want })
	if i < 0 {
		return field[E]{}, false
	}
	return fields[i], true
}

func plainName(name string) string {
	return strings.NewReplacer(" ", "", "_", "", "-", "").Replace(strings.ToLower(name))
}
