package hotspotdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// Event is a durable change, made here or replicated.
type Event struct {
	Dataset Dataset
	Key     []byte
	Deleted bool
	Source  Source
	Seq     uint64
	Change  []byte // good until the callback returns
}

// Watch calls fn with every change after a sequence in the datasets, once it is durable, in the order of sequences,
// until fn returns an error or the context ends, and returns that error. Versions that were replaced before fn got to
// them are skipped.
func (db *DB) Watch(ctx context.Context, datasets []Dataset, after uint64, fn func(Event) error) error {
	for {
		upto, err := db.Wait(ctx, after)
		if err != nil {
			return err
		}
		if err := db.replay(ctx, datasets, after, upto, fn); err != nil {
			return err
		}
		after = upto
	}
}

// replay merges the feeds of several datasets by sequence.
func (db *DB) replay(ctx context.Context, datasets []Dataset, after, upto uint64, fn func(Event) error) (err error) {
	view := db.View()
	defer func() { err = errors.Join(err, view.Close()) }()
	var open []*feedHead
	defer func() {
		for _, f := range open {
			err = errors.Join(err, f.close())
		}
	}()
	for _, ds := range datasets {
		c, err := view.cursor(ds, after, upto)
		if err != nil {
			return fmt.Errorf("watch %s: %w", ds, err)
		}
		f := &feedHead{cursor: c, ds: ds}
		open = append(open, f)
		f.more = f.next()
	}
	for ctx.Err() == nil {
		first := earliest(open)
		if first == nil {
			return nil
		}
		var c Change
		if err := c.decode(first.entry.Change); err != nil {
			return err
		}
		e := first.entry
		if err := fn(Event{first.ds, bytes.Clone(c.Key), c.Deleted, e.Source, e.Seq, e.Change}); err != nil {
			return err
		}
		first.more = first.next()
	}
	return ctx.Err()
}

type feedHead struct {
	*cursor
	ds   Dataset
	more bool
}

func earliest(feeds []*feedHead) *feedHead {
	var first *feedHead
	for _, f := range feeds {
		if f.more && (first == nil || f.entry.Seq < first.entry.Seq) {
			first = f
		}
	}
	return first
}
