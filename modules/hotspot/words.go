package hotspot

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
)

// listed is how many live names `?` shows at most.
const listed = 20

// lister is a word for which live values exist.
type lister struct {
	modules.Type
	list func(prefix string) []modules.Candidate
}

func (l lister) List(prefix string) []modules.Candidate { return l.list(prefix) }

// userName is an account's name. `?` lists names only behind their first letters: there may be a million.
func (m *Module) userName() modules.Type {
	return lister{modules.Word("The account's username", nil), m.usersWith}
}

func (m *Module) usersWith(prefix string) []modules.Candidate {
	if prefix == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var found []modules.Candidate
	if a, err := m.db.Account(prefix); err == nil {
		found = append(found, modules.Candidate{Text: a.Username, Help: a.UserType.String()})
	}
	for a, err := range m.db.Accounts(ctx, hotspotdb.AccountFilter{After: prefix, Limit: listed - len(found)}) {
		if err != nil || !strings.HasPrefix(a.Username, prefix) {
			break // what was found is enough for a hint
		}
		found = append(found, modules.Candidate{Text: a.Username, Help: a.UserType.String()})
	}
	return found
}

// profileName is the name of a profile, which need not exist yet: a peer may send it later.
func (m *Module) profileName(help string) modules.Type {
	return lister{modules.Word(help, checkGroupName), func(prefix string) []modules.Candidate {
		profiles, err := m.db.Profiles()
		if err != nil {
			return nil
		}
		var found []modules.Candidate
		for _, p := range profiles {
			if strings.HasPrefix(p.Name, prefix) && len(found) < listed {
				found = append(found, modules.Candidate{Text: p.Name, Help: p.Description})
			}
		}
		return found
	}}
}

// checkGroupName lets "" pass: it clears a list of profiles.
func checkGroupName(name string) (string, error) {
	field := new(hotspotdb.FieldError)
	if err := hotspotdb.CheckGroupname(name); name != "" && errors.As(err, &field) {
		return "", errors.New("a profile's name " + field.Rule)
	}
	return name, nil
}

// fieldName is one of the fields; it may be abbreviated.
func fieldName[E any](help string, fields []field[E]) modules.Type {
	choices := make([]modules.Candidate, len(fields))
	for i, f := range fields {
		choices[i] = modules.Candidate{Text: f.name, Help: f.help}
	}
	return enum{modules.Enum(help, choices...), choices}
}

// enum adds the nearest word to what Enum says of a wrong one.
type enum struct {
	modules.Type
	choices []modules.Candidate
}

func (e enum) List(prefix string) []modules.Candidate {
	return e.Type.(modules.Lister).List(prefix)
}

func (e enum) Parse(word string) (any, error) {
	value, err := e.Type.Parse(word)
	if err == nil {
		return value, nil
	}
	known := make([]string, len(e.choices))
	for i, c := range e.choices {
		known[i] = c.Text
	}
	if near := nearest(word, known); near != "" {
		return nil, errors.New("no such field; did you mean " + near + "?")
	}
	return nil, err
}

// userType is user, mac or pin.
func userType() modules.Type {
	return modules.Enum("How the guest logs in",
		modules.Candidate{Text: "user", Help: "With username and password"},
		modules.Candidate{Text: "mac", Help: "By the address of the device"},
		modules.Candidate{Text: "pin", Help: "With the username alone"})
}

// expiry is a time when an account expires, as a time.Time; zero is never.
type expiry struct{ now func() time.Time }

func (t expiry) Parse(text string) (any, error) {
	if text == "" {
		return nil, errMoment
	}
	return parseExpiry(text, t.now())
}

func (t expiry) Render(v any) string {
	if at := v.(time.Time); !at.IsZero() {
		return formatExpiry(at)
	}
	return "never"
}
func (t expiry) Form() string { return "YYYY-MM-DD[THH:MM:SS]|+N{d|h|m}|never" }
func (t expiry) Help() string { return "When it expires: a date means the end of that day" }
func (t expiry) Secret() bool { return false }

// uniqueNames drops repetitions; the first place of a profile is the one that counts.
func uniqueNames(list []string) []string {
	var out []string
	for _, name := range list {
		if name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}
