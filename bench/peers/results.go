package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"mbox/bench/report"
)

// results is everything that a run found; its JSON form is enough to write the document again.
type results struct {
	When      time.Time                   `json:"when"`
	Machine   report.Machine              `json:"machine"`
	Options   options                     `json:"options"`
	Systems   []installed                 `json:"systems"`
	Figures   []*figure                   `json:"figures"`
	Sweep     map[string][]sweepPoint     `json:"sweep"`
	Partition map[string][]lagPoint       `json:"partition"`
	Satellite map[string]*satelliteResult `json:"satellite"`
	Took      time.Duration               `json:"took_ns"`
}

// options are what the figures depend on.
type options struct {
	Rows             int           `json:"rows"`
	Changes          int           `json:"changes"`
	Rounds           int           `json:"rounds"`
	CommitTime       time.Duration `json:"commit_time_ns"`
	LatencyTime      time.Duration `json:"latency_time_ns"`
	SweepTime        time.Duration `json:"sweep_time_ns"`
	SatelliteChanges int           `json:"satellite_changes"`
	backupProfile    string        // file for a CPU profile of mbox's backup; empty: none
}

// installed is a system that took part.
type installed struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	Settings string `json:"settings"`
}

// figure is one kind of work, measured in rounds.
type figure struct {
	Key    string               `json:"key"`
	Work   string               `json:"work"`
	Unit   string               `json:"unit"`
	Lower  bool                 `json:"lower_is_better"`
	Aside  bool                 `json:"no_ratio"` // says something about the measurement, not about the systems
	Rounds map[string][]float64 `json:"rounds"`   // by system
}

// add notes one round. The first to name a figure defines it.
func (r *results) add(system string, f figure, value float64) {
	i := slices.IndexFunc(r.Figures, func(known *figure) bool { return known.Key == f.Key })
	if i < 0 {
		f.Rounds = map[string][]float64{}
		r.Figures = append(r.Figures, &f)
		i = len(r.Figures) - 1
	}
	known := r.Figures[i]
	known.Rounds[system] = append(known.Rounds[system], value)
}

func (r *results) figure(key string) *figure {
	for _, f := range r.Figures {
		if f.Key == key {
			return f
		}
	}
	return nil
}

// of is the median of a system's rounds; false if there are none.
func (f *figure) of(system string) (float64, bool) {
	if f == nil || len(f.Rounds[system]) == 0 {
		return 0, false
	}
	sorted := slices.Sorted(slices.Values(f.Rounds[system]))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2, true
	}
	return sorted[middle], true
}

// times says how many times better one system is than another.
func (f *figure) times(system, other string) (float64, bool) {
	a, ok1 := f.of(system)
	b, ok2 := f.of(other)
	if !ok1 || !ok2 || f.Aside || a == 0 || b == 0 {
		return 0, false
	}
	if f.Lower {
		return b / a, true
	}
	return a / b, true
}

func (r *results) write(file string) error {
	raw, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(raw, '\n'), 0o644)
}

func readResults(file string) (*results, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := &results{}
	if err := json.Unmarshal(raw, r); err != nil {
		return nil, fmt.Errorf("results in %s: %w", file, err)
	}
	return r, nil
}

// percentile of durations, in milliseconds.
func percentile(d []time.Duration, p float64) float64 {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[min(len(sorted)-1, int(float64(len(sorted))*p))].Seconds() * 1000
}
