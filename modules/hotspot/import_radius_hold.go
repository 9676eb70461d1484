package hotspot

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"mbox/hotspotdb"
	"mbox/modules/hotspot/freeradius"
)

// Bounds of what is held of a user.
const (
	maxUserItems  = 1000
	maxUserSize   = 1 << 20 // octets
	maxUserGroups = 64
	rowOverhead   = 100 // octets that a row takes beside its text
)

// holding gathers the rows of users, which lie scattered over several tables. When they are more than fit, it keeps those
// whose names fall into the first of a number of parts, and each of the others is read again: so the memory that an import
// takes does not grow with the file.
type holding struct {
	most  int // octets
	held  int
	parts int // a power of two
	part  int
	seed  maphash.Seed
	users map[string]*heldUser
	words map[string]string // attributes and operators, each held once; at most maxWords
}

// heldUser is what the tables have of one user.
type heldUser struct {
	name   string
	line   int
	check  bool // there is a row in radcheck
	over   bool // there are more attributes than are held
	items  []freeradius.Item
	groups []membership
	info   map[string]string
	notes  []freeradius.Note
	size   int
}

type membership struct {
	group    string
	priority int
}

const maxWords = 1000

func newHolding(most int) *holding {
	return &holding{most: most, parts: 1, seed: maphash.MakeSeed(), users: map[string]*heldUser{}, words: map[string]string{}}
}

// begin starts another part.
func (h *holding) begin(part int) {
	h.part, h.held, h.users = part, 0, map[string]*heldUser{}
}

func (h *holding) mine(name string) bool {
	return int(maphash.String(h.seed, name)%uint64(h.parts)) == h.part
}

// add takes a row in, if it is of this part.
func (h *holding) add(row freeradius.Row) error {
	name := row.Get("username")
	if !h.mine(name) {
		return nil
	}
	u := h.users[name]
	if u == nil {
		u = &heldUser{name: strings.Clone(name), line: row.Line}
		h.users[u.name] = u
	}
	before := u.size
	switch row.Table {
	case freeradius.RadUserGroup:
		h.member(u, row)
	case freeradius.UserInfo:
		h.inform(u, row)
	default:
		h.attribute(u, row)
	}
	h.held += u.size - before
	return h.shrink()
}

func (h *holding) attribute(u *heldUser, row freeradius.Row) {
	if len(u.items) == maxUserItems || u.size > maxUserSize {
		u.over = true // FreeRADIUS could not have sent so many
		return
	}
	item := itemOf(row)
	if item.Check && !u.check {
		u.check, u.line = true, row.Line
	}
	item.Name, item.Op, item.Value = h.word(item.Name), h.word(item.Op), strings.Clone(item.Value)
	u.items = append(u.items, item)
	u.size += rowOverhead + len(item.Value)
}

func (h *holding) member(u *heldUser, row freeradius.Row) {
	name := row.Get("groupname")
	if name == "" || len(u.groups) == maxUserGroups {
		return
	}
	priority, _ := strconv.Atoi(row.Get("priority")) // without one: the schema's default is 1, and 0 sorts the same way among equals
	u.groups = append(u.groups, membership{h.word(name), priority})
	u.size += rowOverhead
}

// word returns one copy of a word that comes often.
func (h *holding) word(s string) string {
	if w, known := h.words[s]; known {
		return w
	}
	s = strings.Clone(s)
	if len(h.words) < maxWords {
		h.words[s] = s
	}
	return s
}

// shrink halves what is held, as often as needed, in the first reading; the parts are small enough then for the others.
func (h *holding) shrink() error {
	for h.held > h.most && h.part == 0 && h.parts < 1<<16 {
		h.parts *= 2
		for name, u := range h.users {
			if !h.mine(name) {
				h.held -= u.size
				delete(h.users, name)
			}
		}
	}
	return nil
}

// accounts stores the users of one part, in the order of the file.
func (i *migration) accounts(ctx context.Context, hold *holding, groups *groupSet) error {
	users := make([]*heldUser, 0, len(hold.users))
	for _, u := range hold.users {
		users = append(users, u)
	}
	slices.SortFunc(users, func(a, b *heldUser) int { return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.name, b.name)) })
	chunk := make([]moved, 0, min(chunkRows, len(users)))
	for _, u := range users {
		if u.over {
			i.result.Accounts.LeftOut++
			i.left.add(u.line, freeradius.RadCheck, u.name, "", fmt.Sprintf("more than %d attributes, or 1 MiB", maxUserItems))
			continue
		}
		if chunk = append(chunk, i.move(i.guestOf(u, groups))); len(chunk) == chunkRows {
			if err := i.commit(ctx, chunk); err != nil {
				return err
			}
			chunk = chunk[:0]
		}
	}
	return i.commit(ctx, chunk)
}

