package hotspot

import (
	"strings"
	"testing"

	"mbox/modules"
)

func TestHistoryIsConfigured(t *testing.T) {
	b := newBox(t)
	engine := modules.NewEngine(nil, nil)
	if err := engine.Register(b.mod); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		line string
		want int
	}{{"hotspot history days 30", 30}, {"hotspot history days 90", 90}, {"no hotspot history days", defaultHistory}} {
		enterLine(t, engine, step.line)
		if got := b.db.HistoryDays(); got != step.want {
			t.Errorf("%s: %d days", step.line, got)
		}
	}
	for _, bad := range []string{"0", "36501", "many"} {
		if _, err := engine.Book().ParseStatement(nil, "hotspot history days "+bad); err == nil {
			t.Errorf("%s days are taken", bad)
		}
	}
}

func TestShowRetention(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot user add alice password wonderland`, `hotspot user delete alice`)
	b.db.SetHistory(30)
	if err := b.db.Upkeep(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Datasets []struct {
			Dataset    string
			Tombstones int
			Purged_to  *uint64
		}
		History_days int
		History_from *string
		Erased       *int
	}
	b.json(`show hotspot retention`, &got)
	if len(got.Datasets) != 7 || got.Datasets[1].Dataset != "users" || got.Datasets[1].Tombstones != 2 || *got.Datasets[1].Purged_to != 0 ||
		got.History_days != 30 || *got.Erased != 0 {
		t.Errorf("got %+v", got)
	}
	// The clock of a database with records is trusted a week after it was first seen.
	if text := b.must(`show hotspot retention`); got.History_from != nil || !strings.Contains(text, "30 days, the clock was set lately") {
		t.Errorf("got\n%s", text)
	}
}
