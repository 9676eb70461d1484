package hotspot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mbox/hotspotdb"
	"mbox/modules"
	"mbox/modules/hotspot/freeradius"
)

// tables imports the tables of a file: groups, then accounts, then sessions. The first reading holds the groups, and as many
// accounts as fit; the others take readings of their own.
func (i *migration) tables(ctx context.Context, t *tableFile, terminal modules.Terminal) error {
	i.result.Format = t.format
	hold := newHolding(i.m.holdRadius)
	groups := &groupSet{migration: i, byName: map[string]*group{}}
	rows := map[string]int{}
	bar := progress(terminal, t.file, "lines")
	err := t.eachRow(ctx, i.badRow, func(row freeradius.Row) error {
		if rows[row.Table]++; rows[row.Table]%chunkRows == 0 {
			bar(row.Line)
		}
		return i.sort(row, hold, groups)
	})
	i.readings(rows, t.others())
	if err != nil {
		return err
	}
	if err := groups.store(ctx, t.single); err != nil {
		return err
	}
	for part := 0; part < hold.parts; part++ {
		if part > 0 {
			hold.begin(part)
			err := t.eachRow(ctx, nil, func(row freeradius.Row) error { return i.sort(row, hold, nil) })
			if err != nil {
				return err
			}
		}
		if err := i.accounts(ctx, hold, groups); err != nil {
			return err
		}
	}
	if rows[freeradius.RadAcct] == 0 {
		return nil
	}
	return i.sessions(ctx, t, bar)
}

func (i *migration) badRow(e *freeradius.LineError) {
	i.left.add(e.Line, e.Table, "", "", e.Reason)
	switch e.Table {
	case freeradius.RadAcct:
		i.result.Sessions.LeftOut++
	case freeradius.RadGroupCheck, freeradius.RadGroupReply:
		i.result.Profiles.LeftOut++
	default:
		i.result.Accounts.LeftOut++
	}
}

// sort takes a row to where it belongs; groups are nil when they are known already.
func (i *migration) sort(row freeradius.Row, hold *holding, groups *groupSet) error {
	switch row.Table {
	case freeradius.RadGroupCheck, freeradius.RadGroupReply:
		if groups != nil {
			return groups.add(row)
		}
	case freeradius.RadUserGroup:
		if groups != nil {
			if err := groups.mention(row.Get("groupname"), row.Line); err != nil {
				return err
			}
		}
		return hold.add(row)
	case freeradius.RadCheck, freeradius.RadReply, freeradius.UserInfo:
		return hold.add(row)
	}
	return nil
}

// itemOf makes an item of a row.
func itemOf(row freeradius.Row) freeradius.Item {
	check := row.Table == freeradius.RadCheck || row.Table == freeradius.RadGroupCheck
	item := freeradius.Item{Name: row.Get("attribute"), Op: strings.TrimSpace(row.Get("op")), Value: row.Get("value"), Check: check, Line: row.Line, Table: row.Table}
	if item.Op == "" { // rlm_sql takes == for check items and = for reply items then
		item.Op = "="
	}
	return item
}

// Bounds of groups.
const (
	maxGroups     = 10_000
	maxGroupItems = 1000
)

// group is a group of FreeRADIUS, which is a profile here.
type group struct {
	line    int
	items   []freeradius.Item
	grant   freeradius.Grant
	profile hotspotdb.Profile // with the attributes that it has here in the end
	rejects bool              // daloRADIUS puts the disabled into a group
}

type groupSet struct {
	*migration
	byName map[string]*group
	order  []string
}

// disabledGroup is where daloRADIUS puts accounts that it disables.
const disabledGroup = "daloRADIUS-Disabled-Users"

func (s *groupSet) mention(name string, line int) error {
	if s.byName[name] != nil || name == "" {
		return nil
	}
	if len(s.order) == maxGroups {
		return modules.Errorf("the file has more than %d groups", maxGroups)
	}
	s.byName[name] = &group{line: line, rejects: name == disabledGroup}
	s.order = append(s.order, strings.Clone(name))
	return nil
}

func (s *groupSet) add(row freeradius.Row) error {
	name := row.Get("groupname")
	if err := s.mention(name, row.Line); err != nil || name == "" {
		return err
	}
	g := s.byName[name]
	if len(g.items) == maxGroupItems {
		return modules.Errorf("a group has more than %d attributes, the last in line %d", maxGroupItems, row.Line)
	}
	g.items = append(g.items, itemOf(row))
	return nil
}

// store makes profiles of the groups. fill adds to those that are there already.
func (s *groupSet) store(ctx context.Context, fill bool) error {
	var chunk []moved
	taken := map[string]bool{}
	for _, name := range s.order {
		g := s.byName[name]
		slices.SortStableFunc(g.items, func(a, b freeradius.Item) int { return rank(a) - rank(b) })
		g.grant = freeradius.Translate(g.items, s.zone)
		if g.rejects = g.rejects || g.grant.Reject; g.rejects {
			continue // its members are disabled, that is all it does
		}
		g.profile = hotspotdb.Profile{Name: profileNameOf(name, taken), Attributes: freeradius.Attributes(g.grant.Limits)}
		notes := g.grant.Notes
		for _, condition := range g.grant.Conditional {
			notes = append(notes, freeradius.Note{Line: g.line, Name: condition, Reason: "the profile holds for every login"})
		}
		if g.profile.Name != name {
			g.profile.Description = name
			notes = append(notes, freeradius.Note{Line: g.line, Name: "(group)", To: "profile", Reason: "renamed: letters, digits, _ and - only"})
		}
		if err := s.present(g, fill); err != nil {
			return err
		}
		chunk = append(chunk, s.moveProfile(g.profile, g.line, freeradius.RadUserGroup, fill, notes))
	}
	return s.commit(ctx, chunk)
}

// rank puts check items first, as rlm_sql reads them first.
func rank(i freeradius.Item) int {
	if i.Check {
		return 0
	}
	return 1
}

// present takes the attributes of a profile that is there already: accounts get what differs as their own.
func (s *groupSet) present(g *group, fill bool) error {
	old, err := s.m.db.Profile(g.profile.Name)
	if errors.Is(err, hotspotdb.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for profile %s: %w", g.profile.Name, err)
	}
	if len(g.items) > 0 && !fill && !slices.Equal(old.Attributes, g.profile.Attributes) {
		s.left.add(g.line, freeradius.RadGroupReply, g.profile.Name, "", "there is a profile of this name already, which stays; accounts get what differs as their own")
	}
	if fill {
		old.Attributes = append(old.Attributes, missing(old.Attributes, g.profile.Attributes)...)
	}
	g.profile.Attributes = old.Attributes
	return nil
}

// profileNameOf makes a group's name one that a profile may have.
func profileNameOf(name string, taken map[string]bool) string {
	clean := strings.Map(func(r rune) rune {
		if r < 0x80 && hotspotdb.CheckGroupname(string(r)) == nil {
			return r
		}
		return '_'
	}, name)
	const longest = 60 // leaves room for a number
	clean = clean[:min(len(clean), longest)]
	for n := 1; ; n++ {
		unique := clean
		if n > 1 {
			unique += "-" + strconv.Itoa(n)
		}
		if !taken[unique] {
			taken[unique] = true
			return unique
		}
	}
}
