package freeradius

import (
	"errors"
	"math/bits"
	"strconv"
	"strings"

	"mbox/hotspotdb"
)

// A rule says what a RADIUS attribute becomes here.
type rule struct {
	to      string                            // the access attribute
	convert func(value string) (string, bool) // to its unit; nil: as it is
	how     string                            // what convert does, for the report
}

// rules hold what limits a guest, in lower case. The units on the right are those of hotspotdb.AccessAttributes: kbit/s, seconds and
// MB of 1,000,000 octets.
//
// Sources: RFC 2865 sections 5.27 and 5.28; FreeRADIUS's dictionary.freeradius.internal and rlm_sqlcounter; dictionary.wispr;
// dictionary.chillispot (bandwidth in kbit/s); daloRADIUS's dictionary for CS-*; MikroTik's manual for Mikrotik-*.
var rules = map[string]rule{
	"session-timeout":       same("Session-Timeout"),
	"idle-timeout":          same("Idle-Timeout"),
	"simultaneous-use":      same("Simultaneous-Use"),
	"login-time":            same("Login-Time"),
	"max-daily-session":     same("Max-Daily-Session"),
	"max-weekly-session":    same("Max-Weekly-Session"),
	"max-monthly-session":   same("Max-Monthly-Session"),
	"max-all-session":       same("Max-All-Session"),
	"cs-total-mb":           same("CS-Total-MB"),
	"cs-total-mb-daily":     same("CS-Total-MB-Daily"),
	"cs-total-mb-weekly":    same("CS-Total-MB-Weekly"),
	"cs-total-mb-monthly":   same("CS-Total-MB-Monthly"),
	"cs-total-mb-all":       same("CS-Total-MB-All"),
	"wispr-redirection-url": same("WISPr-Redirection-URL"),

	"wispr-bandwidth-max-up":        {"WISPr-Bandwidth-Max-Up", thousandth, "bit/s to Kbps"},
	"wispr-bandwidth-max-down":      {"WISPr-Bandwidth-Max-Down", thousandth, "bit/s to Kbps"},
	"chillispot-bandwidth-max-up":   {"WISPr-Bandwidth-Max-Up", number, "Kbps"},
	"chillispot-bandwidth-max-down": {"WISPr-Bandwidth-Max-Down", number, "Kbps"},

	"chillispot-max-total-octets": megabytes("CS-Total-MB"),
	"mikrotik-total-limit":        megabytes("CS-Total-MB"),
	"cs-total-octets":             megabytes("CS-Total-MB"),
	"cs-total-octets-daily":       megabytes("CS-Total-MB-Daily"),
	"cs-total-octets-weekly":      megabytes("CS-Total-MB-Weekly"),
	"cs-total-octets-monthly":     megabytes("CS-Total-MB-Monthly"),
	"max-daily-octets":            megabytes("CS-Total-MB-Daily"),
	"max-weekly-octets":           megabytes("CS-Total-MB-Weekly"),
	"max-monthly-octets":          megabytes("CS-Total-MB-Monthly"),
	"max-total-octets":            megabytes("CS-Total-MB-All"),
	"max-all-octets":              megabytes("CS-Total-MB-All"),
}

func same(name string) rule { return rule{to: name} }

func megabytes(name string) rule { return rule{name, millionth, "octets to MB"} }

// gigawords count 2^32 octets each, in addition to the attribute that they belong to.
var gigawords = map[string]string{
	"chillispot-max-total-gigawords": "chillispot-max-total-octets",
	"mikrotik-total-limit-gigawords": "mikrotik-total-limit",
}

// ruleName is the name under which rules has an attribute. Coova's own dictionary calls ChilliSpot's attributes by its name.
func ruleName(name string) string {
	name = strings.ToLower(name)
	if rest, ok := strings.CutPrefix(name, "coovachilli-"); ok {
		return "chillispot-" + rest
	}
	return name
}

// control are the attributes of a check list that say what holds, even with ==, which was their operator long ago.
func control(name string) bool {
	_, limit := rules[name]
	return limit && name != "session-timeout" && name != "idle-timeout" && !strings.HasPrefix(name, "wispr-") || name == "expiration"
}

