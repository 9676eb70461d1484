package hotspotdb

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Attribute is an access attribute of an account or a profile.
type Attribute struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// AttributeSpec describes an access attribute.
type AttributeSpec struct {
	Name string
	Unit string // Kbps, s, MB (1,000,000 octets), sessions, URL, hours (of LoginTime) or names (separated by commas)
	Help string
}

// AccessAttributes lists the attributes that accounts and profiles may have.
var AccessAttributes = []AttributeSpec{
	{"WISPr-Bandwidth-Max-Up", "Kbps", "Upload bandwidth"},
	{"WISPr-Bandwidth-Max-Down", "Kbps", "Download bandwidth"},
	{"Session-Timeout", "s", "Longest session"},
	{"Idle-Timeout", "s", "Longest time without traffic"},
	{"Simultaneous-Use", "sessions", "Sessions at the same time"},
	{"CS-Total-MB", "MB", "Traffic of one session"},
	{"CS-Total-MB-Daily", "MB", "Traffic in a day"},
	{"CS-Total-MB-Weekly", "MB", "Traffic in a week"},
	{"CS-Total-MB-Monthly", "MB", "Traffic in a month"},
	{"CS-Total-MB-All", "MB", "Traffic altogether"},
	{"Max-Daily-Session", "s", "Time online in a day"},
	{"Max-Weekly-Session", "s", "Time online in a week"},
	{"Max-Monthly-Session", "s", "Time online in a month"},
	{"Max-All-Session", "s", "Time online altogether"},
	{"Login-Time", "hours", "When it may be used, as Wk0800-1800,Sa"},
	{"Allowed-Hotspots", "names", "Only in these hotspots (NAS-Identifier)"},
	{"Allowed-NAS", "names", "Only through these RADIUS clients"},
	{"WISPr-Redirection-URL", "URL", "Page shown after login"},
}

const maxURL = 253 // RFC 2865 section 5: the value of an attribute, less the vendor's header

// Parse checks a value of the attribute and returns it in its one form: no leading zeros, no spaces.
func (s AttributeSpec) Parse(value string) (string, error) {
	switch s.Unit {
	case "URL":
		u, err := url.Parse(value)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || len(value) > maxURL {
			return "", refuse(s.Name, "expected an http or https URL of at most %d bytes", maxURL)
		}
		return value, nil
	case "hours":
		_, err := ParseLoginTime(value)
		return value, err
	case "names":
		return s.parseNames(value)
	}
	n, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		return "", refuse(s.Name, "expected a whole number of %s, at most 4294967295", s.Unit)
	}
	return strconv.FormatUint(n, 10), nil
}

// Bounds of a list of names.
const (
	maxNames     = 64
	maxNamesText = 4096 // bytes
)

// parseNames tidies a list of names: no spaces around them, none twice.
func (s AttributeSpec) parseNames(value string) (string, error) {
	if err := checkText(s.Name, value, 1, maxNamesText); err != nil {
		return "", err
	}
	var names []string
	for name := range strings.SplitSeq(value, ",") {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 || len(names) > maxNames {
		return "", refuse(s.Name, "expected 1 to %d names separated by commas", maxNames)
	}
	return strings.Join(names, ","), nil
}

// FindAttribute finds an access attribute by its name, in any case.
func FindAttribute(name string) (AttributeSpec, bool) {
	i := slices.IndexFunc(AccessAttributes, func(s AttributeSpec) bool { return strings.EqualFold(s.Name, name) })
	if i < 0 {
		return AttributeSpec{}, false
	}
	return AccessAttributes[i], true
}

// checkAttributes returns the attributes with names and values in their one form. An attribute that this version does
// not know but the record had before is kept.
func checkAttributes(attributes, before []Attribute) ([]Attribute, error) {
	if len(attributes) > maxAttrs {
		return nil, refuse("attributes", "at most %d", maxAttrs)
	}
	checked := make([]Attribute, 0, len(attributes))
	seen := make(map[string]bool, len(attributes))
	for _, a := range attributes {
		spec, known := FindAttribute(a.Name)
		switch {
		case known:
			value, err := spec.Parse(a.Value)
			if err != nil {
				return nil, err
			}
			a = Attribute{spec.Name, value}
		case !slices.Contains(before, a):
			return nil, refuse("attribute "+strconv.Quote(a.Name), "is not an access attribute")
		}
		if seen[a.Name] {
			return nil, refuse(a.Name, "is given twice")
		}
		seen[a.Name] = true
		checked = append(checked, a)
	}
	return checked, nil
}
