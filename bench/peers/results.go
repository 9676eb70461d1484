package main

import (
	"time"

	"mbox/bench/report"
)

// results is everything that a run found; its JSON form is enough to write the document again.
type results struct {
	When      time.Time                   `json:"when"`
	Machine   report.Machine              `json:"machine"`
	Options   options                     `json:"options"`
	Systems   []report.System             `json:"systems"`
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
