package hotspotdb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"mbox/proto/hotspotpb"
)

// SegmentFilter selects session segments. The zero filter selects all.
type SegmentFilter struct {
	Username string
	Accounts []uint64 // beside those of Username: all of these accounts, whatever name the client reported
	Active   *bool
	Since    time.Time // only those updated then or later
	Limit    int       // the newest so many; 0: no limit
}

// Segments lists session segments, the newest first. Active ones are found without reading the others.
func (db *DB) Segments(ctx context.Context, f SegmentFilter) ([]Segment, error) {
	list := []Segment{}
	take := func(s Segment) {
		if f.Username != "" && s.Username != f.Username && !slices.Contains(f.Accounts, s.Account) || s.Updated.Before(f.Since) || f.Active != nil && s.Active() != *f.Active {
			return
		}
		if list = append(list, s); f.Limit > 0 && len(list) >= 2*f.Limit+1024 {
			list = newest(list, f.Limit)
		}
	}
	var err error
	if f.Active != nil && *f.Active {
		err = db.activeSegments(ctx, take)
	} else {
		err = db.allSegments(ctx, take)
	}
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return newest(list, f.Limit), nil
}

func newest(list []Segment, limit int) []Segment {
	slices.SortFunc(list, func(a, b Segment) int {
		return cmp.Or(b.Start.Compare(a.Start), cmp.Compare(a.ID, b.ID))
	})
	if limit > 0 && len(list) > limit {
		return list[:limit]
	}
	return list
}

func (db *DB) activeSegments(ctx context.Context, take func(Segment)) error {
	db.mu.RLock()
	ids := make([]uint64, 0, len(db.index.active))
	for id := range db.index.active {
		ids = append(ids, id)
	}
	db.mu.RUnlock()
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return err
		}
		s, err := db.Segment(id)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if errors.Is(err, ErrDamaged) {
			db.opts.Log.Error("leave a session out of a list", "err", err)
			continue
		}
		if err != nil {
			return err
		}
		take(s)
	}
	return nil
}

func (db *DB) allSegments(ctx context.Context, take func(Segment)) error {
	for s, err := range db.AllSegments(ctx) {
		if err != nil {
			return err
		}
		take(s)
	}
	return nil
}

// errStopped ends a scan whose reader wants no more.
var errStopped = errors.New("stopped")

// AllSegments reads all session segments as they are at the beginning, in the order of the feed, holding one at a time.
func (db *DB) AllSegments(ctx context.Context) iter.Seq2[Segment, error] {
	return func(yield func(Segment, error) bool) {
		view := db.View()
		defer view.Close()
		err := view.scanLive(ctx, Sessions, KindSegment, func(c *Change) error {
			var pb hotspotpb.Segment
			if err := unmarshal(c, &pb); err != nil {
				return err
			}
			if !yield(segmentOf(keyID(c.Key), &pb), nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(Segment{}, err)
		}
	}
}
