package hotspotdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"golang.org/x/time/rate"
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

// A watcher is woken watchRate times a second at most, but for the first watchBurst times after a pause. A box that is asked much would
// be busy with its watchers else: what they do for a single change costs as much as the change.
const (
	watchRate  = 200
	watchBurst = 20
)

// Watch calls fn with every change after a sequence in the datasets, once it is durable, in the order of sequences,
// until fn returns an error or the context ends, and returns that error. Versions that were replaced before fn got to
// them are skipped. Changes are passed on at once; where there are hundreds a second, several together up to 5 ms later.
func (db *DB) Watch(ctx context.Context, datasets []Dataset, after uint64, fn func(Event) error) error {
	pace := rate.NewLimiter(watchRate, watchBurst)
	for {
		if _, err := db.Wait(ctx, after); err != nil {
			return err
		}
		if pace.Wait(ctx) != nil { // ctx has ended, or will before the turn comes
			<-ctx.Done()
			return ctx.Err()
		}
		upto := db.Durable()
		if db.headOf(datasets) > after {
			if err := db.replay(ctx, datasets, after, upto, fn); err != nil {
				return err
			}
		}
		after = upto
	}
}

// headOf is the highest durable sequence of several datasets.
func (db *DB) headOf(datasets []Dataset) (head uint64) {
	for _, ds := range datasets {
		head = max(head, db.DurableHead(ds))
	}
	return head
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
