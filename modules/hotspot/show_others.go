package hotspot

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"mbox/hotspotdb"
	"mbox/modules"
)

func (m *Module) showStatistics(context.Context, modules.Call) (modules.View, error) {
	return statistics(m.db.Statistics()), nil
}

// statistics counts what the database holds.
type statistics hotspotdb.Statistics

func (s statistics) Text(w io.Writer, _ int) error {
	_, err := fmt.Fprintf(w, "Users           : %d\nProfiles        : %d\nSessions active : %d\nSessions        : %d\nSticky          : %d\nVouchers        : %d\n",
		s.Users, s.Profiles, s.SessionsActive, s.Sessions, s.Sticky, s.Vouchers)
	return err
}

func (m *Module) showSticky(context.Context, modules.Call) (modules.View, error) {
	bindings, err := m.db.Stickies()
	if err != nil {
		return nil, err
	}
	return stickyList(bindings), nil
}

// stickyList is a list of devices bound to accounts.
type stickyList []hotspotdb.Binding

var stickyColumns = []modules.Column{
	{Name: "MAC"}, {Name: "USERNAME", Min: 12}, {Name: "HOTSPOT", Min: 8, Weight: 4, Cut: true}, {Name: "MODE"}, {Name: "DAYS"},
	{Name: "FIRST LOGIN"}, {Name: "LAST LOGOUT"}, {Name: "EXPIRES"},
}

func (l stickyList) Text(w io.Writer, width int) error {
	rows := func(yield func([]string, error) bool) {
		for _, s := range l {
			row := []string{s.MAC, s.Username, s.Hotspot, s.Mode.String(), fmt.Sprint(s.Days),
				displayTime(s.FirstLogin), displayTime(s.LastLogout), displayTime(s.Expires)}
			if !yield(row, nil) {
				return
			}
		}
	}
	return modules.Table{Columns: stickyColumns, Rows: rows}.Text(w, width)
}

// MarshalJSON is a list of bindings with all fields.
func (l stickyList) MarshalJSON() ([]byte, error) {
	out := []object{}
	for _, s := range l {
		out = append(out, stickyObject(s))
	}
	return json.Marshal(out)
}

func stickyObject(s hotspotdb.Binding) object {
	return object{
		{"macaddress", "", s.MAC},
		{"username", "", s.Username},
		{"hotspot", "", known(s.Hotspot)},
		{"mode", "", s.Mode.String()},
		{"days", "", s.Days},
		{"firstlogin", "", instant(s.FirstLogin)},
		{"lastlogout", "", instant(s.LastLogout)},
		{"expires", "", instant(s.Expires)},
	}
}
