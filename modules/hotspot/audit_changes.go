package hotspot

import (
	"cmp"
	"encoding/hex"
	"strings"
	"time"

	"mbox/hotspotdb"
)

// changes writes the fields of an entry in one line: what became of each, or its name where the values are not kept. What was added had no
// values before.
func (m *Module) changes(e hotspotdb.AuditEntry) string {
	var out []string
	for _, f := range e.Fields {
		before, after := m.changed(f.Name, f.Old), m.changed(f.Name, f.New)
		switch {
		case before == "" && after == "":
			out = append(out, f.Name)
		case before == "" || e.Action == "added":
			out = append(out, f.Name+" "+after)
		default:
			out = append(out, f.Name+" "+before+" -> "+cmp.Or(after, "none"))
		}
	}
	return strings.Join(out, ", ")
}

// changed writes a value as the other commands do; the entry keeps it as any box can read it.
func (m *Module) changed(field, value string) string {
	switch field {
	case "expires":
		if at, err := time.Parse(time.RFC3339, value); err == nil {
			return m.displayTime(at)
		}
	case "validity":
		if span, err := time.ParseDuration(value); err == nil {
			return validity{}.Render(span)
		}
	case "owner":
		if id, err := hex.DecodeString(value); err == nil && len(id) == len(hotspotdb.DatabaseID{}) {
			return m.boxName(hotspotdb.DatabaseID(id))
		}
	}
	return value
}
