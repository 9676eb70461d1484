package policy

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"mbox/hotspotdb"
)

// merge joins attributes: of each the first list that has it wins. The account's own come first, then its profiles' in
// their order.
func merge(lists ...[]hotspotdb.Attribute) []hotspotdb.Attribute {
	merged := []hotspotdb.Attribute{}
	for i, list := range lists {
		if i == 0 || len(merged) == 0 {
			merged = append(merged, list...)
			continue
		}
		for _, a := range list {
			if !slices.ContainsFunc(merged, func(o hotspotdb.Attribute) bool { return o.Name == a.Name }) {
				merged = append(merged, a)
			}
		}
	}
	return merged
}

// merged are the attributes in force for somebody. ok is false if one of the profiles is not there.
func (p *Policy) merged(own []hotspotdb.Attribute, profiles []string) (list []hotspotdb.Attribute, ok bool, err error) {
	lists := make([][]hotspotdb.Attribute, 1, 1+len(profiles))
	lists[0] = own
	for _, name := range profiles {
		attributes, err := p.db.ProfileAttributes(name)
		if errors.Is(err, hotspotdb.ErrNotFound) {
			return nil, false, nil
		}
		if err != nil {
			return nil, false, err
		}
		lists = append(lists, attributes)
	}
	return merge(lists...), true, nil
}

// limit is a number that may be missing.
type limit struct {
	n   uint64
	set bool
}

// rules are merged attributes, read.
type rules struct {
	session, idle time.Duration // 0: none
	up, down      uint64        // Kbps; 0: none
	simultaneous  limit
	redirect      string
	traffic       limit  // octets of one session
	octets        Quotas // of both directions
	seconds       Quotas
	hours         *hotspotdb.LoginTime
	hotspots, nas []string // nil: any
}

// megabyte is 10^6 octets: MB, not MiB.
const megabyte = 1_000_000

// parseRules reads attributes. Those that this version does not know are passed over: they cannot be enforced.
func parseRules(attributes []hotspotdb.Attribute) (rules, error) {
	var r rules
	for _, a := range attributes {
		if err := r.read(a); err != nil {
			return rules{}, fmt.Errorf("attribute %s: %w", a.Name, err)
		}
	}
	return r, nil
}

func (r *rules) read(a hotspotdb.Attribute) (err error) {
	switch a.Name {
	case "WISPr-Redirection-URL":
		r.redirect = a.Value
	case "Login-Time":
		hours, err := hotspotdb.ParseLoginTime(a.Value)
		r.hours = &hours
		return err
	case "Allowed-Hotspots":
		r.hotspots = strings.Split(a.Value, ",")
	case "Allowed-NAS":
		r.nas = strings.Split(a.Value, ",")
	case "WISPr-Bandwidth-Max-Up":
		r.up, err = number(a)
	case "WISPr-Bandwidth-Max-Down":
		r.down, err = number(a)
	case "Session-Timeout":
		r.session, err = span(a)
	case "Idle-Timeout":
		r.idle, err = span(a)
	default:
		if place, unit := r.limitOf(a.Name); place != nil {
			place.set = true
			place.n, err = number(a)
			place.n *= unit
		}
	}
	return err
}

// limitOf is where a limit of which 0 means nothing at all is kept.
func (r *rules) limitOf(name string) (place *limit, unit uint64) {
	switch name {
	case "Simultaneous-Use":
		return &r.simultaneous, 1
	case "CS-Total-MB":
		return &r.traffic, megabyte
	case "CS-Total-MB-Daily":
		return &r.octets[Daily], megabyte
	case "CS-Total-MB-Weekly":
		return &r.octets[Weekly], megabyte
	case "CS-Total-MB-Monthly":
		return &r.octets[Monthly], megabyte
	case "CS-Total-MB-All":
		return &r.octets[All], megabyte
	case "Max-Daily-Session":
		return &r.seconds[Daily], 1
	case "Max-Weekly-Session":
		return &r.seconds[Weekly], 1
	case "Max-Monthly-Session":
		return &r.seconds[Monthly], 1
	case "Max-All-Session":
		return &r.seconds[All], 1
	}
	return nil, 0
}

// number reads what AttributeSpec.Parse lets pass; a peer may have sent something else.
func number(a hotspotdb.Attribute) (uint64, error) { return strconv.ParseUint(a.Value, 10, 32) }

func span(a hotspotdb.Attribute) (time.Duration, error) {
	n, err := number(a)
	return time.Duration(n) * time.Second, err
}
