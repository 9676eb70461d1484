package hotspot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
)

// quotaView is what `show hotspot quota NAME` tells.
type quotaView struct {
	Username string    `json:"username"`
	Traffic  quotaPart `json:"traffic"` // in bytes
	Time     quotaPart `json:"time"`    // in seconds
	Denied   *string   `json:"denied"`  // why nothing of it may be used; null: it may

	zone *time.Location
}

type quotaPart struct {
	Limited   bool          `json:"limited"`
	Left      *uint64       `json:"left"` // free and purchased; null: not limited
	Free      []freePart    `json:"free"`
	Purchased purchasedPart `json:"purchased"`
}

type freePart struct {
	Period string     `json:"period"` // daily, weekly, monthly or all
	Limit  uint64     `json:"limit"`
	Used   uint64     `json:"used"`
	Left   uint64     `json:"left"`
	Resets *time.Time `json:"resets"` // null: never
}

type purchasedPart struct {
	Bought uint64 `json:"bought"`
	Used   uint64 `json:"used"`
	Left   uint64 `json:"left"`
}

func quotaPartOf(u QuotaUnit) quotaPart {
	p := quotaPart{Limited: len(u.Free) > 0, Free: []freePart{}, Purchased: purchasedPart{u.Bought, u.Spent, less(u.Bought, u.Spent)}}
	if p.Limited {
		p.Left = &u.Left
	}
	for _, f := range u.Free {
		p.Free = append(p.Free, freePart{f.Period, f.Limit, f.Used, less(f.Limit, f.Used), instant(f.Resets)})
	}
	return p
}

func less(a, b uint64) uint64 { return a - min(a, b) }

func (m *Module) showQuota(_ context.Context, call modules.Call) (modules.View, error) {
	name := m.guestName(call.Values)
	id, username, err := m.quotaHolder(name)
	if err != nil {
		return nil, err
	}
	if m.quotas == nil {
		return nil, errors.New("quotas are not connected")
	}
	quota, err := m.quotas.Quota(id, m.now())
	if errors.Is(err, hotspotdb.ErrNotFound) {
		return nil, m.refusal(err, "account", name)
	}
	if err != nil {
		return nil, fmt.Errorf("read the quota of account %d: %w", id, err)
	}
	return quotaView{username, quotaPartOf(quota.Octets), quotaPartOf(quota.Seconds), known(quota.Denied), m.zone()}, nil
}

var quotaColumns = []modules.Column{
	{Name: "OF"}, {Name: "QUOTA"}, {Name: "LIMIT", Right: true}, {Name: "USED", Right: true}, {Name: "LEFT", Right: true}, {Name: "RESETS"},
}

// Text is a table of the free quotas and the purchases, then what is left of all.
func (q quotaView) Text(w io.Writer, width int) error {
	rows := append(q.Traffic.rows("traffic", displayOctets, q.zone), q.Time.rows("time", displaySpan, q.zone)...)
	p := &printer{w: w}
	if len(rows) > 0 {
		p.err = modules.Table{Columns: quotaColumns, Rows: modules.Rows(rows)}.Text(w, width)
	}
	p.printf("Traffic left : %s\nTime left    : %s\n", q.Traffic.left(displayOctets), q.Time.left(displaySpan))
	if q.Denied != nil {
		p.printf("Denied       : %s\n", *q.Denied)
	}
	return p.err
}

func (q quotaPart) left(show func(uint64) string) string {
	if q.Left == nil {
		return "no limit"
	}
	return show(*q.Left)
}

func (q quotaPart) rows(of string, show func(uint64) string, zone *time.Location) [][]string {
	var rows [][]string
	for _, f := range q.Free {
		resets := ""
		if f.Resets != nil {
			resets = timeIn(zone, *f.Resets)
		}
		rows = append(rows, []string{of, f.Period, show(f.Limit), show(f.Used), show(f.Left), resets})
	}
	if p := q.Purchased; p.Bought > 0 {
		rows = append(rows, []string{of, "purchased", show(p.Bought), show(p.Used), show(p.Left), ""})
	}
	return rows
}
