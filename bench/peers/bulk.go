package main

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"mbox/bench/report"
)

// slower divides the work for systems that would need minutes; the figures are rates.
var slower = map[string]int{"MariaDB": 5}

// bulk measures the first copy of a store, and catching up after the replica was cut off.
func (b *bench) bulk(s system, round int) (err error) {
	p, err := s.Start(b.site, direct)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	part := max(1, slower[s.Name()])
	rows, changes := b.Rows/part, b.Changes/part
	if err := p.Load(rows); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	took, err := attached(p)
	if err != nil {
		return fmt.Errorf("first copy: %w", err)
	}
	b.results.Figures.Add(s.Name(), report.Figure{Key: "copy", Work: fmt.Sprintf("first copy of %s accounts", report.Thousands(int64(b.Rows))), Unit: "accounts/s"}, float64(rows)/took.Seconds())

	if err := p.Detach(); err != nil {
		return fmt.Errorf("detach: %w", err)
	}
	if err := change(p, rows, 0, changes); err != nil {
		return err
	}
	if took, err = attached(p); err != nil {
		return fmt.Errorf("catch-up: %w", err)
	}
	b.results.Figures.Add(s.Name(), report.Figure{Key: "catchup", Work: "catch-up of single-row changes after a cut", Unit: "changes/s"}, float64(changes)/took.Seconds())
	if round > 0 {
		return nil
	}
	return p.Same()
}

// attached lets the replica follow and says how long it took until it had everything.
func attached(p pair) (time.Duration, error) {
	username, err := mark(p)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := p.Attach(); err != nil {
		return 0, err
	}
	err = await(p, username)
	return time.Since(began), err
}

// change makes a single-row change to each of the accounts from one number to another, each a transaction of its own. The
// accounts are numbered anew, so that neighbours in time are none in the table.
func change(p pair, rows, from, to int) error {
	const stride = 7_368_787 // a prime
	if rows%stride == 0 || to > rows {
		return fmt.Errorf("there are no %d different accounts among %d", to, rows)
	}
	if err := p.Relax(true); err != nil {
		return err
	}
	const writers = 64
	var done atomic.Int64
	err := crowd(p, writers, func(w writer) (bool, error) {
		i := from + int(done.Add(1)) - 1
		if i >= to {
			return false, nil
		}
		return true, w.Disable(numbered(i * stride % rows).Username)
	})
	return errors.Join(err, p.Relax(false))
}
