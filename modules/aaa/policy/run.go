package policy

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"mbox/hotspotdb"
)

// Run hashes the passwords that are set on this box, while they are to be hashed, and notes when sessions end, until ctx ends.
func (p *Policy) Run(ctx context.Context) error {
	if p.db == nil {
		<-ctx.Done()
		return nil
	}
	g, inner := errgroup.WithContext(ctx)
	g.Go(func() error { return p.hashChanged(inner) })
	g.Go(func() error { return p.followLogouts(inner) })
	if err := g.Wait(); ctx.Err() == nil && !errors.Is(err, hotspotdb.ErrClosed) {
		return fmt.Errorf("follow the hotspot database: %w", err)
	}
	return nil
}
