package aaa

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"mbox/modules"
)

// LogView is `show security radius-log`, the newest entry last.
type LogView struct {
	Entries []LogEntry `json:"entries"`
	records []Record
	now     time.Time // in the zone of the box
}

// LogEntry is a Record as JSON.
type LogEntry struct {
	Time      time.Time `json:"time"`
	Type      string    `json:"type"`
	Result    string    `json:"result"`
	Client    *string   `json:"client"`
	Address   string    `json:"address"`
	Username  *string   `json:"username"`
	MAC       *string   `json:"macaddress"`
	Hotspot   *string   `json:"hotspot"`
	Session   *string   `json:"acctsessionid"`
	Reason    *string   `json:"reason"`
	Message   *string   `json:"message"`
	Forwarded *string   `json:"forwarded_to"`
	Micros    int64     `json:"duration_us"`
	Count     int       `json:"count"`
}

func entryOf(r *Record) LogEntry {
	known := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	return LogEntry{
		Time: r.Time.UTC().Round(0), Type: r.Type, Result: r.Result, Client: known(r.Client), Address: r.Address, Username: known(r.Username), MAC: known(r.MAC),
		Hotspot: known(r.Hotspot), Session: known(r.Session), Reason: known(r.Reason), Message: known(r.Message), Forwarded: known(r.Forwarded),
		Micros: r.Micros, Count: r.Count,
	}
}

func (m *Module) showLog(_ context.Context, call modules.Call) (modules.View, error) {
	limit := maxShown
	if call.Values.Has("N") {
		limit = modules.Get[int](call.Values, "N")
	}
	f := recordFilter{
		username: modules.Get[string](call.Values, "USER"), mac: modules.Get[string](call.Values, "MAC"),
		client: modules.Get[string](call.Values, "CLIENT"), result: modules.Get[string](call.Values, "RESULT"),
	}
	v := LogView{Entries: []LogEntry{}, now: m.deps.Now(), records: m.journal.find(f.match, limit)}
	for i := range v.records {
		v.Entries = append(v.Entries, entryOf(&v.records[i]))
	}
	return v, nil
}

var logColumns = []modules.Column{
	{Name: "TIME"}, {Name: "CLIENT", Min: 6, Cut: true}, {Name: "TYPE"}, {Name: "RESULT"}, {Name: "USERNAME", Min: 10, Cut: true},
	{Name: "MAC"}, {Name: "MS", Right: true}, {Name: "REASON", Min: 10, Weight: 4},
}

// Text is a table.
func (v LogView) Text(w io.Writer, width int) error {
	if len(v.Entries) == 0 {
		_, err := io.WriteString(w, "There is nothing like this in the radius log.\n")
		return err
	}
	layout := v.layout(width)
	rows := func(yield func([]string, error) bool) {
		for _, r := range v.records {
			if !yield(r.row(r.Time.In(v.now.Location()).Format(layout)), nil) {
				return
			}
		}
	}
	return modules.Table{Columns: logColumns, Rows: rows}.Text(w, width)
}

// layout is how times are written: without the day if all are of today and the terminal is narrow.
func (v LogView) layout(width int) string {
	const wide = 100 // columns
	if width <= 0 || width >= wide {
		return time.DateTime
	}
	today := v.now.Format(time.DateOnly)
	for _, r := range v.records {
		if r.Time.In(v.now.Location()).Format(time.DateOnly) != today {
			return time.DateTime
		}
	}
	return time.TimeOnly
}

// shortTypes are types as a narrow table has them.
var shortTypes = map[string]string{typeAuth: "auth", typeAcct: "acct", typeDrop: "", typeDisconnect: "dm", typeCoA: "coa"}

func (r Record) row(at string) []string {
	client := r.Client
	if client == "" {
		client = r.Address
	}
	var why []string
	for _, part := range []string{r.Reason, r.Message} {
		if part != "" && part != "ok" {
			why = append(why, part)
		}
	}
	reason := strings.Join(why, ": ")
	if r.Forwarded != "" {
		reason = strings.TrimSpace("sent on to " + r.Forwarded + " " + reason)
	}
	if r.Count > 1 {
		reason += fmt.Sprintf(" (%d times)", r.Count)
	}
	return []string{
		at, client, shortTypes[r.Type], r.Result, r.Username, r.MAC, fmt.Sprintf("%.1f", float64(r.Micros)/1000), reason,
	}
}
