package main

import (
	"slices"
	"time"

	"mbox/boxtest/swarm"
)

// histogram counts durations in steps of a tenth of a millisecond.
type histogram struct {
	counts map[int]int
	total  int
}

const histogramStep = 100 * time.Microsecond

func (h *histogram) add(d time.Duration, n int) {
	h.counts[int(d/histogramStep)] += n
	h.total += n
}

// at is the quantile in milliseconds.
func (h *histogram) at(quantile float64) float64 {
	steps := make([]int, 0, len(h.counts))
	for step := range h.counts {
		steps = append(steps, step)
	}
	slices.Sort(steps)
	seen := 0
	for _, step := range steps {
		if seen += h.counts[step]; float64(seen) >= quantile*float64(h.total) {
			return float64(step+1) * histogramStep.Seconds() * 1000
		}
	}
	return 0
}

// lateness is how long after its confirmation each change arrived at each follower.
func lateness(confirmed []mark, arrivals [][]swarm.Arrival) *histogram {
	h := &histogram{counts: map[int]int{}}
	for _, list := range arrivals {
		next := 0
		for _, a := range list {
			for ; next < len(confirmed) && confirmed[next].seq <= a.Seq; next++ {
				n := 1
				if next > 0 {
					n = int(confirmed[next].seq - confirmed[next-1].seq)
				}
				h.add(max(0, time.Duration(a.At-confirmed[next].at)), n)
			}
		}
	}
	return h
}
