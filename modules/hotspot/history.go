package hotspot

import (
	"context"
	"fmt"
	"io"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
)

const (
	historySyntax = "hotspot history days N"
	// defaultHistory is a year, leap years too.
	defaultHistory = 366
	maxHistory     = 36_500
)

func historyStatement() modules.Statement {
	return modules.Statement{
		Syntax: historySyntax,
		Help:   "How long ended sessions and usage are kept; the same on all boxes",
		Words: map[string]string{
			"hotspot": "Guests, profiles and sessions",
			"history": "Ended sessions, and usage",
			"days":    "How long they are kept",
		},
		Args: map[string]modules.Type{"N": modules.Int(1, maxHistory, fmt.Sprintf("Days; %d without this line", defaultHistory))},
	}
}

// Check has nothing to refuse: any number of days will do.
func (m *Module) Check(*modules.Tree) error { return nil }

// Apply sets how long history is kept.
func (m *Module) Apply(_ context.Context, tree *modules.Tree) error {
	days := defaultHistory
	for _, node := range tree.All(historySyntax) {
		days = modules.Get[int](node.Values, "N")
	}
	m.db.SetHistory(days)
	m.applyPartition(tree)
	m.applyQuotaReset(tree)
	m.applyPasswordStorage(tree)
	return nil
}

// retention says what is kept of what is gone, and how old history may become.
type retention struct {
	Datasets    []keptDataset `json:"datasets"`
	HistoryDays int           `json:"history_days"`
	HistoryFrom *time.Time    `json:"history_from"` // null: the clock is not trusted yet
	Erased      int           `json:"erased"`

	zone *time.Location
}

type keptDataset struct {
	Dataset    hotspotdb.Dataset `json:"dataset"`
	Records    int               `json:"records"`
	Tombstones int               `json:"tombstones"`
	PurgedTo   uint64            `json:"purged_to"` // the highest sequence of a tombstone that was purged
}

func (m *Module) showRetention(context.Context, modules.Call) (modules.View, error) {
	r := retention{HistoryDays: m.db.HistoryDays(), HistoryFrom: instant(m.db.Horizon()), Erased: m.db.ErasedCount(), zone: m.zone()}
	for _, ds := range hotspotdb.Datasets() {
		counts := m.db.Counts(ds)
		r.Datasets = append(r.Datasets, keptDataset{ds, counts.Live, counts.Tombstones, m.db.Floor(ds)})
	}
	return r, nil
}

var retentionColumns = []modules.Column{
	{Name: "DATASET"}, {Name: "RECORDS", Right: true}, {Name: "TOMBSTONES", Right: true}, {Name: "PURGED UP TO", Right: true},
}

// Text is a table of the datasets, then what holds for all.
func (r retention) Text(w io.Writer, width int) error {
	var rows [][]string
	for _, d := range r.Datasets {
		rows = append(rows, []string{d.Dataset.String(), fmt.Sprint(d.Records), fmt.Sprint(d.Tombstones), fmt.Sprint(d.PurgedTo)})
	}
	table := modules.Table{Columns: retentionColumns, Rows: modules.Rows(rows)}
	if err := table.Text(w, width); err != nil {
		return err
	}
	from := "the clock was set lately: nothing expires until it has gone on steadily for a week"
	switch {
	case r.HistoryDays == 0:
		from = "nothing expires"
	case r.HistoryFrom != nil:
		from = "from " + r.HistoryFrom.In(r.zone).Format(time.DateOnly)
	}
	_, err := fmt.Fprintf(w, "History         : %s, %s\nErased accounts : %d\n", modules.Count(r.HistoryDays, "day"), from, r.Erased)
	return err
}
