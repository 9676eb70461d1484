package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// report is what was done so far.
type report struct {
	began, end time.Time
	log        io.Writer
	rounds     int
	pieces     int
	sums       map[string]int
	failures   []string // how to repeat them
}

// add prints a line for a piece, and the end of its output if it failed.
func (r *report) add(round int, p piece, got result) {
	r.pieces++
	for name, n := range got.counts {
		r.sums[name] += n
	}
	verdict := "ok"
	if !got.ok {
		verdict = "FAILED"
		r.failures = append(r.failures, p.String())
	}
	fmt.Fprintf(r.log, "%8v  round %-3d %-24s %7.1f s  %-6s %s\n", time.Since(r.began).Round(time.Second), round, p.name,
		got.took.Seconds(), verdict, figures(got.counts))
	if !got.ok {
		const most = 12_000
		fmt.Fprintf(r.log, "%s\nrepeat with: %s\n", got.output[max(0, len(got.output)-most):], p)
	}
}

func (r *report) summary() {
	fmt.Fprintf(r.log, "\n%d rounds, %d commands in %v: %s\n", r.rounds, r.pieces, time.Since(r.began).Round(time.Second), figures(r.sums))
	if len(r.failures) == 0 {
		fmt.Fprintln(r.log, "nothing failed")
		return
	}
	fmt.Fprintf(r.log, "%d failed; repeat with\n  %s\n", len(r.failures), strings.Join(r.failures, "\n  "))
}

func figures(counts map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[name], name))
	}
	return strings.Join(parts, ", ")
}
