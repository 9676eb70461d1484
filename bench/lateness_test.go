package main

import (
	"testing"
	"time"

	"mbox/boxtest/swarm"
)

// Ten changes in two commits, and two followers: one receives them as they come, the other all at once and late.
func TestLateness(t *testing.T) {
	at := func(ms int64) int64 { return ms * int64(time.Millisecond) }
	confirmed := []mark{{seq: 101, at: at(0)}, {seq: 110, at: at(10)}}
	late := lateness(confirmed, [][]swarm.Arrival{
		{{Seq: 101, At: at(1)}, {Seq: 110, At: at(12)}},
		{{Seq: 110, At: at(500)}},
	})
	if late.total != 20 {
		t.Errorf("%d deliveries, not 20", late.total)
	}
	for quantile, want := range map[float64]float64{0.05: 1, 0.5: 2, 0.9: 490, 1: 500} {
		if got := late.at(quantile); got < want || got > want+0.2 {
			t.Errorf("quantile %v is %v ms, not %v", quantile, got, want)
		}
	}
}
