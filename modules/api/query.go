package api

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"mbox/hotspotdb"
)

// Bounds of pages, and of texts in a query.
const (
	defaultPerPage = 100
	maxPerPage     = 1000
	maxPage        = 1_000_000
	maxQueryText   = 253 // the longest username, RFC 2865 section 5
)

func paging() []parameter {
	return []parameter{
		number("page", "Number of the page, from 1", 1, maxPage, 1),
		number("perPage", "Entries of a page", 1, maxPerPage, defaultPerPage),
	}
}

func (c *call) page() int    { return max(1, value[int](c, "page")) }
func (c *call) skip() int    { return (c.page() - 1) * c.perPage() }
func (c *call) perPage() int { return cmp.Or(value[int](c, "perPage"), defaultPerPage) }

// parameters are all that a route takes.
func (r *route) parameters() []parameter {
	if !r.paged {
		return r.query
	}
	return append(slices.Clone(r.query), paging()...)
}

// readQuery parses the query: unknown parameters, those that are given twice and those of a wrong form are refused.
func (c *call) readQuery() error {
	typed, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return refuse("the query cannot be read; send %%XX for what is no letter or digit, such as %%26 for & and %%3B for ;")
	}
	known := c.route.parameters()
	c.query = map[string]any{}
	for name, values := range typed {
		i := slices.IndexFunc(known, func(p parameter) bool { return p.name == name })
		switch {
		case i < 0:
			return refuse("%s: is not a parameter here; known are %s", printable(name), parameterNames(known))
		case len(values) > 1:
			return refuse("%s: is given twice; send it once", name)
		case values[0] == "":
			continue
		}
		if c.query[name], err = known[i].parse(c, values[0]); err != nil {
			return refuse("%s: %v", name, err)
		}
	}
	return nil
}

func parameterNames(known []parameter) string {
	if len(known) == 0 {
		return "none"
	}
	names := make([]string, len(known))
	for i, p := range known {
		names[i] = p.name
	}
	return strings.Join(names, ", ")
}

func number(name, help string, lo, hi, otherwise int) parameter {
	return parameter{
		name: name, help: help, of: object{"type": "integer", "minimum": lo, "maximum": hi, "default": otherwise},
		parse: func(_ *call, text string) (any, error) {
			n, err := strconv.Atoi(text)
			if err != nil || n < lo || n > hi {
				return nil, fmt.Errorf("expected a number from %d to %d", lo, hi)
			}
			return n, nil
		},
	}
}

// idNumber is the id of a user.
func idNumber(name, help string) parameter {
	return parameter{
		name: name, help: help, of: object{"type": "integer", "minimum": 1, "maximum": maxID},
		parse: func(_ *call, text string) (any, error) { return parseID(text) },
	}
}

// maxID is the greatest id: 53 bits, so that it is exact in JSON.
const maxID = 1<<53 - 1

func parseID(text string) (uint64, error) {
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil || id == 0 || id > maxID {
		return 0, errors.New("expected the id of a user, a number; GET /users?username=NAME shows it")
	}
	return id, nil
}

// text is matched whole, unless the help says otherwise.
func text(name, help string) parameter {
	return parameter{
		name: name, help: help, of: object{"type": "string", "maxLength": maxQueryText},
		parse: func(_ *call, text string) (any, error) {
			if len(text) > maxQueryText || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
				return nil, fmt.Errorf("expected a text of at most %d bytes without control characters", maxQueryText)
			}
			return text, nil
		},
	}
}

// search is matched against part of some fields, in any case.
func search(in string) parameter {
	return text("search", "Only where this is part of "+in+", in any case")
}

func truth(name, help string) parameter {
	return parameter{
		name: name, help: help, of: object{"type": "boolean"},
		parse: func(_ *call, text string) (any, error) {
			switch text {
			case "true":
				return true, nil
			case "false":
				return false, nil
			}
			return nil, errors.New("expected true or false")
		},
	}
}

func oneOf(name, help string, words ...string) parameter {
	return parameter{
		name: name, help: help, of: object{"type": "string", "enum": words},
		parse: func(_ *call, text string) (any, error) {
			if !slices.Contains(words, text) {
				return nil, fmt.Errorf("expected one of %s", strings.Join(words, ", "))
			}
			return text, nil
		},
	}
}

// device is a MAC address in any of the usual forms; its value is in the one of the database.
func device(name, help string) parameter {
	return parameter{
		name: name, help: help, of: object{"type": "string", "examples": []string{"3A-71-B4-E9-F7-99"}},
		parse: func(_ *call, text string) (any, error) {
			mac, err := hotspotdb.ParseMAC(text)
			if err != nil {
				return nil, errors.New("expected a MAC address like 3A-71-B4-E9-F7-99")
			}
			return hotspotdb.FormatMAC(mac), nil
		},
	}
}

// since and until are the limits of a time: from the one up to, but not including, the other. A limit in whole days or seconds
// takes in all of them.
func since() parameter {
	return moment("startTime", "Only from this time on", func(begin, _ time.Time) time.Time { return begin })
}

func until() parameter {
	return moment("endTime", "Only up to this time; a date takes in that day", func(_, end time.Time) time.Time { return end })
}

func moment(name, help string, pick func(begin, end time.Time) time.Time) parameter {
	return parameter{
		name: name, help: help + ". In the time zone of the box unless it names one",
		of: object{"type": "string", "examples": []string{"2025-07-22", "2025-07-22 08:33:50", "2025-07-22T08:33:50+08:00"}},
		parse: func(c *call, text string) (any, error) {
			begin, end, err := parseMoment(text, c.Location())
			return pick(begin, end), err
		},
	}
}

var errMoment = errors.New("expected a date or time such as 2025-07-22, 2025-07-22 08:33:50 or 2025-07-22T08:33:50Z")

// parseMoment reads a day or a second: when it begins, and when the next one does.
func parseMoment(text string, zone *time.Location) (begin, end time.Time, err error) {
	if begin, err = time.ParseInLocation(time.DateOnly, text, zone); err == nil {
		return begin, begin.AddDate(0, 0, 1), checkYear(begin)
	}
	for _, layout := range []string{screenTime, "2006-01-02T15:04:05"} {
		if begin, err = time.ParseInLocation(layout, text, zone); err == nil {
			return begin, begin.Add(time.Second), checkYear(begin)
		}
	}
	if begin, err = time.Parse(time.RFC3339, text); err == nil {
		return begin, begin.Add(time.Second), checkYear(begin)
	}
	return time.Time{}, time.Time{}, errMoment
}

func checkYear(t time.Time) error {
	if year := t.UTC().Year(); year < 1970 || year > 9998 {
		return errMoment
	}
	return nil
}

// screenTime is how times read in answers, in the time zone of the box.
const screenTime = time.DateTime

// stamp is a time as answers have it.
type stamp string

// at is nil for the zero time.
func (c *call) at(t time.Time) *stamp {
	if t.IsZero() {
		return nil
	}
	s := stamp(t.In(c.Location()).Format(screenTime))
	return &s
}

// known is nil for "", so that the answer says null for what is not known.
func known(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
