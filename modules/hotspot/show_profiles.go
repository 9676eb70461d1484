package hotspot

import (
	"context"
	"encoding/json"
	"io"
	"strings"

	"mbox/hotspotdb"
	"mbox/modules"
)

func (m *Module) showProfiles(_ context.Context, call modules.Call) (modules.View, error) {
	if name := modules.Get[string](call.Values, "NAME"); name != "" {
		p, err := m.db.Profile(name)
		if err != nil {
			return nil, m.refusal(err, "profile", name)
		}
		return inFull{profileObject(p), m.zone()}, nil
	}
	profiles, err := m.db.Profiles()
	if err != nil {
		return nil, err
	}
	return profileList(profiles), nil
}

func profileObject(p hotspotdb.Profile) object {
	o := object{
		{"groupname", "Profile", p.Name},
		{"description", "Description", known(p.Description)},
		{"attributes", "", attributeMap(p.Attributes)},
	}
	for _, a := range p.Attributes {
		o = append(o, attributeMember(a))
	}
	return append(o,
		member{"created", "Created", instant(p.Created)},
		member{"createdby", "Created by", known(p.CreatedBy)},
		member{"updated", "Updated", instant(p.Updated)},
		member{"updatedby", "Updated by", known(p.UpdatedBy)})
}

// profileList is a list of profiles.
type profileList []hotspotdb.Profile

var profileListColumns = []modules.Column{
	{Name: "PROFILE", Min: 12}, {Name: "ATTRIBUTES", Min: 16}, {Name: "DESCRIPTION", Min: 8, Weight: 4, Cut: true},
}

func (l profileList) Text(w io.Writer, width int) error {
	rows := func(yield func([]string, error) bool) {
		for _, p := range l {
			var attributes []string
			for _, a := range p.Attributes {
				attributes = append(attributes, a.Name+"="+a.Value)
			}
			if !yield([]string{p.Name, strings.Join(attributes, " "), p.Description}, nil) {
				return
			}
		}
	}
	return modules.Table{Columns: profileListColumns, Rows: rows}.Text(w, width)
}

// MarshalJSON is a list of profiles in full.
func (l profileList) MarshalJSON() ([]byte, error) {
	out := []object{}
	for _, p := range l {
		out = append(out, profileObject(p))
	}
	return json.Marshal(out)
}
