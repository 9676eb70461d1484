package hotspot

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"mbox/hotspotdb"
	"mbox/modules"
)

// sessionFields are the fields of a session as the REST API names them. Input is what the user received: the reverse of
// RFC 2866, in whose sense the database keeps the counters. One row is what one box served of a session, so the sums
// over the rows of a multisessionid are those of the session.
func sessionFields(s hotspotdb.Segment) object {
	return object{
		{"radacctid", "ID", s.ID},
		{"multisessionid", "Session", known(s.MultiSessionID)},
		{"segment", "Segment", s.Number},
		{"acctsessionid", "", known(s.AcctSessionID)},
		{"hotspot", "Hotspot", known(s.Hotspot)},
		{"username", "Username", known(s.Username)},
		{"nas", "NAS", known(s.NAS)},
		{"macaddress", "MAC", known(s.MAC)},
		{"calledstationid", "", known(s.CalledStationID)},
		{"ipaddress", "IP", known(s.IPAddress)},
		{"acctstarttime", "Start", instant(s.Start)},
		{"acctstoptime", "Stop", instant(s.Stop)},
		{"acctsessiontime", "Seconds", s.SessionTime()},
		{"acctinputoctets", "Download", s.OutputOctets()},
		{"acctoutputoctets", "Upload", s.InputOctets()},
		{"acctterminatecause", "Cause", known(s.TerminateCause)},
	}
}

func sessionColumns() []string {
	var out []string
	for _, f := range sessionFields(hotspotdb.Segment{}) {
		out = append(out, f.key)
	}
	return out
}

func sessionCells(s hotspotdb.Segment) []string {
	var out []string
	for _, f := range sessionFields(s) {
		out = append(out, display(f.value))
	}
	return out
}

// sessionList is a list of sessions, newest first.
type sessionList struct {
	m        *Module
	sessions []hotspotdb.Segment
	more     bool // than limit
	limit    int
	typed    bool // the operator chose the limit
}

func (m *Module) showSessions(ctx context.Context, call modules.Call) (modules.View, error) {
	v := call.Values
	limit := modules.Get[int](v, "N")
	l := sessionList{m: m, limit: limit, typed: limit > 0}
	if !l.typed {
		l.limit = m.maxJSON // the history may be too long for memory
	}
	filter := hotspotdb.SegmentFilter{Username: m.guestName(v), Limit: l.limit + 1}
	if filter.Username != "" {
		var err error
		if filter.Accounts, _, err = m.recorded(filter.Username); err != nil {
			return nil, err
		}
	}
	if active := v.Has("active"); active || v.Has("history") {
		filter.Active = &active
	}
	sessions, err := m.db.Segments(ctx, filter)
	if err != nil {
		return nil, err
	}
	l.more = len(sessions) > l.limit
	l.sessions = sessions[:min(len(sessions), l.limit)]
	return l, nil
}

var sessionListColumns = []modules.Column{
	{Name: "USERNAME", Min: 12}, {Name: "HOTSPOT", Min: 8}, {Name: "MAC"}, {Name: "IP", Min: 15}, {Name: "START"}, {Name: "STOP"},
	{Name: "TIME"}, {Name: "DOWNLOAD"}, {Name: "UPLOAD"}, {Name: "CAUSE", Min: 8, Weight: 4, Cut: true},
}

func (l sessionList) Text(w io.Writer, width int) error {
	rows := func(yield func([]string, error) bool) {
		for _, s := range l.sessions {
			if !yield(l.row(s), nil) {
				return
			}
		}
	}
	table := modules.Table{Columns: sessionListColumns, Rows: rows}
	if err := table.Text(w, width); err != nil || !l.more {
		return err
	}
	_, err := fmt.Fprintf(w, "There are more than these %d; raise the limit, or export them.\n", l.limit)
	return err
}

// MarshalJSON is a list of sessions with all fields. Without a limit it refuses what would not fit rather than leave
// some out.
func (l sessionList) MarshalJSON() ([]byte, error) {
	if l.more && !l.typed {
		return nil, l.m.tooMany("sessions")
	}
	sessions := make([]object, len(l.sessions))
	for i, s := range l.sessions {
		sessions[i] = sessionFields(s)
	}
	return json.Marshal(sessions)
}

func (l sessionList) row(s hotspotdb.Segment) []string {
	return []string{s.Username, s.Hotspot, s.MAC, s.IPAddress, l.m.displayTime(s.Start), l.m.displayTime(s.Stop),
		displaySpan(s.SessionTime()),
		displayOctets(s.OutputOctets()),
		displayOctets(s.InputOctets()), s.TerminateCause}
}

// displaySpan writes seconds as hours, minutes and seconds.
func displaySpan(seconds uint64) string {
	return fmt.Sprintf("%d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
}

// displayOctets writes bytes in the largest decimal unit that leaves a whole number in front.
func displayOctets(n uint64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n), -1
	for value >= 999.95 && unit < 4 {
		value /= 1000
		unit++
	}
	return fmt.Sprintf("%.1f %cB", value, "kMGTP"[unit])
}
