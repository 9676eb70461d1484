package hotspot

import (
	"fmt"

	"mbox/modules/hotspot/freeradius"
)

// judge joins the entries of one user with those that match every user, as rlm_files does: in the order of the file, up to
// the first one that matches and does not fall through. Entries that hold for some logins only are left out, unless the user has
// no other: then they are what limits the account. It returns nil if nothing is left.
func (i *migration) judge(entries []freeradius.Entry, defaults []*defaultEntry) *guest {
	g := &guest{name: entries[0].Name, line: entries[0].Line, table: "users"}
	grants := i.usable(entries)
	for next := 0; ; {
		var stop bool
		switch {
		case next < len(grants) && (len(defaults) == 0 || grants[next].line < defaults[0].line):
			stop = g.join(grants[next].grant, nil)
			next++
		case len(defaults) > 0:
			stop = len(defaults[0].grant.Conditional) == 0 && g.join(defaults[0].grant, defaults[0])
			if stop && next == 0 {
				i.unreached(entries[0], defaults[0].line)
				return nil
			}
			defaults = defaults[1:]
		default:
			return g
		}
		if stop {
			for _, late := range grants[next:] {
				i.unreached(late.entry, g.line)
			}
			return g
		}
	}
}

// judged is an entry and what it means.
type judged struct {
	line  int
	entry freeradius.Entry
	grant freeradius.Grant
}

// usable translates the entries of a user. Of several, those that hold for some logins only are left out.
func (i *migration) usable(entries []freeradius.Entry) []judged {
	var always, sometimes []judged
	for _, e := range entries {
		j := judged{e.Line, e, freeradius.Translate(e.Items, i.zone)}
		if len(j.grant.Conditional) > 0 {
			sometimes = append(sometimes, j)
			continue
		}
		always = append(always, j)
	}
	if len(always) == 0 {
		always, sometimes = sometimes[:1], sometimes[1:]
	}
	for _, j := range sometimes {
		i.left.add(j.line, "users", j.entry.Name, "", "an entry that holds for some logins only, beside others of this user")
	}
	return always
}

func (i *migration) unreached(e freeradius.Entry, line int) {
	i.left.add(e.Line, "users", e.Name, "", fmt.Sprintf("it is never reached: the entry in line %d has no Fall-Through", line))
}

// join takes one entry in, which is of every user if d is set, and says whether it ends the search.
func (g *guest) join(grant freeradius.Grant, d *defaultEntry) (stop bool) {
	layer := freeradius.Layer{Limits: grant.Limits}
	if d != nil {
		grant.Notes, layer.Profile = nil, freeradius.Default // notes count once, with the profile
		if d.profile.Name != "" {
			g.profiles = append(g.profiles, d.profile)
		}
	}
	g.grants, g.layers = append(g.grants, grant), append(g.layers, layer)
	return grant.Through != freeradius.Go
}
