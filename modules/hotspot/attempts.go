package hotspot

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
)

// attemptRow is a login attempt with the names of the REST API, and where it was seen.
type attemptRow struct {
	Time            *time.Time `json:"time"`
	Username        string     `json:"username"` // as it was sent, made printable
	Reply           string     `json:"reply"`    // Access-Accept or Access-Reject
	Reason          string     `json:"reason"`   // one word
	Message         *string    `json:"message"`  // what the guest was told
	MAC             *string    `json:"macaddress"`
	NAS             *string    `json:"nas"`
	Hotspot         *string    `json:"hotspot"`
	CalledStationID *string    `json:"calledstationid"`
	Box             string     `json:"box"`
}

// RADIUS's names of the two answers, RFC 2865 section 3.
const (
	replyAccept = "Access-Accept"
	replyReject = "Access-Reject"
)

func reply(a hotspotdb.Attempt) string {
	if a.Accepted {
		return replyAccept
	}
	return replyReject
}

func (m *Module) attemptRow(a hotspotdb.Attempt) attemptRow {
	return attemptRow{instant(a.At), a.Username, reply(a), a.Reason, known(a.Reply), known(a.MAC), known(a.NAS), known(a.Hotspot), known(a.CalledStationID), m.boxName(a.Box)}
}

// attemptList is a list of login attempts, newest first.
type attemptList struct {
	m        *Module
	attempts []hotspotdb.Attempt
	limited
}

func (m *Module) showAttempts(ctx context.Context, call modules.Call) (modules.View, error) {
	v := call.Values
	l := attemptList{m: m, limited: m.limitOf(v)}
	filter := hotspotdb.AttemptFilter{MAC: modules.Get[string](v, "MAC"), Limit: l.limit + 1}
	if v.Has("rejected") {
		no := false
		filter.Accepted = &no
	}
	if name := m.guestName(v); name != "" {
		var err error
		if _, filter.Named, err = m.recorded(name); err != nil {
			return nil, err
		}
	}
	attempts, err := m.db.Attempts(ctx, filter)
	if err != nil {
		return nil, err
	}
	l.attempts = cut(attempts, &l.limited)
	return l, nil
}

var attemptColumns = []modules.Column{
	{Name: "TIME"}, {Name: "USERNAME", Min: 12}, {Name: "REPLY"}, {Name: "REASON"}, {Name: "MAC"}, {Name: "HOTSPOT", Min: 8}, {Name: "NAS", Min: 8}, {Name: "BOX", Min: 8},
}

func (l attemptList) Text(w io.Writer, width int) error {
	rows := func(yield func([]string, error) bool) {
		for _, a := range l.attempts {
			row := []string{l.m.displayTime(a.At), a.Username, reply(a), a.Reason, a.MAC, a.Hotspot, a.NAS, l.m.boxName(a.Box)}
			if !yield(row, nil) {
				return
			}
		}
	}
	if err := (modules.Table{Columns: attemptColumns, Rows: rows}).Text(w, width); err != nil {
		return err
	}
	return l.writeMore(w)
}

// MarshalJSON is a list of attempts. Without a limit it refuses what would not fit rather than leave some out.
func (l attemptList) MarshalJSON() ([]byte, error) {
	if l.more && !l.typed {
		return nil, l.m.tooMany("login attempts")
	}
	rows := []attemptRow{}
	for _, a := range l.attempts {
		rows = append(rows, l.m.attemptRow(a))
	}
	return json.Marshal(rows)
}

// macAddress is a device's address in any of the usual forms, as 3A-71-B4-E9-F7-99.
func macAddress() modules.Type {
	return modules.Word("The device's MAC address", func(text string) (string, error) {
		mac, err := hotspotdb.ParseMAC(text)
		if err != nil {
			return "", errors.New("expected a MAC address such as 3A-71-B4-E9-F7-99")
		}
		return hotspotdb.FormatMAC(mac), nil
	})
}
