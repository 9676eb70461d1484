package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"mbox/bench/plot"
)

// plots draws what was measured into files of a folder.
func (r *results) plots(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	draw := func(name string, c plot.Chart) error { return os.WriteFile(filepath.Join(dir, name), c.SVG(), 0o644) }
	var err error
	if len(r.Sweep) > 0 {
		err = errors.Join(
			draw("latency-confirmed.svg", r.latencyChart("A write is confirmed by the primary", func(p sweepPoint) (p50, p99 float64) { return p.ConfirmedP50, p.ConfirmedP99 })),
			draw("latency-visible.svg", r.latencyChart("A confirmed write is visible at the replica", func(p sweepPoint) (p50, p99 float64) { return p.VisibleP50, p.VisibleP99 })),
		)
	}
	if len(r.Partition) > 0 {
		err = errors.Join(err, draw("partition-lag.svg", r.lagChart()))
	}
	return err
}

func (r *results) latencyChart(title string, of func(sweepPoint) (p50, p99 float64)) plot.Chart {
	c := plot.Chart{
		Title: title, Note: "each commit durable, replica attached over TLS; lower is better; a line ends where the rate is not reached",
		XLabel: "write rate, 1/s", YLabel: "latency, ms", LogX: true, LogY: true,
	}
	for i, s := range r.Systems {
		var p50, p99 plot.Line
		p50 = plot.Line{Name: s.Name + " p50", Color: i}
		p99 = plot.Line{Name: s.Name + " p99", Color: i, Dashed: true}
		for _, p := range r.Sweep[s.Name] {
			a, b := of(p)
			p50.Points = append(p50.Points, plot.Point{X: p.Rate, Y: a})
			p99.Points = append(p99.Points, plot.Point{X: p.Rate, Y: b})
		}
		if len(p50.Points) > 0 {
			c.Lines = append(c.Lines, p50, p99)
		}
	}
	return c
}

func (r *results) lagChart() plot.Chart {
	c := plot.Chart{
		Title:  "How far the replica is behind, through a partition of 10 s",
		Note:   fmt.Sprintf("%d writes/s; the link loses everything, then connections break and are made anew", partitionRate),
		XLabel: "time, s", YLabel: "age of the oldest change that is missing, s",
		Bands: []plot.Band{{From: partitionFrom.Seconds(), To: partitionTo.Seconds(), Name: "link down"}},
	}
	for i, s := range r.Systems {
		line := plot.Line{Name: s.Name, Color: i, Plain: true, Dashed: s.Name != ours}
		for _, p := range r.Partition[s.Name] {
			line.Points = append(line.Points, plot.Point{X: p.At, Y: p.Lag})
		}
		if len(line.Points) > 0 {
			c.Lines = append(c.Lines, line)
		}
	}
	return c
}