// guestOf joins what a user and his groups have, as rlm_sql does: the user's own lists, unless they say Fall-Through = No those of
// his groups by priority, up to the first group that does not say Fall-Through = Yes.
func (i *migration) guestOf(u *heldUser, groups *groupSet) *guest {
	slices.SortStableFunc(u.items, func(a, b freeradius.Item) int { return rank(a) - rank(b) })
	own := freeradius.Translate(u.items, i.zone)
	g := &guest{name: u.name, line: u.line, table: freeradius.RadCheck, partial: !u.check, info: u.info, notes: u.notes,
		grants: []freeradius.Grant{own}, layers: []freeradius.Layer{{Limits: own.Limits}}}
	if own.Profile != "" {
		u.groups = append([]membership{{own.Profile, -1 << 31}}, u.groups...)
	}
	slices.SortStableFunc(u.groups, func(a, b membership) int { return cmp.Compare(a.priority, b.priority) })
	reached := own.Through != freeradius.Stop
	for _, m := range u.groups {
		of := groups.byName[m.group]
		switch {
		case of == nil: // User-Profile of a group that no table has
			g.leave(u.line, m.group, "no table has this group")
		case of.rejects:
			g.grants[0].Reject = true
			g.notes = append(g.notes, freeradius.Note{Line: u.line, Name: "(group)", To: "disabled", Reason: "a member of a group that is rejected"})
		case !reached:
			g.leave(u.line, m.group, "never reached: what comes before has no Fall-Through")
		default:
			g.joinGroup(of)
			reached = of.grant.Through == freeradius.Go
		}
	}
	return g
}

func (g *guest) leave(line int, group, reason string) {
	g.notes = append(g.notes, freeradius.Note{Line: line, Name: "(group)", Reason: group + ": " + reason})
}

// joinGroup gives the guest the group's profile, and of its attributes what no profile can have.
func (g *guest) joinGroup(of *group) {
	grant := of.grant
	grant.Notes, grant.Conditional = nil, nil // they are the profile's
	g.grants = append(g.grants, grant)
	g.layers = append(g.layers, freeradius.Layer{Limits: grant.Limits, Profile: of.profile.Name})
	g.profiles = append(g.profiles, of.profile)
	if grant.Accept && g.partial { // the group alone lets its members in
		g.partial = false
	}
}

// infoColumns are daloRADIUS's names of user info where they differ from ours; of several the first that holds something counts.
var infoColumns = []struct{ column, field string }{
	{"mobilephone", "mobile"}, {"homephone", "mobile"}, {"workphone", "mobile"},
}

// houseKeeping are columns of userinfo that say nothing of a person.
var houseKeeping = []string{"id", "username", "creationdate", "creationby", "updatedate", "updateby", "changeuserinfo", "enableportallogin",
	"portalloginpassword"}

func (h *holding) inform(u *heldUser, row freeradius.Row) {
	info, used := map[string]string{}, map[string]bool{}
	take := func(column, field string) {
		value := oneLine(row.Get(column))
		if value == "" || info[field] != "" {
			return
		}
		if used[column] = true; len(value) > maxInfoValue || !utf8.ValidString(value) {
			h.leave(u, row.Line, column, "too long, or not UTF-8")
			return
		}
		info[field] = value
	}
	for _, name := range hotspotdb.InfoFields {
		take(name, name)
	}
	for _, c := range infoColumns {
		take(c.column, c.field)
	}
	for _, column := range []string{"city", "state"} { // here they are parts of the address
		if more := oneLine(row.Get(column)); more != "" && len(info["address"])+len(more) < maxInfoValue-1 && utf8.ValidString(more) {
			info["address"], used[column] = strings.TrimPrefix(info["address"]+", "+more, ", "), true
		}
	}
	for _, column := range row.Columns() {
		if !used[column] && !slices.Contains(houseKeeping, column) {
			h.leave(u, row.Line, column, "no field of user info is for this")
		}
	}
	u.info = info
	for _, value := range info {
		u.size += len(value) + rowOverhead
	}
}

func (h *holding) leave(u *heldUser, line int, column, reason string) {
	if len(u.notes) < maxUserGroups {
		u.notes = append(u.notes, freeradius.Note{Line: line, Name: h.word(column), Reason: reason, Table: freeradius.UserInfo})
	}
}

// maxInfoValue is the most octets of a field of user info.
const maxInfoValue = 1024

// oneLine joins lines: user info has no control characters.
func oneLine(text string) string {
	var parts []string
	for part := range strings.FieldsFuncSeq(text, unicode.IsControl) {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}
