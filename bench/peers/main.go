// Command peers measures PostgreSQL, MariaDB and Redis, each a primary and a replica on this machine, beside two boxes: the
// same work, in the same run, in turns, so that the ratios hold on other machines. The servers run from temporary
// folders as an unprivileged user and are gone at the end; nothing of the system's own is touched.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"time"

	"mbox/bench/report"
	"mbox/bench/servers"
)

func main() {
	do := run
	if len(os.Args) > 2 && os.Args[1] == backupWord {
		do = func() error { return runBackup(os.Args[2:]) }
	}
	if err := do(); err != nil {
		fmt.Fprintln(os.Stderr, "bench-peers:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	var o options
	flag.IntVar(&o.Rows, "rows", 1_000_000, "accounts of the first copy")
	flag.IntVar(&o.Changes, "changes", 100_000, "changes of the catch-up, at most as many as rows")
	flag.IntVar(&o.Rounds, "rounds", 3, "rounds of which the median counts")
	flag.DurationVar(&o.CommitTime, "commits", 2*time.Second, "how long each commit rate is measured")
	flag.DurationVar(&o.LatencyTime, "latency", 5*time.Second, "how long each latency is measured")
	flag.DurationVar(&o.SweepTime, "sweep", 2*time.Second, "how long latency is measured at each write rate of the plot")
	flag.IntVar(&o.SatelliteChanges, "satellite", satelliteRows, "changes of the catch-up over the satellite link")
	only := flag.String("only", "live,bulk,sweep,links", "parts to run")
	systems := flag.String("systems", "mbox,postgresql,mariadb,redis", "systems to run")
	data := flag.String("json", "", "write the results to this file")
	from := flag.String("from", "", "measure nothing: take the results from this file")
	doc := flag.String("doc", "", "rewrite the figures in this document")
	profile := flag.String("cpuprofile", "", "write a CPU profile of this process, which is the primary box and all clients, to this file, and one of the last backup box to FILE.backup")
	plots := flag.String("plots", "", "draw the plots into this folder")
	flag.Parse()
	o.Changes, o.SatelliteChanges = min(o.Changes, o.Rows), min(o.SatelliteChanges, satelliteRows)

	if *data != "" { // found out now, not at the end
		if err := os.MkdirAll(filepath.Dir(*data), 0o755); err != nil {
			return err
		}
	}
	if *profile != "" {
		o.backupProfile = *profile + ".backup"
		f, err := os.Create(*profile)
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		if err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	r, err := (*results)(nil), error(nil)
	if *from != "" {
		r, err = report.Read[results](*from)
	} else {
		r, err = measureAll(o, strings.Split(*systems, ","), strings.Split(*only, ","))
	}
	if r == nil {
		return err
	}
	fmt.Println(r.text()) // after a failure, what there is
	if *data != "" {
		err = errors.Join(err, report.Write(*data, r))
	}
	if err != nil {
		return err
	}
	if *doc != "" {
		err = errors.Join(err, r.document(*doc))
	}
	if *plots != "" {
		err = errors.Join(err, r.plots(*plots))
	}
	return err
}

// measureAll runs the parts. An interrupt ends the servers, and then us.
func measureAll(o options, systems, parts []string) (_ *results, err error) {
	s, err := newSite()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	s.EndOnInterrupt()
	b := &bench{options: o, site: s, began: time.Now(), results: &results{
		When: time.Now(), Machine: report.ThisMachine(), Options: o,
		Sweep: map[string][]sweepPoint{}, Partition: map[string][]lagPoint{}, Satellite: map[string]*satelliteResult{},
	}}
	if err := b.choose(systems); err != nil {
		return nil, err
	}
	for _, part := range parts {
		if err = b.part(part); err != nil {
			break
		}
	}
	b.results.Took = time.Since(b.began)
	return b.results, err
}

// choose takes those systems that are wanted and installed.
func (b *bench) choose(wanted []string) error {
	for _, s := range []system{mbox{b.backupProfile}, &postgres{}, &mariadb{}, redis{}} {
		if !slices.Contains(wanted, strings.ToLower(s.Name())) {
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
	return nil
}

func (b *bench) part(name string) error {
	switch name {
	case "live":
		return b.each("latencies and commits", b.Rounds, b.live)
	case "bulk":
		return b.each("first copy and catch-up", b.Rounds, b.bulk)
	case "sweep":
		return b.each("latency against write rate", 1, b.sweep)
	case "links":
		return b.links()
	default:
		return fmt.Errorf("part %q: expected live, bulk, sweep or links", name)
	}
}

// links compares over bad links, on all of them at once: the machine idles meanwhile.
func (b *bench) links() error {
	var chosen []system
	for _, s := range b.systems {
		if s.Name() == ours || s.Name() == measure {
			chosen = append(chosen, s)
		}
	}
	var satellites error
	var work sync.WaitGroup
	work.Go(func() { satellites = b.satellites(chosen) })
	err := b.partitions(chosen)
	work.Wait()
	return errors.Join(satellites, err)
}
