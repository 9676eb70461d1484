// Command bench measures what two boxes reach on this machine, and beside it, in the same run, what the disk and a plain bbolt
// store reach, so that the ratios hold on other machines. Everything shares the machine's cores: both boxes and the load.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"strings"
	"text/tabwriter"

	"mbox/bench/report"
)

func main() {
	accounts := flag.Int("accounts", 1_000_000, "accounts of the first sync")
	only := flag.String("only", "", "only this: commits, latency, bulk, followers, satellite, shell, one-address or ten-million; the last two run only if named")
	many := flag.Int("many", 10_000_000, "accounts of ten-million")
	updates := flag.Int("updates", 100_000, "random updates of the catch-up")
	profile := flag.String("cpuprofile", "", "write a CPU profile of the whole run to this file")
	followers := flag.Int("followers", 1000, "followers of the scale measurement")
	changes := flag.Int("changes", 1000, "changes a second of the scale measurement")
	asCrowd := flag.Bool("crowd", false, "internal: be the followers of the scale measurement")
	doc := flag.String("doc", "", "rewrite the table in this document, between the markers named bench, or like -only, with what is measured now")
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
	var out bytes.Buffer
	table := tabwriter.NewWriter(io.MultiWriter(os.Stdout, &out), 0, 0, 2, ' ', tabwriter.Debug) // draws | between the columns
	machine := fmt.Sprintf("%s; both boxes, the load and the comparison share them", report.ThisMachine())
	fmt.Println(machine + "\n")
	fmt.Fprintln(table, "MEASURED\tMBOX\tBESIDE IT, IN THIS RUN\tRATIO")
	for _, m := range []struct {
		name string
		run  func()
		long bool // only if it is named
	}{
		{name: "commits", run: func() { commits(t, table) }},
		{name: "latency", run: func() { latency(t, table) }},
		{name: "bulk", run: func() { bulk(t, table, *accounts, *updates) }},
		{name: "followers", run: func() { scale(t, table, *followers, *changes) }},
		{name: "satellite", run: func() { satellite(t, table) }},
		{name: "shell", run: func() { shellFigures(t, table) }},
		{name: "one-address", run: func() { oneAddress(t, table, *followers) }, long: true},
		{name: "ten-million", run: func() { million(t, table, *many) }, long: true},
	} {
		if *only == m.name || *only == "" && !m.long {
			m.run()
			t.cleanUp()
			_ = table.Flush()
		}
	}
	if *doc != "" {
		marker := "bench"
		if *only != "" {
			marker = *only
		}
		t.must(report.Rewrite(*doc, marker, machine+".\n\n"+markdown(out.String())))
	}
}

// markdown is a table that was drawn with | between its columns.
func markdown(drawn string) string {
	var table report.Table
	for line := range strings.Lines(drawn) {
		cells := strings.Split(line, "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		table = append(table, cells)
	}
	return table.Markdown()
}
