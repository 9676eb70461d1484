package sync

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mbox/proto/syncpb"
)

// way is what this box had to do with the use of a voucher.
type way string

const (
	wayOwn      way = "own"      // a guest of this box, which owns the batch
	wayAsked    way = "asked"    // a guest of this box: the owner was asked
	wayAnyhow   way = "anyhow"   // granted or refused here because the owner could not be asked
	wayAnswered way = "answered" // for another box, which asked this one as the owner
	wayPassed   way = "passed"   // for another box, by asking a third one
)

// Results beside those of claimRefusals.
const (
	resultGranted     = "granted"
	resultUnreachable = "unreachable"
	resultFailed      = "failed" // it could not be decided or stored here
)

const (
	claimsFamily   = "mbox_sync_claims_total"
	durationFamily = "mbox_sync_claim_duration_seconds"
)

// claimMeter counts what became of uses of vouchers. Every series is there from the start, so that a first one is an increase.
type claimMeter struct {
	results  *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

func newClaimMeter() *claimMeter {
	c := &claimMeter{
		results: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: claimsFamily, Help: "Uses of vouchers that were asked for, by what this box had to do with it and what came of it.",
		}, []string{"way", "result"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: durationFamily, Help: "Time from the wish to use a voucher to the answer, as far as this box had to do with it.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 5}, // the last claim ends after feed.ClaimPatience
		}, []string{"way"}),
	}
	for _, w := range []way{wayOwn, wayAsked, wayAnyhow, wayAnswered, wayPassed} {
		c.duration.WithLabelValues(string(w))
		for _, result := range []string{resultGranted, resultUnreachable, resultFailed} {
			c.results.WithLabelValues(string(w), result)
		}
		for _, r := range claimRefusals {
			c.results.WithLabelValues(string(w), r.name)
		}
	}
	return c
}

func (c *claimMeter) count(w way, result string, began time.Time) {
	c.results.WithLabelValues(string(w), result).Inc()
	c.duration.WithLabelValues(string(w)).Observe(time.Since(began).Seconds())
}

// resultOf names what came of a claim of this box.
func resultOf(err error) string {
	for _, r := range claimRefusals {
		if errors.Is(err, r.err) {
			return r.name
		}
	}
	switch {
	case err == nil:
		return resultGranted
	case errors.Is(err, ErrUnreachable):
		return resultUnreachable
	}
	return resultFailed
}

// resultAnswered names what a peer was answered.
func resultAnswered(answer *syncpb.Claimed) string {
	for _, r := range claimRefusals {
		if r.result == answer.Result {
			return r.name
		}
	}
	if answer.Result == syncpb.ClaimResult_CLAIM_GRANTED {
		return resultGranted
	}
	return resultUnreachable
}
