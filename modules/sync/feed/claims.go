package feed

import (
	"context"
	"sync"

	"mbox/hotspotdb"
)

// Claims reserve receiving a dataset of a database for one link: two boxes that dial each other have two connections,
// and one feed each way is enough.
type Claims struct {
	mu   sync.Mutex // guards held
	held map[claim]chan struct{}
}

type claim struct {
	db      hotspotdb.DatabaseID
	dataset hotspotdb.Dataset
}

// Try reserves if nobody holds it; otherwise taken is closed when the holder lets go.
func (c *Claims) Try(db hotspotdb.DatabaseID, ds hotspotdb.Dataset) (release func(), taken <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := claim{db, ds}
	if other := c.held[key]; other != nil {
		return nil, other
	}
	if c.held == nil {
		c.held = map[claim]chan struct{}{}
	}
	mine := make(chan struct{})
	c.held[key] = mine
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.held, key)
		close(mine)
	}, nil
}

// Wait reserves as soon as it can.
func (c *Claims) Wait(ctx context.Context, db hotspotdb.DatabaseID, ds hotspotdb.Dataset) (release func(), err error) {
	for {
		release, taken := c.Try(db, ds)
		if release != nil {
			return release, nil
		}
		select {
		case <-taken:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
