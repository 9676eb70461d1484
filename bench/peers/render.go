package main

import (
	"fmt"
	"strings"
	"time"

	"mbox/bench/report"
)

// aims of the figures that PostgreSQL is the measure for: so many times better.
var aims = []struct {
	key  string
	what string
	aim  float64
}{
	{"visible_p50", "confirmed to visible, p50: at most half of PostgreSQL's", 2},
	{"visible_p99", "confirmed to visible, p99: at most half of PostgreSQL's", 2},
	{"commits_64", "commits/s with 64 writers: twice PostgreSQL's", 2},
	{"catchup", "catch-up: three times PostgreSQL's", 3},
	{"copy", "first copy: three times PostgreSQL's", 3},
}

const (
	ours    = "mbox"
	measure = "PostgreSQL"
)

// comparison is the table of all figures: medians of the rounds.
func (r *results) comparison() report.Table {
	head := []string{"work"}
	for _, s := range r.Systems {
		head = append(head, s.Name+" "+s.Version)
	}
	table := report.Table{append(head, "times better than PostgreSQL", "times better than the best other")}
	for _, f := range r.Figures {
		cells := []string{f.Work}
		for _, s := range r.Systems {
			cell := ""
			if v, ok := f.Of(s.Name); ok {
				cell = report.Amount(v, f.Unit)
			}
			cells = append(cells, cell)
		}
		table = append(table, append(cells, report.Ratio(f.Times(ours, measure)), report.Ratio(r.best(f))))
	}
	return table
}

// best compares with whichever other system is best.
func (r *results) best(f *report.Figure) (least float64, ok bool) {
	for _, s := range r.Systems {
		if v, measured := f.Times(ours, s.Name); measured && s.Name != ours && (!ok || v < least) {
			least, ok = v, true
		}
	}
	return least, ok
}

// verdicts says which aims were reached.
func (r *results) verdicts() report.Table {
	table := report.Table{{"aim", "measured", "verdict"}}
	for _, a := range aims {
		v, ok := r.Figures.Find(a.key).Times(ours, measure)
		switch {
		case !ok:
			table = append(table, []string{a.what, "", "not measured"})
		case v >= a.aim:
			table = append(table, []string{a.what, fmt.Sprintf("%.2f times", v), "reached"})
		default:
			table = append(table, []string{a.what, fmt.Sprintf("%.2f times", v), "**missed**"})
		}
	}
	return table
}

func (r *results) satelliteTable() report.Table {
	head := []string{"over 600 ms round trip, 1 Mbit/s, 5% loss"}
	head = append(head, r.onSatellite()...)
	table := report.Table{append(head, "times better")}
	line := func(what, unit string, value func(*satelliteResult) float64) {
		cells := []string{what}
		var v []float64
		for _, name := range r.onSatellite() {
			v = append(v, value(r.Satellite[name]))
			cells = append(cells, report.Amount(v[len(v)-1], unit))
		}
		ratio := ""
		if len(v) == 2 && v[0] > 0 {
			ratio = report.Ratio(v[1]/v[0], true)
		}
		table = append(table, append(cells, ratio))
	}
	changes := report.Thousands(int64(r.Options.SatelliteChanges))
	kib := float64(r.Options.SatelliteChanges) / 1024
	line("bytes for a changed account, live, 10 in a second", "B", func(s *satelliteResult) float64 { return s.LiveBytes })
	line("bytes for a new account, live, 10 in a second", "B", func(s *satelliteResult) float64 { return s.LiveNewBytes })
	line("confirmed to visible, live, p50", "ms", func(s *satelliteResult) float64 { return s.VisibleP50 })
	line("confirmed to visible, live, p99", "ms", func(s *satelliteResult) float64 { return s.VisibleP99 })
	line("bytes for a changed account, catching up", "B", func(s *satelliteResult) float64 { return s.Bytes })
	line("catch-up of "+changes+" changes", "s", func(s *satelliteResult) float64 { return s.Seconds })
	line("the same, cut in the middle, without the outage of 5 s", "s", func(s *satelliteResult) float64 { return s.CutSeconds })
	line("delivered for "+changes+" changes", "KiB", func(s *satelliteResult) float64 { return s.Bytes * kib })
	line("delivered with the cut: what is more came twice", "KiB", func(s *satelliteResult) float64 { return s.CutBytes * kib })
	return table
}

// onSatellite is who was measured there, we first.
func (r *results) onSatellite() (out []string) {
	for _, s := range r.Systems {
		if r.Satellite[s.Name] != nil {
			out = append(out, s.Name)
		}
	}
	return out
}

// settings says how it was measured.
func (r *results) settings() string {
	var out strings.Builder
	o := r.Options
	fmt.Fprintf(&out, "Last run: %s; %s. It took %s.\n\n", r.When.Format(time.DateOnly), r.Machine, r.Took.Round(time.Second))
	fmt.Fprintf(&out, "Medians of rounds (%d). Commits: %s for each number of writers; latencies: %s at %d writes/s; first copy: %s accounts of about 300 bytes; "+
		"catch-up: %s changes of different accounts, each committed alone (MariaDB: a fifth of both).\n\n",
		o.Rounds, o.CommitTime, o.LatencyTime, liveRate, report.Thousands(int64(o.Rows)), report.Thousands(int64(o.Changes)))
	for _, s := range r.Systems {
		fmt.Fprintf(&out, "- %s %s: %s.\n", s.Name, s.Version, s.Settings)
	}
	return out.String()
}

// text is what the program prints.
func (r *results) text() string {
	var out strings.Builder
	out.WriteString(r.settings() + "\n")
	if len(r.Figures) > 0 {
		out.WriteString(r.comparison().Markdown() + "\n" + r.verdicts().Markdown() + "\n")
	}
	if len(r.Satellite) > 0 {
		out.WriteString(r.satelliteTable().Markdown())
	}
	return out.String()
}

// document rewrites the places of the document for which there are results.
func (r *results) document(file string) error {
	places := []struct{ name, text string }{{"peers: settings", r.settings()}}
	if len(r.Figures) > 0 {
		places = append(places, struct{ name, text string }{"peers: figures", r.comparison().Markdown()})
		places = append(places, struct{ name, text string }{"peers: aims", r.verdicts().Markdown()})
	}
	if len(r.Satellite) > 0 {
		places = append(places, struct{ name, text string }{"peers: satellite", r.satelliteTable().Markdown()})
	}
	for _, p := range places {
		if err := report.Rewrite(file, p.name, p.text); err != nil {
			return err
		}
	}
	return nil
}
