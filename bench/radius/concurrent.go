package main

import (
	"errors"
	"fmt"
	"time"
)

// crowd is many sessions that are open at once.
type crowd struct {
	address string
	shares  [][]*session // of each client
}

// senders is how many clients report a crowd's sessions.
const senders = 64

// open starts the sessions, as quickly as the server confirms them.
func (l *ledger) open(address string, n, accounts int) (*crowd, error) {
	c := &crowd{address: address, shares: make([][]*session, senders)}
	for i := range n {
		c.shares[i%senders] = append(c.shares[i%senders], newSession(accounts))
	}
	return c, c.each(func(at *client, share []*session) error {
		for _, s := range share {
			if err := at.do(&usageReport{session: s, ledger: l}); err != nil {
				return err
			}
		}
		return nil
	})
}

// each gives every client its share, all at once.
func (c *crowd) each(fn func(at *client, share []*session) error) (err error) {
	ended := make(chan error, len(c.shares))
	for _, share := range c.shares {
		go func() {
			at, err := dial(c.address)
			if err == nil {
				err = errors.Join(fn(at, share), at.Close())
			}
			ended <- err
		}()
	}
	for range c.shares {
		err = errors.Join(err, <-ended)
	}
	return err
}

// update reports each session once within the period, evenly spread, and fails if the server cannot keep up.
func (l *ledger) update(c *crowd, period time.Duration) (timing, error) {
	began := time.Now()
	found := make(chan timing, len(c.shares))
	err := c.each(func(at *client, share []*session) error {
		var t timing
		for i, s := range share {
			time.Sleep(time.Until(began.Add(period * time.Duration(i) / time.Duration(len(share)))))
			sent := time.Now()
			if err := at.do(&usageReport{session: s, ledger: l}); err != nil {
				return err
			}
			t.trips = append(t.trips, time.Since(sent))
		}
		t.resent = at.resent
		found <- t
		return nil
	})
	if err != nil {
		return timing{}, err
	}
	all := timing{took: time.Since(began)}
	for range c.shares {
		t := <-found
		all.trips, all.resent = append(all.trips, t.trips...), all.resent+t.resent
	}
	if late := all.took - period; late > period/2 {
		return all, fmt.Errorf("%d interim updates took %s, %s longer than they may", len(all.trips), all.took, late)
	}
	return all, nil
}
