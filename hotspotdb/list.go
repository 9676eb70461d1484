package hotspotdb

import (
	"context"
	"errors"
	"iter"

	"google.golang.org/protobuf/proto"
)

// listAll reads the live records of one kind, in the order of the feed.
func listAll[M any, P interface {
	*M
	proto.Message
}, T any](db *DB, ds Dataset, kind byte, of func(P) T) ([]T, error) {
	view := db.View()
	defer view.Close()
	list := []T{}
	err := view.scanLive(context.Background(), ds, kind, func(c *Change) error {
		m := P(new(M))
		if err := unmarshal(c, m); err != nil {
			return err
		}
		list = append(list, of(m))
		return nil
	})
	return list, err
}

// eachListed reads what a list names, each when its turn comes. What was deleted since is passed by, and so is what is damaged, which
// leftOut is told of. Another error ends the list.
func eachListed[K, V any](ctx context.Context, list []K, read func(K) (V, error), leftOut func(K, error)) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		for _, k := range list {
			var v V
			err := ctx.Err()
			if err == nil {
				v, err = read(k)
			}
			switch {
			case errors.Is(err, ErrNotFound):
				continue
			case errors.Is(err, ErrDamaged):
				leftOut(k, err)
				continue
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}
