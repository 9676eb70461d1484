package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"mbox/boxtest/wire"
)

// The partition of the plot.
const (
	partitionRate  = 200 // writes per second
	partitionFrom  = 5 * time.Second
	partitionTo    = 15 * time.Second
	partitionEnd   = 20 * time.Second
	partitionEvery = 20 * time.Millisecond // a point
)

// lagPoint is how old the oldest change is that the replica does not have, in seconds.
type lagPoint struct {
	At  float64 `json:"at_s"`
	Lag float64 `json:"lag_s"`
}

// overWire is a route that leads through a link which can be shaped.
func overWire(link **wire.Wire) route {
	return func(target string) (string, error) {
		w, err := wire.Listen(target)
		if err != nil {
			return "", err
		}
		*link = w
		return w.Addr().String(), nil
	}
}

// partitions measures systems at once: both are idle most of the time.
func (b *bench) partitions(systems []system) error {
	b.say("partition")
	var work sync.WaitGroup
	points, errs := make([][]lagPoint, len(systems)), make([]error, len(systems))
	for i, s := range systems {
		work.Go(func() { points[i], errs[i] = b.partition(s) })
	}
	work.Wait()
	for i, s := range systems {
		b.results.Partition[s.Name()] = points[i]
	}
	return errors.Join(errs...)
}

// partition measures lag while the link is down for a time: bytes are lost, connections hang, and break when it is back.
func (b *bench) partition(s system) (points []lagPoint, err error) {
	var link *wire.Wire
	defer func() {
		if link != nil {
			link.Close()
		}
	}()
	err = b.with(s, overWire(&link), liveRows, func(p pair) error {
		down := time.AfterFunc(partitionFrom, func() { link.Partition(wire.Swallows) })
		up := time.AfterFunc(partitionTo, link.Heal)
		defer down.Stop()
		defer up.Stop()
		points, err = lags(p)
		return err
	})
	return points, err
}

// lags writes steadily and samples the replica.
func lags(p pair) (points []lagPoint, err error) {
	r, err := p.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var written journal
	began := time.Now()
	done := make(chan error, 1)
	go func() { done <- written.keep(p, began) }()
	tick := time.NewTicker(partitionEvery)
	defer tick.Stop()
	for visible := 0; err == nil; {
		select {
		case err = <-done:
			return points, errors.Join(err, settle(p))
		case <-tick.C:
		}
		if visible, err = written.seen(r, visible); err == nil {
			now := time.Now()
			points = append(points, lagPoint{now.Sub(began).Seconds(), written.age(visible, now).Seconds()})
		}
	}
	return nil, errors.Join(err, <-done)
}

// journal remembers when each row was confirmed.
type journal struct {
	mu        sync.Mutex // guards confirmed
	confirmed []time.Time
}

func steady(i int) string { return fmt.Sprintf("steady%d", i) }

// keep writes at the rate until the end.
func (j *journal) keep(p pair, began time.Time) (err error) {
	w, err := p.Writer()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	tick := time.NewTicker(time.Second / partitionRate)
	defer tick.Stop()
	for i := 0; time.Since(began) < partitionEnd; i++ {
		<-tick.C
		if err := w.Put(named(steady(i), uint64(i))); err != nil {
			return err
		}
		j.mu.Lock()
		j.confirmed = append(j.confirmed, time.Now())
		j.mu.Unlock()
	}
	return nil
}

func (j *journal) count() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.confirmed)
}

// seen is how many rows, in the order of writing, the replica has, if it had the first `from` before.
func (j *journal) seen(r reader, from int) (int, error) {
	low, high := from, j.count() // low rows are there; whether high are is not known
	for low < high {
		middle := (low + high + 1) / 2
		found, err := r.Has(steady(middle - 1))
		if err != nil {
			return 0, err
		}
		if found {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low, nil
}

// age is that of the first row which is not visible.
func (j *journal) age(visible int, now time.Time) time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	if visible >= len(j.confirmed) {
		return 0
	}
	return max(0, now.Sub(j.confirmed[visible]))
}