// number is a whole number in its shortest form.
func number(value string) (string, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 64)
	return strconv.FormatUint(n, 10), err == nil
}

func thousandth(value string) (string, bool) { return divided(value, 1000) }
func millionth(value string) (string, bool)  { return divided(value, 1_000_000) }

// divided rounds down, so that nobody gets more than before, but a limit never becomes 0.
func divided(value string, by uint64) (string, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 64)
	if n > 0 {
		n = max(1, n/by)
	}
	return strconv.FormatUint(n, 10), err == nil
}

// withGigawords adds gigawords to octets; ok is false if either is no number, or the sum is too great.
func withGigawords(octets, giga string) (string, bool) {
	low, err := strconv.ParseUint(octets, 10, 64)
	high, err2 := strconv.ParseUint(giga, 10, 31)
	sum, carry := bits.Add64(low, high<<32, 0)
	return strconv.FormatUint(sum, 10), err == nil && err2 == nil && carry == 0
}

// rateLimit reads Mikrotik-Rate-Limit, "rx[/tx] [burst...]" in bit/s with k, M or G: rx is what the router receives from the user. burst
// says that there is more behind, which has no counterpart.
func rateLimit(value string) (up, down string, burst, ok bool) {
	fields := strings.Fields(value)
	if len(fields) == 0 {
		return "", "", false, false
	}
	rx, tx, both := strings.Cut(fields[0], "/")
	if !both {
		tx = rx
	}
	up, okUp := rate(rx)
	down, okDown := rate(tx)
	return up, down, len(fields) > 1, okUp && okDown
}

func rate(text string) (string, bool) {
	factor := uint64(1)
	if n := len(text); n > 0 {
		switch text[n-1] {
		case 'k', 'K':
			text, factor = text[:n-1], 1000
		case 'm', 'M':
			text, factor = text[:n-1], 1_000_000
		case 'g', 'G':
			text, factor = text[:n-1], 1_000_000_000
		}
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return "", false
	}
	return thousandth(strconv.FormatUint(n*factor, 10))
}

// why says why an attribute is left out.
func why(name string) string {
	switch {
	case strings.HasPrefix(name, "framed-ip"), strings.HasPrefix(name, "framed-route"), name == "framed-pool":
		return "the hotspot gives out addresses, not the account"
	case strings.HasPrefix(name, "framed-"), strings.HasPrefix(name, "login-"), name == "service-type", strings.HasPrefix(name, "callback-"):
		return "means nothing in a hotspot"
	case name == "reply-message":
		return "this box words its answers itself"
	case strings.HasSuffix(name, "-limit-gigawords"), strings.HasSuffix(name, "-recv-limit"), strings.HasSuffix(name, "-xmit-limit"),
		strings.HasPrefix(name, "chillispot-max-input"), strings.HasPrefix(name, "chillispot-max-output"):
		return "one direction alone cannot be limited, only the sum"
	case strings.HasPrefix(name, "wispr-bandwidth-min"):
		return "bandwidth is limited, never reserved"
	case strings.HasPrefix(name, "wispr-session-terminate"):
		return "use Session-Timeout, Login-Time or expires"
	case name == "acct-interim-interval":
		return "one interval for all: `interim` of security radius-server"
	case name == "group", name == "huntgroup-name", name == "hint", name == "prefix", name == "suffix":
		return "there is no such thing here"
	}
	return "no access attribute does this"
}

var errNotNumber = errors.New("the value is not a number that fits")

// limit makes an attribute of a value that is in the attribute's own unit.
func limit(name, value string) (hotspotdb.Attribute, error) {
	spec, known := hotspotdb.FindAttribute(name)
	if !known {
		return hotspotdb.Attribute{}, errors.New("this version has no such access attribute")
	}
	value, err := spec.Parse(value)
	if field := new(hotspotdb.FieldError); errors.As(err, &field) {
		return hotspotdb.Attribute{}, errors.New(field.Rule)
	}
	return hotspotdb.Attribute{Name: spec.Name, Value: value}, err
}
