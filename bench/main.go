// Command bench measures what two boxes reach on this machine, and beside it, in the same run, what the disk and a plain bbolt
// store reach, so that the ratios hold on other machines. Everything shares the machine's cores: both boxes and the load.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"text/tabwriter"
)

func main() {
	accounts := flag.Int("accounts", 1_000_000, "accounts of the first sync")
	only := flag.String("only", "", "commits, latency or bulk: only this")
	updates := flag.Int("updates", 100_000, "random updates of the catch-up")
	profile := flag.String("cpuprofile", "", "write a CPU profile of the whole run to this file")
	followers := flag.Int("followers", 1000, "followers of the scale measurement")
	changes := flag.Int("changes", 1000, "changes a second of the scale measurement")
	asCrowd := flag.Bool("crowd", false, "internal: be the followers of the scale measurement")
	memory := flag.String("memory", "", "internal: open this database, print the resident memory, and end")
	flag.Parse()
	if *memory != "" {
		printResident(*memory)
		return
	}
	if *asCrowd {
		serveCrowd()
		return
	}
	t := newHarness()
	if *profile != "" {
		f, err := os.Create(*profile)
		t.must(err)
		t.must(pprof.StartCPUProfile(f))
		defer pprof.StopCPUProfile()
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Printf("%s, %d cores, %s; both boxes, the load and the comparison share them\n\n", runtime.GOARCH, runtime.NumCPU(), cpuName())
	fmt.Fprintln(table, "MEASURED\tMBOX\tBESIDE IT, IN THIS RUN\tRATIO")
	for _, m := range []struct {
		name string
		run  func()
	}{
		{"commits", func() { commits(t, table) }},
		{"latency", func() { latency(t, table) }},
		{"bulk", func() { bulk(t, table, *accounts, *updates) }},
		{"followers", func() { scale(t, table, *followers, *changes) }},
		{"satellite", func() { satellite(t, table) }},
	} {
		if *only == "" || *only == m.name {
			m.run()
			t.cleanUp()
		}
	}
	_ = table.Flush()
}

func cpuName() string {
	raw, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(raw)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimSpace(strings.TrimLeft(name, "\t: "))
		}
	}
	return "unknown processor"
}
