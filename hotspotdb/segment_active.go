package hotspotdb

import (
	"context"
	"errors"
	"iter"
)

// ActiveSegments reads the segments that have not stopped, in no order, holding one at a time.
func (db *DB) ActiveSegments(ctx context.Context) iter.Seq2[Segment, error] {
	return func(yield func(Segment, error) bool) {
		ctx, stop := context.WithCancelCause(ctx)
		defer stop(nil)
		stopped := false
		err := db.activeSegments(ctx, func(s Segment) {
			if !stopped && !yield(s, nil) {
				stopped = true
				stop(errStopped)
			}
		})
		if err != nil && !stopped && !errors.Is(err, errStopped) {
			yield(Segment{}, err)
		}
	}
}
