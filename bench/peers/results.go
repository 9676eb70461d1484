package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"mbox/bench/report"
)

// results is everything that a run found; its JSON form is enough to write the document again.
type results struct {
	When      time.Time                   `json:"when"`
	Machine   report.Machine              `json:"machine"`
	Options   options                     `json:"options"`
	Systems   []installed                 `json:"systems"`
	Figures   report.Figures              `json:"figures"`
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
