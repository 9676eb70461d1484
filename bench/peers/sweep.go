package main

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"mbox/bench/report"
)

// sweepRates are the write rates of the latency plot, per second.
var sweepRates = []float64{30, 100, 300, 1000, 3000, 10_000}

const (
	probeRate     = 100 // writes per second that are measured; the rest is load
	sweepWriters  = 32
	keepsUp       = 0.9 // of the rate: with less load, the system is at its limit
	sweepWarmTime = 300 * time.Millisecond
	patience      = 3 // times the time of a measurement: a replica that falls behind would keep each probe waiting for longer
)

// errLate ends a measurement that a replica does not keep up with.
var errLate = errors.New("the replica falls behind")

// sweepPoint is latency at a write rate, in milliseconds.
type sweepPoint struct {
	Rate         float64 `json:"rate"` // reached
	ConfirmedP50 float64 `json:"confirmed_p50_ms"`
	ConfirmedP99 float64 `json:"confirmed_p99_ms"`
	VisibleP50   float64 `json:"visible_p50_ms"`
	VisibleP99   float64 `json:"visible_p99_ms"`
}

// sweep measures latency against the write rate, until a system cannot keep up.
func (b *bench) sweep(s system, _ int) error {
	return b.with(s, direct, liveRows, func(p pair) error {
		for _, rate := range sweepRates {
			point, reached, err := b.under(p, rate)
			if err != nil {
				return fmt.Errorf("at %.0f writes/s: %w", rate, err)
			}
			if !reached {
				b.say("  %s or its replica cannot keep up with %.0f writes/s (%.0f were written)", s.Name(), rate, point.Rate)
				break
			}
			b.results.Sweep[s.Name()] = append(b.results.Sweep[s.Name()], point)
			if err := settle(p); err != nil {
				return err
			}
		}
		return nil
	})
}

// under probes latency while other writers make up the rate, and says whether they could and the replica followed.
func (b *bench) under(p pair, rate float64) (point sweepPoint, reached bool, err error) {
	probes := min(rate, probeRate)
	load := startLoad(p, rate-probes)
	time.Sleep(sweepWarmTime)
	r, err := p.Reader()
	if err != nil {
		return point, false, errors.Join(err, load.stop())
	}
	defer r.Close()
	began, before := time.Now(), load.count.Load()
	wait := newPoller(r).wait
	confirmed, visible, err := probe(p, fmt.Sprintf("probe%.0f-", rate), probes, b.SweepTime, func(username string) error {
		if time.Since(began) > patience*b.SweepTime {
			return errLate
		}
		return wait(username)
	})
	others, took := load.count.Load()-before, time.Since(began)
	late := errors.Is(err, errLate)
	if late {
		err = nil
	}
	if err := errors.Join(err, load.stop()); err != nil || late {
		return sweepPoint{Rate: float64(others) / took.Seconds()}, false, err
	}
	loaded := float64(others) / took.Seconds()
	return sweepPoint{
		Rate:         loaded + float64(len(confirmed))/took.Seconds(),
		ConfirmedP50: report.Percentile(confirmed, 0.5), ConfirmedP99: report.Percentile(confirmed, 0.99),
		VisibleP50: report.Percentile(visible, 0.5), VisibleP99: report.Percentile(visible, 0.99),
	}, loaded >= keepsUp*(rate-probes), nil
}

// load is writers that write at a rate together.
type load struct {
	count atomic.Int64
	end   atomic.Bool
	work  sync.WaitGroup
	err   error // of crowd; read after work
}

// loads gives the usernames of each load a number of their own.
var loads atomic.Int64

func startLoad(p pair, rate float64) *load {
	l := &load{}
	if rate <= 0 {
		return l
	}
	number := loads.Add(1)
	var turns atomic.Int64
	began := time.Now()
	l.work.Go(func() {
		l.err = crowd(p, sweepWriters, func(w writer) (bool, error) {
			i := turns.Add(1)
			due := began.Add(time.Duration(float64(i) / rate * float64(time.Second)))
			time.Sleep(time.Until(due))
			if l.end.Load() {
				return false, nil
			}
			err := w.Put(named(fmt.Sprintf("load%d-%d", number, i), uint64(i)))
			l.count.Add(1)
			return true, err
		})
	})
	return l
}

func (l *load) stop() error {
	l.end.Store(true)
	l.work.Wait()
	return l.err
}
