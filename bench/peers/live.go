package main

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"mbox/bench/report"
	"mbox/bench/servers"
)

const (
	liveRows = 10_000 // that the pair holds when live work begins
	liveRate = 100    // writes per second of the latency figures
)

// live measures latencies and commit rates of a pair that is in step.
func (b *bench) live(s system, _ int) error {
	return b.with(s, direct, liveRows, func(p pair) error {
		return errors.Join(b.latencies(s, p), b.commits(s, p), b.acknowledged(s, p))
	})
}

func (b *bench) latencies(s system, p pair) error {
	r, err := p.Reader()
	if err != nil {
		return err
	}
	defer r.Close()
	poll := newPoller(r)
	confirmed, visible, err := probe(p, "polled", liveRate, b.LatencyTime, poll.wait)
	if err != nil {
		return err
	}
	b.percentiles(s, "confirmed", "confirmed by the primary, at 100 writes/s", confirmed)
	b.percentiles(s, "visible", "confirmed to visible at the replica, by polling", visible)
	b.results.Figures.Add(s.Name(), report.Figure{Key: "poll", Work: "one poll of the replica, p50: what polling can add", Unit: "ms", Aside: true}, report.Percentile(poll.trips, 0.5))
	if w, ok := p.(watcher); ok {
		wait, stop, err := w.Watch()
		if err != nil {
			return err
		}
		defer stop()
		_, visible, err = probe(p, "watched", liveRate, b.LatencyTime, wait)
		if err != nil {
			return err
		}
		b.percentiles(s, "event", "confirmed to visible and durable at the replica, by event", visible)
	}
	return nil
}

func (b *bench) percentiles(s system, key, work string, d []time.Duration) {
	b.results.Figures.Add(s.Name(), report.Figure{Key: key + "_p50", Work: work + ", p50", Unit: "ms", Lower: true}, report.Percentile(d, 0.5))
	b.results.Figures.Add(s.Name(), report.Figure{Key: key + "_p99", Work: work + ", p99", Unit: "ms", Lower: true}, report.Percentile(d, 0.99))
}

// poller asks a replica again and again on an open connection.
type poller struct {
	reader reader
	trips  []time.Duration // of each poll
}

func newPoller(r reader) *poller { return &poller{reader: r} }

func (p *poller) wait(username string) error {
	for {
		began := time.Now()
		found, err := p.reader.Has(username)
		p.trips = append(p.trips, time.Since(began))
		if found || err != nil {
			return err
		}
	}
}

// probe writes at a rate, one after the other, and returns how long each took to be confirmed, and from there until
// visible returned.
func probe(p pair, name string, rate float64, d time.Duration, visible func(username string) error) (confirmed, seen []time.Duration, err error) {
	w, err := p.Writer()
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	tick := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer tick.Stop()
	for i := range max(1, int(rate*d.Seconds())) {
		r := named(fmt.Sprintf("%s%d", name, i), uint64(i))
		<-tick.C
		began := time.Now()
		if err := w.Put(r); err != nil {
			return nil, nil, err
		}
		stored := time.Now()
		confirmed = append(confirmed, stored.Sub(began))
		if visible == nil {
			continue
		}
		if err := visible(r.Username); err != nil {
			return nil, nil, err
		}
		seen = append(seen, time.Since(stored))
	}
	return confirmed, seen, nil
}

// commits measures durable single-row commits while the replica follows.
func (b *bench) commits(s system, p pair) error {
	for _, writers := range []int{1, 8, 64} {
		var next, count atomic.Int64
		var end time.Time // set by the first
		var begin atomic.Bool
		ready := make(chan struct{})
		err := crowd(p, writers, func(w writer) (bool, error) {
			if begin.CompareAndSwap(false, true) {
				end = time.Now().Add(b.CommitTime)
				close(ready)
			}
			<-ready
			i := next.Add(1)
			if err := w.Put(named(fmt.Sprintf("w%d-%d", writers, i), uint64(i))); err != nil {
				return false, err
			}
			more := time.Now().Before(end)
			if more {
				count.Add(1)
			}
			return more, nil
		})
		if err != nil {
			return err
		}
		b.results.Figures.Add(s.Name(), report.Figure{Key: fmt.Sprintf("commits_%d", writers), Work: "durable commits of one account, " + writersText(writers), Unit: "/s"},
			float64(count.Load())/b.CommitTime.Seconds())
	}
	return nil
}

func writersText(n int) string {
	if n == 1 {
		return "1 writer"
	}
	return fmt.Sprintf("%d writers", n)
}

// acknowledged measures confirmations that wait for the replica.
func (b *bench) acknowledged(s system, p pair) error {
	if err := settle(p); err != nil {
		return err
	}
	if err := p.Acknowledge(); errors.Is(err, servers.ErrMissing) {
		b.say("  %s cannot wait for the replica: %v", s.Name(), err)
		return nil
	} else if err != nil {
		return fmt.Errorf("confirm by the replica: %w", err)
	}
	confirmed, _, err := probe(p, "acknowledged", liveRate, b.LatencyTime/2, nil)
	if err != nil {
		return err
	}
	b.percentiles(s, "acknowledged", "confirmed only when the replica has it", confirmed)
	return nil
}
