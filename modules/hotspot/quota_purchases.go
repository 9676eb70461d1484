package hotspot

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
)

// purchaseRow is a purchase as it is shown.
type purchaseRow struct {
	ID       uint64     `json:"id"`
	Username string     `json:"username"` // when it was bought
	Octets   uint64     `json:"octets"`
	Seconds  uint64     `json:"seconds"` // of time online
	At       *time.Time `json:"at"`
	By       *string    `json:"by"`
	Note     *string    `json:"note"`
}

func purchaseOf(p hotspotdb.Purchase) purchaseRow {
	return purchaseRow{p.ID, p.Username, p.Octets, p.Seconds, instant(p.At), known(p.By), known(p.Note)}
}

// purchaseList is the purchase report, newest first.
type purchaseList struct {
	m         *Module
	purchases []hotspotdb.Purchase
	more      bool
}

func (m *Module) showPurchases(ctx context.Context, call modules.Call) (modules.View, error) {
	v := call.Values
	filter := hotspotdb.PurchaseFilter{
		Username: m.guestName(v), Since: modules.Get[time.Time](v, "SINCE"), Until: modules.Get[time.Time](v, "UNTIL"), Limit: m.maxJSON + 1,
	}
	if filter.Username != "" {
		if id, _, err := m.quotaHolder(filter.Username); err == nil { // its purchases under earlier names too
			filter.Account, filter.Username = id, ""
		}
	}
	list, err := m.db.Purchases(ctx, filter)
	if err != nil {
		return nil, err
	}
	return purchaseList{m, list[:min(len(list), m.maxJSON)], len(list) > m.maxJSON}, nil
}

var purchaseColumns = []modules.Column{
	{Name: "TIME"}, {Name: "USERNAME", Min: 12}, {Name: "TRAFFIC", Right: true}, {Name: "TIME ONLINE", Right: true}, {Name: "BY", Min: 8}, {Name: "NOTE", Min: 12, Weight: 4, Cut: true},
}

// Text is a table and the sums.
func (l purchaseList) Text(w io.Writer, width int) error {
	var octets, seconds uint64
	rows := func(yield func([]string, error) bool) {
		for _, p := range l.purchases {
			octets, seconds = octets+p.Octets, seconds+p.Seconds
			row := []string{l.m.displayTime(p.At), p.Username, amount(p.Octets, displayOctets), amount(p.Seconds, displaySpan), p.By, p.Note}
			if !yield(row, nil) {
				return
			}
		}
	}
	if err := (modules.Table{Columns: purchaseColumns, Rows: rows}).Text(w, width); err != nil {
		return err
	}
	if l.more {
		if _, err := fmt.Fprintf(w, "There are more than these %d; name a time.\n", len(l.purchases)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%s: %s, %s online\n", modules.Count(len(l.purchases), "purchase"), displayOctets(octets), displaySpan(seconds))
	return err
}

// amount leaves out nothing.
func amount(n uint64, show func(uint64) string) string {
	if n == 0 {
		return ""
	}
	return show(n)
}

// MarshalJSON is a list of purchases.
func (l purchaseList) MarshalJSON() ([]byte, error) {
	if l.more {
		return nil, &modules.Error{Message: fmt.Sprintf("more than %d purchases are too many for one JSON document", l.m.maxJSON), Hint: "Name a time with since and until"}
	}
	rows := []purchaseRow{}
	for _, p := range l.purchases {
		rows = append(rows, purchaseOf(p))
	}
	return json.Marshal(rows)
}
