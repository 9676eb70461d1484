package feed

import (
	"context"
	"slices"
	"time"

	"mbox/hotspotdb"
)

// Which datasets a link carries. Two boxes that dial each other have two links, and one feed each way is enough.

// open starts both directions: what is granted to the other side, and a subscription to what is granted to us.
func (l *Link) open(ctx context.Context, current history) error {
	grant := l.cfg.Session.Grant
	sends, receives := parse(grant.Up), parse(grant.Down)
	if l.cfg.Primary {
		sends, receives = receives, sends
	}
	if l.cfg.Primary {
		for _, ds := range receives {
			l.in.accept[ds] = true
		}
		for _, ds := range l.recover {
			l.in.recover[ds] = true
		}
		receives = union(receives, l.recover)
	} else {
		for _, ds := range sends {
			l.out.upwards[ds] = true
			l.out.proves[ds] = l.proves && !slices.Contains(receives, ds)
		}
		for _, ds := range l.recover {
			l.out.returning[ds] = true
		}
		sends = union(sends, l.recover)
	}
	for _, ds := range sends {
		l.out.grant[ds] = true
	}
	if err := l.in.startAnew(l.out, receives, sends); err != nil {
		return err
	}
	var ours []hotspotdb.Dataset
	for _, ds := range receives {
		var release func()
		if yields, err := l.yields(ds); err != nil {
			return err
		} else if !yields {
			release, _ = l.cfg.Claims.Try(l.cfg.Session.Database, ds)
		}
		if release == nil {
			l.group.Go(func() error { return l.takeOver(ctx, current, ds) })
			continue
		}
		l.keep(release)
		ours = append(ours, ds)
	}
	if len(ours) == 0 {
		return nil
	}
	return l.in.subscribe(ctx, current, ours...)
}

// takeOver waits until the other connection to the same box no longer receives a dataset.
func (l *Link) takeOver(ctx context.Context, current history, ds hotspotdb.Dataset) error {
	l.elsewhere.Add(1)
	defer l.elsewhere.Add(-1)
	release, err := l.claim(ctx, ds)
	if err != nil {
		return err
	}
	l.keep(release)
	return l.in.subscribe(ctx, current, ds)
}

// yieldEvery is how often a link that yields looks whether it still has to.
const yieldEvery = time.Second

// yieldMost is how long the other connection may need to come about. If it does not, we do not follow that box any more.
const yieldMost = 10 * time.Second

// claim waits for a dataset, also while this link has to leave it to the other one.
func (l *Link) claim(ctx context.Context, ds hotspotdb.Dataset) (release func(), err error) {
	for {
		release, err := l.cfg.Claims.Wait(ctx, l.cfg.Session.Database, ds)
		if err != nil {
			return nil, err
		}
		yields, err := l.yields(ds)
		if err == nil && !yields {
			return release, nil
		}
		release()
		if err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(yieldEvery):
		}
	}
}

// yields says whether the other connection to the same box is to receive a dataset first: the one that we dialed starts anew,
// the one on which we are the primary takes back what we have lost.
func (l *Link) yields(ds hotspotdb.Dataset) (bool, error) {
	if !l.cfg.Primary {
		return l.cfg.Recover != nil && l.cfg.Recover(), nil
	}
	if !l.cfg.Follows(l.cfg.Session.BoxID) && time.Since(l.since) > yieldMost {
		return false, nil
	}
	return l.in.marked(ds)
}

func (l *Link) keep(release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.releases = append(l.releases, release)
}

func (l *Link) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.releases {
		r()
	}
}
