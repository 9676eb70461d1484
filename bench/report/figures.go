package report

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Figure is one kind of work, measured in rounds by several systems.
type Figure struct {
	Key    string               `json:"key"`
	Work   string               `json:"work"`
	Unit   string               `json:"unit"`
	Lower  bool                 `json:"lower_is_better"`
	Aside  bool                 `json:"no_ratio"` // says something about the measurement, not about the systems
	Rounds map[string][]float64 `json:"rounds"`   // by system
}

// Figures are those of a run, in the order in which they were first measured.
type Figures []*Figure

// Add notes one round. The first to name a figure defines it.
func (s *Figures) Add(system string, f Figure, value float64) {
	known := s.Find(f.Key)
	if known == nil {
		f.Rounds = map[string][]float64{}
		known = &f
		*s = append(*s, known)
	}
	known.Rounds[system] = append(known.Rounds[system], value)
}

// Find is nil if nobody has measured that.
func (s Figures) Find(key string) *Figure {
	for _, f := range s {
		if f.Key == key {
			return f
		}
	}
	return nil
}

// Of is the median of a system's rounds; false if there are none.
func (f *Figure) Of(system string) (float64, bool) {
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

// Times says how many times better one system is than another.
func (f *Figure) Times(system, other string) (float64, bool) {
	a, ok1 := f.Of(system)
	b, ok2 := f.Of(other)
	if !ok1 || !ok2 || f.Aside || a == 0 || b == 0 {
		return 0, false
	}
	if f.Lower {
		return b / a, true
	}
	return a / b, true
}

// Percentile of durations, in milliseconds.
func Percentile(d []time.Duration, p float64) float64 {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[min(len(sorted)-1, int(float64(len(sorted))*p))].Seconds() * 1000
}

// Amount prints a figure with three digits that matter.
func Amount(v float64, unit string) string {
	text := fmt.Sprintf("%.3g", v)
	switch {
	case v >= 1000:
		text = Thousands(int64(v + 0.5))
	case v >= 100:
		text = fmt.Sprintf("%.0f", v)
	}
	if strings.HasPrefix(unit, "/") {
		return text + unit
	}
	return text + " " + unit
}

// Thousands writes a number with commas.
func Thousands(n int64) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", Thousands(n/1000), n%1000)
}

// Ratio prints how many times better something is; empty if that is not known.
func Ratio(v float64, ok bool) string {
	switch {
	case !ok:
		return ""
	case v >= 100:
		return Thousands(int64(v + 0.5))
	}
	return fmt.Sprintf("%.2g", v)
}
