// Command radius measures boxes beside FreeRADIUS with its `users` file, with MariaDB and with PostgreSQL: the same accounts,
// the same load, in the same run, in turns, so that the ratios hold on other machines. Load and servers share the machine.
// The servers run from temporary folders and are gone at the end; nothing of the system's own is touched.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mbox/bench/report"
	"mbox/bench/servers"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench-radius:", err)
		os.Exit(1)
	}
}

// small is enough to see that everything works.
var small = options{Accounts: 2000, Rounds: 1, Time: 300 * time.Millisecond, Sessions: 500, Interim: 2 * time.Second}

func run() error {
	var o options
	flag.IntVar(&o.Accounts, "accounts", 100_000, "accounts that each server knows")
	flag.IntVar(&o.Rounds, "rounds", 3, "rounds of which the median counts")
	flag.DurationVar(&o.Time, "time", 3*time.Second, "how long each rate is measured")
	flag.IntVar(&o.Sessions, "sessions", 50_000, "sessions that are open at once")
	flag.DurationVar(&o.Interim, "interim", time.Minute, "how often each of them is reported")
	short := flag.Bool("short", false, "a small run, to see that everything works")
	only := flag.String("only", "", "systems to run, comma-separated, such as mbox (default: all)")
	parts := flag.String("parts", "auth,acct,open", "what to measure: logins, accounting, open sessions")
	program := flag.String("mbox", "bin/mbox", "the box's program")
	data := flag.String("json", "", "write the results to this file")
	from := flag.String("from", "", "measure nothing: take the results from this file")
	doc := flag.String("doc", "", "rewrite the figures in this document")
	flag.Parse()
	if *short {
		o = small
	}
	o.parts = strings.Split(*parts, ",")
	if *data != "" { // found out now, not at the end
		if err := os.MkdirAll(filepath.Dir(*data), 0o755); err != nil {
			return err
		}
	}
	r, err := (*results)(nil), error(nil)
	if *from != "" {
		r, err = report.Read[results](*from)
	} else {
		r, err = measure(o, *program, *only)
	}
	if r == nil {
		return err
	}
	fmt.Println(r.text()) // after a failure, what there is
	if *data != "" {
		err = errors.Join(err, report.Write(*data, r))
	}
	if err != nil || *doc == "" {
		return err
	}
	return r.document(*doc)
}

// all are the systems, in the order of the table.
func all(program string) []system {
	return []system{mbox{program: program}, freeRADIUS{}, freeRADIUS{mariadb{}}, freeRADIUS{postgres{}}, mbox{program: program, standby: true}, limit{}}
}

// measure runs the rounds. An interrupt ends the servers, and then us.
func measure(o options, program, only string) (_ *results, err error) {
	s, err := servers.New("mbox-radius-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	s.EndOnInterrupt()
	b := &bench{options: o, site: s, began: time.Now(), results: &results{
		When: time.Now(), Machine: report.ThisMachine(), Options: o, Resent: map[string]int{},
	}}
	if err := b.choose(all(program), only); err != nil {
		return nil, err
	}
	for round := range o.Rounds {
		for _, s := range b.systems {
			b.say("round %d of %d: %s", round+1, o.Rounds, s.Name())
			if err = b.round(s, round); err != nil {
				return b.finish(), fmt.Errorf("%s: %w", s.Name(), err)
			}
		}
	}
	return b.finish(), nil
}

func (b *bench) finish() *results {
	b.results.Took = time.Since(b.began)
	return b.results
}

// choose takes those systems that are wanted and installed.
func (b *bench) choose(from []system, only string) error {
	wanted := map[string]bool{}
	for name := range strings.SplitSeq(only, ",") {
		wanted[strings.ToLower(strings.TrimSpace(name))] = true
	}
	for _, s := range from {
		if only != "" && !wanted[strings.ToLower(s.Name())] {
			continue
		}
		version, err := s.Version()
		if errors.Is(err, servers.ErrMissing) {
			b.say("NOTE: %s is left out: %v", s.Name(), err)
			continue
		}
		if err != nil {
			return fmt.Errorf("version of %s: %w", s.Name(), err)
		}
		b.systems = append(b.systems, s)
		b.results.Systems = append(b.results.Systems, report.System{Name: s.Name(), Version: version, Settings: s.Settings()})
	}
	if len(b.systems) == 0 {
		return fmt.Errorf("nothing to measure")
	}
	return nil
}
