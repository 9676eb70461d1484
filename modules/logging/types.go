package logging

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"mbox/modules"
)

// local7 is the facility that IOS uses.
const local7 = 23

// facilities of RFC 5424 section 6.2.1 that a box may claim to be.
var facilities = []struct {
	name   string
	number int
}{
	{"user", 1}, {"daemon", 3}, {"auth", 4}, {"syslog", 5}, {"local0", 16}, {"local1", 17}, {"local2", 18}, {"local3", 19},
	{"local4", 20}, {"local5", 21}, {"local6", 22}, {"local7", local7},
}

func facilityType() modules.Type {
	var choices []modules.Candidate
	for _, f := range facilities {
		choices = append(choices, modules.Candidate{Text: f.name, Help: fmt.Sprintf("Facility %d", f.number)})
	}
	return modules.Enum("Facility of syslog", choices...)
}

func facilityNumber(name string) int {
	for _, f := range facilities {
		if f.name == name {
			return f.number
		}
	}
	return local7
}

func cleanOrigin(s string) (string, error) {
	if s == "" || len(s) > 255 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", errors.New("expected 1 to 255 printable ASCII characters without blanks")
	}
	return s, nil
}

func cleanRegexp(s string) (string, error) {
	if _, err := modules.CompileRegexp(s); err != nil {
		return "", fmt.Errorf("expected a regular expression: %w", err)
	}
	return s, nil
}

// nameType is the name of a module; `?` lists those that there are.
type nameType struct {
	help  string
	names func() []string
	known bool // only those
}

func (m *Module) moduleType(help string) modules.Type { return nameType{help, m.deps.Hub.names, false} }

func (m *Module) debugType() modules.Type {
	return nameType{"Module to debug", func() []string { return slices.Sorted(slices.Values(m.deps.Facilities())) }, true}
}

func (t nameType) Parse(s string) (any, error) {
	name := strings.ToLower(s)
	var match []string
	for _, have := range t.names() {
		if have == name {
			return name, nil
		}
		if name != "" && strings.HasPrefix(have, name) {
			match = append(match, have)
		}
	}
	switch {
	case len(match) == 1:
		return match[0], nil
	case !t.known && name != "" && len(match) == 0:
		return name, nil // one that has said nothing yet
	}
	return nil, errors.New("expected a module that `?` lists here")
}
func (nameType) Render(v any) string { return v.(string) }
func (nameType) Form() string        { return "MODULE" }
func (t nameType) Help() string      { return t.help }
func (nameType) Secret() bool        { return false }
func (t nameType) List(prefix string) []modules.Candidate {
	var out []modules.Candidate
	for _, name := range t.names() {
		if strings.HasPrefix(name, strings.ToLower(prefix)) {
			out = append(out, modules.Candidate{Text: name, Help: "Module " + name})
		}
	}
	return out
}

// sinceType is a moment in the past: so many minutes ago, a time of day, or a date and time.
type sinceType struct{ m *Module }

func (m *Module) sinceType() modules.Type { return sinceType{m} }

var errSince = errors.New(`expected minutes such as 10, a time such as 14:30 or 14:30:05, or a date such as 2026-01-31 or "2026-01-31 14:30"`)

func (t sinceType) Parse(s string) (any, error) {
	now, zone := t.m.deps.Now(), t.m.deps.Location()
	if n, err := strconv.Atoi(s); err == nil {
		if n < 1 || n > 10_000_000 {
			return nil, errSince
		}
		return now.Add(-time.Duration(n) * time.Minute), nil
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		if at, err := time.Parse(layout, s); err == nil {
			y, month, d := now.In(zone).Date()
			moment := time.Date(y, month, d, at.Hour(), at.Minute(), at.Second(), 0, zone)
			if moment.After(now) { // yesterday's
				moment = time.Date(y, month, d-1, at.Hour(), at.Minute(), at.Second(), 0, zone)
			}
			return moment, nil
		}
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly, "2006-01-02 15:04", time.DateTime, "2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if at, err := time.ParseInLocation(layout, s, zone); err == nil {
			return at, nil
		}
	}
	return nil, errSince
}
func (t sinceType) Render(v any) string { return v.(time.Time).Format(time.RFC3339Nano) }
func (sinceType) Form() string          { return "TIME|MINUTES" }
func (sinceType) Help() string          { return "Minutes ago, a time of day, or a date and time" }
func (sinceType) Secret() bool          { return false }
