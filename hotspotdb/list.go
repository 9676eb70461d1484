package hotspotdb

import (
	"context"

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
