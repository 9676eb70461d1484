package main

import (
	"fmt"
	"strings"
	"time"

	"mbox/bench/report"
)

// results is everything that a run found; its JSON form is enough to write the document again.
type results struct {
	When    time.Time       `json:"when"`
	Machine report.Machine  `json:"machine"`
	Options options         `json:"options"`
	Systems []report.System `json:"systems"`
	Figures report.Figures  `json:"figures"`
	Resent  map[string]int  `json:"resent"` // requests that got no answer at first, by system
	Took    time.Duration   `json:"took_ns"`
}

// options are what the figures depend on.
type options struct {
	Accounts int           `json:"accounts"`
	Rounds   int           `json:"rounds"`
	Time     time.Duration `json:"time_ns"`
	Sessions int           `json:"sessions"`
	Interim  time.Duration `json:"interim_ns"`
	parts    []string      // of the work
}

// against are those that mbox is judged by, with the kind of work and how many times better it should be.
var against = []struct {
	what, key, other string
	aim              float64
}{
	{"authentications/s", "auth", freeRADIUS{}.Name(), 1},
	{"authentications/s", "auth", freeRADIUS{mariadb{}}.Name(), 10},
	{"authentications/s", "auth", freeRADIUS{postgres{}}.Name(), 10},
	{"durable accounting requests/s", "acct", freeRADIUS{mariadb{}}.Name(), 5},
	{"durable accounting requests/s", "acct", freeRADIUS{postgres{}}.Name(), 5},
}

// verdicts says which aims were reached.
func (r *results) verdicts() report.Table {
	table := report.Table{{"aim", "measured", "verdict"}}
	for _, a := range against {
		for _, n := range inFlight {
			what := fmt.Sprintf("%s, %d in flight: %g times %s", a.what, n, a.aim, a.other)
			if a.aim == 1 {
				what = fmt.Sprintf("%s, %d in flight: at least %s", a.what, n, a.other)
			}
			table = append(table, r.verdict(what, fmt.Sprintf("%s_%d", a.key, n), a.other, a.aim))
		}
	}
	return table
}

// shortest is the least time for which a rate is measured that is worth a verdict: below it the start of a server decides.
const shortest = time.Second

func (r *results) verdict(what, key, other string, aim float64) []string {
	v, ok := r.Figures.Find(key).Times(alone, other)
	switch {
	case !ok:
		return []string{what, "", "not measured"}
	case r.Options.Time < shortest:
		return []string{what, "", "too short to judge"}
	case v >= aim:
		return []string{what, fmt.Sprintf("%.2f times", v), "reached"}
	default:
		return []string{what, fmt.Sprintf("%.2f times", v), "**missed**"}
	}
}

// comparison is the table of all figures: medians of the rounds.
func (r *results) comparison() report.Table {
	head := []string{"work"}
	for _, s := range r.Systems {
		head = append(head, s.Name)
	}
	for _, s := range r.Systems {
		if s.Name != alone {
			head = append(head, "mbox : "+s.Name)
		}
	}
	table := report.Table{head}
	for _, f := range r.Figures {
		cells := []string{f.Work}
		var ratios []string
		for _, s := range r.Systems {
			cell := ""
			if v, ok := f.Of(s.Name); ok {
				cell = report.Amount(v, f.Unit)
			}
			cells = append(cells, cell)
			if s.Name != alone {
				ratios = append(ratios, report.Ratio(f.Times(alone, s.Name)))
			}
		}
		table = append(table, append(cells, ratios...))
	}
	return table
}

// settings says how it was measured.
func (r *results) settings() string {
	var out strings.Builder
	o := r.Options
	fmt.Fprintf(&out, "Last run: %s; %s. It took %s.\n\n", r.When.Format(time.DateOnly), r.Machine, r.Took.Round(time.Second))
	fmt.Fprintf(&out, "Medians of rounds (%d), each on a fresh server with %s accounts in a profile: %s for each number of requests in flight. "+
		"A session of the accounting load is a Start, %d interim updates and a Stop.\n\n",
		o.Rounds, report.Thousands(int64(o.Accounts)), o.Time, interims)
	for _, s := range r.Systems {
		fmt.Fprintf(&out, "- %s: %s.%s\n", strings.TrimSpace(s.Name+" "+s.Version), s.Settings, unanswered(r.Resent[s.Name]))
	}
	return out.String()
}

func unanswered(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" Requests that were not answered within %s and sent again: %d.", resendAfter, n)
}

// text is what the program prints.
func (r *results) text() string {
	return r.settings() + "\n" + r.comparison().Markdown() + "\n" + r.verdicts().Markdown()
}

// document rewrites the places of a document.
func (r *results) document(file string) error {
	for _, place := range []struct{ name, text string }{
		{"radius: settings", r.settings()}, {"radius: figures", r.comparison().Markdown()}, {"radius: aims", r.verdicts().Markdown()},
	} {
		if err := report.Rewrite(file, place.name, place.text); err != nil {
			return err
		}
	}
	return nil
}
