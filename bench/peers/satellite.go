package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"mbox/bench/report"
	"mbox/boxtest/wire"
)

const (
	satelliteRows   = 10_000 // that both hold before
	satelliteLive   = 100    // changes of the live tail
	satelliteRate   = 10     // of them per second
	satelliteOutage = 5 * time.Second
	roundTrip       = 600 * time.Millisecond
)

// satelliteResult is what one system needs over the satellite link. Bytes are those of TCP streams, both directions.
type satelliteResult struct {
	LiveBytes     float64 `json:"live_bytes_per_change"`
	LiveNewBytes  float64 `json:"live_bytes_per_new_account"`
	VisibleP50    float64 `json:"visible_p50_ms"`
	VisibleP99    float64 `json:"visible_p99_ms"`
	Seconds       float64 `json:"catchup_s"`
	Bytes         float64 `json:"catchup_bytes_per_change"`
	CutSeconds    float64 `json:"catchup_with_cut_s"` // without the outage
	CutBytes      float64 `json:"catchup_with_cut_bytes_per_change"`
	Retransferred int64   `json:"retransferred_bytes"`
}

// satellites measures systems over links of their own at once: the machine idles while a link is slow.
func (b *bench) satellites(systems []system) error {
	var work sync.WaitGroup
	errs := make([]error, 2*len(systems))
	for i, s := range systems {
		b.say("satellite: %s", s.Name())
		result := &satelliteResult{}
		b.results.Satellite[s.Name()] = result
		for j, cut := range []bool{false, true} {
			work.Go(func() {
				if err := b.satellite(s, cut, result); err != nil {
					errs[2*i+j] = fmt.Errorf("satellite: %s: %w", s.Name(), err)
				}
			})
		}
	}
	work.Wait()
	for _, r := range b.results.Satellite {
		r.Retransferred = int64((r.CutBytes - r.Bytes) * float64(b.SatelliteChanges))
	}
	return errors.Join(errs...)
}

// satellite fills in half of a result: with the link cut in the middle of catching up, or without.
func (b *bench) satellite(s system, cut bool, result *satelliteResult) error {
	var link *wire.Wire
	defer func() {
		if link != nil {
			link.Close()
		}
	}()
	return b.with(s, overWire(&link), satelliteRows, func(p pair) error {
		if !cut {
			link.Shape(wire.Satellite())
			if err := liveOverSatellite(p, link, result); err != nil {
				return fmt.Errorf("live: %w", err)
			}
			link.Shape(wire.Link{})
			if err := settle(p); err != nil {
				return err
			}
		}
		middle, err := b.missed(p)
		if err != nil {
			return err
		}
		link.Shape(wire.Satellite())
		before := traffic(link)
		done := make(chan error, 1)
		if cut {
			go func() { done <- cutAt(p, link, middle) }()
		} else {
			done <- nil
		}
		took, err := attached(p)
		if err := errors.Join(err, <-done); err != nil {
			return err
		}
		bytes := float64(traffic(link)-before) / float64(b.SatelliteChanges)
		b.say("  %s over the satellite, cut %v: %.1f s, %.0f bytes a change", s.Name(), cut, took.Seconds(), bytes)
		if cut {
			result.CutSeconds, result.CutBytes = (took - satelliteOutage).Seconds(), bytes
		} else {
			result.Seconds, result.Bytes = took.Seconds(), bytes
		}
		return p.Same()
	})
}

func traffic(link *wire.Wire) int64 { return link.Bytes(wire.Up) + link.Bytes(wire.Down) }

// missed lets the replica miss the changes, and returns the marker in their middle.
func (b *bench) missed(p pair) (middle string, err error) {
	if err := p.Detach(); err != nil {
		return "", err
	}
	half := b.SatelliteChanges / 2
	if err := change(p, satelliteRows, 0, half); err != nil {
		return "", err
	}
	if middle, err = mark(p); err != nil {
		return "", err
	}
	return middle, change(p, satelliteRows, half, b.SatelliteChanges)
}

// cutAt breaks the link once the replica has got to a marker, and mends it after the outage.
func cutAt(p pair, link *wire.Wire, username string) error {
	if err := await(p, username); err != nil {
		return err
	}
	link.Refuse(true)
	link.Cut()
	time.Sleep(satelliteOutage)
	link.Heal()
	return nil
}

// liveOverSatellite writes steadily while it looks when each change arrives.
func liveOverSatellite(p pair, link *wire.Wire, result *satelliteResult) (err error) {
	before := traffic(link)
	if err := changeSlowly(p); err != nil {
		return err
	}
	time.Sleep(2 * roundTrip) // for the last acknowledgements
	result.LiveBytes = float64(traffic(link)-before) / satelliteLive
	r, err := p.Reader()
	if err != nil {
		return err
	}
	defer r.Close()
	var arrivals sync.WaitGroup
	stored := make(chan arrival, satelliteLive)
	var visible []time.Duration
	var failed error
	arrivals.Go(func() {
		for a := range stored {
			if failed == nil {
				failed = eventually("the replica has "+a.username, func() (bool, error) { return r.Has(a.username) })
			}
			visible = append(visible, time.Since(a.at))
		}
	})
	before = traffic(link)
	_, _, err = probe(p, "sat", satelliteRate, time.Second*satelliteLive/satelliteRate, func(username string) error {
		stored <- arrival{username, time.Now()}
		return nil
	})
	close(stored)
	arrivals.Wait()
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	time.Sleep(2 * roundTrip)
	result.LiveNewBytes = float64(traffic(link)-before) / satelliteLive
	result.VisibleP50, result.VisibleP99 = report.Percentile(visible, 0.5), report.Percentile(visible, 0.99)
	return nil
}

// arrival is a change to wait for, confirmed at a time.
type arrival struct {
	username string
	at       time.Time
}

// changeSlowly changes accounts at the live rate.
func changeSlowly(p pair) (err error) {
	w, err := p.Writer()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	tick := time.NewTicker(time.Second / satelliteRate)
	defer tick.Stop()
	for i := range satelliteLive {
		<-tick.C
		if err := w.Disable(numbered(i).Username); err != nil {
			return err
		}
	}
	return nil
}
