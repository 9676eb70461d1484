package main

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"
)

// bench is a run.
type bench struct {
	options
	site    *site
	systems []system
	results *results
	began   time.Time
}

// say tells how far the run is.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%5.0f s  %s\n", time.Since(b.began).Seconds(), fmt.Sprintf(format, args...))
}

// each calls fn with every system in turn, as often as there are rounds, so that a disk that drifts hits all alike.
func (b *bench) each(what string, rounds int, fn func(s system, round int) error) error {
	for round := range rounds {
		for _, s := range b.systems {
			b.say("%s, round %d of %d: %s", what, round+1, rounds, s.Name())
			if err := fn(s, round); err != nil {
				return fmt.Errorf("%s: %s: %w", what, s.Name(), err)
			}
		}
	}
	return nil
}

// with starts a pair that holds rows, follows, and has settled; it ends when fn has returned.
func (b *bench) with(s system, by route, rows int, fn func(pair) error) (err error) {
	p, err := s.Start(b.site, by)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	if err := p.Load(rows); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	if err := p.Attach(); err != nil {
		return fmt.Errorf("attach the replica: %w", err)
	}
	if err := settle(p); err != nil {
		return err
	}
	return fn(p)
}

// markers gives each marker a name of its own.
var markers atomic.Int64

// mark writes a row behind everything that was written before, and returns its username.
func mark(p pair) (username string, err error) {
	w, err := p.Writer()
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	r := marker(fmt.Sprint(markers.Add(1)))
	return r.Username, w.Put(r)
}

// await polls the replica until it has a username.
func await(p pair, username string) (err error) {
	r, err := p.Reader()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return eventually("the replica has "+username, func() (bool, error) { return r.Has(username) })
}

// settle waits until the replica has everything.
func settle(p pair) error {
	username, err := mark(p)
	if err != nil {
		return fmt.Errorf("write a marker: %w", err)
	}
	return await(p, username)
}

// crowd runs writers until each has failed or its turn returned false.
func crowd(p pair, writers int, turn func(w writer) (more bool, err error)) (err error) {
	clients := make([]writer, writers)
	defer func() {
		for _, c := range clients {
			if c != nil {
				err = errors.Join(err, c.Close())
			}
		}
	}()
	for i := range clients {
		if clients[i], err = p.Writer(); err != nil {
			return err
		}
	}
	failed := make(chan error, writers)
	for _, c := range clients {
		go func() {
			for {
				if more, err := turn(c); err != nil || !more {
					failed <- err
					return
				}
			}
		}()
	}
	for range clients {
		err = errors.Join(err, <-failed)
	}
	return err
}
