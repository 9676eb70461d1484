package freeradius

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"mbox/hotspotdb"
)

// Through is what Fall-Through says about the entries and groups behind.
type Through uint8

// The answers.
const (
	Unsaid Through = iota
	Stop
	Go
)

// Limit is an access attribute and how it joins those that were there before.
type Limit struct {
	hotspotdb.Attribute
	Replaces bool // :=; otherwise it counts only if there is none yet
}

// Note says what became of one item.
type Note struct {
	Line   int
	Name   string // of the RADIUS attribute
	To     string // what it became; empty: it was left out
	Reason string // why it was left out, or how it was translated; empty: taken as it was
	Table  string // where it stood, if not where the rest did
}

// Grant is what a list of items means.
type Grant struct {
	Password *string   // in clear
	Hash     string    // a password that is known as this kind of hash alone, such as NT-Password
	Header   string    // that hash as {SCHEME}TEXT
	Reject   bool      // Auth-Type := Reject
	Accept   bool      // Auth-Type := Accept: no password is asked for
	Expires  time.Time // zero: nothing said
	Limits   []Limit
	Profile  string // User-Profile: the group whose attributes come before
	Through  Through
	// Conditional names the attributes that a request must have for the items to count, and that have no counterpart here.
	Conditional []string
	Notes       []Note
}

// translator makes a Grant. Dates without a zone are in zone.
type translator struct {
	Grant
	zone *time.Location
	giga map[string]string // ruleName of octets -> gigawords
}

// Translate says what items mean.
func Translate(items []Item, zone *time.Location) Grant {
	t := &translator{zone: zone, giga: map[string]string{}}
	for _, item := range items {
		if octets, ok := gigawords[ruleName(item.Name)]; ok {
			t.giga[octets] = item.Value
		}
	}
	for _, item := range items {
		t.item(item)
	}
	return t.Grant
}

func (t *translator) note(item Item, to, reason string) {
	t.Notes = append(t.Notes, Note{Line: item.Line, Name: item.Name, To: to, Reason: reason, Table: item.Table})
}

func (t *translator) leave(item Item, reason string) { t.note(item, "", reason) }

func (t *translator) item(item Item) {
	name := ruleName(item.Name)
	r, limits := rules[name]
	_, giga := gigawords[name]
	switch {
	case name == "fall-through":
		t.Through = Stop
		if strings.EqualFold(item.Value, "yes") || item.Value == "1" {
			t.Through = Go
		}
	case item.Value == "":
		t.leave(item, "it has no value")
	case strings.Contains(item.Value, "%{"):
		t.leave(item, "the value is worked out at each login")
	case t.credential(item):
	case item.Check && item.Op == "==" && !control(name):
		t.condition(item)
	case !item.sets() && !(item.Check && item.Op == "=="):
		t.compare(item)
	case name == "expiration":
		t.expiration(item)
	case name == "user-profile":
		t.Profile = item.Value
		t.note(item, "profile", "")
	case name == "mikrotik-rate-limit":
		t.rateLimit(item)
	case giga: // counted with the octets
		t.gigawords(item, gigawords[name])
	case limits:
		t.limit(item, name, r)
	default:
		t.leave(item, why(name))
	}
}

// compare is for operators other than ==: in a check list they are conditions, in a reply list they take attributes away.
func (t *translator) compare(item Item) {
	t.leave(item, "the operator "+item.Op+" has no counterpart")
	if item.Check {
		t.Conditional = append(t.Conditional, item.Name)
	}
}

// condition keeps where a guest may log in, and leaves the rest.
func (t *translator) condition(item Item) {
	to := ""
	switch {
	case item.is("NAS-Identifier"):
		to = "Allowed-Hotspots"
	case item.is("NAS-IP-Address", "NAS-IPv6-Address"):
		to = "Allowed-NAS"
	}
	if to != "" {
		if a, err := limit(to, item.Value); err == nil && !strings.Contains(item.Value, ",") {
			t.Limits = append(t.Limits, Limit{a, true})
			t.note(item, to, "condition to limit")
			return
		}
	}
	t.leave(item, "a condition on the login that has no counterpart")
	t.Conditional = append(t.Conditional, item.Name)
}

func (t *translator) expiration(item Item) {
	at, ok := parseDate(item.Value, t.zone)
	if !ok {
		t.leave(item, "the date cannot be read")
		t.Conditional = append(t.Conditional, item.Name) // without it the account would never expire
		return
	}
	if t.Expires.IsZero() || at.Before(t.Expires) {
		t.Expires = at
	}
	t.note(item, "expires", "")
}

func (t *translator) limit(item Item, name string, r rule) {
	value, ok := item.Value, true
	if giga, more := t.giga[name]; more {
		value, ok = withGigawords(value, giga)
	}
	if r.convert != nil && ok {
		value, ok = r.convert(value)
	}
	if !ok {
		t.refuse(item, errNotNumber)
		return
	}
	if value == "0" && r.to == "CS-Total-MB" && r.convert != nil {
		t.leave(item, "0 is no limit at this kind of access point")
		return
	}
	t.add(item, r.to, value, r.how)
}

// gigawords is for gigawords without their octets.
func (t *translator) gigawords(item Item, octets string) {
	if slices.ContainsFunc(t.Limits, func(l Limit) bool { return l.Name == rules[octets].to }) {
		t.note(item, rules[octets].to, "octets to MB")
		return
	}
	if value, ok := withGigawords("0", item.Value); ok {
		value, _ = millionth(value)
		t.add(item, rules[octets].to, value, "octets to MB")
		return
	}
	t.refuse(item, errNotNumber)
}

func (t *translator) rateLimit(item Item) {
	up, down, burst, ok := rateLimit(item.Value)
	if !ok {
		t.refuse(item, errNotNumber)
		return
	}
	how := "rx/tx to Kbps"
	if burst {
		how += ", without bursts"
	}
	t.add(item, "WISPr-Bandwidth-Max-Up", up, how)
	t.add(item, "WISPr-Bandwidth-Max-Down", down, how)
}

// add takes a limit. Where two attributes of one list mean the same, the tighter one counts.
func (t *translator) add(item Item, name, value, how string) {
	a, err := limit(name, value)
	if err != nil {
		t.refuse(item, err)
		return
	}
	t.note(item, a.Name, how)
	l := Limit{a, item.Op == ":=" || item.Check}
	i := slices.IndexFunc(t.Limits, func(l Limit) bool { return l.Name == a.Name })
	switch {
	case i < 0:
		t.Limits = append(t.Limits, l)
	case tighter(a, t.Limits[i].Attribute):
		t.Limits[i] = l
	}
}

// refuse leaves out a limit that cannot be read. What it would have limited must not become unlimited.
func (t *translator) refuse(item Item, err error) {
	t.leave(item, err.Error())
	t.Conditional = append(t.Conditional, item.Name)
}

// tighter compares numbers; the first of two texts counts. 0 is no limit for times and bandwidth, and nothing at all for quotas.
func tighter(a, b hotspotdb.Attribute) bool {
	x, err := strconv.ParseUint(a.Value, 10, 64)
	y, err2 := strconv.ParseUint(b.Value, 10, 64)
	if err != nil || err2 != nil {
		return false
	}
	if strings.HasSuffix(a.Name, "-Timeout") || strings.HasPrefix(a.Name, "WISPr-") {
		x, y = x-1, y-1 // 0 becomes the greatest
	}
	return x < y
}
